"""The drift rows that explaining one window takes: read by column and range, newest first."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.explain.explaining import READ, Explanation, told_row
from sparkdrift.explain.signals import ALERTS, BETWEEN_WINDOWS, WHOLE
from sparkdrift.spark.answers import Answer
from sparkdrift.spark.querying import fetch
from sparkdrift.spark.sql import string, timestamp
from sparkdrift.spark.views import registered
from sparkdrift.store import Store

BEFORE, AFTER = 366, 60
"""Windows before and after the explained one by which a start is dated."""
MOST_ROWS = 200_000
"""Rows of one question: of carriers each has up to ten, all held in memory."""
# Only what tells one row from another of its column needs them.
_HEAVY = ("carriers", "new_categories", "alerting_tests", "reason")

Row = dict[str, Any]
Seen = dict[tuple[str, str, str, str | None, str], datetime]


@dataclass(frozen=True)
class Asked:
    """Whose rows: one monitor, some comparisons, and one column or (None) all."""

    monitor: str
    comparisons: tuple[str, ...]
    column: str | None = None

    @property
    def condition(self) -> str:
        """SQL, but for the column."""
        names = ", ".join(map(string, self.comparisons))
        return f"monitor = {string(self.monitor)} AND comparison IN ({names})"

    @property
    def of_column(self) -> str:
        """SQL, of the column."""
        return "true" if self.column is None else f"column_name = {string(self.column)}"


@dataclass(frozen=True)
class Judged:
    """What is there to explain: starts of the windows with verdicts, ascending; the newest that
    alerts; the grain of the newest; and all columns of the monitor."""

    starts: tuple[datetime, ...]
    newest_alert: datetime | None
    grain: str
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """Rows for `explain`, and the start of the oldest window that was read where rows were left
    out (`cut`), or whether those of the window itself were (`cut_window`)."""

    rows: tuple[Row, ...]
    cut: datetime | None = None
    cut_window: bool = False


def monitors(spark: SparkSession, store: Store) -> list[str]:
    """The monitors that have verdicts."""
    rows = spark.table(store.table("drift")).select("monitor").distinct()
    return [str(row[0]) for row in fetch(rows, MOST_ROWS).rows]


def judged(spark: SparkSession, store: Store, asked: Asked) -> Judged:
    """Which windows and columns there are, in one query of one row."""
    alerts = ", ".join(map(string, ALERTS))
    query = (
        f"SELECT sort_array(collect_set(CASE WHEN {asked.of_column} THEN window_start END)),"
        f" max(CASE WHEN {asked.of_column} AND status IN ({alerts}) THEN window_start END),"
        " max_by(granularity, window_start), sort_array(collect_set(column_name))"
        f" FROM current_drift WHERE {asked.condition}"
    )
    with registered(spark, store, "current_drift"):
        ((starts, newest, grain, columns),) = fetch(spark.sql(query), 1).rows
    return Judged(tuple(starts), newest, str(grain), tuple(columns))


def rows_to_explain(
    spark: SparkSession, store: Store, asked: Asked, starts: Sequence[datetime], window: datetime
) -> Found:
    """The window's rows of the columns that alert in it, all slices, and of the others the whole
    table's; and of the windows around it the rows of the one slice that tells of each.

    starts: all that are judged, ascending. What is beyond MOST_ROWS is left out, oldest first.
    """
    with registered(spark, store, "current_drift"):
        now = _of_window(spark, asked, window)
        place = starts.index(window)
        first, last = starts[max(0, place - BEFORE)], starts[: place + AFTER + 1][-1]
        own = now.dicts()
        series = _around(spark, asked, own, (first, window, last))
    around = series.dicts()
    cut = around[-1]["window_start"] if series.more else None
    return Found((*own, *around), cut, now.more)


def _of_window(spark: SparkSession, asked: Asked, window: datetime) -> Answer:
    alerts = ", ".join(map(string, ALERTS))
    query = (
        f"SELECT {', '.join(READ)} FROM (SELECT *, bool_or(status IN ({alerts}))"
        " OVER (PARTITION BY comparison, column_name) AS alerts FROM current_drift"
        f" WHERE {asked.condition} AND {asked.of_column} AND window_start = {timestamp(window)})"
        f" WHERE alerts OR slice_key = {string(WHOLE)}"
        f" ORDER BY slice_key <> {string(WHOLE)}, column_name"
    )
    return fetch(spark.sql(query), MOST_ROWS)


def _around(
    spark: SparkSession, asked: Asked, now: Sequence[Row], within: tuple[datetime, ...]
) -> Answer:
    first, window, last = within
    by_column: dict[tuple[str, str], list[Row]] = {}
    for row in now:
        by_column.setdefault((row["comparison"], row["column_name"]), []).append(row)
    told = [one for one in map(told_row, by_column.values()) if one is not None]
    sliced = [one for one in told if one["slice_key"] != WHOLE]
    wanted = " OR ".join([f"slice_key = {string(WHOLE)}", *map(_slice, sliced)])
    heavy = _listed({one["column_name"] for one in told})
    columns = [
        f"CASE WHEN column_name IN ({heavy}) THEN {name} END AS {name}" if name in _HEAVY else name
        for name in READ
    ]
    # Two windows are compared one by one: others say nothing of them.
    others = _listed(set(asked.comparisons) - set(BETWEEN_WINDOWS))
    query = (
        f"SELECT {', '.join(columns)} FROM current_drift WHERE {asked.condition}"
        f" AND {asked.of_column} AND comparison IN ({others})"
        f" AND window_start >= {timestamp(first)} AND window_start <= {timestamp(last)}"
        f" AND window_start <> {timestamp(window)} AND ({wanted}) ORDER BY window_start DESC"
    )
    return fetch(spark.sql(query), MOST_ROWS)


def _slice(row: Mapping[str, Any]) -> str:
    value = "NULL" if row["slice_value"] is None else string(row["slice_value"])
    return (
        f"(column_name = {string(row['column_name'])} AND slice_key = {string(row['slice_key'])}"
        f" AND slice_value <=> {value})"
    )


def _listed(names: Collection[str]) -> str:
    """SQL of an IN list, which can't be empty."""
    return ", ".join(map(string, sorted(names))) or "''"


def first_seen(
    spark: SparkSession, store: Store, asked: Asked, told: Sequence[Explanation]
) -> Seen:
    """The first window of each new category that is told; keys as in `with_first_seen`."""
    new = [one for one in told if one.kind == "new"]
    if not new:
        return {}
    names = _listed({one.column_name for one in new})
    items = _listed({carrier.item for one in new for carrier in one.carriers})
    query = (
        "SELECT comparison, column_name, slice_key, slice_value, item, first_window"
        f" FROM first_seen WHERE {asked.condition} AND column_name IN ({names})"
        f" AND item IN ({items})"
    )
    with registered(spark, store, "first_seen"):
        rows = fetch(spark.sql(query), MOST_ROWS).rows
    return {(row[0], row[1], row[2], row[3], row[4]): row[5] for row in rows}
