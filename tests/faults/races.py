"""Somebody else at work in the middle of a task, and what must be true after both.

The rival's whole work is done right before one change of the task, so what the task read before
is old by then, and which change it is decides what a race is; or both reach their change at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from crashes import attempt, doubled, settled, unlike
from monitors import context_of
from source_tables import day_rows, day_start, write
from world import SEED, Task, World, labelled

from sparkdrift.spark.commits import watched
from sparkdrift.steps.context import Options
from sparkdrift.steps.run import run_monitor
from sparkdrift.store import Store


@dataclass(frozen=True)
class Rival:
    """`work` is given the world of the race, the store and the task that it meets. `source`: it
    changes the source, of which each race then has its own."""

    name: str
    work: Callable[[World, Store, Task], object]
    source: bool = False


def _same(world: World, store: Store, task: Task) -> None:
    world.finished(store, task, "rival")


def _other(world: World, store: Store, task: Task) -> None:
    """Another monitor of the same source, in the same partition of every table or not."""
    context = context_of(world.spark, store, "rival")
    run_monitor(context, world.spec(Task("other", task.work, {"monitor": "other"})), Options())
    context.journal.close()


def _append(world: World, store: Store, task: Task) -> None:
    rng = np.random.default_rng(SEED + 1)
    write(world.spark, world.source, labelled(day_rows(2, 7, rng), rng))


def _sql(statement: str) -> Callable[[World, Store, Task], None]:
    def work(world: World, store: Store, task: Task) -> None:
        world.spark.sql(statement.format(f"delta.`{world.source}`")).collect()

    return work


DAY = f"ts >= TIMESTAMP '{day_start(2):%Y-%m-%d} 00:00:00Z'"
RIVALS = (
    Rival("the same by another driver", _same),
    Rival("another monitor", _other),
    Rival("rows are appended", _append, source=True),
    Rival("files are optimised", _sql("OPTIMIZE {}"), source=True),
    Rival(
        "rows are deleted", _sql("DELETE FROM {} WHERE " + DAY + " AND amount > 110"), source=True
    ),
    Rival("rows are updated", _sql("UPDATE {} SET amount = 1 WHERE " + DAY), source=True),
)


@dataclass
class Raced:
    """reached: whether the task came to that change; ended: how the first attempt did; lost: what
    is not as after both, one after the other."""

    task: str
    rival: str
    change: int
    reached: bool = False
    ended: str = ""
    lost: list[str] = field(default_factory=list)


def raced(world: World, task: Task, rival: Rival, change: int) -> Raced:
    """Let the rival do its work before a change of the task; then another attempt at the task."""
    found = Raced(task.name, rival.name, change)
    with world.own_source(rival.source) as here:
        store = here.copied(here.before(task))
        passed = 0

        def watcher(point: str) -> None:
            nonlocal passed
            if point.startswith("after ") or found.reached:
                return
            passed += 1
            if passed == change + 1:
                found.reached = True
                rival.work(here, store, task)

        with watched(watcher):
            found.ended = attempt(here, store, task, "raced")
        if not found.reached:
            rival.work(here, store, task)
        found.lost += doubled(store)
        last = attempt(here, store, task, "settled")
        if last:
            found.lost.append(f"the last attempt {last}")
        found.lost += [*doubled(store), *_compared(here, task, rival, store)]
    return found


def _compared(world: World, task: Task, rival: Rival, store: Store) -> list[str]:
    """Against the rival's work first, and then the task."""
    wanted = world.copied(world.before(task))
    if not rival.source:
        rival.work(world, wanted, task)
    attempt(world, wanted, task, "alone")
    return unlike(store, wanted)


def together(world: World, task: Task, change: int) -> Raced:
    """Two drivers at the same change at the same moment."""
    found = Raced(task.name, "at the same moment", change)
    store = world.copied(world.before(task))
    gate = threading.Barrier(2, timeout=120)
    passed = threading.local()

    def watcher(point: str) -> None:
        if point.startswith("after "):
            return
        passed.count = getattr(passed, "count", 0) + 1
        if passed.count == change + 1:
            try:
                gate.wait()
                found.reached = True
            except threading.BrokenBarrierError:
                pass

    ends: list[str] = ["", ""]

    def driver(number: int) -> None:
        try:
            ends[number] = attempt(world, store, task, f"driver {number}")
        finally:
            # One that had nothing to do is not waited for.
            if getattr(passed, "count", 0) <= change:
                gate.abort()

    threads = [threading.Thread(target=driver, args=(number,)) for number in range(2)]
    with watched(watcher):
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    found.ended = "; ".join(sorted(one for one in ends if one))
    found.lost += [*doubled(store), *settled(world, task, store, "settled")]
    world.dropped(store)
    return found
