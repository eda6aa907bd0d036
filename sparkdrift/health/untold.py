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
                yield Finding(told.debt, told.kind, told.severity, at, since, text)

    @property
    def closed(self) -> bool:
        """Whether it is, by its events."""
        lives = [one for one in self.events if one.action in ("opened", "closed")]
        return lives[-1].action == "closed"


def with_untold(
    windows: Sequence[WindowEvidence],
    debts: Sequence[Untold],
    closes_after: int,
    unwatched: Collection[str],
) -> list[WindowEvidence]:
    """The windows with the findings of these debts; where there is none, it is gone."""
    starts = [one.window.start for one in windows]
    more: dict[datetime, dict[str, Finding]] = {at: {} for at in starts}
    for debt in debts:
        for finding in debt.findings(starts, closes_after):
            # What is not watched any more is closed in the newest window, with that as a reason.
            if finding.window_start < starts[-1] or debt.name not in unwatched:
                more[finding.window_start][debt.name] = finding
    names = {one.name for one in debts} - set(unwatched)
    return [
        replace(
            one,
            findings=(*one.findings, *more[one.window.start].values()),
            ended=one.ended | (names - set(more[one.window.start])),
        )
        for one in windows
    ]


def untold(windows: Sequence[WindowEvidence], events: Sequence[Event]) -> list[Untold]:
    """The debts that were opened in one of these windows, and that none of them tells of."""
    told = {name for one in windows for name in one.subjects}
    told |= {name for one in windows for name in one.ended}
    told |= {finding.debt for one in windows for finding in one.findings}
    first = windows[0].window.start
    found = []
    for name, own in standing(events).items():
        declared = own and (own[0].kind == "ownership" or name.startswith(FORCED))
        opened = any(one.action == "opened" and one.window_start >= first for one in own)
        if name not in told and opened and not declared:
            found.append(Untold(name, tuple(own)))
    return found


def later(entries: Sequence[Entry], debts: Collection[Untold]) -> tuple[Entry, ...]:
    """Of the entries on these debts those that events have not told already."""
    newest = {one.name: one.events[-1].window_start for one in debts if not one.closed}
    return tuple(
        one for one in entries if one.name in newest and one.window_start > newest[one.name]
    )
