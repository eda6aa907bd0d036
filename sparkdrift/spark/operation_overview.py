"""What the store knows of a monitor's operations, as rows for a page."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.operation_tables import OPERATIONS
from sparkdrift.spark.querying import fetch
from sparkdrift.spark.sql import quote, string
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

Row = Mapping[str, Any]
_TIMES = ("window_start", "since")
_TOLD = (
    *("slice_key", "slice_value", "signal", "kind", "rows", "known_rows", "events"),
    *("value", "low", "high", "reference_value", "change"),
    *("trend", "trend_low", "trend_high", "trend_pvalue", "trend_reason"),
    *("status", "reason", "alerting", "suppression", "score_pvalue", "score_reason"),
)
# Windows that are looked at for the alert that stands: those that were not measured count not.
_LOOKED_AT = 60
_MOST_ROWS = 200_000


def newest_operations(spark: SparkSession, store: Store, spec: MonitorSpec) -> list[Row]:
    """The rows of the monitor's own grain of the last windows, in order of time."""
    table = store.table(OPERATIONS.name)
    where = f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
    times = ", ".join(f"unix_micros({one}) AS {one}" for one in _TIMES)
    rows = spark.sql(
        f"SELECT {times}, {', '.join(map(quote, _TOLD))} FROM (SELECT *, dense_rank() OVER ("
        f"ORDER BY window_start DESC) AS nth FROM {table} WHERE {where})"
        f" WHERE nth <= {_LOOKED_AT} ORDER BY window_start, slice_key, slice_value, signal"
    )
    return [_instants(row) for row in fetch(rows, _MOST_ROWS).dicts()]


def _instants(row: dict[str, Any]) -> Row:
    return row | {one: None if row[one] is None else from_micros(row[one]) for one in _TIMES}
