"""Somebody else at work in the middle of a task, and what must be true after both.

The rival's whole work is done right before one change of the task, so what the task read before
is old by then, and which change it is decides what a race is; or both reach a change at once.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
from comparing import doubled, figures, unlike
from crashes import attempt, settled
from monitors import context_of
from source_tables import day_rows, day_start, write
from world import AGAIN, ASKED, OWNER, SEED, STEPS, WHOLE, Task, World, labelled

from sparkdrift.spark.commits import watched
from sparkdrift.spark.erased_rows import allowed
from sparkdrift.spark.migrate import migrate
from sparkdrift.spark.versions import PROPERTY
from sparkdrift.steps import reference
from sparkdrift.steps.context import Options
from sparkdrift.steps.promotion import Decision
from sparkdrift.steps.run import run_monitor
from sparkdrift.store import Store


@dataclass(frozen=True)
class Rival:
    """`work` is given the world of the race, the store and the task that it meets, one of `meets`.

    source: it changes the source, of which each race then has its own. at_once: it may also come to
    a change at the same moment. beside: tables that keep rows of what was in force before.
    """

    name: str
    work: Callable[[World, Store, Task], object]
    meets: Sequence[Task]
    source: bool = False
    at_once: bool = False
    beside: tuple[str, ...] = ()


def _same(world: World, store: Store, task: Task) -> None:
    world.finished(store, task, "rival")


def _other(world: World, store: Store, task: Task) -> None:
    """Another monitor of the same source, in the same partition of every table or not."""
    context = context_of(world.spark, store, "rival")
    run_monitor(context, world.spec(replace(task, sections={"monitor": "other"})), Options())
    context.journal.close()


def _promote(world: World, store: Store, task: Task) -> None:
    """From within the days that are being judged."""
    context, spec = context_of(world.spark, store, "rival"), world.spec(task)
    why = Decision(OWNER, "a race", day_start(4))
    reference.promote(context, spec, reference.named(spec), 2, why, force=True)
    context.journal.close()


def _migrate(world: World, store: Store, task: Task) -> None:
    """Of a store that an earlier version is said to have written."""
    runs = store.table("runs")
    world.spark.sql(f"ALTER TABLE {runs} SET TBLPROPERTIES ('{PROPERTY}' = '8')")
    migrate(world.spark, store)


def _append(world: World, store: Store, task: Task) -> None:
    rng = np.random.default_rng(SEED + 1)
    write(world.spark, world.source, labelled(day_rows(2, 7, rng), rng))


def _sql(*statements: str) -> Callable[[World, Store, Task], None]:
    def work(world: World, store: Store, task: Task) -> None:
        with allowed(world.spark, 0):
            for statement in statements:
                world.spark.sql(statement.format(f"delta.`{world.source}`")).collect()

    return work


DAY = f"ts >= TIMESTAMP '{day_start(2):%Y-%m-%d} 00:00:00Z'"
UPDATED = "UPDATE {} SET amount = 1 WHERE " + DAY
# What looks for windows that changed: any other step that reads the source, by itself, may as well
# have read it before the rival as after it, and leaves it at that.
READING = (STEPS[0], WHOLE)
RIVALS = (
    Rival("the same by another driver", _same, (*STEPS, *ASKED), at_once=True),
    Rival("another monitor", _other, STEPS, at_once=True),
    Rival("a promotion", _promote, (AGAIN,), at_once=True, beside=("drift",)),
    Rival("a migration", _migrate, (*STEPS, WHOLE), at_once=True),
    Rival("rows are appended", _append, READING, source=True),
    Rival("files are optimised", _sql("OPTIMIZE {}"), READING, source=True),
    Rival("rows are deleted", _sql("DELETE FROM {} WHERE amount > 110"), READING, source=True),
    Rival("rows are updated", _sql(UPDATED), READING, source=True),
    Rival(
        "old files are vacuumed", _sql(UPDATED, "VACUUM {} RETAIN 0 HOURS"), READING, source=True
    ),
)


@dataclass(frozen=True)
class Race:
    """at_once: both come to a change at the same moment; else the rival's work is done before it.
    change: of the task; the rival, where it is another, comes to its first."""

    task: Task
    rival: Rival
    change: int
    at_once: bool

    @property
    def what(self) -> str:
        return self.rival.name

    @property
    def kind(self) -> str:
        return "at once" if self.at_once else "in the middle"

    def __str__(self) -> str:
        return f"{self.task} and {self.rival.name}, {self.kind} {self.change}"


def races(world: World, seed: int) -> Iterator[Race]:
    """Each of them once, in random order, the rivals in turn, of tasks that the world has."""
    rng = random.Random(f"{seed} races")
    tried = {*(task.name for task in world.tasks)}
    if AGAIN.meets in tried:
        world.after(AGAIN)
    waiting = []
    for rival in RIVALS:
        own = [
            Race(task, rival, change, at_once)
            for task in rival.meets
            if (task.meets or task.name) in tried
            for change in range(len(world.made[task.name]))
            for at_once in ((False, True) if rival.at_once else (False,))
            # What somebody decided is refused the second time, which is tried at once only.
            if at_once or not task.said
        ]
        # As of crashes: what makes many changes takes long.
        own.sort(key=lambda one: -len(world.made[one.task.name]) * rng.random())
        waiting.append(own)
    while any(waiting):
        for own in waiting:
            if own:
                yield own.pop()


def raced(world: World, race: Race) -> list[str]:
    """What is not, after both and another attempt, as after the one and then the other."""
    return _together(world, race) if race.at_once else _in_the_middle(world, race)


def _in_the_middle(world: World, race: Race) -> list[str]:
    task, rival = race.task, race.rival
    with world.own_source(rival.source) as here:
        store = here.copied(here.before(task))
        passed, met = 0, False

        def watcher(point: str) -> None:
            nonlocal passed, met
            if point.startswith("after ") or met:
                return
            passed += 1
            if passed == race.change + 1:
                met = True
                rival.work(here, store, task)

        with watched(watcher):
            ended = attempt(here, store, task, "raced")
        if not met:
            rival.work(here, store, task)
        lost = [*_unclear(ended), *doubled(store)]
        last = attempt(here, store, task, "settled")
        lost += [f"the last attempt {last}"] if last else []
        lost += [*doubled(store), *_compared(here, race, store)]
        here.dropped(store)
        return lost


def _unclear(ended: str) -> list[str]:
    """A driver may be refused, with what to do; anything else is no end."""
    return [ended] if ended and not ended.startswith("refused") else []


def _compared(world: World, race: Race, store: Store) -> list[str]:
    """Against the rival's work first, and then the task."""
    wanted = world.copied(world.before(race.task))
    if not race.rival.source:
        race.rival.work(world, wanted, race.task)
    attempt(world, wanted, race.task, "alone")
    lost = unlike(store, wanted, race.rival.beside, figures)
    world.dropped(wanted)
    return lost


def _together(world: World, race: Race) -> list[str]:
    """Two drivers, each with a session of its own, at their changes at the same moment."""
    task, rival = race.task, race.rival
    store = world.copied(world.before(task))
    gate, driver = threading.Barrier(2, timeout=120), threading.local()

    def watcher(point: str) -> None:
        # Other threads than the drivers' own come to changes as well.
        waits_at = getattr(driver, "waits_at", None)
        if waits_at is None or not point.startswith("before "):
            return
        driver.waits_at = waits_at - 1 if waits_at else None
        if not waits_at:
            with suppress(threading.BrokenBarrierError):
                gate.wait()

    ends: list[str] = []

    def drive(work: Task, run_id: str, change: int) -> None:
        driver.waits_at = change
        try:
            ends.append(attempt(world.elsewhere(), store, work, run_id))
        finally:
            # One that had nothing to do is not waited for.
            if driver.waits_at is not None:
                gate.abort()

    other = replace(task, work=lambda here, context, spec: rival.work(here, store, task))
    drivers = [
        threading.Thread(target=drive, args=(task, "raced", race.change)),
        threading.Thread(target=drive, args=(task, "rival 2", race.change))
        if rival.work is _same
        else threading.Thread(target=drive, args=(other, "rival 2", 0)),
    ]
    with watched(watcher):
        for one in drivers:
            one.start()
        for one in drivers:
            one.join()
    lost = [line for ended in ends for line in _unclear(ended)]
    lost += ["a driver ended with an error of its own"] * (len(ends) != len(drivers))
    lost += doubled(store)
    if rival.work is _same:
        lost += settled(world, task, store, "settled")
    else:
        last = attempt(world, store, task, "settled")
        lost += [f"the last attempt {last}"] if last else []
        lost += _compared(world, race, store)
    lost += doubled(store)
    world.dropped(store)
    return lost
