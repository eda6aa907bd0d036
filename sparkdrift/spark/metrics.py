"""Custom metrics in SQL: the aggregates that count them, their cells, and their value.

A metric is stored as `cells`, an array<struct<merge,value>> that says itself how it
merges: 'sum' cells add, 'min' and 'max' cells keep an extreme. Its value is an expression
over merged cells, so it is the same whether counted from rows or merged from windows.

    sum      sum of x, rows where x is not NULL
    count    rows where the condition holds, rows
    min, max the extreme
    ratio    sum of a, sum of b, rows, sums of a * a, a * b and b * b; rows without NULL
    derived  the cells of the metrics it reads, one after the other
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.spark.counters import Counter, Merge
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import string
from sparkdrift.spark.window_columns import window_end
from sparkdrift.spec.derived import parse_derived
from sparkdrift.spec.local_time import USUAL_SECONDS
from sparkdrift.spec.metrics import PREFIX, Metric
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature, Resolution, ResolvedFeature, metric_parts

CELLS = "array<struct<merge:string,value:double>>"

_RATIO = ("of", "over", "rows", "of_of", "of_over", "over_over")

MERGED_CELLS = f"""
aggregate(
  array_sort(collect_list(CASE WHEN cells IS NOT NULL THEN struct(merged_from, cells) END)),
  CAST(NULL AS {CELLS}),
  (a, b) -> CASE WHEN a IS NULL THEN b.cells ELSE CAST(zip_with(a, b.cells, (x, y) -> struct(
    x.merge AS merge,
    CASE x.merge WHEN 'min' THEN least(x.value, y.value)
                 WHEN 'max' THEN greatest(x.value, y.value)
                 ELSE coalesce(x.value + y.value, x.value, y.value) END AS value)) AS {CELLS}) END)
"""
"""SQL aggregate: the rows' cells, merged in the order of `merged_from`; NULL where none has any."""


@dataclass(frozen=True)
class Counted:
    """What the pass of exact counters does for metrics, in generated code.

    columns: SELECT items per source row, each ending in ` AS name`. counters: over these.
    cells: SQL of each metric's cells over the counters, by name of the row.
    """

    columns: tuple[str, ...] = ()
    counters: tuple[Counter, ...] = ()
    cells: Mapping[str, str] = field(default_factory=dict)


def counted(spec: MonitorSpec, metrics: Sequence[Feature]) -> Counted:
    """How `metrics` are counted; what several of them read is counted once."""
    parts = {name: list(metric_parts(spec, name)) for name in (one.column for one in metrics)}
    names = dict.fromkeys(part for found in parts.values() for part in found)
    position = {name: f"m{i}" for i, name in enumerate(names)}
    columns: list[str] = []
    counters: list[Counter] = []
    cells: dict[str, list[str]] = {}
    for name, m in position.items():
        for column, text in _inputs(spec.counted_metrics[name], m).items():
            columns.append(f"{text} AS {column}")
        cells[name] = []
        for counter, (merge, aggregate) in _aggregates(spec.counted_metrics[name], m).items():
            counters.append(Counter(f"{m}_{counter}", aggregate, merge))
            number = f"CAST({m}_{counter} AS DOUBLE)"
            cells[name].append(f"struct({string(merge)} AS merge, {number} AS value)")
    return Counted(
        tuple(columns),
        tuple(counters),
        {
            PREFIX + name: f"array({', '.join(cell for part in found for cell in cells[part])})"
            for name, found in parts.items()
        },
    )


def _inputs(metric: Metric, m: str) -> dict[str, str]:
    """Columns per source row, as DOUBLE; a condition is 1 or 0."""
    texts = {f"{m}_{place[-1]}": text for place, text in metric.expressions()}
    return {name: f"CAST(({text}) AS DOUBLE)" for name, text in texts.items()}


def _aggregates(metric: Metric, m: str) -> dict[str, tuple[Merge, str]]:
    """Counter -> (how it merges, SQL aggregate), in the order of the cells."""
    kind = metric.kind
    x = f"{m}_{kind}"
    if kind == "sum":
        return {"total": ("sum", f"sum({x})"), "rows": ("sum", f"count({x})")}
    if kind == "count":
        return {"hits": ("sum", f"count_if({x} <> 0)"), "rows": ("sum", "count(*)")}
    if kind in ("min", "max"):
        return {"extreme": (kind, f"{kind}({x})")}
    a, b = f"{m}_of", f"{m}_over"
    both = f"{a} IS NOT NULL AND {b} IS NOT NULL"
    texts = (a, b, "1", f"{a} * {a}", f"{a} * {b}", f"{b} * {b}")
    return {
        f"s_{counter}": ("sum", f"sum(CASE WHEN {both} THEN {text} END)")
        for counter, text in zip(_RATIO, texts, strict=True)
    }


def with_values(rows: DataFrame, spec: MonitorSpec) -> DataFrame:
    """Rows with `cells`, `kind`, `status` and `reason`: `value` added, and said where it is none.

    A metric without a finite value has NULL and the status `insufficient_data`.
    """
    if not spec.counted_metrics:
        return rows.withColumn("value", F.lit(None).cast("double"))
    missing = "kind = 'metric' AND value IS NULL AND status = 'ok'"
    why = "'the metric has no finite value: nothing but NULL, a division by 0, or NaN'"
    return (
        rows.withColumn("value", F.expr(value(spec)))
        .withColumn("reason", F.expr(f"CASE WHEN {missing} THEN {why} ELSE reason END"))
        .withColumn(
            "status", F.expr(f"CASE WHEN {missing} THEN 'insufficient_data' ELSE status END")
        )
    )


def value(spec: MonitorSpec) -> str:
    """SQL of a row's value by its column_name and cells; NULL where it is not finite."""
    return _by_metric(spec, lambda name: _value(spec, name, "1D"))


def comparable(spec: MonitorSpec, granularity: str) -> str:
    """As `value`, with sums and counts as if the window had the usual length of its grain.

    So a day of 23 hours is compared with days of 24, and February with longer months. Of a
    derived metric, its parts are: revenue / customers stays what it is.
    """
    end = window_end("window_start", granularity, spec.timestamp.zone)
    scale = f"({USUAL_SECONDS[granularity]}D / timestampdiff(SECOND, window_start, {end}))"
    return _by_metric(spec, lambda name: _value(spec, name, scale))


def row_noise(spec: MonitorSpec) -> str:
    """SQL of what sampling noise a window's rows leave, in units of `row_variance`; else NULL."""
    forms = {"ratio": "try_divide(cells[2].value, cells[1].value * cells[1].value)"}
    forms["count"] = "cells[1].value"
    return _by_metric(
        spec, lambda name: forms.get(spec.counted_metrics[name].kind, "CAST(NULL AS DOUBLE)")
    )


def row_variance(spec: MonitorSpec) -> str:
    """SQL of the variance that one row of a reference adds to the metric; else NULL.

    A count as a Poisson count; a ratio by the linearised residuals a - R b (Cochran 1977,
    6.4). Half an event is added, since none seen is not none possible: to a ratio where a is
    0 or 1 only.
    """
    a, b, n, aa, ab, bb = (f"cells[{i}].value" for i in range(6))
    r = f"try_divide({a}, {b})"
    residual = f"{aa} - 2D * {r} * {ab} + {r} * {r} * {bb}"
    event = f"CASE WHEN {aa} = {a} THEN 0.5D ELSE 0D END"
    forms = {
        "ratio": f"try_divide(greatest({residual}, 0D) + {event}, {n})",
        "count": f"try_divide({a} + 0.5D, {b})",
    }
    return _by_metric(
        spec, lambda name: forms.get(spec.counted_metrics[name].kind, "CAST(NULL AS DOUBLE)")
    )


def _by_metric(spec: MonitorSpec, form: Callable[[str], str]) -> str:
    cases = " ".join(
        f"WHEN {string(PREFIX + name)} THEN {form(name)}" for name in spec.counted_metrics
    )
    if not cases:
        return "CAST(NULL AS DOUBLE)"
    # Without cells nothing was measured, whatever `coalesce` makes of that.
    chosen = f"CASE WHEN cells IS NOT NULL THEN CASE column_name {cases} END END"
    # Neither NaN nor infinite: NaN compares greater than everything.
    return f"(CASE WHEN abs({chosen}) < double('Infinity') THEN {chosen} END)"


def _value(spec: MonitorSpec, name: str, scale: str) -> str:
    values = {}
    first = 0
    for part in metric_parts(spec, name):
        metric = spec.counted_metrics[part]
        values[part] = _plain(metric, first, scale)
        first += len(_aggregates(metric, ""))
    derived = spec.counted_metrics[name].derived
    return values[name] if derived is None else parse_derived(derived).sql(values)


def _plain(metric: Metric, first: int, scale: str) -> str:
    head = f"cells[{first}].value"
    if metric.kind == "ratio":
        return f"try_divide({head}, cells[{first + 1}].value)"
    return head if metric.kind in ("min", "max") else f"({head} * {scale})"


def checked(
    spark: SparkSession, source: Source, spec: MonitorSpec, resolution: Resolution
) -> Resolution:
    """`resolution`, with a problem for each metric that Spark can't type as a number.

    One look at the schema for all; only where that fails, one for each.
    """
    sound = [one for one in resolution.metrics if one.problem is None]
    if not sound or not _refused(spark, source, spec, sound):
        return resolution
    metrics = []
    for one in resolution.metrics:
        refused = None if one.problem else _refused(spark, source, spec, [one])
        if refused:
            problem = spec.origin.problem(
                spec.place_of_metric(one.feature.column),
                f"the metric {one.feature.column!r} can't be computed",
                given=refused,
                accepted=_accepted(spec, one.feature.column),
            )
            one = replace(one, problem=problem, data_type=None)
        metrics.append(one)
    return replace(resolution, metrics=tuple(metrics))


def _accepted(spec: MonitorSpec, name: str) -> str:
    own = spec.operations.get(name)
    if own is not None and not own.is_share:
        return "a number for each row, such as unix_seconds(decided_at) - unix_seconds(asked_at)"
    if spec.place_of_metric(name) == ("metrics", name):
        return "numbers; for 'count' and in a ratio conditions too"
    return "a condition, which is true, false or NULL for each row"


def _refused(
    spark: SparkSession, source: Source, spec: MonitorSpec, metrics: Sequence[ResolvedFeature]
) -> str | None:
    """Why Spark can't compute these metrics, or None."""
    parts = dict.fromkeys(
        part for one in metrics for part in metric_parts(spec, one.feature.column)
    )
    asked = [
        (metric.kind, text)
        for metric in (spec.counted_metrics[name] for name in parts)
        for _, text in metric.expressions()
    ]
    items = ", ".join(f"({text}) AS e{i}" for i, (_, text) in enumerate(asked))
    try:
        fields = spark.sql(f"SELECT {items} FROM {source.shape}").schema.fields
    except FAILURES as error:
        return reason(error)
    for (kind, text), one in zip(asked, fields, strict=True):
        if one.dataType.typeName() not in _TYPES[kind]:
            return f"{text} has type {one.dataType.simpleString()}"
    return None


_NUMBERS = frozenset(["byte", "short", "integer", "long", "float", "double", "decimal"])
_TYPES = {
    **dict.fromkeys(("sum", "min", "max"), _NUMBERS),
    "ratio": _NUMBERS | {"boolean"},
    "count": frozenset(["boolean"]),
}
