"""References in their tables: frozen once, numbered, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from sparkdrift import __version__
from sparkdrift.errors import SnapshotError
from sparkdrift.kernels.freezing import (
    BINS_SQL,
    KEYS,
    WINDOW_BINS_SQL,
    WINDOW_SHARES_SQL,
    freeze,
)
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.merging import merge_profiles
from sparkdrift.spark.metrics import comparable, row_noise, with_values
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.profiling import profile
from sparkdrift.spark.schemas import (
    FIGURES,
    REFERENCE_EVENTS,
    REFERENCE_PROFILES,
    REFERENCE_SNAPSHOTS,
    STATE,
)
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import in_windows, quote, string
from sparkdrift.spark.writer import insert_rows, replace_attempt
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Resolution
from sparkdrift.store import Store
from sparkdrift.windows import Window

ROLE = "baseline"
TRAINING = "training"
"""The role, and the name, of the reference that the comparison `training` is with."""
_PUTTING = ("activate", "force")
ALWAYS = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Snapshot:
    """One row of `reference_snapshots`, as far as later steps need it.

    `activated`: whether an event ever put it in force; `since`: from which window start on the
    first of them did.
    """

    version: int
    run_id: str
    source: str
    source_filter: str | None
    interval: Window | None
    windows: int
    rows: int
    digest: str
    activated: bool = False
    since: datetime | None = None


@dataclass(frozen=True)
class Active:
    """A version in force for windows that start in [start, end); end None: still."""

    snapshot: Snapshot
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class References:
    """All that is stored of one reference.

    `versions`: every version, oldest first. `active`: which of them is in force from when,
    in order of time, without gaps after the first. `training`: the same of the reference of
    that role, where the spec compares with it.
    """

    versions: tuple[Snapshot, ...] = ()
    active: tuple[Active, ...] = ()
    training: tuple[Active, ...] = ()


InForce = Mapping[str, tuple[Active, ...]]
"""By comparison: which version of which reference it reads, from when on."""


def in_force(spec: MonitorSpec, stored: References) -> InForce:
    """What each comparison of the spec reads.

    `origin` stays with version 1 from where that first came into force; comparisons of two
    windows take the bins and the usual variation of the reference in force.
    """
    first = [one for one in stored.versions if one.version == 1 and one.since is not None]
    origin = tuple(Active(one, one.since, None) for one in first if one.since is not None)
    other = {"origin": origin, "training": stored.training}
    return {name: other.get(name, stored.active) for name in spec.drift.comparisons}


def stored_references(
    spark: SparkSession, store: Store, spec: MonitorSpec, name: str | None
) -> References:
    """Versions and events of one reference in one query: each query costs half a second.

    And of the role `training`, if the spec compares with it. `name` None: of that alone.
    """
    wanted = [_named(spec, name)] if name is not None else []
    if TRAINING in spec.drift.comparisons:
        wanted.append(_named(spec, TRAINING, TRAINING))
    where = " OR ".join(f"({one})" for one in wanted) or "false"
    columns = "role, version, run_id, source, source_filter, windows, rows, digest"
    nulls = (
        "CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS STRING), CAST(NULL AS INT),"
        " CAST(NULL AS BIGINT), CAST(NULL AS STRING)"
    )
    query = (
        f"SELECT {columns}, unix_micros(interval_start) AS start,"
        " unix_micros(interval_end) AS end, CAST(NULL AS BIGINT) AS seq,"
        " CAST(NULL AS STRING) AS action"
        f" FROM {store.table(REFERENCE_SNAPSHOTS.name)} WHERE {where}"
        f" UNION ALL SELECT role, version, {nulls}, unix_micros(effective_from), NULL, seq, action"
        f" FROM {store.table(REFERENCE_EVENTS.name)} WHERE {where}"
    )
    with few_rows(spark):
        rows = spark.sql(query).collect()
    versions, active = _of_role([row for row in rows if row["role"] == ROLE])
    _, training = _of_role([row for row in rows if row["role"] == TRAINING])
    return References(versions, active, training)


def _of_role(rows: Sequence[Row]) -> tuple[tuple[Snapshot, ...], tuple[Active, ...]]:
    """(versions, oldest first, which is in force from when) of one reference."""
    events = sorted((row for row in rows if row["seq"] is not None), key=lambda row: row["seq"])
    activated = {event["version"] for event in events}
    since = {
        event["version"]: from_micros(event["start"])
        for event in reversed(events)
        if event["action"] in _PUTTING
    }
    versions = [
        Snapshot(
            version=row["version"],
            run_id=row["run_id"],
            source=row["source"],
            source_filter=row["source_filter"],
            interval=None
            if row["start"] is None
            else Window(from_micros(row["start"]), from_micros(row["end"])),
            windows=row["windows"],
            rows=row["rows"],
            digest=row["digest"],
            activated=row["version"] in activated,
            since=since.get(row["version"]),
        )
        for row in rows
        if row["seq"] is None
    ]
    versions.sort(key=lambda one: one.version)
    return tuple(versions), _active(versions, events)


def _active(versions: Sequence[Snapshot], events: Sequence[Row]) -> tuple[Active, ...]:
    """Which version is in force from when: the applicable event with the highest number.

    `events` in the order of their numbers. A window is judged by the version in force at
    its start.
    """
    by_version = {one.version: one for one in versions}
    in_force: list[Active] = []
    for event in events:
        if event["action"] not in _PUTTING:
            continue
        start = from_micros(event["start"])
        # A later event overrules all earlier ones from its own start on.
        in_force = [one for one in in_force if one.start < start]
        if in_force:
            in_force[-1] = Active(in_force[-1].snapshot, in_force[-1].start, start)
        in_force.append(Active(by_version[event["version"]], start, None))
    return tuple(in_force)


def merged_reference(
    spark: SparkSession, store: Store, spec: MonitorSpec, interval: Window, hashes: Sequence[str]
) -> DataFrame:
    """The stored windows of `interval` as one reference; no source row is read.

    Only rows of the present definitions take part. The merged row and its windows go
    through one kernel together, so that bins come from the very sketch that is stored.
    """
    windows = (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where(in_windows("window_start", [interval]))
        .where(F.col("definition_hash").isin(list(hashes)))
        .where("status <> 'insufficient_data'")
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
        own = windows.selectExpr(
            "1 AS part",
            *(f"{sql} AS {name}" for name, (_, sql) in of_windows.items()),
            *map(quote, kept),
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
        + [f"window_shares {WINDOW_SHARES_SQL}"]
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
    key = {
        "monitor": spec.monitor,
        "role": ROLE,
        "name": about["name"],
        "version": about["version"],
        "run_id": about["run_id"],
        "package_version": __version__,
    }
    rows = rows.withColumns({column: F.lit(value) for column, value in key.items()})
    attempt = {column: key[column] for column in ("monitor", "role", "name", "version")}
    replace_attempt(store, REFERENCE_PROFILES, rows, attempt, run_id=about["run_id"])
    digest, total = content_digest(spark, store, spec, about["name"], key)
    if not total:
        raise SnapshotError(
            f"reference {about['name']} of {spec.monitor} would hold no rows: "
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
    )


def content_digest(
    spark: SparkSession, store: Store, spec: MonitorSpec, name: str, key: dict[str, Any]
) -> tuple[str, int]:
    """(digest over every stored row of a version, number of source rows it holds)."""
    content = ", ".join(
        f"coalesce(CAST({quote(column.name)} AS STRING), '')"
        for column in (*FIGURES, *STATE)
        if column.name not in ("kll", "hll")
    )
    row = (
        spark.table(store.table(REFERENCE_PROFILES.name))
        .where(f"{_named(spec, name)} AND version = {int(key['version'])}")
        .where(f"run_id = {string(key['run_id'])}")
        .selectExpr(
            "slice_key",
            "column_name",
            "row_count",
            "sha2(concat_ws('|', slice_key, coalesce(slice_value, ''), column_name,"
            f" definition_hash, {content}, coalesce(hex(kll), ''), coalesce(hex(hll), ''),"
            " CAST(bins AS STRING)), 256) AS row_digest",
        )
        .selectExpr(
            "sha2(array_join(array_sort(collect_list(row_digest)), ','), 256) AS digest",
            "max(CASE WHEN slice_key = '*' THEN row_count END) AS rows",
        )
        .collect()[0]
    )
    return str(row["digest"]), int(row["rows"] or 0)


def activate(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    name: str,
    version: int,
    effective_from: datetime,
    *,
    by: str,
    reason: str,
    run_id: str,
) -> None:
    """Put a version in force for windows that start at `effective_from` or later."""
    while True:
        newest = spark.sql(
            f"SELECT coalesce(max(seq), 0) AS seq FROM {store.table(REFERENCE_EVENTS.name)}"
            f" WHERE {_named(spec, name)}"
        ).collect()[0]["seq"]
        event = {
            "monitor": spec.monitor,
            "role": ROLE,
            "name": name,
            "seq": newest + 1,
            "version": version,
            "action": "activate",
            "effective_from": effective_from,
            "created_at": datetime.now(timezone.utc),
            "created_by": by,
            "reason": reason,
            "run_id": run_id,
            "package_version": __version__,
        }
        # Of two writers of one number one wins; the other takes the next.
        if insert_rows(spark, store, REFERENCE_EVENTS, [event]):
            return


def _named(spec: MonitorSpec, name: str, role: str = ROLE) -> str:
    return f"monitor = {string(spec.monitor)} AND role = {string(role)} AND name = {string(name)}"
