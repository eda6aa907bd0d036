"""A year of a store: nothing lost, nothing doubled, and no day dearer than those before it."""

from __future__ import annotations

import pytest
from soak import Soak

pytestmark = [pytest.mark.spark, pytest.mark.classic, pytest.mark.slow]

DEARER = 1.2
"""What a run may take, of one after the first month."""
EARLY = 30


def test_a_store_after_a_year_is_as_one_that_is_made_then(spark, tmp_path, request) -> None:
    seed, days = request.config.getoption("--seed"), request.config.getoption("--days")
    soak = Soak(spark, tmp_path, days, seed)
    soak.live()
    print(f"seed {seed}: {soak.happened}")
    assert soak.unlike_anew() == [], f"seed {seed}"
    if days >= 2 * EARLY:
        early, late = soak.on(EARLY), soak.lived[-1]
        print(f"day {EARLY}: {early}; day {days}: {late}; slower by {soak.slower(EARLY):.2f}")
        assert late.files <= DEARER * early.files
        assert late.log <= DEARER * early.log
