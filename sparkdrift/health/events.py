"""The events of the ledger as they are stored: what they lack, what they correct, what they say."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sparkdrift.health.evidence import Decision
from sparkdrift.health.findings import Finding, Kind, Severity
from sparkdrift.health.ledger import DECISIONS, Debt, Entry, earlier, is_elsewhere
from sparkdrift.spec.health_policy import Due

CORRECTED = "corrected"


@dataclass(frozen=True)
class Event:
    """A stored event of a debt; seq: its number among those of the debt, from 1."""

    debt: str
    seq: int
    kind: Kind
    action: str
    window_start: datetime
    owner: str
    severity: Severity
    until: datetime | None = None
    reason: str = ""
    by: str = ""
    evidence: str = ""
    cost: float | None = None

    @property
    def told(self) -> tuple[str, datetime, str]:
        return (self.action, self.window_start, self.severity)


def decisions(events: Iterable[Event]) -> list[Decision]:
    """What people said, in the order in which it counts."""
    found = [
        Decision(
            e.debt, e.seq, e.action, e.window_start, e.by, e.reason, e.until, e.owner, e.severity
        )
        for e in events
        if e.action in DECISIONS
    ]
    return sorted(found, key=lambda one: (one.window_start, one.debt, one.seq))


def standing(events: Iterable[Event]) -> dict[str, list[Event]]:
    """The events of each debt that are not taken back, in the order of time."""
    found: dict[str, list[Event]] = {}
    for one in sorted(events, key=lambda event: event.seq):
        own = found.setdefault(one.debt, [])
        if one.action == CORRECTED:
            own[:] = [e for e in own if _stays(e, one)]
        else:
            own.append(one)
    for own in found.values():
        own.sort(key=lambda event: (event.window_start, _place(event.action), event.seq))
    return found


def _stays(event: Event, corrected: Event) -> bool:
    """Whether a correction leaves an event as it is: decisions, and what is not the ledger's."""
    theirs = event.action in DECISIONS or is_elsewhere(event.debt, event.action, event.by)
    return theirs or event.window_start < corrected.window_start


_ORDER = ("opened", "seen", "closed", *DECISIONS, "reopened", "escalated")


def _place(action: str) -> int:
    """The order within a window in which the ledger goes."""
    if action in DECISIONS:
        return _ORDER.index(DECISIONS[0])
    return _ORDER.index(action) if action in _ORDER else len(_ORDER)


def missing(
    followed: Iterable[Entry], stored: Iterable[Event], first: datetime | None
) -> list[Entry]:
    """The entries that are to be added so that the stored events say what follows from rows.

    first: start of the first window that `followed` looked at; what is stored of before stays as
    it is, since the rows that it came from may be gone. Where events contradict what follows, an
    entry `corrected` goes in front: it takes back the ledger's events of the debt from its window
    on. What opens and closes a debt of a forced version is not written here.
    """
    wanted: dict[str, list[Entry]] = {}
    for one in followed:
        if not is_elsewhere(one.name, one.action):
            wanted.setdefault(one.name, []).append(one)
    have: dict[str, list[Event]] = {}
    for name, own in standing(stored).items():
        have[name] = [
            e
            for e in own
            if e.action not in DECISIONS
            and not is_elsewhere(name, e.action, e.by)
            and first is not None
            and e.window_start >= first
        ]
    found: list[Entry] = []
    for name in sorted({*wanted, *have}):
        found += _difference(wanted.get(name, []), have.get(name, []))
    return found


def _difference(wanted: Sequence[Entry], have: Sequence[Event]) -> list[Entry]:
    same = 0
    while same < min(len(wanted), len(have)) and wanted[same].told == have[same].told:
        same += 1
    if same == len(have):
        return list(wanted[same:])
    # From the window of the first difference on: the events of one window are taken back together.
    start = min([have[same].window_start, *(one.window_start for one in wanted[same : same + 1])])
    again = [one for one in wanted if one.window_start >= start]
    event = have[same]
    reason = "rows or the policy changed: " + _words(again, event)
    about = Finding(
        event.debt, event.kind, event.severity, start, start, event.evidence, cost=event.cost
    )
    return [Entry(CORRECTED, start, about, event.owner, reason), *again]


def _words(again: Sequence[Entry], event: Event) -> str:
    was = f"{event.action} ({event.severity}) in the window of {event.window_start:%Y-%m-%d}"
    if not again:
        return f"{was}, and nothing follows any more"
    now = again[0]
    return (
        f"{was}, now {now.action} ({now.finding.severity}) in that of {now.window_start:%Y-%m-%d}"
    )


Ends = Callable[[datetime], datetime]
"""When the window that begins at an instant ends."""


class OpenDebts:
    """The debts that events left open, where the rows of then are gone, with what was decided of
    them. Events are put in order once, however often that is asked."""

    def __init__(self, events: Iterable[Event], due: Due, ends: Ends) -> None:
        self._courses = {
            name: ([one.window_start for one in own], _course(own, due, ends))
            for name, own in standing(events).items()
        }

    def before(self, first: datetime) -> dict[str, Debt]:
        """Those that were open when the window of `first` began, by events of before."""
        found: dict[str, Debt] = {}
        for name, (starts, debts) in self._courses.items():
            at = bisect_left(starts, first)
            debt = debts[at - 1] if at else None
            if debt is not None:
                found[name] = debt
        return found


def _course(own: Sequence[Event], due: Due, ends: Ends) -> list[Debt | None]:
    """A debt after each of its events, which are in the order of time."""
    found: list[Debt | None] = []
    debt: Debt | None = None
    waived: Event | None = None
    for one in own:
        debt = _after(debt, one, due, ends)
        waived = one if one.action == "waived" else waived
        if debt is not None and one.action == "opened" and waived is not None:
            debt = _covered(debt, waived, ends(one.window_start))
        found.append(debt)
    return found


def _covered(debt: Debt, waived: Event, end: datetime) -> Debt:
    """A debt that came back within a waiver, which covers it; `end`: of the window it opened in."""
    if waived.until is None or waived.until < end:
        return debt
    return replace(debt, status="waived", until=waived.until, waived_as=waived.severity)


def _after(debt: Debt | None, one: Event, due: Due, ends: Ends) -> Debt | None:
    """The debt after one of its events; interest is not known from events."""
    finding = Finding(
        one.debt, one.kind, one.severity, one.window_start, one.window_start, one.evidence,
        cost=one.cost,
    )  # fmt: skip
    end = ends(one.window_start)
    if one.action == "opened":
        last = end + due.of(one.severity)
        return Debt(finding, one.window_start, last, one.window_start, one.owner, recorded=one.cost)
    if debt is None or one.action == "closed":
        return None
    if one.action == "seen":
        return replace(
            debt,
            finding=replace(finding, since=debt.finding.since),
            last_seen=one.window_start,
            due=earlier(debt, one.severity, end, due),
            recorded=one.cost,
        )
    if one.action == "escalated":
        return replace(debt, escalated=True, owner=one.owner)
    if one.action == "reopened":
        return replace(debt, status="open", until=None, waived_as=None)
    if one.action == "assigned":
        return replace(debt, owner=one.owner)
    if one.action == "waived":
        return replace(debt, status="waived", until=one.until, waived_as=one.severity)
    return debt if debt.status == "waived" else replace(debt, status="acknowledged")
