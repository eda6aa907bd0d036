"""Debts of which no row of any window tells any more, though they are on the books.

What told of them was taken away as a whole: a check or a signal left the spec, and its rows with
it. That is no evidence that they never were. They stand as events say, are missed, and close once
`policy.not_expected` says that they are not watched any more.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sparkdrift.health.events import Event, standing
from sparkdrift.health.evidence import FORCED, WindowEvidence
from sparkdrift.health.findings import Finding
from sparkdrift.health.ledger import Entry

_WHY = "; no row tells of it any more"


@dataclass(frozen=True)
class Untold:
    """Such a debt. events: those that stand, in order of time."""

    name: str
    events: tuple[Event, ...]

    def findings(self, windows: Sequence[datetime], closes_after: int) -> Iterator[Finding]:
        """One for each window, by its start, in which it was found, as far as its events say: from
        where it opened until as many windows before it closed as that takes."""
        told: Event | None = None
        since, waiting = windows[0], list(self.events)
        closed = [one.window_start for one in self.events if one.action == "closed"]
        for number, at in enumerate(windows):
            while waiting and waiting[0].window_start <= at:
                event = waiting.pop(0)
                since = event.window_start if event.action == "opened" else since
                if event.action in ("opened", "seen", "closed"):
                    told = None if event.action == "closed" else event
            soon = windows[number : number + closes_after]
            if told is not None and not any(one in closed for one in soon):
                text = f"{told.evidence.removesuffix(_WHY)}{_WHY}"
                yield Finding(told.debt, told.kind, told.severity, at, since, text, booked=True)


def with_untold(
    windows: Sequence[WindowEvidence],
    debts: Sequence[Untold],
    closes_after: int,
    unwatched: Collection[str],
) -> list[WindowEvidence]:
    """The windows with the findings of these debts, where no row tells of them; elsewhere, where
    there is none, it is gone."""
    starts = [one.window.start for one in windows]
    more: dict[datetime, dict[str, Finding]] = {at: {} for at in starts}
    for debt in debts:
        for finding in debt.findings(starts, closes_after):
            # What is not watched any more is closed in the newest window, with that as a reason.
            if finding.window_start < starts[-1] or debt.name not in unwatched:
                more[finding.window_start][debt.name] = finding
    names = {one.name for one in debts} - set(unwatched)
    found = []
    for one in windows:
        silent = {name for name in (debt.name for debt in debts) if not _tells(one, name)}
        own = {name: two for name, two in more[one.window.start].items() if name in silent}
        closed = frozenset((silent & names) - set(own))
        found.append(replace(one, findings=(*one.findings, *own.values()), closed=closed))
    return found


def _tells(window: WindowEvidence, debt: str) -> bool:
    """Whether rows of the window tell of it, or that it is not in force any more."""
    found = any(one.debt == debt for one in window.findings)
    return found or debt in window.subjects or debt in window.ended


def untold(windows: Sequence[WindowEvidence], events: Sequence[Event]) -> list[Untold]:
    """The debts that events date in one of these windows, which does not tell of them."""
    by_start = {one.window.start: one for one in windows}
    found = []
    for name, own in standing(events).items():
        if not own or own[0].kind == "ownership" or name.startswith(FORCED):
            continue
        dated = [
            by_start.get(one.window_start)
            for one in own
            if one.action in ("opened", "seen", "closed")
        ]
        if any(one is not None and not _tells(one, name) for one in dated):
            found.append(Untold(name, tuple(own)))
    return found


def later(entries: Sequence[Entry], debts: Collection[Untold]) -> tuple[Entry, ...]:
    """Of the entries on these debts those that come after what events have told."""
    newest = {one.name: one.events[-1].window_start for one in debts}
    return tuple(one for one in entries if one.window_start > newest[one.name])
