"""Writing what happens to a reference: one row for each decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from pyspark.sql import SparkSession

from sparkdrift import __version__
from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import Event, Name, newest_number
from sparkdrift.spark.reference_life import Stored, read_references, same
from sparkdrift.spark.reference_tables import REFERENCE_EVENTS, REFERENCE_SNAPSHOTS
from sparkdrift.spark.writer import compact, insert_rows
from sparkdrift.store import Store

COMPACTED_EVERY = 50
"""After so many events of a reference the small files of its monitor are joined: each version and
each event is a file of its own, and opening a file takes longer than reading a hundred rows."""


@dataclass(frozen=True)
class Planned:
    """An event that is to be written; its number comes then."""

    action: str
    version: int
    effective_from: datetime
    reason: str = ""
    gate: str | None = None


def write_event(
    spark: SparkSession,
    store: Store,
    name: Name,
    events: Sequence[Event],
    action: str,
    version: int,
    effective_from: datetime,
    *,
    by: str,
    reason: str,
    run_id: str,
    gate: str | None = None,
) -> Event:
    """Write the next event of a reference, in one row; `events` are those it was decided upon.

    Of two who decide upon the same events exactly one is written: the key has the number of the
    event. Raises SnapshotError for the other, whose decision was made without knowing.
    """
    planned = Planned(action, version, effective_from, reason, gate)
    return write_events(spark, store, name, events, [planned], by=by, run_id=run_id)[0]


def write_events(
    spark: SparkSession,
    store: Store,
    name: Name,
    events: Sequence[Event],
    planned: Sequence[Planned],
    *,
    by: str,
    run_id: str,
) -> list[Event]:
    """The same of several events, which are written in one commit, in this order, or not at all."""
    at, first = datetime.now(timezone.utc), newest_number(events) + 1
    made = [
        Event(
            seq=seq,
            version=one.version,
            action=one.action,
            effective_from=one.effective_from,
            at=at,
            by=by,
            reason=one.reason,
            gate=one.gate,
        )
        for seq, one in enumerate(planned, first)
    ]
    rows = [
        {
            "monitor": name.monitor,
            "role": name.role,
            "name": name.name,
            "seq": event.seq,
            "version": event.version,
            "action": event.action,
            "effective_from": event.effective_from,
            "created_at": event.at,
            "created_by": by,
            "reason": event.reason,
            "gate": event.gate,
            "run_id": run_id,
            "package_version": __version__,
        }
        for event in made
    ]
    known = f"SELECT coalesce(max(seq), 0) FROM {store.table(REFERENCE_EVENTS.name)}"
    newest = f"({known} WHERE {same(name)})"
    written = insert_rows(spark, store, REFERENCE_EVENTS, rows, f"{newest} < {first}")
    if written == len(rows):
        if made[-1].seq // COMPACTED_EVERY > (first - 1) // COMPACTED_EVERY:
            for table in (REFERENCE_SNAPSHOTS, REFERENCE_EVENTS):
                compact(spark, store, table, name.monitor)
        return made
    found = read_references(spark, store, name.monitor, [name]).get(name, Stored())
    other = next((one for one in found.events if one.seq == first), None)
    what = f"{other.action} of version {other.version} by {other.by}" if other else "another event"
    version, action = made[0].version, made[0].action
    raise SnapshotError(
        f"{name}: nothing was written for version {version} ({action}): meanwhile came {what}. "
        "Look at `sparkdrift reference list SPEC` and decide again"
    )
