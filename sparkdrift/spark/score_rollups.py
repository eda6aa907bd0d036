"""States of scores of longer windows: which are due, and their sums of shorter ones."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.merging import merged_digest
from sparkdrift.spark.profile_tables import NOT_OF_LABELS
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.score_states import score_states, write_states
from sparkdrift.spark.sql import in_windows, string
from sparkdrift.spark.window_columns import window_start
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous, window_at

_KEYS = ("slice_key", "slice_value", "kind", "name")


def due_score_rollups(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    finer: str,
    definition: str,
) -> tuple[list[Window], list[Window]]:
    """(windows of `granularity` whose states are not those of their parts, those without parts).

    Only windows that are merged in `profiles`: the others are not complete.
    """
    zone = spec.timestamp.zone
    complete = (
        stored_rows(spark, store, spec, granularity)
        .where(f"column_name = {string(TABLE_ROW)} AND slice_key = {string(WHOLE)}")
        .select("window_start")
    )
    parts = score_states(spark, store, spec, finer).where(f"definition_hash = {string(definition)}")
    wanted = (
        _target(parts, granularity, zone)
        .groupBy("window_start", *_KEYS)
        .agg(F.expr(merged_digest()).alias("input_digest"))
        .join(complete, "window_start", "left_semi")
    )
    have = score_states(spark, store, spec, granularity)
    rows = (
        _per_window(wanted, "wanted")
        .join(_per_window(have, "have"), "window_start", "full")
        .where("NOT wanted <=> have")
        .selectExpr("unix_micros(window_start) AS start", "wanted IS NOT NULL AS wanted")
        .orderBy("start")
        .collect()
    )
    found = [(window_at(from_micros(row["start"]), granularity, zone), row) for row in rows]
    return (
        [window for window, row in found if row["wanted"]],
        [window for window, row in found if not row["wanted"]],
    )


def write_score_rollups(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    finer: str,
    windows: Sequence[Window],
    definition: str,
    names: int,
    run_id: str,
) -> None:
    """Add up the states of the grain `finer` into `windows` of `granularity`, name by name.

    Of a longer window in which an evaluation set was replaced each version has its own part. How
    late labels came is counted from the end of the shorter windows.
    """
    parts = (
        score_states(spark, store, spec, finer)
        .where(f"definition_hash = {string(definition)}")
        .where(in_windows("window_start", contiguous(windows)))
        .withColumn("merged_from", F.col("window_start"))
    )
    total = """aggregate(
      array_sort(collect_list(struct(merged_from, cells))), CAST(NULL AS ARRAY<DOUBLE>),
      (a, b) -> CASE WHEN a IS NULL THEN b.cells ELSE zip_with(a, b.cells, (x, y) -> x + y) END)"""
    merged = (
        _target(parts, granularity, spec.timestamp.zone)
        .groupBy("window_start", *_KEYS)
        .agg(
            F.expr("any_value(columns)").alias("columns"),
            F.expr(total).alias("cells"),
            F.expr(merged_digest()).alias("input_digest"),
            F.expr("concat('merged:', count(*))").alias("fingerprint"),
            F.expr("max(source_version)").alias("source_version"),
            F.expr("max(definition_hash)").alias("definition_hash"),
        )
    )
    merged = merged.withColumns({name: F.lit(value) for name, value in NOT_OF_LABELS.items()})
    write_states(store, spec, merged, granularity, windows, names, run_id)


def _target(rows: DataFrame, granularity: str, zone: str) -> DataFrame:
    return rows.withColumn("window_start", F.expr(window_start("window_start", granularity, zone)))


def _per_window(rows: DataFrame, name: str) -> DataFrame:
    keys = ", ".join(_KEYS)
    return rows.groupBy("window_start").agg(
        F.expr(f"concat(count(*), ':', bit_xor(xxhash64({keys}, input_digest)))").alias(name)
    )
