"""Rows of windows that leave the store, and what still cites them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import SparkSession

from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_tables import ASSUMPTIONS, DRIFT
from sparkdrift.spark.evaluation_tables import EVAL_STALENESS, PERFORMANCE
from sparkdrift.spark.feature_tables import FEATURE_DEBT
from sparkdrift.spark.operation_tables import OPERATIONS
from sparkdrift.spark.profile_tables import PROFILES, STATES
from sparkdrift.spark.sql import in_windows, string
from sparkdrift.spark.statuses import WAS_CHECKED, WAS_JUDGED, WAS_MEASURED
from sparkdrift.spark.table import Table
from sparkdrift.spark.views import registered
from sparkdrift.spark.writer import delete
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.metrics import PREFIX
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

OF_WINDOWS = (
    *(STATES, DRIFT, ASSUMPTIONS, PERFORMANCE, EVAL_STALENESS, FEATURE_DEBT, OPERATIONS),
    PROFILES,
)
"""The tables whose rows are of windows; profiles last: they say which windows there are, so
where a deletion ended too early, the next one finds the same windows."""

_MEASURED = (
    (DRIFT, WAS_MEASURED, "column_name"),
    (ASSUMPTIONS, WAS_CHECKED, "assumption, column_name"),
    (PERFORMANCE, WAS_JUDGED, "metric, slice_key"),
    (
        EVAL_STALENESS,
        "status IN ('ok', 'warning', 'drifted', 'green', 'red')",
        "figure, evaluation_set, subject",
    ),
    (FEATURE_DEBT, WAS_MEASURED, "figure, subject"),
    (OPERATIONS, WAS_MEASURED, "signal"),
    (PROFILES, f"column_name = {string(PREFIX + SHAPED)} AND value IS NOT NULL", "column_name"),
)
"""By table: when a row was measured, and of what it is."""


def open_debts(spark: SparkSession, store: Store, monitor: str) -> list[datetime]:
    """The windows whose rows open debts rest on: by which each was opened, and the newest.

    One of ownership rests on what is declared.
    """
    with registered(spark, store, "SELECT * FROM debts"):
        rows = spark.sql(
            "SELECT DISTINCT unix_micros(start) AS start FROM debts"
            " LATERAL VIEW explode(array_compact(array(window_start, seen))) AS start"
            f" WHERE monitor = {string(monitor)} AND closed IS NULL AND kind <> 'ownership'"
        ).collect()
    return [from_micros(row["start"]) for row in rows]


def last_measured(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: int
) -> list[datetime]:
    """The newest so many windows in which each thing was measured that health has been told of.

    Those tell what persists, and what was measured once is missed where no row tells of it any
    more: without them nobody would know that it ever was. Of what is still measured they are
    recent ones.
    """
    own = f"monitor = {string(spec.monitor)} AND granularity = {string(spec.windows.grain)}"
    newest = " UNION ALL ".join(
        "SELECT window_start AS start FROM (SELECT window_start, row_number() OVER"
        f" (PARTITION BY {subject} ORDER BY window_start DESC) AS place FROM (SELECT DISTINCT"
        f" {subject}, window_start FROM {store.table(table.name)} WHERE {own} AND {measured}))"
        f" WHERE place <= {int(windows)}"
        for table, measured, subject in _MEASURED
    )
    rows = spark.sql(f"SELECT DISTINCT unix_micros(start) AS start FROM ({newest})").collect()
    return [from_micros(row["start"]) for row in rows]


def count_rows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    windows: Sequence[Window],
) -> dict[str, int]:
    """How many rows each table has of these windows."""
    if not windows:
        return {}
    where = f"monitor = {string(spec.monitor)} AND {_of(granularity, windows)}"
    counted = " UNION ALL ".join(
        f"SELECT {string(table.name)} AS name, count(*) AS rows"
        f" FROM {store.table(table.name)} WHERE {where}"
        for table in OF_WINDOWS
    )
    return {row["name"]: int(row["rows"]) for row in spark.sql(counted).collect()}


def delete_windows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    windows: Sequence[Window],
) -> dict[str, int]:
    """Delete the rows of these windows, a commit for each table; returns how many, by table."""

    def from_one(table: Table) -> int:
        return delete(spark, store, table, spec.monitor, _of(granularity, windows))

    return {table.name: from_one(table) for table in OF_WINDOWS} if windows else {}


def _of(granularity: str, windows: Sequence[Window]) -> str:
    inside = in_windows("window_start", contiguous(windows))
    return f"granularity = {string(granularity)} AND {inside}"
