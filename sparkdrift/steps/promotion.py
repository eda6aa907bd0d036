"""Putting a version in force: through the gate, in one row, with the debt where it was forced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.references.ledger import entries
from sparkdrift.references.life import Event, Name
from sparkdrift.spark.debts import write_debts
from sparkdrift.spark.reference_events import write_event
from sparkdrift.spark.reference_life import Snapshot, Stored
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.gate import Examined, examine


@dataclass(frozen=True)
class Decision:
    """Who decides, and why. `effective_from`: from which window start on; None: the default."""

    by: str
    reason: str
    effective_from: datetime | None = None


@dataclass(frozen=True)
class Entered:
    """event: that put the version in force; None where the gate blocked. examined: what the
    gate said; None where it was not asked: of the first baseline of a monitor."""

    event: Event | None
    examined: Examined | None = None

    @property
    def why(self) -> list[str]:
        return self.examined.why if self.examined else []


def enter(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    stored: Stored,
    version: Snapshot,
    decision: Decision,
    since: datetime,
    *,
    force: bool = False,
    every: Mapping[Name, Stored] | None = None,
) -> Entered:
    """Put a version in force if the gate lets it pass, or all the same if it is forced to.

    Where the gate blocks and nothing is forced, what it found is stored and nothing else.
    every: as of `way_so_far`.
    """
    examined = examine(context, spec, name, stored, version, every)
    blocked = examined is not None and examined.verdict == "blocked"
    if blocked and not force:
        return Entered(None, examined)
    event = record_event(
        context,
        name,
        stored,
        "force" if blocked else "activate",
        version.version,
        since,
        decision,
        examined.verdict if examined else None,
    )
    settle(context, spec, name, (*stored.events, event))
    return Entered(event, examined)


def record_event(
    context: Context,
    name: Name,
    stored: Stored,
    action: str,
    version: int,
    since: datetime,
    decision: Decision,
    gate: str | None = None,
) -> Event:
    """Write what was decided upon `stored`; see `write_event` for two who do so at once."""
    return write_event(
        context.spark,
        context.store,
        name,
        stored.events,
        action,
        version,
        since,
        by=decision.by,
        reason=decision.reason,
        run_id=context.journal.run_id,
        gate=gate,
    )


def settle(context: Context, spec: MonitorSpec, name: Name, events: Sequence[Event]) -> None:
    """Bring the debts of forced versions to where the events of a reference say that they are.

    The event that puts a version in force comes first, alone: whoever looks next writes what a
    crash after it left out. Asks nothing where no version was ever forced.
    """
    owed = entries(events)
    if owed:
        write_debts(context.spark, context.store, spec, name, owed, context.journal.run_id)
