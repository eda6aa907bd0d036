"""The end of a driver at a point of its work, and what must be true after another run.

A crash is one of four, at one of the points around changes of the store:
- before: nothing of the change was written;
- torn: its data files were written, and no commit names them;
- after: it was committed, and the process ended;
- lost: it was committed, and the process is told that it failed.
After all but `lost` the process does nothing more.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from monitors import Crash, context_of
from pyspark.errors import PySparkException
from world import Task, World

from sparkdrift.errors import SparkdriftError
from sparkdrift.spark.commits import watched
from sparkdrift.spark.schemas import RUNS, TABLES
from sparkdrift.store import Store

KINDS = ("before", "torn", "after", "lost")
_OF_A_RUN = {"run_id", "created_at", "checked_at", "at", "seconds", "attempt", "sampled_at"}


class Lost(PySparkException):
    """The answer to a commit that was made."""

    def __init__(self) -> None:
        super().__init__("the answer was lost: connection reset")


@dataclass(frozen=True)
class Ending:
    """How an attempt ends: at the change of that number, counted from 0."""

    kind: str
    change: int

    def __str__(self) -> str:
        return f"{self.kind} {self.change}"


def changes(world: World, task: Task) -> list[str]:
    """The changes of the store that the task makes, in order, such as `replace drift`."""
    made: list[str] = []

    def noting(point: str) -> None:
        when, change = point.split(maxsplit=1)
        made.extend([change] * (when == "after"))

    store = world.copied(world.before(task))
    with watched(noting):
        world.finished(store, task, "counted")
    world.dropped(store)
    return made


@contextmanager
def ending(spark: Any, store: Store, how: Ending) -> Iterator[list[str]]:
    """Ends the process as told; yields the changes that were committed until then."""
    made: list[str] = []
    dead = False
    log = _Log(spark, store)

    def watcher(point: str) -> None:
        nonlocal dead
        when, change = point.split(maxsplit=1)
        if dead:
            raise Crash
        here = len(made) == how.change
        if here and when == "before" and how.kind == "torn":
            log.keep(change.split()[-1])
        if here and (when, how.kind) == ("before", "before"):
            dead = True
            raise Crash
        if when != "after":
            return
        if here and how.kind == "torn":
            dead = True
            log.put_back()
            raise Crash
        made.append(change)
        if here:
            dead = how.kind != "lost"
            raise Lost if how.kind == "lost" else Crash

    with watched(watcher):
        yield made


class _Log:
    """The commits of one table as they were, put back as if the last had never been made."""

    def __init__(self, spark: Any, store: Store) -> None:
        self._spark, self._store = spark, store
        self._kept: tuple[Path, Path] | None = None

    def keep(self, table: str) -> None:
        place = self._store.path(table) if table in NAMES else None
        log = Path(str(place)) / "_delta_log"
        if place is None or not log.is_dir():
            return
        beside = log.with_name("_kept_log")
        shutil.copytree(log, beside)
        self._kept = (log, beside)

    def put_back(self) -> None:
        if self._kept is None:
            return
        log, beside = self._kept
        shutil.rmtree(log)
        beside.rename(log)
        # A new process knows nothing of it either.
        self._spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()


NAMES = frozenset(table.name for table in TABLES)


@dataclass(frozen=True)
class Survived:
    """What a schedule of crashes left: how each attempt ended, and what differs from the store that
    nothing interrupted."""

    task: str
    endings: tuple[Ending, ...]
    ended: tuple[str, ...]
    lost: tuple[str, ...]


def survived(world: World, task: Task, endings: Sequence[Ending], *, same_id: bool) -> Survived:
    """Let attempts at the task end as told, then one go on to its end."""
    store = world.copied(world.before(task))
    ends: list[str] = []
    wrong: list[str] = []
    for number, how in enumerate(endings):
        if _heard(world, task, store):
            break
        run_id = "broken" if same_id else f"broken {number}"
        with ending(world.spark, store, how):
            ended = attempt(world, store, task, run_id)
        ends.append(ended or "its end")
        if _says_done(store, run_id) and not ended.startswith("refused"):
            wrong += [f"runs says SUCCEEDED: {one}" for one in differences(world, task, store)]
        wrong += [f"{how}: {one}" for one in doubled(store)]
    wrong += [*settled(world, task, store, "broken" if same_id else "mended"), *doubled(store)]
    world.dropped(store)
    return Survived(task.name, tuple(endings), tuple(ends), tuple(wrong))


def settled(world: World, task: Task, store: Store, run_id: str) -> list[str]:
    """What is not as it should be after another attempt.

    What was decided and heard is not said again; what it left undone is done by the next run.
    """
    if not task.said:
        last = attempt(world, store, task, run_id)
        return [*([f"the last attempt {last}"] if last else []), *differences(world, task, store)]
    if not _heard(world, task, store):
        attempt(world, store, task, run_id)
    if not differences(world, task, store):
        return []
    world.finished(store, world.run_of(task), "next")
    return unlike(store, world.settled(task))


def _heard(world: World, task: Task, store: Store) -> bool:
    """Whether what somebody says stands in the log that keeps it."""
    if not task.said:
        return False
    return content(store, task.said) == content(world.after(task), task.said)


def attempt(world: World, store: Store, task: Task, run_id: str) -> str:
    """How it ended; '' where it came to its end."""
    context = context_of(world.spark, store, run_id)
    try:
        task.work(world, context, world.spec(task))
        context.journal.close()
    except Crash:
        return "crashed"
    except PySparkException as error:
        return f"failed: {error}"
    except SparkdriftError as error:
        return f"refused: {error}"
    return ""


def content(store: Store, table: str) -> list[str]:
    """Rows without what tells one run from another, read without Spark."""
    rows = DeltaTable(str(store.path(table))).to_pyarrow_table()
    kept = rows.select([name for name in rows.column_names if name not in _OF_A_RUN])
    return sorted(map(str, kept.to_pylist()))


def differences(world: World, task: Task, store: Store) -> list[str]:
    """Tables whose rows are not those of the store that nothing interrupted."""
    return unlike(store, world.after(task))


def unlike(store: Store, wanted: Store) -> list[str]:
    """Tables that have other rows than those of the wanted store, but for what tells runs apart."""
    found = []
    for table in TABLES:
        here, there = content(store, table.name), content(wanted, table.name)
        if table is not RUNS and here != there:
            more, less = set(here) - set(there), set(there) - set(here)
            example = next(iter(more or less), "the same row several times")
            found.append(f"{table.name}: {len(more)} more, {len(less)} less, as {example[:300]}")
    return found


def doubled(store: Store) -> list[str]:
    """Tables with two rows of one key."""
    found = []
    for table in TABLES:
        rows = DeltaTable(str(store.path(table.name))).to_pyarrow_table(columns=list(table.key))
        keys = [str(row) for row in rows.to_pylist()]
        if len(keys) != len(set(keys)):
            found.append(f"{table.name}: {len(keys) - len(set(keys))} keys twice")
    return found


def _says_done(store: Store, run_id: str) -> bool:
    """Whether, by `runs`, all that this run began came to its end."""
    rows = DeltaTable(str(store.path(RUNS.name))).to_pyarrow_table(
        columns=["run_id", "step", "attempt", "phase"]
    )
    own = [row for row in rows.to_pylist() if row["run_id"] == run_id]
    phases: dict[tuple[str, int], set[str]] = {}
    for row in own:
        phases.setdefault((row["step"], row["attempt"]), set()).add(row["phase"])
    return bool(phases) and all("SUCCEEDED" in one for one in phases.values())
