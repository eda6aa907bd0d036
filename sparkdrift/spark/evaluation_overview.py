"""What the store knows of a model's evaluation, as rows for a page, in order of time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.explain.signals import WHOLE
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.evaluation_tables import EVAL_STALENESS, PERFORMANCE
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.profile_tables import PROFILES
from sparkdrift.spark.sql import in_windows, quote, string
from sparkdrift.spark.statuses import WAS_JUDGED
from sparkdrift.spec.metrics import PREFIX
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

Row = Mapping[str, Any]
_TIMES = ("window_start", "window_end", "since")
_ALL = "*"
_STALE = (
    *("evaluation_set", "figure", "subject", "value", "low", "high", "threshold_low"),
    *("threshold", "unit"),
    *("status", "since", "reason"),
)
_PERFORMED = (
    *("evaluation_set", "slice_key", "slice_value", "metric", "class_name", "labelled", "mature"),
    *("estimated", "estimated_low", "estimated_high", "realised", "realised_low", "realised_high"),
    *("evaluated", "evaluated_low", "evaluated_high", "concept_drift", "loss", "loss_value"),
    *("estimated_loss", "estimated_loss_value", "basis", "status", "reason"),
)


def performance_of(spark: SparkSession, store: Store, spec: MonitorSpec, metric: str) -> list[Row]:
    """Rows of `performance` of all rows, one metric and the monitor's own grain."""
    return _rows(spark, performance_query(store.table(PERFORMANCE.name), spec, metric))


def performance_query(table: str, spec: MonitorSpec, metric: str) -> str:
    """The query of `performance_of`; `with_instants` makes its rows of what it answers."""
    where = (
        f"metric = {string(metric)} AND class_name = {string(_ALL)} AND slice_key = {string(WHOLE)}"
    )
    return _query(table, spec, _PERFORMED, where)


def staleness_of(spark: SparkSession, store: Store, spec: MonitorSpec) -> list[Row]:
    """Rows of `eval_staleness` of the monitor's own grain."""
    return _rows(spark, _query(store.table(EVAL_STALENESS.name), spec, _STALE, "true"))


def newest_staleness(spark: SparkSession, store: Store, spec: MonitorSpec) -> list[Row]:
    """Those of the newest window that has any."""
    return _rows(spark, newest_staleness_query(store.table(EVAL_STALENESS.name), spec))


def newest_staleness_query(table: str, spec: MonitorSpec) -> str:
    """The query of `newest_staleness`; `with_instants` makes its rows of what it answers."""
    return _query(table, spec, _STALE, _newest(table, spec, "true"))


def newest_performance(spark: SparkSession, store: Store, spec: MonitorSpec) -> list[Row]:
    """Rows of `performance` of all rows, in the newest window and in the newest mature one, and
    those of slices that are degraded in either."""
    return _rows(spark, newest_performance_query(store.table(PERFORMANCE.name), spec))


def newest_performance_query(table: str, spec: MonitorSpec) -> str:
    """The query of `newest_performance`; `with_instants` makes its rows of what it answers."""
    whole = f"(slice_key = {string(WHOLE)} OR status = 'degraded')"
    newest = f"({_newest(table, spec, 'true')} OR {_newest(table, spec, 'mature')})"
    return _query(table, spec, _PERFORMED, f"{whole} AND {newest}")


def degraded_of(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> list[Row]:
    """Rows of `performance` that say degraded, of the owner's metric in all slices; without
    `degraded` in the spec of any. Of `windows`; where there are none, of the newest that is judged.
    """
    table = store.table(PERFORMANCE.name)
    within = (
        in_windows("window_start", contiguous(windows))
        if windows
        else _newest(table, spec, WAS_JUDGED)
    )
    own = f" AND metric = {string(spec.degraded.metric)}" if spec.degraded else ""
    where = f"status = 'degraded' AND {within}{own}"
    return _rows(spark, _query(table, spec, _PERFORMED, where))


def _newest(table: str, spec: MonitorSpec, where: str) -> str:
    return (
        f"window_start = (SELECT max(window_start) FROM {table} WHERE monitor ="
        f" {string(spec.monitor)} AND granularity = {string(spec.windows.grain)} AND {where})"
    )


def metric_values(spark: SparkSession, store: Store, spec: MonitorSpec, name: str) -> list[Row]:
    """The values of a declared metric over all rows."""
    where = f"slice_key = {string(WHOLE)} AND column_name = {string(PREFIX + name)}"
    return _rows(spark, _query(store.table(PROFILES.name), spec, ("value",), where))


def _query(table: str, spec: MonitorSpec, columns: tuple[str, ...], where: str) -> str:
    return (
        "SELECT unix_micros(window_start) AS window_start, unix_micros(window_end) AS window_end,"
        f" {', '.join(map(_selected, columns))} FROM {table} WHERE monitor = {string(spec.monitor)}"
        f" AND granularity = {string(spec.windows.grain)} AND {where} ORDER BY window_start"
    )


def _selected(column: str) -> str:
    return f"unix_micros({column}) AS {column}" if column in _TIMES else quote(column)


def _rows(spark: SparkSession, query: str) -> list[Row]:
    with few_rows(spark):
        return [with_instants(row.asDict()) for row in spark.sql(query).collect()]


def with_instants(row: Mapping[str, Any]) -> Row:
    """A row of these queries, with its times as aware UTC."""
    return {
        key: from_micros(value) if key in _TIMES and value is not None else value
        for key, value in row.items()
    }
