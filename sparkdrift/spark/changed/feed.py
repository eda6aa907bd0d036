"""Changed windows from Delta's change data feed: reads the changed rows only."""

from __future__ import annotations

from pyspark.sql import SparkSession

from sparkdrift.spark.changed.found import Found, UnprovenError
from sparkdrift.spark.changes import starts_of, timestamp_type
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.source import Source, instant
from sparkdrift.spec.models import MonitorSpec


def fed_windows(spark: SparkSession, source: Source, spec: MonitorSpec, start: int) -> Found:
    """Windows of the rows that changed after version `start`, before and after the change.

    Raises UnprovenError where the feed was not recorded all the time, is gone, or can't be
    read across a change of the schema.
    """
    column = spec.timestamp.column
    at = instant(column, timestamp_type(source, column), spec.timestamp.zone)
    try:
        changes = (
            spark.read.option("readChangeFeed", "true")
            .option("startingVersion", str(start + 1))
            .option("endingVersion", str(source.version))
            .table(source.identifier)
        )
        if source.row_filter:
            changes = changes.where(f"({source.row_filter})")
        starts = starts_of(changes, at, spec)
    except FAILURES as error:
        raise UnprovenError(
            f"no change data feed from version {start + 1}: {reason(error)}"
        ) from error
    rows = sum(starts.values())
    undated = starts.pop(None, 0)
    windows = frozenset(one for one in starts if one is not None)
    return Found(windows, f"change data feed, {rows:,} changed rows read", rows, undated)
