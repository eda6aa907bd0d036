"""Where a spec was written, so that every later finding can name its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sparkdrift.errors import Problem, SourceError

Loc = tuple[str | int, ...]
"""A place in a spec: keys and 0-based list positions from the top, `("features", "numeric", 0)`."""


@dataclass(frozen=True)
class Origin:
    """The file of a spec and the 1-based line of each place in it.

    Two origins are always equal: where a spec was written is no part of what it says.
    """

    file: str | None = field(default=None, compare=False)
    lines: Mapping[Loc, int] = field(default_factory=dict, compare=False)

    def line(self, loc: Loc) -> int | None:
        """The line of `loc`, or of the closest place around it; None for a spec made in code."""
        for length in range(len(loc), -1, -1):
            if loc[:length] in self.lines:
                return self.lines[loc[:length]]
        return None

    def problem(
        self,
        loc: Loc,
        message: str,
        *,
        given: str | None = None,
        accepted: str | None = None,
        nearest: str | None = None,
    ) -> Problem:
        """A problem at `loc`, with this file and the line."""
        return Problem(message, self.file, self.line(loc), given, accepted, nearest)

    def located(self, error: SourceError, loc: Loc) -> SourceError:
        """`error` with this file and the line of `loc`, unless it names a place already."""
        return error.at(self.file, self.line(loc))
