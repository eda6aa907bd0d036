"""What stored rows say of the health of monitors: the same few questions for any number of them.

Everything is summed up where it is stored, to one row per window and thing found. No sketch, no
state and no value of a source reaches the driver.

How many rows do: for each stored window, whatever it alerts on, MOST_COLUMNS + 1 of drift; one for
each figure, signal, assumption, metric and slicing that the spec declares. There is no bound on how
far back but what `retention` keeps: a verdict follows from all windows before it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.explain.told_shares import told_share
from sparkdrift.health.events import Event
from sparkdrift.health.subjects import TERM
from sparkdrift.health.told import Told
from sparkdrift.spark.answers import ALL_ROWS, Ask
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_in_force import InForce, drift_in_force, read_in_force
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.health_questions import (
    among,
    of_drift,
    of_instruments,
    of_terms,
    of_windows,
)
from sparkdrift.spark.model_events import event_of, events_query
from sparkdrift.spark.reference_tables import DEBT_EVENTS
from sparkdrift.spark.views import registered
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

_FEW_ROWS = 500_000
"""Up to so many rows of drift are looked at without compiling: that takes longer than the rows."""
_AT_ONCE = 3
"""Questions at a time: planning one keeps a single core busy, and takes longer than its rows."""
_TIMES = ("start", "end", "since")


@dataclass(frozen=True)
class Stored:
    """Rows of evidence and all events of debts, by monitor; [] where nothing is stored."""

    rows: dict[str, list[Told]]
    events: dict[str, list[Event]]


def stored_by_ask(ask: Ask, specs: Sequence[MonitorSpec]) -> Stored:
    """What `stored_by_spark` answers, by one question after the other: `ask` plans them quickly."""
    parts = (of_windows, of_instruments, of_drift, of_terms)
    rows = (row for part in parts for query in part(specs) for row in ask(query, ALL_ROWS))
    events = ask(events_query(DEBT_EVENTS.name, _own(specs)), ALL_ROWS)
    return _stored(specs, rows, events)


def stored_by_spark(spark: SparkSession, store: Store, specs: Sequence[MonitorSpec]) -> Stored:
    """The same by Spark, where planning a question takes longer than its rows: few, and several at
    a time."""
    with few_rows(spark), ThreadPoolExecutor(_AT_ONCE) as pool:
        looked_up = pool.submit(read_in_force, spark, store, [spec.monitor for spec in specs])
        others = [
            pool.submit(_answers, spark, store, list(parts(specs)))
            for parts in (of_windows, of_instruments)
        ]
        force, told = looked_up.result(), [one.result() for one in others]
        query = events_query(store.table(DEBT_EVENTS.name), _own(specs))
        events = _rows(spark, query)
    few, parts = force.rows <= _FEW_ROWS, list(of_drift(specs))
    more = "current_assumptions" if any("current_assumptions" in one for one in parts) else ""
    with (
        few_rows(spark) if few else nullcontext(),
        drift_in_force(spark, store, force, more),
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        told += pool.map(lambda part: _rows(spark, part), parts)
    stored = _stored(specs, chain(*told), events)
    for one in _terms(force):
        stored.rows[one.monitor].append(one)
    return stored


def _own(specs: Sequence[MonitorSpec]) -> str:
    return f"monitor IN ({among(spec.monitor for spec in specs)})"


def _answers(spark: SparkSession, store: Store, parts: Sequence[str]) -> list[dict[str, Any]]:
    if not parts:
        return []
    query = "\nUNION ALL\n".join(parts)
    with registered(spark, store, query):
        return _rows(spark, query)


def _rows(spark: SparkSession, query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = spark.sql(query).toArrow().to_pylist()
    return found


def _terms(force: InForce) -> Iterator[Told]:
    """When which evaluation set and training reference was in force."""
    for one in force.references:
        if one.name.role in ("evaluation", "training"):
            name = one.name
            yield Told(
                name.monitor,
                TERM,
                one.start,
                end=one.end,
                name=name.role,
                subject=name.name,
                since=one.dated,
            )


def _stored(
    specs: Sequence[MonitorSpec],
    rows: Iterable[Mapping[str, Any]],
    events: Iterable[Mapping[str, Any]],
) -> Stored:
    """Rows of the questions; an instant is made once, however many windows name it."""
    stored = Stored({spec.monitor: [] for spec in specs}, {spec.monitor: [] for spec in specs})
    instant = lru_cache(maxsize=None)(from_micros)
    for row in rows:
        times = {name: None if row[name] is None else instant(row[name]) for name in _TIMES}
        texts = {name: row[name] or "" for name in ("name", "subject")}
        moved = told_share(row["moved"], texts["name"]) if row["moved"] else None
        stored.rows[row["monitor"]].append(Told(**{**row, **times, **texts, "moved": moved}))
    for row in events:
        stored.events[row["monitor"]].append(event_of(row))
    for own in stored.events.values():
        own.sort(key=lambda event: (event.debt, event.seq))
    return stored
