"""References in their tables: frozen once, numbered, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.errors import NoRowsError
from sparkdrift.kernels.freezing import (
    BINS_SQL,
    KEYS,
    OF_WINDOWS,
    WINDOW_BINS_SQL,
    WINDOW_SHARES_SQL,
    WINDOW_UNSEEN_SQL,
    freeze,
)
from sparkdrift.references.life import Name
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.content_digest import content_digest
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.merging import merge_profiles
from sparkdrift.spark.metrics import comparable, row_noise, with_values
from sparkdrift.spark.profile_tables import FIGURES, STATE
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import profile
from sparkdrift.spark.reference_life import ALWAYS, Snapshot
from sparkdrift.spark.reference_tables import REFERENCE_PROFILES, REFERENCE_SNAPSHOTS
from sparkdrift.spark.source import Source, instant
from sparkdrift.spark.sql import in_windows, quote
from sparkdrift.spark.writer import insert_rows, replace_attempt
from sparkdrift.spec.columns import is_timestamp
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Resolution
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous, day_of


def merged_reference(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    interval: Window,
    hashes: Sequence[str],
    without: Sequence[Window] = (),
) -> DataFrame:
    """The stored windows of `interval` as one reference; no source row is read.

    `without`: windows that are left out. Only rows of the present definitions take part. The
    merged row and its windows go through one kernel together, so that bins come from the very
    sketch that is stored.
    """
    windows = (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(in_windows("window_start", [interval]))
        .where(F.col("definition_hash").isin(list(hashes)))
        .where("status <> 'insufficient_data'")
        .where(f"NOT {in_windows('window_start', contiguous(without))}")
    )
    merged = merge_profiles(
        windows.withColumn("merged_from", F.col("window_start")), KEYS, spec.sketch.categories
    )
    return _with_bins(spec, with_values(merged, spec), windows)


def scanned_reference(
    spark: SparkSession, spec: MonitorSpec, source: Source, resolution: Resolution
) -> DataFrame:
    """All rows of another table as one reference without windows."""
    profiled = profile(
        spark,
        reference_rows(spark, source),
        spec,
        resolution.watched,
        resolution.usable_slices,
        k=spec.sketch.reference_k,
    )
    return _with_bins(spec, profiled, None)


def reference_rows(spark: SparkSession, source: Source) -> DataFrame:
    """All rows of another table, as if they were of one window."""
    return source.rows(spark).withColumn(WINDOW, F.lit(ALWAYS))


def newest_event(
    spark: SparkSession, spec: MonitorSpec, source: Source, timestamp: str
) -> datetime | None:
    """The day (its begin, UTC) of the newest row of another table; None where it has no such
    column, or rows.

    timestamp: its column. Not the instant, which is one of a row: what is known of a version is
    kept when its rows are erased.
    """
    wanted = timestamp.lower()
    column = next((name for name in source.schema if name.lower() == wanted), None)
    if column is None or not is_timestamp(source.schema[column]):
        return None
    at = instant(column, source.schema[column], spec.timestamp.zone)
    row = source.select(spark, f"unix_micros(max({at})) AS newest").collect()[0]
    return None if row["newest"] is None else day_of(from_micros(row["newest"]))


def _with_bins(spec: MonitorSpec, merged: DataFrame, windows: DataFrame | None) -> DataFrame:
    columns = (*FIGURES, *STATE)
    names = [column.name for column in columns]
    kept = [*KEYS, *names, "definition_hash", "status", "reason"]
    # What only windows have, and only freezing reads.
    of_windows = {
        "window_start": ("timestamp", "window_start"),
        "comparable": ("double", comparable(spec, spec.windows.grain)),
        "row_noise": ("double", row_noise(spec)),
    }
    parts = merged.selectExpr(
        "0 AS part",
        *(f"CAST(NULL AS {sql_type}) AS {name}" for name, (sql_type, _) in of_windows.items()),
        *map(quote, kept),
    )
    if windows is not None:
        # All else would be read, shuffled and handed over for nothing: half of a row.
        types = {column.name: column.type for column in columns}
        own = windows.selectExpr(
            "1 AS part",
            *(f"{sql} AS {name}" for name, (_, sql) in of_windows.items()),
            *(
                quote(name)
                if name in OF_WINDOWS or name not in types
                else f"CAST(NULL AS {types[name]}) AS {quote(name)}"
                for name in kept
            ),
        )
        parts = parts.unionByName(own)
    ordered = parts.repartition(*map(quote, KEYS)).sortWithinPartitions(
        *KEYS, "part", "window_start"
    )
    schema = ", ".join(
        ["part int"]
        + [f"{name} {sql_type}" for name, (sql_type, _) in of_windows.items()]
        + [f"{quote(key)} string" for key in KEYS]
        + [f"{quote(column.name)} {column.type}" for column in columns]
        + ["definition_hash string", "status string", "reason string"]
        + [f"bins {BINS_SQL}", f"window_bins {WINDOW_BINS_SQL}"]
        + [f"window_shares {WINDOW_SHARES_SQL}", f"window_unseen {WINDOW_UNSEEN_SQL}"]
    )
    return ordered.mapInArrow(freeze(spec.drift.bins), schema).drop("part", *of_windows)


def write_reference(
    spark: SparkSession, store: Store, spec: MonitorSpec, rows: DataFrame, about: dict[str, Any]
) -> Snapshot | None:
    """Store a reference: its profiles first, the row that makes it exist last.

    `about` are the columns of `reference_snapshots` that the caller knows, `version`
    and `run_id` among them. None when somebody else took that version meanwhile; what
    was written then stays invisible, because readers join on the run id.
    """
    name = Name(spec.monitor, about["role"], about["name"])
    key = {
        "monitor": spec.monitor,
        "role": name.role,
        "name": name.name,
        "version": about["version"],
        "run_id": about["run_id"],
        "package_version": __version__,
    }
    if "key_sketch" not in rows.columns:
        rows = rows.withColumn("key_sketch", F.lit(None).cast("binary"))
    rows = rows.withColumns({column: F.lit(value) for column, value in key.items()})
    attempt = {column: key[column] for column in ("monitor", "role", "name", "version")}
    replace_attempt(store, REFERENCE_PROFILES, rows, attempt, run_id=about["run_id"])
    digest, total = content_digest(spark, store, name, about["version"], about["run_id"])
    if not total:
        raise NoRowsError(
            f"{name} would hold no rows: "
            f"{about['source']} has none that it admits; choose another interval, table or filter"
        )
    row = {**about, **key, "digest": digest, "rows": total}
    added = insert_rows(spark, store, REFERENCE_SNAPSHOTS, [row])
    if not added:
        return None
    begin = about.get("interval_start")
    return Snapshot(
        version=about["version"],
        run_id=about["run_id"],
        source=about["source"],
        source_filter=about["source_filter"],
        interval=None if begin is None else Window(begin, about["interval_end"]),
        windows=about["windows"],
        rows=total,
        digest=digest,
        source_id=about["source_id"],
        source_version=about["source_version"],
        k=about["k_effective"],
        parent=about["parent"],
        created_at=about["created_at"],
        created_by=about["created_by"],
        note=about["note"],
        declared=about.get("declared"),
        newest_event=about.get("newest_event"),
    )
