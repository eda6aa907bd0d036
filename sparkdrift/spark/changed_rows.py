"""The rows of a change data feed: how each changed row was, and how it is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.spark.changes import from_micros, timestamp_type
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.labels import SIGN
from sparkdrift.spark.local_rows import local_rows
from sparkdrift.spark.source import Source, instant
from sparkdrift.spark.sql import quote
from sparkdrift.spark.window_columns import window_start
from sparkdrift.spec.models import MonitorSpec


def signed_changes(
    spark: SparkSession, source: Source, spec: MonitorSpec, since: Mapping[datetime, int]
) -> DataFrame:
    """Rows of some windows as they were before a change, with SIGN -1, and are after it, with 1.

    since: by start of a window, after which version of the source its rows count as changed. Rows
    have their window's start in WINDOW. Fails, when it is read or asked for its columns, where the
    feed was not recorded from the oldest of these versions on.
    """
    column = spec.timestamp.column
    at = instant(column, timestamp_type(source, column), spec.timestamp.zone)
    feed = (
        spark.read.option("readChangeFeed", "true")
        .option("startingVersion", str(min(since.values()) + 1))
        .option("endingVersion", str(source.version))
        .table(source.identifier)
    )
    if source.row_filter:
        feed = feed.where(f"({source.row_filter})")
    fields = {":start": "timestamp", ":since": "bigint"}
    known = local_rows(spark, list(since.items()), fields)
    sign = "CASE WHEN _change_type IN ('insert', 'update_postimage') THEN 1 ELSE -1 END"
    return (
        feed.selectExpr(
            "*",
            f"{window_start(at, spec.windows.grain, spec.timestamp.zone)} AS {quote(WINDOW)}",
            f"{sign} AS `{SIGN}`",
        )
        .join(F.broadcast(known), F.expr(f"{quote(WINDOW)} = `:start`"))
        .where("_commit_version > `:since`")
        .drop(":start", ":since")
    )


def changed_counts(
    spark: SparkSession, source: Source, spec: MonitorSpec, since: Mapping[datetime, int]
) -> dict[datetime, int]:
    """How many rows `signed_changes` has, by window."""
    if not since or min(since.values()) >= source.version:
        return {}
    rows = signed_changes(spark, source, spec, since)
    counted = rows.groupBy(F.expr(f"unix_micros({quote(WINDOW)})").alias("start")).count()
    return {from_micros(row["start"]): int(row["count"]) for row in counted.collect()}
