"""The life of a reference: what its events say, whatever order they arrive in.

    candidate ──promote──> active ──another is promoted──> retired ──rollback──> active
        │                                                     │
        └──reject──> rejected <──────────────reject───────────┘

An event is one row of `reference_events`, written once. Which version is in force when, and
what state each version is in, is a pure function of them, so it can't disagree with itself:
the event that put a version in force with the highest number counts, from its own
`effective_from` on. So at any event time at most one version is in force, and once one was
promoted exactly one is for the windows to come. What an event may not do is refused before it
is written (references/refusing.py), not when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, repeat
from typing import Literal, Protocol, TypeVar

State = Literal["candidate", "active", "forced", "retired", "rejected", "erased"]
IN_FORCE = ("active", "forced")
PUTTING = ("activate", "force")
"""The actions that put a version in force; `force` does so although the gate blocks."""
NOTED = ("export",)
"""Actions that change nothing: they tell where the values of a version went."""
ERASED = "erase"
"""The action after which a version has no rows: what they were made of was erased."""
ERASURE = "erasure"
"""What stands for the gate's word in events that an erasure wrote: what was decided goes on, with
versions that stand in for others. They open and settle nothing, and are no step of a chain."""
STANDS_IN = re.compile(r"version (\d+) stands in for it")
"""What the reason of an event ERASED says where a version does."""
ACTIONS = ("propose", *PUTTING, "retire", "reject", *NOTED, ERASED)


@dataclass(frozen=True)
class Name:
    """A reference of a monitor; `role` is what it is for, `name` tells those of a role apart."""

    monitor: str
    role: str
    name: str

    def __str__(self) -> str:
        role = "" if self.role == self.name else f" of the role {self.role}"
        return f"reference {self.name}{role} of {self.monitor}"


@dataclass(frozen=True)
class Event:
    """One thing that happened to a version: what, from which window start on, who, when, why.

    `gate`: what the gate said of a promotion: passed or blocked; None where it was not asked;
    ERASURE where nobody promoted anything.
    """

    seq: int
    version: int
    action: str
    effective_from: datetime
    at: datetime | None = None
    by: str = ""
    reason: str = ""
    gate: str | None = None


@dataclass(frozen=True)
class Term:
    """A version in force for windows that start in [start, end); end None: still."""

    version: int
    start: datetime
    end: datetime | None = None
    forced: bool = False


def ordered(events: Iterable[Event]) -> list[Event]:
    """Events by their number. A number is given once; of two that have it the first counts."""
    found: dict[int, Event] = {}
    for event in sorted(events, key=lambda one: (one.seq, one.version, one.action, str(one.at))):
        found.setdefault(event.seq, event)
    return list(found.values())


def terms(events: Iterable[Event]) -> tuple[Term, ...]:
    """Which version is in force from when, in order of time, without gaps after the first."""
    known = ordered(events)
    return _terms(known, owing(known))


def _terms(events: Iterable[Event], forced: Collection[int]) -> tuple[Term, ...]:
    """events: in order; forced: the numbers of those after which a version owes."""
    found: list[Term] = []
    for event in events:
        if event.action not in PUTTING:
            continue
        start = event.effective_from
        # A later event overrules all earlier ones from its own start on.
        found = [one for one in found if one.start < start]
        if found:
            last = found[-1]
            found[-1] = Term(last.version, last.start, start, last.forced)
        found.append(Term(event.version, start, None, event.seq in forced))
    return tuple(found)


def owing(events: Iterable[Event]) -> frozenset[int]:
    """The numbers of the events that put a version in force which owes: it was forced.

    Going back to such a version, or to one that stands in for it, asks no gate and is as forcing it
    once more; one that has passed the gate since owes nothing. An erasure says itself which.
    """
    known = ordered(events)
    instead = stand_ins(known)
    forced: set[int] = set()
    found: set[int] = set()
    for event in known:
        version = instead.get(event.version, event.version)
        if _is_continued(event):
            found |= {event.seq} if event.action == "force" else set()
            continue
        if event.action == "force":
            forced.add(version)
        elif event.action in PUTTING and event.gate is not None:
            forced.discard(version)
        if event.action in PUTTING and version in forced:
            found.add(event.seq)
    return frozenset(found)


class Stretch(Protocol):
    """Windows that start in [start, end); end None: still."""

    @property
    def start(self) -> datetime: ...
    @property
    def end(self) -> datetime | None: ...


Covering = TypeVar("Covering", bound=Stretch)


def covering(stretches: Iterable[Covering], at: datetime) -> Covering | None:
    """The stretch that a window which begins at `at` belongs to; None where none is."""
    return next(
        (one for one in stretches if one.start <= at and (one.end is None or at < one.end)), None
    )


def in_force(events: Iterable[Event], at: datetime) -> int | None:
    """The version that a window which begins at `at` is compared with; None before the first."""
    term = covering(terms(events), at)
    return None if term is None else term.version


def states(events: Iterable[Event], versions: Collection[int]) -> dict[int, State]:
    """The state of each version; at most one is active or forced, one once one was promoted."""
    known = ordered(events)
    newest = terms(known)[-1:]
    gone = erased(known)
    own: dict[int, list[Event]] = {}
    for event in known:
        own.setdefault(event.version, []).append(event)
    found: dict[int, State] = {}
    for version in sorted(versions):
        if version in gone:
            found[version] = "erased"
            continue
        if newest and newest[0].version == version:
            found[version] = "forced" if newest[0].forced else "active"
            continue
        state: State = "candidate"
        for event in own.get(version, ()):
            if event.action in PUTTING:
                state = "retired"
            elif event.action == "reject":
                state = "rejected"
            elif event.action == "retire" and state != "rejected":
                state = "retired"
        found[version] = state
    return found


def newest_number(events: Iterable[Event]) -> int:
    """The number of the last event; 0 before the first. The next one takes the next number."""
    return max((event.seq for event in events), default=0)


def lineage(events: Iterable[Event]) -> tuple[Event, ...]:
    """The promotions that led to the version in force, oldest first, each version once.

    One that was undone since is no part of it: going back to a version drops what came after.
    """
    found: list[Event] = []
    for event in decisions(events):
        if event.action in PUTTING:
            at = next((i for i, one in enumerate(found) if one.version == event.version), None)
            # Going back is a row of its own, but not another way of coming there.
            found = [*found, event] if at is None else found[: at + 1]
    return tuple(found)


def with_substitutes(events: Iterable[Event], instead: Mapping[int, int]) -> tuple[Term, ...]:
    """The terms to be written so that each version is in force when the one was that it is for.

    instead: versions by those that they stand in for. None are to be written where none of those
    was ever in force. Written in this order, each from its own start on, they give the same terms
    as now with other versions in them.
    """
    known = terms(events)
    first = next((i for i, one in enumerate(known) if one.version in instead), len(known))
    return tuple(
        Term(instead.get(one.version, one.version), one.start, one.end, one.forced)
        for one in known[first:]
    )


def stand_ins(events: Iterable[Event]) -> dict[int, int]:
    """Erased versions by those that stand in for them in the end.

    Read from the terms that each erasure wrote anew, from the first that changed on, and from what
    it said of each version: one that another took the place of from the same start on has no term.
    """
    found: dict[int, int] = {}
    known: list[Event] = []
    batch: list[Event] = []
    for event in [*ordered(events), None]:
        if event is not None and _is_continued(event):
            batch.append(event)
            continue
        if batch:
            rewritten = _terms(known, ())[-len(batch) :]
            pairs = {old.version: new.version for old, new in zip(rewritten, batch, strict=True)}
            found = _passed_on(found, {old: new for old, new in pairs.items() if old != new})
            known, batch = [*known, *batch], []
        if event is not None:
            known.append(event)
            said = STANDS_IN.search(event.reason) if event.action == ERASED else None
            found = _passed_on(found, {event.version: int(said[1])}) if said else found
    return found


def _passed_on(found: Mapping[int, int], pairs: Mapping[int, int]) -> dict[int, int]:
    return {old: pairs.get(new, new) for old, new in found.items()} | dict(pairs)


def decisions(events: Iterable[Event]) -> tuple[Event, ...]:
    """What was decided, in order, as if it had been about those that stand in for others."""
    known = ordered(events)
    instead = stand_ins(known)
    return tuple(
        replace(event, version=instead.get(event.version, event.version))
        for event in known
        if event.action != ERASED and not _is_continued(event)
    )


def _is_continued(event: Event) -> bool:
    return event.action in PUTTING and event.gate == ERASURE


def chain(events: Mapping[Name, Iterable[Event]]) -> list[tuple[Name, int]]:
    """The versions along which a reference may have crept, oldest first, that in force last.

    events: of the names that it had, one after the other or in turn. They begin with the first
    version, or with the last one that was forced: what is far away there was seen, and wanted.
    Erased versions that none stands in for are left out.
    """
    known = {name: ordered(own) for name, own in events.items()}
    every: list[tuple[datetime, Name, Event]] = []
    for name, own in known.items():
        promoted = lineage(own)
        # The events of one name have their order, also where a clock jumped back.
        at = accumulate((event.at or event.effective_from for event in promoted), max)
        every += zip(at, repeat(name), promoted, strict=False)
    versions: list[tuple[Name, int]] = []
    for _, name, event in sorted(every, key=lambda one: one[0]):
        if event.action == "force":
            versions = []
        versions.append((name, event.version))
    gone = {(name, version) for name, own in known.items() for version in erased(own)}
    return [one for one in versions if one not in gone]


def erased(events: Iterable[Event]) -> frozenset[int]:
    """The versions whose rows are gone."""
    return frozenset(event.version for event in events if event.action == ERASED)


def before(events: Iterable[Event]) -> int | None:
    """The version that was in force before the present one, and may be again; None: there is none.

    Of promotions that were undone since, none counts: rolling back twice goes back twice.
    """
    known = ordered(events)
    stack = [event.version for event in lineage(known)]
    usable = {version for version, state in states(known, set(stack)).items() if state == "retired"}
    return next((version for version in reversed(stack[:-1]) if version in usable), None)
