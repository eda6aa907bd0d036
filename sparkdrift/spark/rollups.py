"""Longer windows in `profiles`, merged from stored windows of a finer grain."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.explain.signals import WHOLE
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.merging import merge_profiles, merged_digest
from sparkdrift.spark.metrics import with_values
from sparkdrift.spark.profile_tables import PROFILES
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.sql import in_windows, string
from sparkdrift.spark.window_columns import window_end, window_start
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous, window_at

_KEYS = ("window_start", "slice_key", "slice_value", "column_name")
# Rows per data file: the merge runs in as many tasks as there are files.
_ROWS_PER_FILE = 500
# Values of a slice may be absent from windows; a feature of the whole table is not.
_REASON = (
    f"CASE WHEN slice_key = {string(WHOLE)} AND merged_windows < present THEN"
    " concat_ws('; ', concat('merged from ', merged_windows, ' of ', present,"
    " ' windows: the others are stored without it or under another definition'), reason)"
    " ELSE reason END"
)


def due_rollups(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    finer: str,
    hashes: Sequence[str],
    *,
    again: bool,
) -> list[Window]:
    """Windows of `granularity` that are complete and whose stored windows changed since.

    `again`: those that did not change, too.

    Complete: a window of the grain `finer`, from which they are merged, ends where they
    end or later. Only stored rows of the present definitions (`hashes`) count: no others
    will be merged. Reads digests, no sketch.
    """
    zone = spec.timestamp.zone
    rows = stored_rows(spark, store, spec, finer)
    wanted = (
        _target(rows.where(F.col("definition_hash").isin(list(hashes))), granularity, zone)
        .groupBy(*_KEYS, "kind", "definition_hash")
        .agg(F.expr(merged_digest()).alias("input_digest"))
    )
    have = stored_rows(spark, store, spec, granularity)
    newest = rows.agg(F.expr("unix_micros(max(window_end))").alias("newest"))
    found = (
        _per_window(wanted, "wanted")
        .join(_per_window(have, "have"), "window_start", "left")
        .crossJoin(newest)
        .where("true" if again else "NOT wanted <=> have")
        .selectExpr("unix_micros(window_start) AS start", "newest")
        .orderBy("start")
        .collect()
    )
    windows = [(window_at(from_micros(row["start"]), granularity, zone), row) for row in found]
    return [window for window, row in windows if window.end <= from_micros(row["newest"])]


def write_rollups(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    finer: str,
    windows: Sequence[Window],
    hashes: Sequence[str],
    *,
    run_id: str,
) -> None:
    """Merge the stored rows of the grain `finer` and of the present definitions into `windows`."""
    zone = spec.timestamp.zone
    stored = (
        stored_rows(spark, store, spec, finer)
        .where(in_windows("window_start", contiguous(windows)))
        .where(F.col("definition_hash").isin(list(hashes)))
        .withColumn("merged_from", F.col("window_start"))
    )
    merged = merge_profiles(_target(stored, granularity, zone), _KEYS, spec.sketch.categories)
    merged = with_values(merged, spec)
    present = _target(
        stored_rows(spark, store, spec, finer).where(
            f"slice_key = {string(WHOLE)} AND column_name = {string(TABLE_ROW)}"
        ),
        granularity,
        zone,
    )
    # Of all definitions, so that a row says what it leaves out.
    present = present.groupBy("window_start").agg(F.count("*").alias("present"))
    rows = (
        merged.join(F.broadcast(present), "window_start", "left")
        .withColumns(
            {
                "reason": F.expr(_REASON),
                "fingerprint": F.expr("concat('merged:', merged_windows)"),
                "monitor": F.lit(spec.monitor),
                "granularity": F.lit(granularity),
                "window_end": F.expr(window_end("window_start", granularity, zone)),
                "run_id": F.lit(run_id),
                "package_version": F.lit(__version__),
            }
        )
        .drop("merged_windows", "present")
    )
    scope = Scope(spec.monitor, granularity, [Case(windows)])
    files = 1 + len(windows) * len(hashes) // _ROWS_PER_FILE
    replace(store, PROFILES, rows, scope, run_id=run_id, files=files)


def _target(rows: DataFrame, granularity: str, zone: str) -> DataFrame:
    """`rows` under the start of the longer window that holds theirs."""
    return rows.withColumn("window_start", F.expr(window_start("window_start", granularity, zone)))


def _per_window(rows: DataFrame, name: str) -> DataFrame:
    """One digest per window, over all its slices and features."""
    keys = "slice_key, slice_value, column_name, definition_hash"
    # Features of one window share digests: without the keys, two of a kind would cancel out.
    return rows.groupBy("window_start").agg(
        F.expr(f"concat(count(*), ':', bit_xor(xxhash64({keys}, input_digest)))").alias(name)
    )
