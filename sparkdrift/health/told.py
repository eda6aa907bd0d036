"""A row of stored evidence, as health is told it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Told:
    """A row of stored evidence. What its columns mean depends on `part`, see the function of it.

    start, end, since: instants. Numbers are None where nothing is known.
    """

    monitor: str
    part: str
    start: datetime
    end: datetime | None = None
    name: str = ""
    subject: str = ""
    status: str | None = None
    grade: str | None = None
    since: datetime | None = None
    count: int | None = None
    of: int | None = None
    value: float | None = None
    limit: float | None = None
    loss: float | None = None
    cost: float | None = None
    words: str | None = None
    moved: str | None = None
