"""What must hold inside `drift`, and between it, the windows, the alerts and the features."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.spec.findings import Finding, line_hint, too_late
from sparkdrift.spec.hints import Hints
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.policy import SEASON_STEPS


def seasonal(spec: MonitorSpec) -> Iterator[Finding]:
    """The season is one that windows of this grain have."""
    seasonal, grain = spec.drift.seasonal, spec.windows.grain
    fitting = {"hour": ("hour", "weekday"), "day": ("weekday",)}.get(grain, ())
    if seasonal not in ("auto", "none", *fitting):
        message = f"windows of a {grain} can't be told apart by {seasonal}"
        yield Finding(
            ("drift", "seasonal"), message, seasonal, ", ".join(("auto", *fitting, "none"))
        )


def comparisons(spec: MonitorSpec) -> Iterator[Finding]:
    """Each comparison is named once, and there are such windows."""
    grain, given = spec.windows.grain, spec.drift.comparisons
    for position, one in enumerate(given):
        loc: Loc = ("drift", "comparisons", position)
        if one in given[:position]:
            yield Finding(loc, "the comparison is named twice", one)
        elif one == "seasonal" and grain not in SEASON_STEPS:
            message = f"windows of a {grain} have none a season earlier to be compared with"
            accepted = "hour or day (a week earlier) or month (a year earlier) as windows.grain"
            yield Finding(loc, f"{message}: years are no whole number of weeks", one, accepted)


def alerting_comparisons(spec: MonitorSpec) -> Iterator[Finding]:
    """What alerts is compared at all."""
    given, made = spec.alerts.comparisons, spec.drift.comparisons
    if "comparisons" not in spec.alerts.model_fields_set:
        if "baseline" not in made:
            accepted = "'baseline' as well, or some of these in alerts.comparisons"
            message = "nothing could raise an alert"
            yield Finding(("drift", "comparisons"), message, accepted=accepted)
        return
    for position, one in enumerate(given):
        loc: Loc = ("alerts", "comparisons", position)
        if one in given[:position]:
            yield Finding(loc, "the comparison is named twice", one)
        elif one not in made:
            message = "this comparison is not made, so nothing of it can alert"
            yield Finding(loc, message, one, f"{', '.join(made)} (drift.comparisons)")


def warning_below_drift(spec: MonitorSpec) -> Iterator[Finding]:
    """The warning comes before drift."""
    drift = spec.drift
    if drift.warn_at >= drift.effect_size:
        key = "warn_at" if "warn_at" in drift.model_fields_set else "effect_size"
        yield too_late(("drift", key), drift.warn_at, drift.effect_size)


def overrides(spec: MonitorSpec) -> Iterator[Finding]:
    """Overrides are of features, change something, and stand in one place."""
    declared = {feature.name: (loc, feature) for loc, _, feature in spec.features.declared()}
    renamed = {feature.column or name: name for name, (_, feature) in declared.items()}
    entries = {name: (loc, feature.entry) for name, (loc, feature) in declared.items()}
    for position, vector in enumerate(spec.features.vector):
        entries.setdefault(vector.name, (("features", "vector", position), vector))
    hints = Hints(declared)
    for name, override in spec.drift.overrides.items():
        loc: Loc = ("drift", "overrides", name)
        if override.effect_size is None and override.warn_at is None:
            accepted = "'effect_size', 'warn_at', or both"
            yield Finding(loc, "the override changes nothing", accepted=accepted)
        if name in entries:
            place, entry = entries[name]
            if entry.effect_size or entry.warn_at:
                where = line_hint(spec, place)
                message = f"thresholds stand both here and at the feature{where}"
                yield Finding(loc, message, name, "one of both places")
        elif name not in spec.names_together and (name in renamed or spec.features.auto is None):
            close = renamed.get(name) or hints.nearest(name)
            message = "the override is for no declared feature"
            yield Finding(loc, message, name, "the name of a feature", close)


def thresholds_of_features(spec: MonitorSpec) -> Iterator[Finding]:
    """Of single features, too, the warning comes before drift."""
    places: dict[str, Loc] = {f.name: loc for loc, _, f in spec.features.declared()}
    places |= {name: ("drift", "overrides", name) for name in spec.drift.overrides}
    thresholds = spec.all_thresholds()
    for name, loc in places.items():
        own = thresholds[name]
        if own != spec.drift.thresholds and own.warn_at >= own.effect_size:
            yield too_late(loc, own.warn_at, own.effect_size)
