"""A driver process and its JVM killed with SIGKILL, at a point and in the middle of a write."""

from __future__ import annotations

import time

import pytest
from kills import killed, kills
from world import World

pytestmark = [pytest.mark.spark, pytest.mark.classic, pytest.mark.slow]


def test_a_run_after_kill_9_ends_as_if_nothing_had_happened(world: World, tally, request) -> None:
    seed, count = request.config.getoption("--seed"), request.config.getoption("--kills")
    for one in tally.due("kills", kills(world, seed), count):
        since = time.monotonic()
        tally.add("kills", one, killed(world, one), since)
    lost = tally.lost("kills")
    assert not lost, f"seed {seed}:\n" + "\n".join(lost)
