"""A year of a store in hours: what comes, changes, ends too early and is decided, day after day.

The clock is the machine's own, so files are given the times that they would have had: a table's log
forgets what is older than its retention, as it would in a year.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from comparing import doubled, rows_alike
from crashes import KINDS, Ending, Lost, ending
from deltalake import DeltaTable
from monitors import Crash, context_of, new_store, spec_of
from source_tables import day_rows, day_start, write
from world import WHY, declared, labelled

from sparkdrift.embedded.asking import asking
from sparkdrift.errors import SparkdriftError
from sparkdrift.spark.maintaining import maintain
from sparkdrift.spark.schemas import TABLES
from sparkdrift.steps import reference, snapshot
from sparkdrift.steps.context import Options
from sparkdrift.steps.run import run_monitor
from sparkdrift.store import Store

ROWS, FIRST = 60, 4
"""Rows a day, and days before the first run: the first reference."""
_DAY = 86_400
_MAINTAINED, _DECIDED, _OF_REFERENCE = 7, 30, 14
# How often a day has rows that come late, rows that go, rows that change, a process that ends.
_LATE, _DELETED, _UPDATED, _CRASHED = 0.3, 0.1, 0.1, 0.3
_BACK = 10
"""So many days back is what comes late or changes."""
_CHANGES = 12
"""Attempts end at one of so many first changes."""
_REFERENCES = ("reference_snapshots", "reference_profiles", "reference_events", "reference_checks")
RESULTS = (
    *("profiles", "assumptions", "operations", "performance", "eval_staleness"),
    *("feature_debt", "drift"),
)
"""Tables that follow from the source and the references, whatever happened on the way."""


@dataclass
class Day:
    """How the last run of one day went. files: of all tables, in their newest versions; log: bytes
    of all their logs."""

    seconds: float
    files: int
    log: int


@dataclass
class Soak:
    """The life of one monitor, seeded; `told` hears what happens."""

    spark: Any
    folder: Path
    days: int
    seed: int
    told: Callable[[str], None] = print
    lived: list[Day] = field(default_factory=list)
    happened: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._rng = np.random.default_rng(self.seed)
        self._sections: dict[str, Any] = declared(self.folder / "holdout")
        self._source = self.folder / "scored"
        self.store = new_store(self.spark, self.folder / "store")
        write(self.spark, self.folder / "holdout", self._rows(-9, 300))
        self._began = time.time()

    def live(self) -> None:
        """All days, each with what it brings and a run that goes to its end."""
        for day in range(self.days):
            write(self.spark, self._source, self._rows(day, ROWS))
            if day < FIRST:
                continue
            for name, share in (("late", _LATE), ("deleted", _DELETED), ("updated", _UPDATED)):
                if self._rng.random() < share:
                    self._count(name)
                    getattr(self, f"_{name}")(day)
            if self._rng.random() < _CRASHED:
                self._crash(day)
            if day % _DECIDED == _DECIDED - 1:
                self._decide(day)
            since = time.monotonic()
            self._run(self.store, day)
            seconds = time.monotonic() - since
            if day % _MAINTAINED == _MAINTAINED - 1:
                self._count("maintained")
                refused = [one.refused for one in maintain(self.spark, self.store) if one.refused]
                assert not refused, refused
            self._age(day)
            self.lived.append(Day(seconds, *_sizes(self.store)))
            self.told(f"day {day}: {self.lived[-1]}")

    def unlike_anew(self) -> list[str]:
        """Tables that have other rows than those of a store that is made at the end, at once, from
        what the source then has and the versions of references that were in force."""
        anew = new_store(self.spark, self.folder / "anew")
        for name in _REFERENCES:
            shutil.rmtree(str(anew.path(name)))
            shutil.copytree(str(self.store.path(name)), str(anew.path(name)))
        self._run(anew, self.days - 1)
        found = doubled(self.store)
        with (
            asking(self.store, Path(str(self.store.directory))) as here,
            asking(anew, Path(str(anew.directory))) as there,
        ):
            for name in RESULTS:
                query = f"SELECT * FROM {'current_drift' if name == 'drift' else name}"
                found += rows_alike(name, here(query, 10**7), there(query, 10**7))
        return found

    def slower(self, early: int, days: int = 10) -> float:
        """By what the last days' runs took longer than those from day `early` on; medians."""
        first = [self.on(day) for day in range(early, early + days)]
        last = self.lived[-days:]
        return median(one.seconds for one in last) / median(one.seconds for one in first)

    def on(self, day: int) -> Day:
        return self.lived[day - FIRST]

    def _rows(self, day: int, count: int) -> Any:
        return labelled(day_rows(day, count, self._rng), self._rng)

    def _count(self, name: str) -> None:
        self.happened[name] = self.happened.get(name, 0) + 1

    def _some_day(self, day: int) -> int:
        return int(self._rng.integers(max(0, day - _BACK), day))

    def _late(self, day: int) -> None:
        write(self.spark, self._source, self._rows(self._some_day(day), 5))

    def _deleted(self, day: int) -> None:
        self._of_source("DELETE FROM {} WHERE", self._some_day(day), "score < 0.2")

    def _updated(self, day: int) -> None:
        self._of_source(
            "UPDATE {} SET amount = amount + 1 WHERE", self._some_day(day), "product = 'loan'"
        )

    def _of_source(self, statement: str, day: int, where: str) -> None:
        table = f"delta.`{self._source}`"
        begin, end = (f"TIMESTAMP'{day_start(one).isoformat()}'" for one in (day, day + 1))
        text = statement.format(table)
        self.spark.sql(f"{text} ts >= {begin} AND ts < {end} AND {where}").collect()

    def _crash(self, day: int) -> None:
        how = Ending(str(self._rng.choice(KINDS)), int(self._rng.integers(_CHANGES)))
        with suppress(Crash, Lost, SparkdriftError), ending(self.spark, self.store, how):
            self._run(self.store, day)
            return
        self._count(f"crash {how.kind}")

    def _decide(self, day: int) -> None:
        """Freeze the last days and put them in force, whatever the gate says."""
        begin, end = (f"{day_start(one):%Y-%m-%d}" for one in (day - _OF_REFERENCE, day))
        self._sections["reference"] = {"begin": begin, "end": end}
        spec, context = self._spec(), context_of(self.spark, self.store)
        made = snapshot.snapshot_reference(context, spec)
        name = reference.named(spec)
        assert made.version is not None
        with suppress(SparkdriftError):  # the gate let it pass by itself
            reference.promote(context, spec, name, made.version, WHY, force=True)
        context.journal.close()
        self._count("decided")

    def _spec(self) -> Any:
        return spec_of(self._source, **self._sections)

    def _run(self, store: Store, day: int) -> None:
        context = context_of(self.spark, store)
        run_monitor(context, self._spec(), Options(as_of=day_start(day + 1)))
        context.journal.close()

    def _age(self, day: int) -> None:
        """Give what was written meanwhile the time of its day; the last day is today."""
        at = self._began - (self.days - 1 - day) * _DAY
        for path in (Path(str(self.store.directory)), self._source):
            for file in path.rglob("*"):
                if file.is_file() and file.stat().st_mtime > self._began - 1:
                    os.utime(file, (at, at))


def _sizes(store: Store) -> tuple[int, int]:
    files, log = 0, 0
    for table in TABLES:
        folder = Path(str(store.path(table.name)))
        files += len(DeltaTable(str(folder)).file_uris())
        log += sum(one.stat().st_size for one in (folder / "_delta_log").rglob("*.*"))
    return files, log
