"""What a proof found, and how it says that it can't tell."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sparkdrift.spark.changes import Seen


class UnprovenError(Exception):
    """This proof can't tell for this source; the next one may. The text is the reason."""


@dataclass(frozen=True)
class Found:
    """Starts of all windows that may have changed; the others have not.

    `rows_read`: source rows of which the proof read the time. `undated`: how many of them
    have none. `seen`: the whole source at its present version, where the proof scanned it.
    """

    windows: frozenset[datetime]
    proof: str
    rows_read: int
    undated: int = 0
    seen: Seen | None = None
