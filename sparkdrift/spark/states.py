"""The table `states`: what is kept of pairs, on its way in and out."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.freezing import WINDOW_BINS_SQL, WINDOW_SHARES_SQL, WINDOW_UNSEEN_SQL
from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.local_rows import by_window
from sparkdrift.spark.merging import merged_digest
from sparkdrift.spark.pairs import KIND, FeaturePair, merged_cells, pair_states, whole_slice
from sparkdrift.spark.profile_tables import NOT_OF_LABELS, STATES
from sparkdrift.spark.profiles import stored_rows, window_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.references import reference_rows
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import in_windows, string
from sparkdrift.spark.stamping import stamped
from sparkdrift.spark.window_columns import window_start
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.digests import pair_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

PAIR = ":pair"
"""In front of a pair's name where references keep it, among the features."""

_INPUT_DIGEST = "sha2(concat_ws('|', fingerprint, definition_hash), 256)"
_ROWS_PER_FILE = 200_000


def write_pairs(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    source: Source,
    pairs: Sequence[FeaturePair],
    batch: Sequence[Fingerprint],
    run_id: str,
) -> None:
    """Scan the windows of `batch` for their pairs, and store what was found in one commit.

    To be written before the profiles: those make a window count as done.
    """
    rows = window_rows(spark, source, spec, [one.window for one in batch])
    known = by_window(spark, {one.window.start: one.digest for one in batch}, "fingerprint")
    found = (
        pair_states(rows, spec, pairs)
        .join(F.broadcast(known), "window_start")
        .withColumn("input_digest", F.expr(_INPUT_DIGEST))
        .withColumn("source_version", F.lit(source.version))
    )
    windows = [one.window for one in batch]
    _write(store, spec, found, spec.windows.grain, windows, len(pairs), run_id)


def write_pair_rollups(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    granularity: str,
    finer: str,
    windows: Sequence[Window],
    pairs: Sequence[FeaturePair],
    run_id: str,
) -> None:
    """Merge the states of the grain `finer` into `windows` of `granularity`.

    Only what `pairs` mean now is merged, as of features: a week in which one was redefined
    would have a row for each meaning.
    """
    zone = spec.timestamp.zone
    present = [pair_hash(spec, *pair) for pair in pairs]
    stored = (
        current_states(spark, store, spec, finer)
        .where(in_windows("window_start", contiguous(windows)))
        .where(F.col("definition_hash").isin(present))
        .withColumn("merged_from", F.col("window_start"))
        .withColumn("window_start", F.expr(window_start("window_start", granularity, zone)))
    )
    merged = stored.groupBy("window_start", "name", "columns", "definition_hash").agg(
        F.expr(merged_cells("merged_from")).alias("cells"),
        F.expr(merged_digest()).alias("input_digest"),
        F.expr("concat('merged:', count(*))").alias("fingerprint"),
        F.max("source_version").alias("source_version"),
    )
    _write(store, spec, merged, granularity, windows, 200, run_id)


def _write(
    store: Store,
    spec: MonitorSpec,
    rows: DataFrame,
    granularity: str,
    windows: Sequence[Window],
    names: int,
    run_id: str,
) -> None:
    ready = stamped(rows, spec, granularity, run_id, **whole_slice(), kind=KIND, **NOT_OF_LABELS)
    scope = Scope(spec.monitor, granularity, [Case(windows, {"kind": KIND})])
    files = 1 + len(windows) * names // _ROWS_PER_FILE
    replace(store, STATES, ready, scope, run_id=run_id, files=files)


def stored_states(
    spark: SparkSession, store: Store, spec: MonitorSpec, granularity: str
) -> DataFrame:
    """The rows of one monitor and grain in `states` that are of pairs."""
    return spark.table(store.table(STATES.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(granularity)}"
        f" AND kind = {string(KIND)}"
    )


def current_states(
    spark: SparkSession, store: Store, spec: MonitorSpec, granularity: str
) -> DataFrame:
    """The same, but for those that another reading of their window has overtaken."""
    states = stored_states(spark, store, spec, granularity)
    if granularity != spec.windows.grain:
        return states
    known = (
        stored_rows(spark, store, spec, granularity)
        .where(f"column_name = {string(TABLE_ROW)} AND slice_key = {string(WHOLE)}")
        .select("window_start", "fingerprint")
    )
    return states.join(known, ["window_start", "fingerprint"], "left_semi")


def merged_pairs(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    interval: Window,
    pairs: Sequence[FeaturePair],
) -> DataFrame:
    """The pairs of a reference, from the states of its windows, as rows of reference_profiles."""
    present = [pair_hash(spec, *pair) for pair in pairs]
    states = (
        current_states(spark, store, spec, spec.windows.grain)
        .where(in_windows("window_start", [interval]))
        .where(F.col("definition_hash").isin(present))
    )
    windows = "struct(window_start, CAST(NULL AS INT) AS k, cells AS counts)"
    merged = states.groupBy("name", "columns", "definition_hash").agg(
        F.expr(merged_cells("window_start")).alias("cells"),
        F.expr(f"array_sort(collect_list({windows}))").alias("window_bins"),
    )
    return _of_reference(merged)


def scanned_pairs(
    spark: SparkSession, spec: MonitorSpec, source: Source, pairs: Sequence[FeaturePair]
) -> DataFrame:
    """The pairs of another table as a reference without windows."""
    none = f"CAST(array() AS {WINDOW_BINS_SQL})"
    found = pair_states(reference_rows(spark, source), spec, pairs)
    return _of_reference(found.withColumn("window_bins", F.expr(none)))


def _of_reference(rows: DataFrame) -> DataFrame:
    return rows.selectExpr(
        f"{string(WHOLE)} AS slice_key",
        f"{string(WHOLE)} AS slice_value",
        f"concat({string(PAIR)}, name) AS column_name",
        "'pair' AS kind",
        "CAST(cells[0] AS BIGINT) AS row_count",
        "struct(CAST(NULL AS ARRAY<DOUBLE>) AS edges, columns AS items, cells AS counts) AS bins",
        "window_bins",
        f"CAST(NULL AS {WINDOW_SHARES_SQL}) AS window_shares",
        f"CAST(NULL AS {WINDOW_UNSEEN_SQL}) AS window_unseen",
        "'ok' AS status",
        "definition_hash",
    )
