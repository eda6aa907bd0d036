"""Whatever an attempt ends at, after another one every table is as if nothing had happened."""

from __future__ import annotations

import time

import pytest
from crashes import schedules, survived
from world import World

pytestmark = [pytest.mark.spark, pytest.mark.classic]


def test_each_task_changes_something(world: World) -> None:
    assert [task.name for task in world.tasks if not world.made[task.name]] == []


def test_another_attempt_mends_what_crashes_left(world: World, tally, request) -> None:
    seed, count = request.config.getoption("--seed"), request.config.getoption("--crashes")
    for one in tally.due("crashes", schedules(world.made, world.tasks, seed), count):
        since = time.monotonic()
        tally.add("crashes", one, survived(world, one), since)
    lost = tally.lost("crashes")
    assert not lost, f"seed {seed}:\n" + "\n".join(lost)
