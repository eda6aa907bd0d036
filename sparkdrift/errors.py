"""Every error that sparkdrift raises on purpose.

    SparkdriftError              exit 1: handled, nothing was written
    ├── UsageError               exit 2: the command line asks for something that does not exist
    ├── SpecError                a monitor spec is wrong; carries every problem found
    ├── SetupError               Java, Spark, Delta or a SQL function is missing or too old
    ├── SourceError              the monitored table can't be read as the spec says
    ├── StoreError               the result tables are missing, altered, newer, or locked
    └── SnapshotError            a reference can't be made or found as asked

A message says what was given, what is accepted, and the next step.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class SparkdriftError(Exception):
    """Root of the tree; `exit_code` is what a command ends with."""

    exit_code = 1


class UsageError(SparkdriftError):
    exit_code = 2


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a spec.

    `file` and `line` (1-based) say where, `given` what stands there, `accepted`
    what would be right, `nearest` the closest accepted name if one is close.
    """

    message: str
    file: str | None = None
    line: int | None = None
    given: str | None = None
    accepted: str | None = None
    nearest: str | None = None

    def __str__(self) -> str:
        where = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        text = f"{where}: {self.message}" if where else self.message
        if self.given is not None:
            text += f"\n    given:    {self.given}"
        if self.accepted is not None:
            text += f"\n    accepted: {self.accepted}"
        if self.nearest is not None:
            text += f"\n    did you mean {self.nearest!r}?"
        return text


class SpecError(SparkdriftError):
    """A spec that can't be used. `problems` holds all that was found, in file order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        heading = f"{count} problem{'s' if count != 1 else ''} in the monitor spec"
        super().__init__("\n".join([heading, *(f"  {problem}" for problem in self.problems)]))


class SetupError(SparkdriftError):
    pass


class SourceError(SparkdriftError):
    """`problem` is the same with the place in the spec that names the source, once it is known."""

    def __init__(self, message: str, *, file: str | None = None, line: int | None = None) -> None:
        self.problem = Problem(message, file, line)
        super().__init__(str(self.problem))

    def at(self, file: str | None, line: int | None) -> SourceError:
        """The same, said of this place; itself where it has one already."""
        if self.problem.file is not None:
            return self
        return type(self)(self.problem.message, file=file, line=line)


class NoTableError(SourceError):
    """There is no such table, or what is there is none."""


class GoneError(SourceError):
    """What a table held once is not there any more: a version, its files, or the table itself."""


class StoreError(SparkdriftError):
    pass


class SnapshotError(SparkdriftError):
    pass


class NoRowsError(SnapshotError):
    """A version that would hold no rows."""


def nearest(name: str, accepted: Iterable[str]) -> str | None:
    """The accepted name closest to `name` (case ignored), or None when none is close."""
    by_lower = {candidate.lower(): candidate for candidate in accepted}
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return by_lower[found[0]] if found else None
