"""What the tests of faults tried, and what came of it: kept in a file where one is named, so that a
long run goes on where it ended, and told as a table at the end."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Protocol


class Case(Protocol):
    """`what` is done, what `kind` of fault it meets; as a text it is told from all other cases."""

    @property
    def what(self) -> str: ...
    @property
    def kind(self) -> str: ...


@dataclass(frozen=True)
class Tried:
    """lost: what was not as it should be afterwards."""

    suite: str
    what: str
    kind: str
    case: str
    lost: tuple[str, ...]
    seconds: float


@dataclass
class Tally:
    """`file`: what earlier sessions tried is in it, and not tried again. `until`: no case begins
    after that time of the monotonic clock."""

    file: Path | None = None
    until: float | None = None
    tried: list[Tried] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.file is not None and self.file.exists():
            for line in self.file.read_text("utf-8").splitlines():
                found = json.loads(line)
                self.tried.append(Tried(**{**found, "lost": tuple(found["lost"])}))

    def due(self, suite: str, cases: Iterable[Case], count: int) -> Iterator[Case]:
        """Those of the first `count` cases that were not tried, while there is time."""
        before = {one.case for one in self.tried if one.suite == suite}
        for case in islice(cases, count):
            if self.until is not None and time.monotonic() > self.until:
                return
            if str(case) not in before:
                yield case

    def add(self, suite: str, case: Case, lost: Iterable[str], since: float) -> None:
        """`since`: when it began, by the monotonic clock."""
        seconds = round(time.monotonic() - since, 1)
        one = Tried(suite, case.what, case.kind, str(case), tuple(lost), seconds)
        self.tried.append(one)
        if self.file is not None:
            with self.file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(one)) + "\n")

    def lost(self, suite: str) -> list[str]:
        """What went wrong, a line each, with the case."""
        own = [one for one in self.tried if one.suite == suite]
        return [f"{one.case}: {line}" for one in own for line in one.lost]

    def lines(self) -> Iterator[str]:
        """The table: of each suite a line for each thing done, and a column for each kind."""
        for suite in dict.fromkeys(one.suite for one in self.tried):
            own = [one for one in self.tried if one.suite == suite]
            kinds = sorted({one.kind for one in own})
            yield _line(suite, [*kinds, *_SUMS])
            for what in sorted({one.what for one in own}):
                yield _line(f"  {what}", _counts([one for one in own if one.what == what], kinds))
            yield _line("  all", _counts(own, kinds))
            yield f"  in {sum(one.seconds for one in own):,.0f} s"


_SUMS = ("tried", "survived", "lost")


def _counts(tried: Sequence[Tried], kinds: Sequence[str]) -> list[int]:
    lost = sum(bool(one.lost) for one in tried)
    by_kind = [sum(one.kind == kind for one in tried) for kind in kinds]
    return [*by_kind, len(tried), len(tried) - lost, lost]


def _line(title: str, cells: Sequence[object]) -> str:
    return f"{title:<34}" + "".join(f"{cell:>14}" for cell in cells)
