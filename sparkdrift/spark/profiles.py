"""The profiles table: what is stored there, and rows on their way into it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.explain.signals import SHAPED_ROWS, WHOLE
from sparkdrift.spark.changes import Fingerprint, from_micros, timestamp_type
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.local_rows import by_window
from sparkdrift.spark.profile_tables import FIGURES, PROFILES, STATE
from sparkdrift.spark.profiling import TABLE_ROW, described_features, profile
from sparkdrift.spark.slicing import profiled_slices
from sparkdrift.spark.source import Source, instant, near
from sparkdrift.spark.sql import in_windows, string, timestamp
from sparkdrift.spark.window_columns import window_end, window_start
from sparkdrift.spark.writer import Case, Scope, replace
from sparkdrift.spec.digests import STATE_VERSION
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.metrics import PREFIX
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Resolution
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

# Rows per data file: a late window then rewrites a few MB, not the whole year.
_ROWS_PER_FILE = 8_000

# What a stored row was computed from: the window's rows and the feature's definition; see below.
INPUT_DIGEST = (
    "sha2(concat_ws('|', fingerprint, definition_hash, coalesce(data_type, ''),"
    " coalesce(reason, ''), status{decided}), 256)"
)


@dataclass(frozen=True)
class StoredWindow:
    """What `profiles` knows of one window: its ':table' row."""

    window: Window
    rows: int
    fingerprint: str
    status: str
    source_version: int
    definition: str


def stored_windows(
    spark: SparkSession, store: Store, spec: MonitorSpec, granularity: str | None = None
) -> dict[datetime, StoredWindow]:
    """The windows of a monitor in `profiles`, by start; reads no sketch."""
    query = windows_query(store.table(PROFILES.name), spec, granularity)
    return windows_of(spark.sql(query).collect())


def windows_query(table: str, spec: MonitorSpec, granularity: str | None = None) -> str:
    """The query of `stored_windows`; table: what `profiles` is called in it."""
    return (
        "SELECT unix_micros(window_start) AS start, unix_micros(window_end) AS end, row_count,"
        f" fingerprint, status, source_version, definition_hash FROM {table}"
        f" WHERE monitor = {string(spec.monitor)}"
        f" AND granularity = {string(granularity or spec.windows.grain)}"
        f" AND column_name = {string(TABLE_ROW)} AND slice_key = {string(WHOLE)}"
    )


def windows_of(rows: Iterable[Row | Mapping[str, Any]]) -> dict[datetime, StoredWindow]:
    """What `windows_query` answers."""
    found = (
        StoredWindow(
            window=Window(from_micros(row["start"]), from_micros(row["end"])),
            rows=row["row_count"],
            fingerprint=row["fingerprint"],
            status=row["status"],
            source_version=row["source_version"],
            definition=row["definition_hash"],
        )
        for row in rows
    )
    return {window.window.start: window for window in found}


def stored_rows(
    spark: SparkSession, store: Store, spec: MonitorSpec, granularity: str
) -> DataFrame:
    """The rows of one monitor and grain in `profiles`."""
    return spark.table(store.table(PROFILES.name)).where(
        f"monitor = {string(spec.monitor)} AND granularity = {string(granularity)}"
    )


def profiled_rows(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    resolution: Resolution,
    batch: Sequence[Fingerprint],
) -> DataFrame:
    """Scan the source rows of the windows of `batch`."""
    fullest = max(batch, key=lambda one: one.rows)
    return profile(
        spark,
        window_rows(spark, source, spec, [one.window for one in batch]),
        spec,
        resolution.watched,
        profiled_slices(spec, resolution),
        k=spec.sketch.k,
        few=window_rows(spark, source, spec, [fullest.window]),
        batch=batch,
    )


def window_rows(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    windows: Sequence[Window],
    where: str | None = None,
) -> DataFrame:
    """The source rows of some windows, with their window's start in WINDOW; of those that `where`
    holds of, SQL of a row of the table."""
    zone, column = spec.timestamp.zone, spec.timestamp.column
    kind = timestamp_type(source, column)
    at = instant(column, kind, zone)
    wanted = contiguous(windows)
    within = f"{near(column, kind, wanted)} AND {in_windows(at, wanted)}"
    rows = source.rows(spark, where=within if where is None else f"{within} AND {where}")
    return rows.withColumn(WINDOW, F.expr(window_start(at, spec.windows.grain, zone)))


def crowded_windows(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    windows: Sequence[Window],
    features: Sequence[str],
    most: int,
) -> frozenset[datetime]:
    """Starts of those of `windows` in which one of `features` has more than `most` values."""
    listed = ", ".join(map(string, features))
    rows = (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(f"column_name IN ({listed}) AND slice_key = {string(WHOLE)}")
        .where(f"distinct_count > {most} AND {in_windows('window_start', contiguous(windows))}")
        .selectExpr("unix_micros(window_start) AS start")
        .distinct()
    )
    return frozenset(from_micros(row["start"]) for row in rows.collect())


def empty_rows(
    spark: SparkSession,
    source: Source,
    spec: MonitorSpec,
    resolution: Resolution,
    quiet: Sequence[Fingerprint],
) -> DataFrame:
    """A row per feature with no rows in it, for windows that had none."""
    starts = ", ".join(timestamp(one.window.start) for one in quiet)
    described = described_features(spark, spec, resolution.watched)
    return described.selectExpr(
        f"explode(array({starts})) AS window_start",
        f"{string(WHOLE)} AS slice_key",
        f"{string(WHOLE)} AS slice_value",
        "*",
        "0L AS row_count",
        "1D AS sample_weight",
        f"{STATE_VERSION} AS state_version",
        "CASE WHEN reason IS NULL THEN 'insufficient_data' ELSE 'schema_changed' END AS status",
        *_nulls("window_start", "slice_key", "slice_value"),
    ).withColumn("reason", F.expr("coalesce(reason, 'the window has no rows')"))


def unavailable_rows(
    spark: SparkSession, store: Store, spec: MonitorSpec, windows: Sequence[Window]
) -> DataFrame:
    """The stored rows of windows whose source rows are gone, marked so."""
    return (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(in_windows("window_start", contiguous(windows)))
        .withColumn("status", F.lit("source_unavailable"))
        .withColumn("reason", F.lit("the rows of this window are gone from the source"))
    )


def write_profiles(
    store: Store,
    spec: MonitorSpec,
    source: Source,
    rows: DataFrame,
    batch: Sequence[Fingerprint],
    run_id: str,
    *,
    derived: bool = False,
) -> None:
    """Make `rows` the profiles of the windows of `batch`, in one commit.

    `derived` rows are stored rows with a new status: they keep their fingerprint, and
    what was judged from them stays as it is.
    """
    zone, grain = spec.timestamp.zone, spec.windows.grain
    if not derived:
        digests = {one.window.start: one.digest for one in batch}
        known = by_window(rows.sparkSession, digests, "fingerprint")
        rows = rows.join(F.broadcast(known), "window_start")
        rows = rows.withColumn("input_digest", F.expr(_input_digest(source)))
    # In one step: each step is an analysis of the whole plan.
    ready = rows.withColumns(
        {
            "monitor": F.lit(spec.monitor),
            "granularity": F.lit(grain),
            "window_end": F.expr(window_end("window_start", grain, zone)),
            "source_version": F.lit(source.version),
            "run_id": F.lit(run_id),
            "package_version": F.lit(__version__),
        }
    )
    scope = Scope(spec.monitor, grain, [Case([one.window for one in batch])])
    files = 1 + len(batch) * _rows_per_window(spec) // _ROWS_PER_FILE
    replace(store, PROFILES, ready, scope, run_id=run_id, files=files)


def _input_digest(source: Source) -> str:
    """Rows that tell which rows the model shaped rest on the table of decisions as well."""
    if source.decided is None:
        return INPUT_DIGEST.format(decided="")
    shaped = f"column_name = {string(PREFIX + SHAPED)} OR slice_key = {string(SHAPED_ROWS)}"
    # concat_ws leaves NULL out.
    token = f", CASE WHEN {shaped} THEN {string(source.decided.token)} END"
    return INPUT_DIGEST.format(decided=token)


def _rows_per_window(spec: MonitorSpec) -> int:
    # How many values a slice has is not known before the scan; ten is a middling guess,
    # and only the number of files depends on it.
    features = sum(1 for _ in spec.features.declared()) or 20
    return (features + 1) * (1 + 10 * len(spec.slices))


def _nulls(*present: str) -> list[str]:
    described = {"column_name", "kind", "data_type", "row_count", "sample_weight", "state_version"}
    skip = {*present, *described}
    return [
        f"CAST(NULL AS {column.type}) AS `{column.name}`"
        for column in (*FIGURES, *STATE)
        if column.name not in skip
    ]
