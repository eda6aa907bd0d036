"""What must hold between the fields of a spec: every violation, none raised.

Each check names the sections it reads; it is skipped when one of them could
not be parsed, so that a wrong section never hides what is wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from datetime import datetime, timedelta

from sparkdrift.errors import nearest
from sparkdrift.spec import alert_checks, assumption_checks
from sparkdrift.spec.derived import ACCEPTED, NotArithmeticError, parse_derived
from sparkdrift.spec.expressions import check_expression, check_value
from sparkdrift.spec.feature_checks import duplicates, entries
from sparkdrift.spec.findings import Finding, line_hint
from sparkdrift.spec.hints import Hints
from sparkdrift.spec.local_time import (
    ACCEPTED_ZONE,
    ROLLUPS,
    exists,
    is_skipped,
    known_zones,
    window_start,
)
from sparkdrift.spec.metrics import KINDS, PREFIX, Metric
from sparkdrift.spec.models import OTHER, Location, MonitorSpec, Reference
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.policy import SEASON_STEPS

Check = Callable[[MonitorSpec], Iterator[Finding]]
_CHECKS: list[tuple[frozenset[str], Check]] = []


def _reads(*sections: str) -> Callable[[Check], Check]:
    def register(check: Check) -> Check:
        _CHECKS.append((frozenset(sections), check))
        return check

    return register


def find_problems(spec: MonitorSpec, broken: Collection[str] = ()) -> Iterator[Finding]:
    """Every violation in `spec`, but for the checks that read a section named in `broken`."""
    for sections, check in _CHECKS:
        if sections.isdisjoint(broken):
            yield from check(spec)


@_reads("source")
def _source(spec: MonitorSpec) -> Iterator[Finding]:
    if (spec.source.table is None) == (spec.source.path is None):
        both = spec.source.table is not None
        message = "the source has both a table and a path" if both else "the source is missing"
        yield Finding(("source",), message, accepted="either 'table' or 'path'")
    yield from _filter(spec.source, "source")


def _filter(location: Location, section: str) -> Iterator[Finding]:
    for reason in check_expression(location.filter) if location.filter is not None else ():
        accepted = "a condition on columns, with the functions of functions.py"
        message = f"the filter can't be used: {reason}"
        yield Finding((section, "filter"), message, location.filter, accepted)


@_reads("timestamp")
def _zone(spec: MonitorSpec) -> Iterator[Finding]:
    zone = spec.timestamp.zone
    if not exists(zone):
        loc = ("timestamp", "zone")
        close = nearest(zone, known_zones())
        yield Finding(loc, "the time zone does not exist", zone, ACCEPTED_ZONE, close)


@_reads("windows")
def _rollups(spec: MonitorSpec) -> Iterator[Finding]:
    grain, reachable = spec.windows.grain, ROLLUPS[spec.windows.grain]
    for position, rollup in enumerate(spec.windows.rollups):
        loc: Loc = ("windows", "rollups", position)
        if rollup not in reachable:
            reason = " (weeks never become months)" if (grain, rollup) == ("week", "month") else ""
            message = f"windows of a {grain} can't be rolled up to a {rollup}{reason}"
            yield Finding(loc, message, rollup, ", ".join(reachable) or "no roll-up of this grain")
        elif rollup in spec.windows.rollups[:position]:
            yield Finding(loc, "the roll-up is named twice", rollup)


@_reads("features")
def _features(spec: MonitorSpec) -> Iterator[Finding]:
    yield from duplicates(spec)


@_reads("features", "prediction")
def _entries(spec: MonitorSpec) -> Iterator[Finding]:
    yield from entries(spec)


@_reads("features")
def _auto(spec: MonitorSpec) -> Iterator[Finding]:
    auto = spec.features.auto
    if auto is None or auto.include is None:
        return
    included = {column.lower() for column in auto.include}
    for position, column in enumerate(auto.exclude):
        if column.lower() in included:
            loc = ("features", "auto", "exclude", position)
            yield Finding(loc, "the column is both included and excluded", column)


@_reads("timestamp", "features")
def _timestamp_as_feature(spec: MonitorSpec) -> Iterator[Finding]:
    for loc, _, feature in spec.features.declared():
        if (feature.column or "").lower() == spec.timestamp.column.lower():
            yield Finding(loc, "the timestamp column can't be a feature", feature.column)


@_reads("timestamp", "prediction")
def _prediction(spec: MonitorSpec) -> Iterator[Finding]:
    roles: dict[str, str] = {}
    for role, column in spec.prediction.columns():
        loc = ("prediction", role)
        if column.lower() == spec.timestamp.column.lower():
            yield Finding(loc, f"the timestamp column can't be the {role}", column)
        elif column.lower() in roles:
            message = f"the column is already the {roles[column.lower()]}"
            yield Finding(loc, message, column, "another column for each role")
        roles.setdefault(column.lower(), role)


@_reads("prediction")
def _label_delay(spec: MonitorSpec) -> Iterator[Finding]:
    if spec.prediction.label_delay is not None and spec.prediction.label is None:
        message = "a delay is given for a label that is not named"
        yield Finding(("prediction", "label_delay"), message, accepted="'label' as well")


@_reads("timestamp", "slices")
def _slices(spec: MonitorSpec) -> Iterator[Finding]:
    seen: dict[frozenset[str], Loc] = {}
    named: dict[str, Loc] = {}
    for position, keys in enumerate(spec.slices):
        loc: Loc = ("slices", position)
        given, lower = ", ".join(keys), [key.lower() for key in keys]
        if len(set(lower)) < len(lower):
            yield Finding(loc, "a column stands twice in one slice", given)
        if spec.timestamp.column.lower() in lower:
            yield Finding(loc, "the timestamp column can't be sliced by", given)
        if frozenset(lower) in seen:
            where = line_hint(spec, seen[frozenset(lower)])
            yield Finding(loc, f"the slice is named twice{where}", given)
        elif ",".join(lower) in named:
            where = line_hint(spec, named[",".join(lower)])
            message = f"another slice is called the same{where}: a column has a comma in its name"
            yield Finding(loc, message, given, accepted="one of the two")
        seen.setdefault(frozenset(lower), loc)
        named.setdefault(",".join(lower), loc)


@_reads("slices", "slice_values")
def _slice_values(spec: MonitorSpec) -> Iterator[Finding]:
    columns = {key.lower() for keys in spec.slices for key in keys}
    for column, values in spec.slice_values.items():
        if column.lower() not in columns:
            close = nearest(column, sorted(columns))
            accepted = "a column of one of the slices"
            yield Finding(("slice_values", column), "no slice is by it", column, accepted, close)
        for position, value in enumerate(values):
            loc: Loc = ("slice_values", column, position)
            if value in values[:position]:
                yield Finding(loc, "the value is listed twice", value)
            if value == OTHER:
                message = "the values that are not listed are called so"
                yield Finding(loc, message, value, accepted="any other value; it needs no listing")


@_reads("reference")
def _reference(spec: MonitorSpec) -> Iterator[Finding]:
    reference = spec.reference
    if reference is None:
        return
    yield from _filter(reference, "reference")
    interval = reference.begin is not None or reference.end is not None
    if reference.table is not None and reference.path is not None:
        message = "the reference has both a table and a path"
        yield Finding(("reference",), message, accepted="either 'table' or 'path'")
    if reference.is_scanned and interval:
        yield Finding(
            ("reference", "begin" if reference.begin is not None else "end"),
            "an interval belongs to the monitored table, not to another one",
            accepted="for another table, a 'filter'",
        )
    elif not reference.is_scanned:
        yield from _interval(reference)


def _interval(reference: Reference) -> Iterator[Finding]:
    begin, end = reference.begin, reference.end
    if begin is None and end is None:
        accepted = "'begin' and 'end', or 'table', or 'path'"
        yield Finding(("reference",), "the reference says nowhere to look", accepted=accepted)
    elif begin is None or end is None:
        missing = "begin" if begin is None else "end"
        yield Finding(("reference",), f"'reference.{missing}' is missing", accepted="both ends")
    elif begin >= end:
        message = "the reference ends before it begins"
        yield Finding(("reference", "end"), message, end, f"a time after {begin}")
    if reference.filter is not None:
        message = "stored profiles can't be filtered any more"
        yield Finding(("reference", "filter"), message, accepted="a filter with 'table' or 'path'")


@_reads("reference", "windows")
def _whole_windows(spec: MonitorSpec) -> Iterator[Finding]:
    """An interval is merged from stored windows, so it can't cut one."""
    grain = spec.windows.grain
    for key, time in _reference_ends(spec):
        before = window_start(time, grain)
        if before != time:
            message = f"the reference would cut a window of a {grain} in two"
            accepted = f"the start of a {grain}, such as {before}"
            yield Finding(("reference", key), message, time, accepted)


def _reference_ends(spec: MonitorSpec) -> Iterator[tuple[str, datetime]]:
    if spec.reference is None or spec.reference.is_scanned:
        return
    for key in ("begin", "end"):
        time = getattr(spec.reference, key)
        if time is not None:
            yield key, time


@_reads("reference", "timestamp")
def _skipped_times(spec: MonitorSpec) -> Iterator[Finding]:
    zone = spec.timestamp.zone
    for key, time in _reference_ends(spec) if exists(zone) else ():
        if time.hour and is_skipped(time, zone):
            message = f"clocks in {zone} skip this time"
            accepted = f"a time that exists, such as {time + timedelta(hours=1)}"
            yield Finding(("reference", key), message, time, accepted)


@_reads("drift", "windows")
def _seasonal(spec: MonitorSpec) -> Iterator[Finding]:
    seasonal, grain = spec.drift.seasonal, spec.windows.grain
    fitting = {"hour": ("hour", "weekday"), "day": ("weekday",)}.get(grain, ())
    if seasonal not in ("auto", "none", *fitting):
        message = f"windows of a {grain} can't be told apart by {seasonal}"
        yield Finding(
            ("drift", "seasonal"), message, seasonal, ", ".join(("auto", *fitting, "none"))
        )


@_reads("drift", "windows")
def _comparisons(spec: MonitorSpec) -> Iterator[Finding]:
    grain, given = spec.windows.grain, spec.drift.comparisons
    for position, one in enumerate(given):
        loc: Loc = ("drift", "comparisons", position)
        if one in given[:position]:
            yield Finding(loc, "the comparison is named twice", one)
        elif one == "seasonal" and grain not in SEASON_STEPS:
            message = f"windows of a {grain} have none a season earlier to be compared with"
            accepted = "hour or day (a week earlier) or month (a year earlier) as windows.grain"
            yield Finding(loc, f"{message}: years are no whole number of weeks", one, accepted)


@_reads("drift", "alerts")
def _alerting_comparisons(spec: MonitorSpec) -> Iterator[Finding]:
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


@_reads("drift")
def _warning_below_drift(spec: MonitorSpec) -> Iterator[Finding]:
    drift = spec.drift
    if drift.warn_at >= drift.effect_size:
        key = "warn_at" if "warn_at" in drift.model_fields_set else "effect_size"
        yield _too_late(("drift", key), drift.warn_at, drift.effect_size)


def _too_late(loc: Loc, warn_at: float, effect_size: float) -> Finding:
    message = f"'warn_at' ({warn_at}) is not below 'effect_size' ({effect_size})"
    return Finding(loc, message, accepted="a warning that comes before drift; give both")


@_reads("drift", "features")
def _overrides(spec: MonitorSpec) -> Iterator[Finding]:
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


@_reads("drift", "features")
def _thresholds_of_features(spec: MonitorSpec) -> Iterator[Finding]:
    places: dict[str, Loc] = {f.name: loc for loc, _, f in spec.features.declared()}
    places |= {name: ("drift", "overrides", name) for name in spec.drift.overrides}
    thresholds = spec.all_thresholds()
    for name, loc in places.items():
        own = thresholds[name]
        if own != spec.drift.thresholds and own.warn_at >= own.effect_size:
            yield _too_late(loc, own.warn_at, own.effect_size)


@_reads("metrics")
def _metrics(spec: MonitorSpec) -> Iterator[Finding]:
    for name, metric in spec.metrics.items():
        loc: Loc = ("metrics", name)
        if len(metric.kinds) != 1:
            given = ", ".join(metric.kinds) or None
            message = "a metric has exactly one kind"
            yield Finding(loc, message, given, f"one of {', '.join(KINDS)}")
        if metric.warn_at >= metric.effect_size:
            key = "warn_at" if "warn_at" in metric.model_fields_set else "effect_size"
            yield _too_late((*loc, key), metric.warn_at, metric.effect_size)
        for place, text in metric.expressions():
            for reason in check_value(text):
                accepted = (
                    "an expression on the columns of one row, with the functions of functions.py"
                )
                message = f"the metric can't be used: {reason}"
                yield Finding((*loc, *place), message, text, accepted)
        if metric.derived is not None:
            yield from _derived(spec, (*loc, "derived"), metric.derived)


def _derived(spec: MonitorSpec, loc: Loc, text: str) -> Iterator[Finding]:
    try:
        names = parse_derived(text).names
    except NotArithmeticError as error:
        yield Finding(loc, f"this is no arithmetic over metrics: {error}", text, ACCEPTED)
        return
    plain = [name for name, one in spec.metrics.items() if one.derived is None]
    for name in names:
        other: Metric | None = spec.metrics.get(name)
        if other is None:
            close = nearest(name, plain)
            message = "a derived metric reads metrics, and none is called so"
            yield Finding(loc, message, name, ", ".join(plain) or "a metric of this spec", close)
        elif other.derived is not None:
            message = "a derived metric can't be made of another derived one"
            yield Finding(loc, message, name, f"its parts: {other.derived}")
    if not names:
        yield Finding(loc, "a derived metric reads at least one metric", text, ", ".join(plain))


@_reads("features", "metrics")
def _features_like_metrics(spec: MonitorSpec) -> Iterator[Finding]:
    stored = {PREFIX + name for name in spec.metrics}
    for loc, _, feature in spec.features.declared():
        if feature.name in stored:
            message = "a metric is stored under the name of this feature"
            yield Finding(loc, message, feature.name, "another name for the metric")


@_reads("alerts")
def _alerts(spec: MonitorSpec) -> Iterator[Finding]:
    yield from alert_checks.rules(spec)


@_reads("alerts", "timestamp")
def _alert_times(spec: MonitorSpec) -> Iterator[Finding]:
    yield from alert_checks.times(spec)


@_reads("alerts", "features", "metrics", "prediction")
def _alert_names(spec: MonitorSpec) -> Iterator[Finding]:
    yield from alert_checks.names(spec)


@_reads("dependence", "assumptions")
def _assumptions(spec: MonitorSpec) -> Iterator[Finding]:
    yield from assumption_checks.rules(spec)


@_reads("dependence", "assumptions", "features", "prediction")
def _assumption_names(spec: MonitorSpec) -> Iterator[Finding]:
    yield from assumption_checks.names(spec)


@_reads("degraded")
def _degraded(spec: MonitorSpec) -> Iterator[Finding]:
    degraded = spec.degraded
    if degraded is None:
        return
    if degraded.value_per_point is not None and degraded.payoff is not None:
        message = "both 'value_per_point' and 'payoff' are given"
        yield Finding(("degraded", "payoff"), message, accepted="one of both")
    if degraded.metric == "business_value" and degraded.payoff is None:
        message = "the metric 'business_value' is computed from a payoff"
        accepted = "'payoff' with the value of each kind of case"
        yield Finding(("degraded", "metric"), message, accepted=accepted)
    if degraded.persistence.windows > degraded.persistence.of:
        message = "more windows are asked for than are looked at"
        accepted = f"'windows' up to {degraded.persistence.of}"
        loc = ("degraded", "persistence", "windows")
        yield Finding(loc, message, degraded.persistence.windows, accepted)
