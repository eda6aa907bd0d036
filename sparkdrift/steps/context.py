"""What every step is handed: a session, a store, a journal, and somebody to tell."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from sparkdrift.steps.journal import Journal
from sparkdrift.store import Store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


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


@dataclass(frozen=True)
class Context:
    spark: SparkSession
    store: Store
    journal: Journal
    progress: Progress = field(default_factory=Silent)
