"""Writing what happens to a reference: one row for each decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from pyspark.sql import SparkSession

from sparkdrift import __version__
from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import Event, Name, newest_number
from sparkdrift.spark.reference_life import Stored, read_references
from sparkdrift.spark.schemas import REFERENCE_EVENTS
from sparkdrift.spark.writer import insert_rows
from sparkdrift.store import Store


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
    event = Event(
        seq=newest_number(events) + 1,
        version=version,
        action=action,
        effective_from=effective_from,
        at=datetime.now(timezone.utc),
        by=by,
        reason=reason,
        gate=gate,
    )
    row = {
        "monitor": name.monitor,
        "role": name.role,
        "name": name.name,
        "seq": event.seq,
        "version": version,
        "action": action,
        "effective_from": effective_from,
        "created_at": event.at,
        "created_by": by,
        "reason": reason,
        "gate": gate,
        "run_id": run_id,
        "package_version": __version__,
    }
    if insert_rows(spark, store, REFERENCE_EVENTS, [row]):
        return event
    found = read_references(spark, store, name.monitor, [name]).get(name, Stored())
    other = next((one for one in found.events if one.seq == event.seq), None)
    what = f"{other.action} of version {other.version} by {other.by}" if other else "another event"
    raise SnapshotError(
        f"{name}: nothing was written for version {version} ({action}): meanwhile came {what}. "
        "Look at `sparkdrift reference list SPEC` and decide again"
    )
