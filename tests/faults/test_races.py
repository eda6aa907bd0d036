"""Two at work on one store, or on the source meanwhile: no key twice, and in the end the rows that
the one after the other would have made."""

from __future__ import annotations

import random

import pytest
from crashes import changes
from races import RIVALS, raced, together
from world import STEPS, TASKS, Task, World

pytestmark = [pytest.mark.spark, pytest.mark.classic, pytest.mark.slow]

WHOLE = TASKS[-1]
PROFILE = STEPS[0]


@pytest.mark.parametrize("rival", RIVALS, ids=lambda rival: rival.name)
def test_a_rival_in_the_middle(world: World, tally, rival, request) -> None:
    seed, count = request.config.getoption("--seed"), request.config.getoption("--races")
    rng = random.Random(f"{seed} {rival.name}")
    wrong = []
    for _ in range(count):
        # What reads the source meets those who change it; all else meets everybody.
        task = rng.choice([PROFILE, WHOLE] if rival.source else STEPS)
        found = raced(world, task, rival, rng.randrange(len(changes(world, task))))
        tally.add("races, one in the middle of the other", lost=bool(found.lost))
        wrong += [f"{task.name}, change {found.change} ({found.ended}): {x}" for x in found.lost]
    assert not wrong, f"seed {seed}, {rival.name}:\n" + "\n".join(wrong)


def test_two_drivers_at_the_same_moment(world: World, tally, request) -> None:
    seed, count = request.config.getoption("--seed"), request.config.getoption("--races")
    rng = random.Random(f"{seed} together")
    wrong = []
    for _ in range(count):
        task: Task = rng.choice(TASKS)
        found = together(world, task, rng.randrange(len(changes(world, task))))
        tally.add("races, both at the same moment", lost=bool(found.lost))
        wrong += [f"{task.name}, change {found.change} ({found.ended}): {x}" for x in found.lost]
    assert not wrong, f"seed {seed}:\n" + "\n".join(wrong)
