"""What versions that were forced through the gate leave owed, as their events say.

A version owes from the event that forced it until another one takes its place, and again where it
is gone back to. Like what is in force, this is a pure function of the events: a ledger that a crash
left behind is brought up to date by whoever looks next, with the same rows.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from sparkdrift.references.life import (
    ERASED,
    ERASURE,
    PUTTING,
    Event,
    ordered,
    owing,
    stand_ins,
)


@dataclass(frozen=True)
class Entry:
    """A row of the ledger: the debt of `version`, opened or closed by `event`.

    seq: number of the row among those of the version, from 1; odd ones open. evidence: what it
    was closed by; empty for one that opens, which rests on what the gate found.
    """

    version: int
    seq: int
    event: Event
    evidence: str = ""

    @property
    def opens(self) -> bool:
        return self.seq % 2 == 1


def entries(events: Iterable[Event]) -> tuple[Entry, ...]:
    """All rows that the ledger must have, in the order in which they came about.

    Going back to a version that was forced, which asks no gate, is as forcing it once more; one
    that has passed the gate since owes nothing. An erasure opens nothing, it writes anew what was
    in force: a version that stands in for one that was forced goes on owing in its name, and one
    that has no such version owes no more.
    """
    known = ordered(events)
    instead = stand_ins(known)
    owed = owing(known)
    rows: Counter[int] = Counter()
    found: list[Entry] = []
    for at, event in enumerate(known):
        if event.seq not in owed or event.gate == ERASURE:
            continue
        rows[event.version] += 2
        number = rows[event.version]
        found.append(Entry(event.version, number - 1, event))
        last = instead.get(event.version, event.version)
        for following in known[at + 1 :]:
            if following.action in PUTTING and following.gate != ERASURE:
                evidence = f"version {following.version} took its place"
            elif following.action == ERASED and following.version == last:
                evidence = f"version {following.version} was erased"
            else:
                continue
            found.append(Entry(event.version, number, following, evidence))
            break
    return tuple(found)
