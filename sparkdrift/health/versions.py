"""Where in the history of a monitor another version of the model begins: a mark, and no break."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Mark:
    """From the window that begins at `start` on the model has `version`; it had `before`."""

    start: datetime
    version: str
    before: str

    def __str__(self) -> str:
        return f"from here on version {self.version} of the model, until then {self.before}"


def version_marks(judged: Iterable[tuple[datetime, str | None]]) -> list[Mark]:
    """A mark for each window whose version is not that of the window before it.

    judged: start and version of each judged window, in any order. The first window has none, and
    neither has one whose spec named no version (None): what is not known changes nothing.
    """
    marks: list[Mark] = []
    known: str | None = None
    for start, version in sorted(judged, key=lambda one: one[0]):
        if version is None:
            continue
        if known is not None and version != known:
            marks.append(Mark(start, version, known))
        known = version
    return marks
