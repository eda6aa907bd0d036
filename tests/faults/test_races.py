"""Two at work on one store, or on the source meanwhile: no key twice, and in the end the rows that
the one after the other would have made."""

from __future__ import annotations

import time

import pytest
from races import raced, races
from world import World

pytestmark = [pytest.mark.spark, pytest.mark.classic, pytest.mark.slow]


def test_a_rival_in_the_middle_or_at_the_same_moment(world: World, tally, request) -> None:
    seed, count = request.config.getoption("--seed"), request.config.getoption("--races")
    for one in tally.due("races", races(world, seed), count):
        since = time.monotonic()
        tally.add("races", one, raced(world, one), since)
    lost = tally.lost("races")
    assert not lost, f"seed {seed}:\n" + "\n".join(lost)
