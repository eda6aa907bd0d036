"""What health asks of a store, as SQL: parts with one row for each window and thing found.

Each is a plan of its own, so what no spec asks for is not asked of the store either.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from sparkdrift.health.gathering import CORE
from sparkdrift.health.ledger import RETIRED
from sparkdrift.health.stored_verdicts import HEALTH
from sparkdrift.health.subjects import (
    ALL_METRICS,
    CALIBRATION,
    GRAVE,
    MEASURED,
    OTHERS,
    SUPPRESSED,
    TERM,
)
from sparkdrift.kernels.feature_association import CHANGE
from sparkdrift.kernels.feature_course import CONCENTRATION_CHANGE, OF_MODEL, ON_CONCENTRATION
from sparkdrift.kernels.performance_rules import FAIRNESS
from sparkdrift.spark.sql import string
from sparkdrift.spark.statuses import WAS_CHECKED, WAS_JUDGED, WAS_MEASURED
from sparkdrift.spark.table import bucket_of
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.metrics import PREFIX
from sparkdrift.spec.models import MonitorSpec

COLUMNS = {
    "start": "bigint",
    "end": "bigint",
    "name": "string",
    "subject": "string",
    "status": "string",
    "grade": "string",
    "since": "bigint",
    "count": "bigint",
    "of": "bigint",
    "value": "double",
    "limit": "double",
    "loss": "double",
    "cost": "double",
    "words": "string",
    "moved": "string",
}
_GRADES = "array('warning', 'minor', 'major', 'critical')"
_WHOLE = "slice_key = '*'"
# Of values that lie about 0 alike, such as standardised ones, no flipped sign would ever be seen:
# nothing is missing that could be there.
_UNSEEN_FLIP = "(figure = 'encoding' AND status = 'undetermined' AND value IS NULL)"
_START = "unix_micros(window_start)"
# What labels show, else what an estimate says that may be relied upon: no other calls a metric
# degraded (`kernels.performance_words`), and of one that is not degraded nothing is owed.
_RELIED = "basis = 'estimated' AND status = 'degraded'"
_LOST = f"coalesce(loss, CASE WHEN {_RELIED} THEN estimated_loss END)"
_COST = f"coalesce(loss_value, CASE WHEN {_RELIED} THEN estimated_loss_value END)"
MOST_COLUMNS = 50
"""So many columns that alert in a window are told each by itself, the gravest first, then those
that alert for longest; all others are one row of OTHERS."""


def _select(part: str, table: str, where: str, group: str | None, **columns: str) -> str:
    """One part of the question; columns that are not given are NULL."""
    given = {"start": _START, **columns}
    listed = ", ".join(
        f"CAST({given.get(name, 'NULL')} AS {kind}) AS `{name}`" for name, kind in COLUMNS.items()
    )
    grouped = "" if group is None else f" GROUP BY monitor, window_start{group}"
    return f"SELECT monitor, {string(part)} AS part, {listed} FROM {table} WHERE {where}{grouped}"


def of_windows(specs: Sequence[MonitorSpec]) -> Iterator[str]:
    """Which windows there are, and which of them have a verdict: `profiles`, `model_health`."""
    own = own_rows(specs)
    yield _select(
        "window",
        "profiles",
        f"{own} AND {_WHOLE} AND column_name = ':table'",
        None,
        end="unix_micros(window_end)",
        count="row_count",
    )
    buckets = ", ".join(str(one) for one in sorted({bucket_of(spec.monitor) for spec in specs}))
    declared = "(one.kind = 'ownership' AND one.last_seen = window_start"
    declared += f" AND one.debt <> {string(RETIRED)})"
    yield _select(
        HEALTH,
        "model_health",
        f"bucket IN ({buckets}) AND {own}",
        None,
        name="model_version",
        # What was owed by declaration is told in words; of all others what they have cost so far.
        subject=f"to_json(transform(debts, one -> array(one.debt, one.severity,"
        f" CASE WHEN {declared} THEN one.evidence ELSE '' END, CAST({declared} AS string),"
        " CAST(one.windows AS string), CAST(one.interest AS string),"
        " CAST(one.interest_loss AS string))))",
        words="input_digest",
        status="verdict",
        grade="to_json(array(policy_hash, owner, escalation, stage))",
        since="unix_micros(since)",
        end="unix_micros(due)",
        cost="cost_so_far",
    )
    yield _select(
        "coverage",
        "profiles",
        f"{own} AND {_WHOLE} AND column_name = {string(PREFIX + SHAPED)}",
        None,
        name="'feedback'",
        count="CAST(value IS NOT NULL AS INT)",
        of="1",
        words="reason",
    )


def of_terms(specs: Sequence[MonitorSpec]) -> Iterator[str]:
    """When which evaluation set and training reference was in force."""
    own = f"monitor IN ({among(spec.monitor for spec in specs)})"
    yield _select(
        TERM,
        "active_references",
        f"{own} AND role IN ('evaluation', 'training')",
        None,
        start="unix_micros(effective_from)",
        end="unix_micros(effective_until)",
        name="role",
        subject="name",
        since="unix_micros(coalesce(newest_event, interval_end))",
    )


def of_instruments(specs: Sequence[MonitorSpec]) -> Iterator[str]:
    """What is told of the model and of its evaluation: operations, staleness, performance,
    features."""
    # Whatever a spec has by now: a section that is taken out leaves rows that stand, and after
    # them windows in which nothing was measured any more.
    own = own_rows(specs)
    yield from _of_operations(own, specs)
    yield from _of_evaluation(own)
    yield from _of_performance(own, specs)
    yield from _of_features(own, specs)


def _distinct(what: str) -> str:
    """How many values that are not NULL. Several `count(DISTINCT ...)` would multiply the rows."""
    return f"size(collect_set({what}))"


def _subjects(measured: str, *subject: str) -> str:
    """The subjects that rows tell of, each with the mark of whether one was measured, as JSON."""
    mark = f"CASE WHEN {measured} THEN {string(MEASURED)} ELSE '' END"
    return f"to_json(sort_array(collect_set(array({', '.join((*subject, mark))}))))"


def among(names: Iterable[str]) -> str:
    return ", ".join(string(one) for one in sorted(names))


def own_rows(specs: Sequence[MonitorSpec]) -> str:
    """Rows of these monitors, of the grain of their windows; both are what views are cut by."""
    by_grain: dict[str, list[str]] = {}
    for spec in specs:
        by_grain.setdefault(spec.windows.grain, []).append(spec.monitor)
    parts = (
        f"(monitor IN ({among(names)}) AND granularity = {string(grain)})"
        for grain, names in sorted(by_grain.items())
    )
    return f"({' OR '.join(parts)})"


def _of_operations(own: str, specs: Sequence[MonitorSpec]) -> Iterator[str]:
    """Which signals were measured, and which moved for the worse, by the table that says so.

    Of a spec that has no operations any more, all that are stored."""
    declared = _operated(specs, "signal", "")
    without = [spec.monitor for spec in specs if not spec.operations]
    declared = f"({declared} OR monitor IN ({among(without)}))" if without else declared
    counts = {spec.monitor: len(spec.operations) for spec in specs if spec.operations}
    cases = " ".join(f"WHEN {string(name)} THEN {size}" for name, size in sorted(counts.items()))
    yield _select(
        "coverage",
        "operations",
        f"{own} AND {_WHOLE} AND {declared}",
        "",
        name="'operations'",
        count=_distinct(f"CASE WHEN {WAS_MEASURED} THEN signal END"),
        of=f"coalesce(max(CASE monitor {cases} END), {_distinct('signal')})"
        if cases
        else _distinct("signal"),
        subject=_subjects(WAS_MEASURED, "signal"),
        words=f"max(CASE WHEN NOT {WAS_MEASURED} THEN concat(signal, ': ', status) END)",
    )
    calls = "CASE WHEN suppression IS NULL"
    whole = f"{calls} AND {_WHOLE} THEN"
    yield _select(
        "operation",
        "operations",
        f"{own} AND {declared} AND alerting",
        ", signal",
        name="signal",
        subject="max(kind)",
        # NULL: it moved in slices alone.
        status=f"max({whole} status END)",
        grade=f"CASE WHEN bool_and(suppression IS NOT NULL) THEN {string(SUPPRESSED)} END",
        since=f"coalesce(max({whole} unix_micros(since) END),"
        f" min({calls} THEN unix_micros(since) END))",
        count=f"nullif(count_if(suppression IS NULL AND NOT ({_WHOLE})), 0)",
        value=f"max({whole} value END)",
        limit=f"max({whole} reference_value END)",
    )


def _operated(specs: Sequence[MonitorSpec], column: str, prefix: str) -> str:
    """A condition: the column names a declared signal of the row's monitor."""
    cases = [
        f"(monitor = {string(spec.monitor)} AND {column} IN"
        f" ({among(prefix + name for name in spec.operations)}))"
        for spec in specs
        if spec.operations
    ]
    return f"({' OR '.join(cases) or 'false'})"


def of_drift(specs: Sequence[MonitorSpec]) -> Iterator[str]:
    """Whether the inputs were compared, what alerts, what is violated, and of the model's share."""
    own = own_rows(specs)
    compared = "comparison <> 'unshaped' AND NOT startswith(comparison, 'evaluation:')"
    # Metrics have debts of their own, and are no inputs.
    pair = "CASE WHEN column_name NOT LIKE 'metric:%' THEN struct(column_name, comparison) END"
    yield _select(
        "coverage",
        "current_drift",
        f"{own} AND {_WHOLE} AND {compared}",
        "",
        name="'data'",
        count=_distinct(f"CASE WHEN {WAS_MEASURED} THEN {pair} END"),
        of=_distinct(pair),
        subject=_subjects(WAS_MEASURED, "column_name", "comparison"),
        words="max(CASE WHEN column_name NOT LIKE 'metric:%'"
        f" AND NOT {WAS_MEASURED} THEN concat(column_name, ': ', status) END)",
    )
    # What is suppressed calls nobody, and is not gone either.
    grade = f"CASE WHEN suppression IS NULL THEN array_position({_GRADES}, severity) END"
    calls = "CASE WHEN suppression IS NULL THEN"
    # Of slices as grave as each other the one that moved most: no answer is by chance.
    told = f"CASE WHEN {grade} IS NOT NULL THEN"
    told += (
        f" struct({grade} + CASE WHEN {_WHOLE} THEN 10 ELSE 0 END, coalesce(abs(effect), 0D),"
        " comparison, slice_key, coalesce(slice_value, '')) END"
    )
    alerts = _select(
        "alert",
        "alerts",
        # Of signals of operations the table of that name says which way is for the worse.
        f"{own} AND NOT {_operated(specs, 'column_name', PREFIX)}",
        ", column_name",
        name="column_name",
        subject=f"array_join(sort_array(collect_set({calls} comparison END)), ', ')",
        status=f"CASE WHEN bool_and(suppression IS NOT NULL) THEN {string(SUPPRESSED)} END",
        grade=f"get({_GRADES}, CAST(max(CASE WHEN {_WHOLE} THEN {grade} END) AS INT) - 1)",
        count=f"count_if(suppression IS NULL AND NOT ({_WHOLE}))",
        since=f"min({calls} unix_micros(since) END)",
        value=f"max_by(effect, {told})",
        moved=f"max_by(explanation, {told})",
        limit=f"max({calls} windows END)",
    )
    yield _gravest(alerts)
    if checked := [spec for spec in specs if spec.assumptions or spec.dependence]:
        own = own_rows(checked)
        yield _select(
            "assumption",
            "current_assumptions",
            f"{own} AND {_WHOLE} AND status = 'violated'",
            ", assumption, column_name, other_column",
            name="assumption",
            subject="concat_ws(' and ', column_name, other_column)",
            since="min(unix_micros(since))",
            count="max(violated_windows)",
            value="max(value)",
            limit="max(limit)",
        )
        yield _select(
            "measured",
            "current_assumptions",
            f"{own} AND {_WHOLE}",
            "",
            name="'assumption'",
            subject=_subjects(
                WAS_CHECKED,
                "assumption",
                "concat_ws(' and ', column_name, other_column)",
            ),
        )
    yield _select(
        "unshaped",
        "current_drift",
        f"{own_rows(specs)} AND {_WHOLE} AND comparison = 'unshaped'",
        "",
        count=_distinct("CASE WHEN status = 'drifted' THEN column_name END"),
        of=_distinct(f"CASE WHEN {WAS_MEASURED} THEN column_name END"),
    )


def _gravest(alerts: str) -> str:
    """Rows of alerts, one for each window and column, with all but the gravest as one row, and what
    is suppressed as another; `words` lists the columns of these two."""
    grade = f"array_position({_GRADES}, grade)"
    ranked = (
        "SELECT *, row_number() OVER (PARTITION BY monitor, start, status"
        f" ORDER BY {grade} DESC, since, name) AS place FROM ({alerts})"
    )
    alone = f"status IS NULL AND place <= {MOST_COLUMNS}"
    name = f"CASE WHEN {alone} THEN name ELSE {string(OTHERS)} END"
    many = "concat(max(subject), ' in ', count(*), ' columns')"
    others = f"collect_set(CASE WHEN NOT ({alone}) THEN array(name) END)"
    told = {
        "start": "start",
        "name": name,
        "status": "status",
        "words": f"nullif(CAST(to_json(sort_array({others})) AS STRING), '[]')",
        "subject": f"CASE WHEN count(*) > 1 THEN {many} ELSE max(subject) END",
        "grade": f"get({_GRADES}, CAST(max({grade}) AS INT) - 1)",
        "since": "min(since)",
        "count": "sum(`count`)",
        "value": "max(value)",
        "moved": f"max(CASE WHEN {alone} THEN moved END)",
        "limit": "max(`limit`)",
    }
    listed = ", ".join(
        f"CAST({told.get(column, 'NULL')} AS {kind}) AS `{column}`"
        for column, kind in COLUMNS.items()
    )
    return (
        f"SELECT monitor, 'alert' AS part, {listed} FROM ({ranked}) GROUP BY monitor, start,"
        f" status, {name}"
    )


def _of_evaluation(own: str) -> Iterator[str]:
    yield _select(
        "staleness",
        "eval_staleness",
        f"{own} AND status IN ('warning', 'drifted')",
        None,
        name="figure",
        subject="evaluation_set",
        status="status",
        grade="subject",
        value="value",
        limit="threshold",
    )
    yield _select(
        "colour",
        "eval_staleness",
        f"{own} AND figure IN ('blind_spot', 'dashboard')",
        None,
        name="figure",
        subject="evaluation_set",
        status="status",
        since="unix_micros(since)",
        words="reason",
    )
    evidence = (
        f"CASE WHEN figure IN ({among(CALIBRATION)}) THEN 'calibration' ELSE 'evaluation' END"
    )
    core = f"figure IN ({among(figure for figures in CORE.values() for figure in figures)})"
    sizes = " ".join(f"WHEN {string(name)} THEN {len(own)}" for name, own in CORE.items())
    yield _select(
        "coverage",
        "eval_staleness",
        f"{own} AND figure NOT IN ('blind_spot', 'dashboard')",
        f", {evidence}",
        name=evidence,
        count=_distinct(
            f"CASE WHEN {core} AND {WAS_MEASURED} THEN struct(figure, evaluation_set) END"
        ),
        # Of each set that is told of all core figures are asked for.
        of=f"greatest({_distinct(f'CASE WHEN {core} THEN struct(figure, evaluation_set) END')},"
        f" {_distinct('evaluation_set')} * CASE {evidence} {sizes} END)",
        words=f"max(CASE WHEN {core} AND NOT {WAS_MEASURED} THEN concat(figure, ': ', status) END)",
        subject=_subjects(WAS_MEASURED, "figure", "evaluation_set", "subject"),
    )


def _of_features(own: str, specs: Sequence[MonitorSpec]) -> Iterator[str]:
    """One row per window and figure, however many features it is of, and one for each feature of
    the grave ones; courses warn by themselves."""
    asked = _asked_of_features(specs)
    alone = f"CASE WHEN figure IN ({among(GRAVE)}) THEN subject ELSE '*' END"
    courses = "(endswith(figure, '_trend') OR endswith(figure, '_acceleration'))"
    asked = f"figure <> 'creep' AND NOT {courses} AND NOT {_UNSEEN_FLIP} AND {asked}"
    yield _select(
        "coverage",
        "feature_debt",
        f"{own} AND status IS NOT NULL",
        "",
        name="'feature'",
        count=f"count_if({asked} AND {WAS_MEASURED})",
        of=f"count_if({asked})",
        subject=_subjects(WAS_MEASURED, "figure", alone),
        words=f"max(CASE WHEN {asked} AND NOT {WAS_MEASURED}"
        " THEN concat(figure, ': ', status) END)",
    )
    yield _select(
        "feature",
        "feature_debt",
        f"{own} AND status IN ('warning', 'drifted')",
        f", figure, {alone}",
        name="figure",
        subject="array_join(slice(sort_array(collect_set(subject)), 1, 5), ', ')",
        status="CASE WHEN bool_or(status = 'drifted') THEN 'drifted' ELSE 'warning' END",
        since="min(unix_micros(since))",
        count="count(*)",
        value="max(abs(value))",
        limit="max(limit)",
    )


def _asked_of_features(specs: Sequence[MonitorSpec]) -> str:
    """A condition: the spec of the row's monitor asks for the figure. Those of importances are told
    without any as well, to say so, importances that are the same at all times can't change, and
    associations wait for labels."""
    plain = [spec.monitor for spec in specs if not spec.has_importance]
    still = [spec.monitor for spec in specs if spec.has_importance and not spec.importance_changes]
    alone = [
        spec.monitor
        for spec in specs
        if not spec.has_association or (not spec.has_importance and spec.feature_debt is None)
    ]
    parts = [
        f"(monitor IN ({among(names)}) AND figure IN ({among(figures)}))"
        for names, figures in (
            (plain, OF_MODEL),
            (still, (CONCENTRATION_CHANGE, ON_CONCENTRATION)),
            (alone, (CHANGE,)),
        )
        if names
    ]
    return f"NOT ({' OR '.join(parts)})" if parts else "true"


def _of_performance(own: str, specs: Sequence[MonitorSpec]) -> Iterator[str]:
    """The metric that says degraded, of all rows; then what else is degraded.

    Where nobody says what degraded means, all metrics that are judged stand for it together.
    """
    metric = _metrics(specs)
    mature = "mature AND realised IS NOT NULL"
    shown = f"CASE WHEN {mature} THEN realised ELSE estimated END"
    one = "min(metric) = max(metric)"
    yield _select(
        "performance",
        "performance",
        f"{own} AND {_WHOLE} AND class_name = '*' AND status IS NOT NULL AND {metric}",
        "",
        name=f"CASE WHEN {one} THEN max(metric) ELSE {string(ALL_METRICS)} END",
        status="CASE WHEN bool_or(status = 'degraded') THEN 'degraded' "
        "WHEN bool_or(status = 'ok') THEN 'ok' ELSE min(status) END",
        subject=f"CASE WHEN bool_or({mature}) THEN 'labels' ELSE 'estimate' END",
        grade="CASE WHEN bool_or(concept_drift) THEN 'drift' END",
        value=f"CASE WHEN {one} THEN min(skill) END",
        limit=f"CASE WHEN {one} THEN max_by({shown}, struct(coalesce({_LOST}, 0D),"
        f" coalesce({shown}, 0D))) END",
        count=f"count_if({WAS_JUDGED})",
        of="count(*)",
        loss=f"CASE WHEN {one} THEN max({_LOST}) END",
        cost=f"CASE WHEN {one} THEN max({_COST}) END",
        words="concat(min(metric), ': ', min(CASE WHEN status NOT IN ('ok', 'degraded')"
        " THEN status END))",
    )
    fair = f"metric IN ({among(sorted(FAIRNESS))})"
    others = f"(({_WHOLE} AND NOT {metric}) OR (NOT ({_WHOLE}) AND ({metric} OR {fair})))"
    yield _select(
        "degraded",
        "performance",
        f"{own} AND class_name = '*' AND status = 'degraded' AND {others}",
        ", metric, slice_key",
        name="metric",
        subject="slice_key",
        count="count(*)",
    )
    yield _select(
        "measured",
        "performance",
        f"{own} AND class_name = '*' AND status IS NOT NULL",
        "",
        name="'performance'",
        subject=_subjects(WAS_JUDGED, "metric", "slice_key"),
    )


def _metrics(specs: Sequence[MonitorSpec]) -> str:
    """A condition: the row is of the metric by which its model is called degraded."""
    by_metric: dict[str, list[str]] = {}
    free = [spec.monitor for spec in specs if spec.degraded is None]
    for spec in specs:
        if spec.degraded is not None:
            by_metric.setdefault(spec.degraded.metric, []).append(spec.monitor)
    parts = [
        f"(monitor IN ({among(names)}) AND metric = {string(metric)})"
        for metric, names in sorted(by_metric.items())
    ]
    if free:
        parts.append(f"monitor IN ({among(free)})")
    return f"({' OR '.join(parts)})"
