"""What must hold between the fields of a spec: every violation, none raised.

Each check stands with the sections that it reads; it is skipped when one of them could
not be parsed, so that a wrong section never hides what is wrong elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from sparkdrift.errors import nearest
from sparkdrift.spec import (
    alert_checks,
    assumption_checks,
    drift_checks,
    evaluation_checks,
    feature_checks,
    feedback_checks,
    health_checks,
    importance_checks,
    metric_checks,
    model_checks,
    operation_checks,
    payload_checks,
    privacy_checks,
    reference_checks,
)
from sparkdrift.spec.findings import Finding, bad_filter, line_hint
from sparkdrift.spec.local_time import ACCEPTED_ZONE, ROLLUPS, exists, known_zones
from sparkdrift.spec.models import OTHER, MonitorSpec
from sparkdrift.spec.origin import Loc


def find_problems(spec: MonitorSpec, broken: Collection[str] = ()) -> Iterator[Finding]:
    """Every violation in `spec`, but for the checks that read a section named in `broken`.

    Of features that are broken in part, `spec` has what is left, and that is judged.
    """
    for check, sections in _CHECKS:
        if check in _OF_ENTRIES or sections.isdisjoint(broken):
            yield from check(spec)


def _source(spec: MonitorSpec) -> Iterator[Finding]:
    if (spec.source.table is None) == (spec.source.path is None):
        both = spec.source.table is not None
        message = "the source has both a table and a path" if both else "the source is missing"
        yield Finding(("source",), message, accepted="either 'table' or 'path'")
    yield from bad_filter(spec.source, "source")


def _zone(spec: MonitorSpec) -> Iterator[Finding]:
    zone = spec.timestamp.zone
    if not exists(zone):
        loc = ("timestamp", "zone")
        close = nearest(zone, known_zones())
        yield Finding(loc, "the time zone does not exist", zone, ACCEPTED_ZONE, close)


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


def _retention(spec: MonitorSpec) -> Iterator[Finding]:
    """Longer windows are merged from shorter ones: they would come back if they went first."""
    grains = (spec.windows.grain, *ROLLUPS[spec.windows.grain])
    for grain in ("hour", "day", "week", "month"):
        keep = spec.retention.of(grain)
        if keep is None:
            continue
        loc: Loc = ("retention", grain)
        if grain not in grains:
            message = f"windows of a {spec.windows.grain} are never merged into a {grain}"
            yield Finding(loc, message, f"{keep.days} days", ", ".join(grains))
            continue
        finer = spec.windows.merged_from(grain)
        own = spec.retention.of(finer)
        if grain != spec.windows.grain and (own is None or own > keep):
            kept = "for ever" if own is None else f"{own.days} days"
            message = f"each {grain} is kept less long than the {finer}s it is merged from"
            yield Finding(loc, message, f"{keep.days} days", f"at least as long: {kept}")


def _auto(spec: MonitorSpec) -> Iterator[Finding]:
    auto = spec.features.auto
    if auto is None or auto.include is None:
        return
    included = {column.lower() for column in auto.include}
    for position, column in enumerate(auto.exclude):
        if column.lower() in included:
            loc = ("features", "auto", "exclude", position)
            yield Finding(loc, "the column is both included and excluded", column)


def _timestamp_as_feature(spec: MonitorSpec) -> Iterator[Finding]:
    for loc, _, feature in spec.features.declared():
        if (feature.column or "").lower() == spec.timestamp.column.lower():
            yield Finding(loc, "the timestamp column can't be a feature", feature.column)


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
    key = [column.lower() for column in spec.prediction.key or ()]
    if len(set(key)) < len(key):
        given = ", ".join(spec.prediction.key or ())
        yield Finding(("prediction", "key"), "a column stands twice in the key", given)


def _label_delay(spec: MonitorSpec) -> Iterator[Finding]:
    evaluation = spec.evaluation
    elsewhere = evaluation is not None and (evaluation.labels or evaluation.positive.label)
    if spec.prediction.label_delay is not None and not (spec.prediction.label or elsewhere):
        message = "a delay is given for a label that is not named"
        yield Finding(("prediction", "label_delay"), message, accepted="'label' as well")


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


def _degraded(spec: MonitorSpec) -> Iterator[Finding]:
    degraded = spec.degraded
    if degraded is None:
        return
    if degraded.value_per_point is not None and degraded.payoff is not None:
        message = "both 'value_per_point' and 'payoff' are given"
        yield Finding(("degraded", "payoff"), message, accepted="one of both")
    valued = spec.evaluation is not None and spec.evaluation.value is not None
    if degraded.metric == "business_value" and degraded.payoff is None and not valued:
        message = "the metric 'business_value' is computed from a payoff"
        accepted = "'payoff' with the value of each kind of case"
        yield Finding(("degraded", "metric"), message, accepted=accepted)
    if degraded.persistence.windows > degraded.persistence.of:
        message = "more windows are asked for than are looked at"
        accepted = f"'windows' up to {degraded.persistence.of}"
        loc = ("degraded", "persistence", "windows")
        yield Finding(loc, message, degraded.persistence.windows, accepted)


_CHECKS: tuple[tuple[Callable[[MonitorSpec], Iterator[Finding]], set[str]], ...] = (
    (_source, {"source"}),
    (_zone, {"timestamp"}),
    (_rollups, {"windows"}),
    (feature_checks.some, {"features"}),
    (_retention, {"windows", "retention"}),
    (feature_checks.duplicates, {"features"}),
    (feature_checks.entries, {"features", "prediction"}),
    (_auto, {"features"}),
    (_timestamp_as_feature, {"timestamp", "features"}),
    (_prediction, {"timestamp", "prediction"}),
    (_label_delay, {"prediction", "evaluation"}),
    (payload_checks.names, {"source"}),
    (payload_checks.metrics, {"source", "metrics", "operations"}),
    (payload_checks.read_before, {"source", "timestamp"}),
    (_slices, {"timestamp", "slices"}),
    (_slice_values, {"slices", "slice_values"}),
    (reference_checks.place, {"reference"}),
    (reference_checks.whole_windows, {"reference", "windows"}),
    (reference_checks.skipped_times, {"reference", "timestamp"}),
    (drift_checks.seasonal, {"drift", "windows"}),
    (drift_checks.comparisons, {"drift", "windows"}),
    (drift_checks.alerting_comparisons, {"drift", "alerts"}),
    (drift_checks.warning_below_drift, {"drift"}),
    (drift_checks.overrides, {"drift", "features"}),
    (drift_checks.thresholds_of_features, {"drift", "features"}),
    (metric_checks.rules, {"metrics"}),
    (metric_checks.names, {"features", "metrics", "feedback", "operations"}),
    (feedback_checks.rules, {"feedback"}),
    (feedback_checks.decisions, {"feedback", "prediction"}),
    (feedback_checks.names, {"feedback", "metrics"}),
    (operation_checks.rules, {"operations"}),
    (operation_checks.names, {"operations", "metrics", "feedback"}),
    (health_checks.policy_rules, {"policy"}),
    (health_checks.policy_times, {"policy"}),
    (health_checks.policy_owner, {"policy"}),
    (
        health_checks.policy_not_expected,
        {"policy", "operations", "feedback", "evaluation", "importance", "feature_debt", "alerts"},
    ),
    (alert_checks.rules, {"alerts"}),
    (alert_checks.times, {"alerts", "timestamp"}),
    (
        alert_checks.names,
        {"alerts", "features", "metrics", "feedback", "operations", "prediction"},
    ),
    (assumption_checks.rules, {"dependence", "assumptions"}),
    (assumption_checks.names, {"dependence", "assumptions", "features", "prediction"}),
    (privacy_checks.key, {"privacy"}),
    (privacy_checks.names, {"privacy", "features", "slices", "prediction"}),
    (_degraded, {"degraded", "evaluation"}),
    (model_checks.lifecycle, {"model"}),
    (model_checks.maintenance, {"maintenance"}),
    (model_checks.hooks, {"on_verdict", "model"}),
    (evaluation_checks.rules, {"evaluation"}),
    (evaluation_checks.between, {"evaluation", "prediction", "slices", "degraded"}),
    (importance_checks.rules, {"importance"}),
    (importance_checks.between, {"importance", "feature_debt", "prediction", "evaluation"}),
)
# What they find in some of a section's entries holds whatever the others are.
_OF_ENTRIES = (feature_checks.duplicates, feature_checks.entries, _timestamp_as_feature)
