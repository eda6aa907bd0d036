"""Longer windows in `profiles`, merged from the stored windows of the base grain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.merging import merge_profiles
from sparkdrift.spark.metrics import with_values
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.schemas import PROFILES
from sparkdrift.spark.sql import in_windows, string
from sparkdrift.spark.window_columns import window_end, window_start
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous, window_at

_KEYS = ("window_start", "slice_key", "slice_value", "column_name")
# What a merged row says of its inputs; computed the same way for what is due and what is stored.
_DIGEST = "sha2(array_join(array_sort(collect_list(input_digest)), ','), 256)"


def due_rollups(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    hashes: Sequence[str],
    until: datetime,
) -> list[Window]:
    """Windows of `granularity` that end by `until` and whose stored windows changed since.

    Only stored rows of the present definitions (`hashes`) count: no others will be merged.
    """
    stored = stored_rows(spark, store, spec, spec.windows.grain)
    wanted = _digests(
        _by_target(stored.where(F.col("definition_hash").isin(list(hashes))), spec, granularity)
        .groupBy("window_start")
        .agg(F.expr(_DIGEST).alias("input_digest"))
    )
    table = f"column_name = {string(TABLE_ROW)} AND slice_key = '*'"
    have = _digests(stored_rows(spark, store, spec, granularity).where(table))
    zone = spec.timestamp.zone
    windows = [window_at(start, granularity, zone) for start in sorted(wanted)]
    return [
        window
        for window in windows
        if window.end + spec.windows.lateness <= until
        and have.get(window.start) != wanted[window.start]
    ]


def write_rollups(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    windows: Sequence[Window],
    hashes: Sequence[str],
    *,
    source_version: int,
    run_id: str,
) -> None:
    """Merge the stored rows of the present definitions (`hashes`) into `windows`."""
    zone = spec.timestamp.zone
    base = (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(in_windows("window_start", contiguous(windows)))
        .where(F.col("definition_hash").isin(list(hashes)))
    )
    target = F.expr(window_start("window_start", granularity, zone))
    merged = merge_profiles(
        base.withColumn("merged_from", F.col("window_start")).withColumn("window_start", target),
        _KEYS,
        spec.sketch.categories,
    )
    merged = with_values(merged, spec)
    rows = merged.withColumns(
        {
            "fingerprint": F.expr("concat('merged:', merged_windows)"),
            "monitor": F.lit(spec.monitor),
            "granularity": F.lit(granularity),
            "window_end": F.expr(window_end("window_start", granularity, zone)),
            "source_version": F.lit(source_version),
            "run_id": F.lit(run_id),
            "package_version": F.lit(__version__),
        }
    ).drop("merged_windows")
    scope = Scope(spec.monitor, granularity, [Case(windows)])
    replace(store, PROFILES, rows, scope, run_id=run_id)


def _by_target(rows: DataFrame, spec: MonitorSpec, granularity: str) -> DataFrame:
    target = window_start("window_start", granularity, spec.timestamp.zone)
    return rows.where(f"column_name = {string(TABLE_ROW)} AND slice_key = '*'").selectExpr(
        f"{target} AS window_start", "input_digest"
    )


def _digests(rows: DataFrame) -> dict[datetime, str]:
    found = rows.selectExpr("unix_micros(window_start) AS start", "input_digest").collect()
    return {from_micros(row["start"]): row["input_digest"] for row in found}
