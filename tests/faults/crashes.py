"""The end of a driver at a point of its work, and what must be true after another run.

A crash is one of four, at one of the points around changes of the store:
- before: nothing of the change was written;
- torn: its data files were written, and no commit names them;
- after: it was committed, and the process ended;
- lost: it was committed, and the process is told that it failed.
After all but `lost` the process does nothing more.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from comparing import content, doubled, says_done, unlike
from monitors import Crash, context_of
from pyspark.errors import PySparkException
from world import Task, World

from sparkdrift.errors import SparkdriftError
from sparkdrift.spark.commits import watched
from sparkdrift.spark.schemas import TABLES
from sparkdrift.store import Store

KINDS = ("before", "torn", "after", "lost")
_SEVERAL = 3
"""Up to so many attempts end before one goes on to its end."""


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
        shutil.rmtree(beside, ignore_errors=True)
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
class Schedule:
    """Attempts at a task end as told, one after the other; then one goes on to its end. same_id:
    they all have the same run id, as those of a scheduler that tries a job again."""

    task: Task
    endings: tuple[Ending, ...]
    same_id: bool

    @property
    def what(self) -> str:
        return self.task.name

    @property
    def kind(self) -> str:
        return self.endings[0].kind if len(self.endings) == 1 else "several"

    def __str__(self) -> str:
        endings = ", ".join(map(str, self.endings))
        return f"{self.task}: {endings}; {'the same id' if self.same_id else 'new ids'}"


def schedules(made: Mapping[str, Sequence[str]], tasks: Sequence[Task], seed: int) -> Iterator[Any]:
    """Without end: each kind at each change that a task makes once, in random order, and every
    fourth time several crashes after one another."""
    rng = random.Random(f"{seed} crashes")
    single = [
        Schedule(task, (Ending(kind, change),), rng.random() < 0.5)
        for task in tasks
        for change in range(len(made[task.name]))
        for kind in KINDS
    ]
    # What makes many changes takes long: all have their first turns alike.
    single.sort(key=lambda one: -len(made[one.what]) * rng.random())
    for number in count():
        if number % 4 != 3 and single:
            yield single.pop()
            continue
        task = rng.choice(tasks)
        changes = len(made[task.name])
        endings = tuple(
            Ending(rng.choice(KINDS), rng.randrange(changes))
            for _ in range(rng.randint(2, _SEVERAL))
        )
        yield Schedule(task, endings, rng.random() < 0.5)


def survived(world: World, schedule: Schedule) -> list[str]:
    """What differs afterwards from the store that nothing interrupted, or was wrong before."""
    task = schedule.task
    store = world.copied(world.before(task))
    wrong: list[str] = []
    for number, how in enumerate(schedule.endings):
        if _heard(world, task, store):
            break
        run_id = "broken" if schedule.same_id else f"broken {number}"
        with ending(world.spark, store, how):
            ended = attempt(world, store, task, run_id)
        if says_done(store, run_id) and not ended.startswith("refused"):
            wrong += [f"runs says SUCCEEDED: {one}" for one in differences(world, task, store)]
        wrong += [f"after {how}: {one}" for one in doubled(store)]
    last = "broken" if schedule.same_id else "mended"
    wrong += [*settled(world, task, store, last), *doubled(store)]
    world.dropped(store)
    return wrong


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


def differences(world: World, task: Task, store: Store) -> list[str]:
    """Tables whose rows are not those of the store that nothing interrupted."""
    return unlike(store, world.after(task))
