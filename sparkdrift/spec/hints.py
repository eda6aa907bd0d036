"""The nearest accepted name, for the first few wrong ones only."""

from __future__ import annotations

from collections.abc import Iterable

from sparkdrift.errors import nearest

# Each look-up compares with every name: a wide spec held against a wrong table
# would spend minutes on hints that nobody reads.
_MOST_HINTS = 20


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
