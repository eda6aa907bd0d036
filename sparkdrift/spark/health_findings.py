"""What stored rows say of the health of monitors: the same few questions for any number of them.

Everything is summed up where it is stored, to one row per window and thing found. No sketch, no
state and no value of a source reaches the driver.

How many rows do: for each stored window, whatever it alerts on, MOST_COLUMNS + 1 of drift; one for
each figure, signal, assumption, metric and slicing that the spec declares. There is no bound on how
far back but what `retention` keeps: a verdict follows from all windows before it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from functools import lru_cache
from itertools import chain
from typing import Any

import pyarrow as pa
from pyspark.sql import SparkSession

from sparkdrift.health.gathering import Told
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.drift_in_force import InForce, drift_in_force, read_in_force
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.health_questions import of_drift, of_instruments, of_windows
from sparkdrift.spark.views import registered
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

TERM = "term"
"""A part that is no evidence: a reference that is in force."""
_FEW_ROWS = 500_000
"""Up to so many rows of drift are looked at without compiling: that takes longer than the rows."""
_AT_ONCE = 3
"""Questions at a time: planning one keeps a single core busy, and takes longer than its rows."""
_TIMES = ("start", "end", "since")


def evidence_rows(
    spark: SparkSession, store: Store, specs: Sequence[MonitorSpec]
) -> dict[str, list[Told]]:
    """Rows of evidence by monitor; [] for one of which nothing is stored."""
    found: dict[str, list[Told]] = {spec.monitor: [] for spec in specs}
    if not specs:
        return found
    with few_rows(spark), ThreadPoolExecutor(_AT_ONCE) as pool:
        looked_up = pool.submit(read_in_force, spark, store, list(found))
        others = [
            pool.submit(_answers, spark, store, list(parts(specs)))
            for parts in (of_windows, of_instruments)
        ]
        force, told = looked_up.result(), [one.result() for one in others]
    few, parts = force.rows <= _FEW_ROWS, list(of_drift(specs))
    more = "current_assumptions" if any("current_assumptions" in one for one in parts) else ""
    with (
        few_rows(spark) if few else nullcontext(),
        drift_in_force(spark, store, force, more),
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        told += pool.map(lambda part: spark.sql(part).toArrow(), parts)
    for one in chain(_terms(force), *map(_told, told)):
        found[one.monitor].append(one)
    return found


def _answers(spark: SparkSession, store: Store, parts: Sequence[str]) -> pa.Table:
    if not parts:
        return pa.table({})
    query = "\nUNION ALL\n".join(parts)
    with registered(spark, store, query):
        return spark.sql(query).toArrow()


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


def _told(rows: pa.Table) -> Iterator[Told]:
    """Rows of the questions; an instant is made once, however many windows name it."""
    if not rows.num_rows:
        return
    instant = lru_cache(maxsize=None)(from_micros)
    columns: dict[str, list[Any]] = rows.to_pydict()
    for name in _TIMES:
        columns[name] = [None if at is None else instant(at) for at in columns[name]]
    for name in ("name", "subject"):
        columns[name] = [text or "" for text in columns[name]]
    names = list(columns)
    for row in zip(*columns.values(), strict=True):
        yield Told(**dict(zip(names, row, strict=True)))
