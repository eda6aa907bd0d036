"""A driver process and its JVM killed with SIGKILL, at a point and in the middle of a write."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from crashes import changes, differences, doubled
from world import TASKS, World

pytestmark = [pytest.mark.spark, pytest.mark.classic, pytest.mark.slow]

WHOLE = TASKS[-1]
DRIVER = Path(__file__).with_name("driver.py")
LONGEST = 3000
"""Milliseconds after a point at which the end comes: a change takes less, the run more."""


def test_a_run_after_kill_9_ends_as_if_nothing_had_happened(world: World, tally, request) -> None:
    seed, count = request.config.getoption("--seed"), request.config.getoption("--kills")
    rng, made = random.Random(f"{seed} kill"), changes(world, WHOLE)
    spec, wrong = world.spec_file(WHOLE), []
    for _ in range(count):
        store = world.copied(world.before(WHOLE))
        arguments = ["run", str(spec), "--store", str(store)]
        when, change = rng.choice(["before", "after"]), rng.randrange(len(made))
        delay = rng.choice([0, rng.randrange(LONGEST)])
        told = f"{when} {made[change]} ({change}), {delay} ms later"
        killed = subprocess.run(
            [sys.executable, str(DRIVER), when, str(change), str(delay), "--", *arguments],
            start_new_session=True,
            capture_output=True,
            text=True,
            check=False,
        )
        lost = doubled(store)
        # A run may be over before the end comes.
        if killed.returncode not in (-signal.SIGKILL, 0):
            lost.append(f"exit {killed.returncode}: {killed.stderr[-500:]}")
        again = subprocess.run(
            [sys.executable, "-m", "sparkdrift", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )
        if again.returncode:
            lost.append(f"the run after it ended with {again.returncode}: {again.stderr[-500:]}")
        lost += [*differences(world, WHOLE, store), *doubled(store)]
        tally.add("kill -9 of the driver, then another run", lost=bool(lost))
        wrong += [f"{told}: {one}" for one in lost]
    assert not wrong, f"seed {seed}:\n" + "\n".join(wrong)
