"""Whatever an attempt ends at, after another one every table is as if nothing had happened."""

from __future__ import annotations

import random

import pytest
from crashes import KINDS, Ending, changes, survived
from world import TASKS, Task, World

pytestmark = [pytest.mark.spark, pytest.mark.classic, pytest.mark.slow]

_SEVERAL = 3
"""Up to so many attempts end before one goes on to its end."""


def schedules(made: int, count: int, rng: random.Random) -> list[list[Ending]]:
    """`count` schedules for a task that makes so many changes: each point once, in random order,
    and of the rest, or of every other one, several crashes after one another."""
    single = [[Ending(kind, change)] for change in range(made) for kind in KINDS]
    rng.shuffle(single)
    several = [
        [Ending(rng.choice(KINDS), rng.randrange(made)) for _ in range(rng.randint(2, _SEVERAL))]
        for _ in range(count)
    ]
    if count >= 2 * len(single):
        return [*single, *several[: count - len(single)]]
    return [one for pair in zip(single, several, strict=False) for one in pair][:count]


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_another_attempt_mends_what_crashes_left(world: World, tally, task: Task, request) -> None:
    seed, count = request.config.getoption("--seed"), request.config.getoption("--crashes")
    rng = random.Random(f"{seed} {task.name}")
    made = changes(world, task)
    assert made, f"{task.name} changes nothing: no crash can be tried"
    wrong = []
    for endings in schedules(len(made), count, rng):
        same_id = rng.random() < 0.5
        found = survived(world, task, endings, same_id=same_id)
        tally.add("crashes, then another attempt", lost=bool(found.lost))
        wrong += [f"{[*map(str, endings)]}, same id {same_id}: {one}" for one in found.lost]
    assert not wrong, f"seed {seed}, {task.name} ({', '.join(made)}):\n" + "\n".join(wrong)
