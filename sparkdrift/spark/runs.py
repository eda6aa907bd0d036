"""The table `runs` as the journal reads and writes it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from pyspark.sql import Row as SparkRow
from pyspark.sql import SparkSession

from sparkdrift import __version__
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.schemas import RUNS
from sparkdrift.spark.sql import string
from sparkdrift.spark.writer import insert_rows
from sparkdrift.store import Store

Row = Mapping[str, Any] | SparkRow
MENDED = "migrate"
"""The step that says that a table was made good, so that what was done before may be gone."""


@dataclass(frozen=True)
class Success:
    """The last time a step succeeded for a monitor. inputs: (table id, version) by role."""

    scope_digest: str | None
    as_of: datetime | None
    source_id: str | None
    source_version: int | None
    inputs: Mapping[str, tuple[str, int]] = field(default_factory=dict)


@dataclass(frozen=True)
class Begun:
    """A start of a step that no success followed: when, and what it said that it would do."""

    at: datetime
    told: tuple[str, ...]


def recalled(
    spark: SparkSession, store: Store, monitor: str, step: str, phase: str = "SUCCEEDED"
) -> tuple[Success | None, datetime | None]:
    """(the newest SUCCEEDED row of `step` that covered everything due; the time of the newest row
    of the monitor). None where there is no such row.

    A row without a scope digest is of a backfill, which proves nothing about the windows
    that it was not asked for; nor does one from before tables were made good.
    `phase`: STARTED for the newest start instead.
    """
    with few_rows(spark):
        (row,) = spark.sql(
            "SELECT unix_micros(max(at)) AS newest, max_by(struct(unix_micros(at) AS at,"
            " scope_digest, unix_micros(as_of) AS as_of, inputs), at) FILTER (WHERE"
            f" step = {string(step)} AND phase = {string(phase)} AND scope_digest IS NOT NULL)"
            f" AS found, unix_micros(max(at) FILTER (WHERE step = {string(MENDED)})) AS mended"
            f" FROM {store.table(RUNS.name)} WHERE monitor = {string(monitor)}"
        ).collect()
    newest = None if row["newest"] is None else from_micros(row["newest"])
    found = row["found"]
    if found is None or (row["mended"] is not None and row["mended"] > found["at"]):
        return None, newest
    source = next((one for one in found["inputs"] or [] if one["role"] == "source"), None)
    success = Success(
        scope_digest=found["scope_digest"],
        as_of=None if found["as_of"] is None else from_micros(found["as_of"]),
        source_id=source and source["table_id"],
        source_version=source and source["version"],
        inputs={one["role"]: (one["table_id"], one["version"]) for one in found["inputs"] or []},
    )
    return success, newest


@dataclass(frozen=True)
class LookedUp:
    """What `runs` has of a monitor. newest: the time of its newest row; attempts: by step, how
    often a run id was used before."""

    newest: datetime
    attempts: Mapping[str, int] = field(default_factory=dict)


def looked_up(
    spark: SparkSession, store: Store, monitors: Collection[str], run_id: str | None = None
) -> dict[str, LookedUp]:
    """By monitor, for each of these that has any row; run_id: whose attempts are counted."""
    query = looked_up_query(store.table(RUNS.name), monitors, run_id)
    with few_rows(spark):
        return looked_up_of(spark.sql(query).collect())


def looked_up_query(table: str, monitors: Collection[str], run_id: str | None) -> str:
    """The query of `looked_up`; table: what `runs` is called in it."""
    names = ", ".join(map(string, sorted(monitors)))
    own = "CAST(NULL AS INT)"
    if run_id is not None:
        own = f"CASE WHEN run_id = {string(run_id)} THEN attempt END"
    return (
        f"SELECT monitor, step, unix_micros(max(at)) AS newest, max({own}) AS attempt FROM {table}"
        f" WHERE monitor IN ({names}) GROUP BY monitor, step"
    )


def looked_up_of(rows: Iterable[Row]) -> dict[str, LookedUp]:
    """What `looked_up_query` answers."""
    newest: dict[str, int] = {}
    attempts: dict[str, dict[str, int]] = {}
    for row in rows:
        name = row["monitor"]
        newest[name] = max(newest.get(name, row["newest"]), row["newest"])
        if row["attempt"] is not None:
            attempts.setdefault(name, {})[row["step"]] = row["attempt"]
    return {name: LookedUp(from_micros(at), attempts.get(name, {})) for name, at in newest.items()}


# What began so long before and has no end by then was interrupted, and does not go on.
_GOES_ON = "INTERVAL '1' DAY"


def settled_scope(spark: SparkSession, store: Store, monitor: str, step: str) -> str | None:
    """The scope digest of the newest success of `step`; None where there is none, where any step of
    the monitor began work since, or where one of another run may have written after `step` read: it
    had begun before, and was not over then. A step that took what was read
    before it began has seen to it that nothing was written in between."""
    name = string(step)
    with few_rows(spark):
        (row,) = spark.sql(
            f"WITH own AS (SELECT * FROM {store.table(RUNS.name)}"
            f" WHERE monitor = {string(monitor)}),"
            " newest AS (SELECT max_by(scope_digest, at) AS scope, max(at) AS ended,"
            " max_by(at - seconds * INTERVAL '1' SECOND, at) AS read"
            f" FROM own WHERE step = {name} AND phase = 'SUCCEEDED'),"
            " begun AS (SELECT step, max(CASE WHEN phase = 'STARTED' THEN at END) AS started,"
            " max(CASE WHEN phase <> 'STARTED' THEN at END) AS finished"
            " FROM own GROUP BY run_id, step, attempt)"
            " SELECT any_value(scope) AS scope, count_if(started > ended OR"
            f" (step <> {name} AND started > read - {_GOES_ON}"
            " AND NOT coalesce(finished >= started AND finished <= read, false))) AS others"
            " FROM begun CROSS JOIN newest"
        ).collect()
    return None if row["scope"] is None or row["others"] else str(row["scope"])


def begun(spark: SparkSession, store: Store, monitor: str, step: str) -> tuple[Begun, ...]:
    """The starts of `step` since it last succeeded, oldest first: what they began is not done."""
    with few_rows(spark):
        rows = spark.sql(
            "SELECT phase, unix_micros(at) AS at, warnings"
            f" FROM {store.table(RUNS.name)} WHERE monitor = {string(monitor)}"
            f" AND step = {string(step)} AND phase IN ('STARTED', 'SUCCEEDED')"
        ).collect()
    found: list[Begun] = []
    for row in sorted(rows, key=lambda row: row["at"]):
        one = Begun(from_micros(row["at"]), tuple(row["warnings"] or ()))
        found = [*found, one] if row["phase"] == "STARTED" else []
    return tuple(found)


def unfinished(spark: SparkSession, store: Store, step: str) -> dict[str, datetime]:
    """The monitors for which `step` began and no success followed: since when."""
    with few_rows(spark):
        rows = spark.sql(
            "SELECT monitor, unix_micros(min(at)) AS since FROM (SELECT monitor, phase, at,"
            " max(CASE WHEN phase = 'SUCCEEDED' THEN at END) OVER (PARTITION BY monitor) AS done"
            f" FROM {store.table(RUNS.name)} WHERE step = {string(step)})"
            " WHERE phase = 'STARTED' AND (done IS NULL OR at > done) GROUP BY monitor"
        ).collect()
    return {row["monitor"]: from_micros(row["since"]) for row in rows}


def write_runs(spark: SparkSession, store: Store, rows: tuple[Mapping[str, Any], ...]) -> None:
    """Add rows of `runs` in one commit."""
    with few_rows(spark):
        insert_rows(spark, store, RUNS, rows)


def write_mended(spark: SparkSession, store: Store, what: Sequence[str]) -> None:
    """Tell every monitor that tables were made good, behind its newest row; `what`, in words."""
    runs = spark.sql(f"SELECT DISTINCT monitor FROM {store.table(RUNS.name)}").collect()
    known = looked_up(spark, store, [row["monitor"] for row in runs]) if runs else {}
    newest = {name: one.newest for name, one in known.items()}
    now, run_id = datetime.now(timezone.utc), uuid.uuid4().hex[:12]
    rows = [
        {
            "monitor": monitor,
            "run_id": run_id,
            "step": MENDED,
            "attempt": 1,
            "phase": phase,
            "at": max(now, at + timedelta(microseconds=1)) + timedelta(microseconds=place),
            "inputs": [],
            "windows": 0,
            "rows_scanned": 0,
            "seconds": 0.0,
            "warnings": [f"made good: {one}" for one in what],
            "package_version": __version__,
        }
        for monitor, at in newest.items()
        for place, phase in enumerate(("STARTED", "SUCCEEDED"))
    ]
    if rows:
        write_runs(spark, store, tuple(rows))
