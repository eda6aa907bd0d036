"""The life of a reference: what its events say, whatever order they arrive in.

    candidate ──promote──> active ──another is promoted──> retired ──rollback──> active
        │                                                     │
        └──reject──> rejected <──────────────reject───────────┘

An event is one row of `reference_events`, written once. Which version is in force when, and
what state each version is in, is a pure function of them, so it can't disagree with itself:
the event that put a version in force with the highest number counts, from its own
`effective_from` on. So at any event time at most one version is in force, and once one was
promoted exactly one is for the windows to come. What an event may not do is refused before it
is written (`require`), not when it is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import accumulate, repeat
from typing import Literal, Protocol, TypeVar

from sparkdrift.errors import SnapshotError, nearest

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
ACTIONS = ("propose", *PUTTING, "retire", "reject", *NOTED, ERASED)
_FROM: Mapping[str, tuple[State, ...]] = {
    "activate": ("candidate", "retired"),
    "force": ("candidate", "retired"),
    "retire": ("candidate",),
    "reject": ("candidate", "retired"),
}
_NAMED = 5


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
    found: list[Term] = []
    for event in ordered(events):
        if event.action not in PUTTING:
            continue
        start = event.effective_from
        # A later event overrules all earlier ones from its own start on.
        found = [one for one in found if one.start < start]
        if found:
            last = found[-1]
            found[-1] = Term(last.version, last.start, start, last.forced)
        found.append(Term(event.version, start, None, event.action == "force"))
    return tuple(found)


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
    """Erased versions by those that stand in for them in the end, where they were in force.

    Read from the terms that each erasure wrote anew, from the first that changed on.
    """
    found: dict[int, int] = {}
    known: list[Event] = []
    batch: list[Event] = []
    for event in [*ordered(events), None]:
        if event is not None and _is_continued(event):
            batch.append(event)
            continue
        if batch:
            rewritten = terms(known)[-len(batch) :]
            pairs = {old.version: new.version for old, new in zip(rewritten, batch, strict=True)}
            found = {old: pairs.get(new, new) for old, new in found.items()}
            found |= {old: new for old, new in pairs.items() if old != new}
            known, batch = [*known, *batch], []
        if event is not None:
            known.append(event)
    return found


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


def require(
    action: str, version: int, events: Sequence[Event], versions: Collection[int], name: Name
) -> None:
    """Raise SnapshotError, with what is accepted and the next step, where it makes no sense."""
    found = states(events, versions)
    if version not in found:
        raise SnapshotError(
            f"{name}: there is no version {version}; stored: {_numbers(found)}. "
            "`sparkdrift reference list SPEC` shows them"
        )
    state = found[version]
    if state in _FROM[action]:
        return
    verb = {"activate": "promoted", "force": "promoted", "retire": "retired"}.get(
        action, "rejected"
    )
    accepted = [one for one, own in found.items() if own in _FROM[action]]
    deciding = (one for one in reversed(ordered(events)) if one.action not in NOTED)
    last = next((one for one in deciding if one.version == version), None)
    why = f"{name}: version {version} can't be {verb}: it is {_told(state, last)}"
    if state in IN_FORCE:
        step = (
            "it is in force already"
            if action in PUTTING
            else "promote another version first, or `sparkdrift reference rollback SPEC`"
        )
    elif state == "erased":
        step = "its rows are gone: freeze another with `sparkdrift snapshot SPEC`"
    elif state == "rejected":
        step = "a rejected version stays rejected: freeze another with `sparkdrift snapshot SPEC`"
    else:
        step = "nothing is to be done"
    raise SnapshotError(f"{why}. Accepted: {_numbers(accepted)}; {step}")


def require_name(asked: Name, known: Collection[Name]) -> None:
    """Raise SnapshotError, with the nearest name, where a monitor has no such reference."""
    if asked in known:
        return
    same = sorted(one.name for one in known if one.role == asked.role)
    close = nearest(asked.name, same)
    others = ", ".join(sorted(f"{one.name} ({one.role})" for one in known))
    raise SnapshotError(
        f"there is no {asked}; stored: {others or 'none'}"
        + (f"; did you mean {close!r}?" if close else ".")
        + " `sparkdrift run SPEC` or `sparkdrift snapshot SPEC` freezes one"
    )


def _told(state: State, last: Event | None) -> str:
    if last is None:
        return state
    who = f" by {last.by}" if last.by else ""
    when = f" on {last.at:%Y-%m-%d}" if last.at else ""
    return f"{state} ({last.action}{who}{when}{': ' + last.reason if last.reason else ''})"


def _numbers(versions: Iterable[int]) -> str:
    """'1, 3, 4'; of many the newest."""
    found = sorted(versions)
    if len(found) > 2 * _NAMED:
        return f"{found[0]}, ..., " + ", ".join(map(str, found[-_NAMED:]))
    return ", ".join(map(str, found)) or "none"
