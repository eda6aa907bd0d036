"""What a version of a reference is made from, asked before it is made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.references.life import Name
from sparkdrift.spark.answers import ALL_ROWS, Ask
from sparkdrift.spark.profile_tables import PROFILES
from sparkdrift.spark.profiles import StoredWindow, stored_windows, windows_of, windows_query
from sparkdrift.spark.reference_life import (
    Stored,
    read_references,
    references_of,
    references_query,
)
from sparkdrift.spark.source import Source, source_of
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.freezing import Wanted, whole_of


@dataclass(frozen=True)
class Held:
    """The stored windows that an interval is merged from, or what is missing, and the table
    that they are of."""

    windows: Sequence[StoredWindow] = ()
    missing: str | None = None
    source: Source | None = None


@dataclass(frozen=True)
class Known:
    """What is stored of a monitor: all its references, and its windows."""

    references: Mapping[Name, Stored]
    windows: Mapping[datetime, StoredWindow]


def known_by_ask(ask: Ask, spec: MonitorSpec, wanted: Wanted) -> Known:
    """What `snapshot_by_hand` asks the store first, without Spark."""
    references = ask(references_query(str, spec.monitor), ALL_ROWS)
    windows = ask(windows_query(PROFILES.name, spec), ALL_ROWS) if wanted.interval else []
    return Known(references_of(spec.monitor, references), windows_of(windows))


def inputs_of(
    context: Context, spec: MonitorSpec, wanted: Wanted, known: Known | None
) -> tuple[Mapping[Name, Stored], Held]:
    """All references of the monitor, and what a version would be merged from. In a Java that has
    just started each question waits for classes more than for rows, and none for another's answer.
    """
    spark, store = context.spark, context.store
    with ThreadPoolExecutor(2) as threads:
        opened = threads.submit(source_of, spark, spec) if wanted.interval else None
        if known is None:
            read = threads.submit(read_references, spark, store, spec.monitor)
            windows = stored_windows(spark, store, spec) if wanted.interval else {}
            known = Known(read.result(), windows)
        if wanted.interval is None or opened is None:
            return known.references, Held()
        present, missing = whole_of(spec, known.windows, wanted.interval)
        return known.references, Held(present, missing, opened.result())
