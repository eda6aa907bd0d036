"""The nearest accepted names, for the first few wrong ones only."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import SequenceMatcher

from sparkdrift.errors import nearest

# Each look-up compares with every name: a wide spec held against a wrong table
# would spend minutes on hints that nobody reads.
_MOST_HINTS = 20
_MOST_LISTED = 12


class Hints:
    """`nearest` among fixed names; None once enough hints were given."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = tuple(names)
        self._left = _MOST_HINTS

    def nearest(self, name: str) -> str | None:
        if self._left == 0:
            return None
        self._left -= 1
        return nearest(name, self._names)

    def listed(self, name: str) -> str | None:
        """Up to twelve of the names, those most like `name` first; as `nearest`, None later on."""
        if self._left == 0:
            return None
        match = SequenceMatcher(b=name.lower())

        def likeness(candidate: str) -> float:
            match.set_seq1(candidate.lower())
            return match.ratio()

        first = sorted(self._names, key=likeness, reverse=True)[:_MOST_LISTED]
        more = len(self._names) - len(first)
        return ", ".join(first) + (f" and {more} more" if more else "")
