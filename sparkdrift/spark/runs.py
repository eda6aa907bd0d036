"""The table `runs` as the journal reads and writes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.schemas import RUNS
from sparkdrift.spark.sql import string
from sparkdrift.spark.writer import insert_rows
from sparkdrift.store import Store


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


def last_success(
    spark: SparkSession, store: Store, monitor: str, step: str, phase: str = "SUCCEEDED"
) -> Success | None:
    """The newest SUCCEEDED row of `step` that covered everything due, or None.

    A row without a scope digest is of a backfill, which proves nothing about the windows
    that it was not asked for. `phase`: STARTED for the newest start instead.
    """
    with few_rows(spark):
        rows = spark.sql(
            "SELECT scope_digest, unix_micros(as_of) AS as_of, inputs"
            f" FROM {store.table(RUNS.name)} WHERE monitor = {string(monitor)}"
            f" AND step = {string(step)} AND phase = {string(phase)} AND scope_digest IS NOT NULL"
            " ORDER BY at DESC LIMIT 1"
        ).collect()
    if not rows:
        return None
    row = rows[0]
    source = next((one for one in row["inputs"] or [] if one["role"] == "source"), None)
    return Success(
        scope_digest=row["scope_digest"],
        as_of=None if row["as_of"] is None else from_micros(row["as_of"]),
        source_id=source and source["table_id"],
        source_version=source and source["version"],
        inputs={one["role"]: (one["table_id"], one["version"]) for one in row["inputs"] or []},
    )


# What began so long before and has no end by then was interrupted, and does not go on.
_GOES_ON = "INTERVAL '1' DAY"


def settled_scope(spark: SparkSession, store: Store, monitor: str, step: str) -> str | None:
    """The scope digest of the newest success of `step`; None where there is none, where any step of
    the monitor began work since, or where one of another run may have written after `step` read: it
    had begun before, and was not over then."""
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


def attempts(spark: SparkSession, store: Store, run_id: str) -> dict[tuple[str, str], int]:
    """How often this run id was used before, by (monitor, step)."""
    with few_rows(spark):
        rows = spark.sql(
            f"SELECT monitor, step, max(attempt) AS attempt FROM {store.table(RUNS.name)}"
            f" WHERE run_id = {string(run_id)} GROUP BY monitor, step"
        ).collect()
    return {(row["monitor"], row["step"]): row["attempt"] for row in rows}


def write_runs(spark: SparkSession, store: Store, rows: tuple[Mapping[str, Any], ...]) -> None:
    """Add rows of `runs` in one commit."""
    with few_rows(spark):
        insert_rows(spark, store, RUNS, rows)
