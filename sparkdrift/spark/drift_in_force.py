"""Which rows of `drift` are in force, looked up once for all questions about several monitors.

The view `current_drift` looks it up in each question, by several scans of small tables: planning
those takes longer than the rows of a hundred monitors.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.pandas.types import from_arrow_schema

from sparkdrift.references.life import PUTTING, Event, Name, erased, terms
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.reference_tables import REFERENCE_EVENTS, REFERENCE_SNAPSHOTS
from sparkdrift.spark.schemas import RUNS
from sparkdrift.spark.sql import quote, string
from sparkdrift.spark.views import POLICIES, alerts_query, drift_query, registered
from sparkdrift.store import Store

_INSTANT = pa.timestamp("us", tz="UTC")
_POLICIES = pa.schema([("monitor", pa.string()), ("policy_hash", pa.string())])
_ORIGINS = pa.schema(
    [("monitor", pa.string()), ("name", pa.string()), ("effective_from", _INSTANT)]
)
_REFERENCES = pa.schema(
    [
        *(("monitor", pa.string()), ("role", pa.string()), ("name", pa.string())),
        *(("version", pa.int32()), ("effective_from", _INSTANT), ("effective_until", _INSTANT)),
    ]
)


@dataclass(frozen=True)
class ReferenceInForce:
    """A version in force for windows that start in [start, end); end None: still. dated: the newest
    event that it holds; None: not known."""

    name: Name
    version: int
    start: datetime
    end: datetime | None
    dated: datetime | None


@dataclass(frozen=True)
class InForce:
    """policies: by monitor. origins: where version 1 of a baseline came into force. rows: of drift,
    of all policies and references."""

    references: tuple[ReferenceInForce, ...]
    policies: dict[str, str]
    origins: dict[Name, datetime]
    rows: int


def read_in_force(spark: SparkSession, store: Store, monitors: Collection[str]) -> InForce:
    """What decides which rows of drift count, in one query."""
    own = f"monitor IN ({', '.join(string(one) for one in sorted(monitors))})"
    policies = POLICIES.format(runs=store.table(RUNS.name))
    rows = (
        spark.sql(
            "SELECT monitor, role, name, version, seq, action, unix_micros(effective_from) AS at,"
            " CAST(NULL AS STRING) AS policy_hash, CAST(NULL AS BIGINT) AS rows"
            f" FROM {store.table(REFERENCE_EVENTS.name)} WHERE {own}"
            " UNION ALL SELECT monitor, role, name, version, NULL, 'snapshot',"
            " unix_micros(coalesce(newest_event, interval_end)), NULL, NULL"
            f" FROM {store.table(REFERENCE_SNAPSHOTS.name)} WHERE {own}"
            " UNION ALL SELECT monitor, NULL, NULL, NULL, NULL, 'policy', NULL, policy_hash, NULL"
            f" FROM ({policies}) WHERE {own}"
            " UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, 'drift', NULL, NULL, count(*)"
            f" FROM {store.table(DRIFT.name)} WHERE {own}"
        )
        .toArrow()
        .to_pylist()
    )
    by_name: dict[Name, list[dict[str, Any]]] = {}
    for row in rows:
        if row["role"] is not None:
            by_name.setdefault(Name(row["monitor"], row["role"], row["name"]), []).append(row)
    known = {name: _known(own) for name, own in by_name.items()}
    found = {name: begun for name, (events, _) in known.items() if (begun := _origin(name, events))}
    return InForce(
        tuple(one for name, told in known.items() for one in _references(name, *told)),
        {row["monitor"]: row["policy_hash"] for row in rows if row["action"] == "policy"},
        found,
        next(row["rows"] for row in rows if row["action"] == "drift"),
    )


def _known(rows: list[dict[str, Any]]) -> tuple[list[Event], dict[int, datetime | None]]:
    """The events of a reference, and of each stored version how new it is."""
    events = [
        Event(row["seq"], row["version"], row["action"], from_micros(row["at"]))
        for row in rows
        if row["seq"] is not None
    ]
    stored = {
        row["version"]: None if row["at"] is None else from_micros(row["at"])
        for row in rows
        if row["seq"] is None
    }
    return events, stored


def _references(
    name: Name, events: list[Event], stored: dict[int, datetime | None]
) -> Iterator[ReferenceInForce]:
    gone = erased(events)
    for term in terms(events):
        if term.version in stored and term.version not in gone:
            dated = stored[term.version]
            yield ReferenceInForce(name, term.version, term.start, term.end, dated)


def _origin(name: Name, events: list[Event]) -> datetime | None:
    """Where version 1 of a baseline first came into force; None: never, or it was erased."""
    put = [one for one in events if one.version == 1 and one.action in PUTTING]
    if name.role != "baseline" or not put or 1 in erased(events):
        return None
    return min(put, key=lambda one: one.seq).effective_from


@contextmanager
def drift_in_force(spark: SparkSession, store: Store, force: InForce, more: str) -> Iterator[None]:
    """The views `current_drift` and `alerts` inside, of the monitors of `force` alone, and `more`
    that are named."""
    references = [
        (*(one.name.monitor, one.name.role, one.name.name), one.version, one.start, one.end)
        for one in force.references
    ]
    origins = [(one.monitor, one.name, at) for one, at in force.origins.items()]
    given = {
        "active_references": _table(_REFERENCES, references),
        "policies": _table(_POLICIES, list(force.policies.items())),
        "origins": _table(_ORIGINS, origins),
    }
    own = {name: f"sparkdrift_of_these_{name}" for name in given}
    quoted = {name: quote(view) for name, view in own.items()} | {DRIFT.name: quote(DRIFT.name)}
    views = {
        "current_drift": drift_query(quoted),
        "alerts": alerts_query(quote("current_drift")),
    }
    with registered(spark, store, f"{DRIFT.name} {more}"):
        try:
            for name, rows in given.items():
                # Over Connect no schema is taken from a table without rows.
                frame = spark.createDataFrame(rows, from_arrow_schema(rows.schema))
                frame.createOrReplaceTempView(own[name])
            for name, query in views.items():
                spark.sql(query).createOrReplaceTempView(name)
            yield
        finally:
            for name in (*views, *own.values()):
                spark.catalog.dropTempView(name)


def _table(schema: pa.Schema, rows: list[tuple[Any, ...]]) -> pa.Table:
    return pa.Table.from_pylist([dict(zip(schema.names, row, strict=True)) for row in rows], schema)
