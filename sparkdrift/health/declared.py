"""The ledger of what declared models owe that no window can tell: kept by days, not by windows.

A model that nobody watches has no window, and one whose windows don't come any more has no new one.
So a day stands for a window, and facts of that day for evidence; all else is as in the ledger of a
monitor (`health/ledger.py`): pure, of facts and events alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from sparkdrift.health.events import Event, OpenDebts, decisions, missing
from sparkdrift.health.evidence import WindowEvidence
from sparkdrift.health.findings import Finding
from sparkdrift.health.ledger import DECISIONS, LEDGER, Debt, Entry, Terms, keep
from sparkdrift.health.resuming import owned
from sparkdrift.spec.health_policy import Due
from sparkdrift.spec.registry import DeclaredModel, WatchedModel
from sparkdrift.windows import Window

PREFIX = "model:"
"""How the ledgers of declared models are called; ids of monitors have no colon."""
NOBODY = "nobody is declared"
REGISTRY = "the registry"
"""Who writes what follows from a registry, in place of the ledger."""
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Owed:
    """What a declared model owes at the end of a day. entries: the events that were missing; by:
    who writes them."""

    model: str
    day: Window
    debts: tuple[Debt, ...] = ()
    entries: tuple[Entry, ...] = ()
    events: tuple[Event, ...] = ()
    by: str = REGISTRY


def ledger_of(model: str) -> str:
    """What stands in the column `monitor` of the events of a declared model."""
    return PREFIX + model


def terms_of(model: DeclaredModel) -> Terms:
    """What is declared is so at once, and gone at once. Due dates are the default ones: a registry
    has no policy."""
    owner = model.owner or model.business_owner or model.run_by or model.built_by or NOBODY
    second = model.business_owner
    escalation = None if second is None or second.lower() == owner.lower() else second
    return Terms(owner, 1, Due(), escalation)


def owed_by(
    name: str,
    model: DeclaredModel,
    found: Sequence[Finding],
    events: Sequence[Event],
    at: datetime,
) -> Owed:
    """What a model owes on the day of `at` (UTC), from facts of that day and all events before.

    A clock that goes back changes no past: the day is then that of the newest event. Who sees no
    registry knows less than one who does: what a registry opened stays open.
    """
    alone = isinstance(model, WatchedModel)
    day = _day_of(at, events)
    said, terms = decisions(events), terms_of(model)
    before = {
        debt: owned(one, said, terms.owner)
        for debt, one in OpenDebts(events, Due(), _next_day).before(day.start).items()
    }
    findings = tuple(_dated(one, day, before) for one in found)
    if alone:
        told = {one.debt for one in findings}
        booked = (before[debt].finding for debt in _by_registry(events) if debt in before)
        findings += tuple(
            replace(one, window_start=day.start) for one in booked if one.debt not in told
        )
    (books,) = keep([WindowEvidence(day, findings)], said, terms, before)
    return Owed(
        name,
        day,
        tuple(books.debts[one] for one in sorted(books.debts)),
        tuple(missing(books.entries, events, day.start)),
        tuple(events),
        LEDGER if alone else REGISTRY,
    )


def as_it_was(name: str, events: Sequence[Event], at: datetime) -> Owed:
    """What is on the books of a model that nobody in view declares: nothing opens or closes."""
    day = _day_of(at, events)
    open_now = OpenDebts(events, Due(), _next_day).before(day.end)
    return Owed(name, day, tuple(open_now[one] for one in sorted(open_now)), (), tuple(events))


def _by_registry(events: Iterable[Event]) -> set[str]:
    """The debts that were opened last by what a registry says."""
    opened = {one.debt: one.by for one in events if one.action == "opened"}
    return {debt for debt, by in opened.items() if by == REGISTRY}


def _day_of(at: datetime, events: Iterable[Event]) -> Window:
    start = at.astimezone(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
    told = (one.window_start for one in events if one.action not in DECISIONS)
    start = max([start, *told])
    return Window(start, start + _DAY)


def _next_day(start: datetime) -> datetime:
    return start + _DAY


def _dated(one: Finding, day: Window, before: Mapping[str, Debt]) -> Finding:
    """The finding, owed since its debt was opened."""
    known = before.get(one.debt)
    since = day.start if known is None else known.opened
    return Finding(one.debt, one.kind, one.severity, day.start, since, one.evidence)
