"""What every step is handed: a session, a store, a journal, and somebody to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

from sparkdrift.errors import UsageError
from sparkdrift.steps.journal import Journal
from sparkdrift.store import Store
from sparkdrift.windows import local_instant

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spec.models import MonitorSpec


class Progress(Protocol):
    """Told how far long work has come; a terminal draws it, a test may record it."""

    def advance(self, step: str, *, windows: int, of: int, rows: int) -> None: ...


class Silent:
    def advance(self, step: str, *, windows: int, of: int, rows: int) -> None:
        pass


@dataclass(frozen=True)
class Options:
    """What a run is asked for beyond what is due.

    `as_of`: the event time up to which data is complete; None: the newest event.
    `begin`, `end`: windows to compute again even if nothing changed (aware, half-open).
    `recompute`: hold windows of earlier references against the present ones as well.
    `emptying`: windows that lost all rows are stored as empty, whatever the spec says.
    """

    as_of: datetime | None = None
    begin: datetime | None = None
    end: datetime | None = None
    recompute: bool = False
    emptying: bool = False

    @property
    def backfill(self) -> bool:
        return self.begin is not None or self.end is not None

    def selects(self, start: datetime, end: datetime) -> bool:
        """Whether a window lies in the asked interval; True for every window without one."""
        return (self.begin is None or start >= self.begin) and (self.end is None or end <= self.end)


def options_for(
    spec: MonitorSpec,
    as_of: date | datetime | None,
    begin: date | datetime | None,
    end: date | datetime | None,
) -> Options:
    """Times as instants, in the zone of `spec`. Raises UsageError where begin is not before end."""
    zone = spec.timestamp.zone
    until, first, last = (
        None if time is None else local_instant(time, zone) for time in (as_of, begin, end)
    )
    made = Options(until, first, last)
    if made.begin is not None and made.end is not None and made.begin >= made.end:
        raise UsageError(f"--begin {begin} is not before --end {end}")
    return made


@dataclass(frozen=True)
class Context:
    spark: SparkSession
    store: Store
    journal: Journal
    progress: Progress = field(default_factory=Silent)
