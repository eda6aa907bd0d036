"""Whether a quartile of a sketch is one of the source: its exact ranks, against a brute force."""

from __future__ import annotations

import numpy as np
import pytest

from sparkdrift.spark.reference_counts import QUARTERS, Rank, _error

SEED = 7


@pytest.mark.parametrize("values", ["continuous", "repeated", "constant"])
def test_a_quartile_of_the_rows_themselves_is_not_off(values):
    rng = np.random.default_rng(SEED)
    rows = {
        "continuous": rng.normal(size=999),
        "repeated": np.round(rng.normal(size=999)),
        "constant": np.ones(999),
    }[values]
    for share in QUARTERS:
        value = np.quantile(rows, share, method="inverted_cdf")
        rank = Rank(float((rows < value).mean()), float((rows <= value).mean()))
        assert rank.off(share) == 0, f"seed {SEED}"


def test_how_far_off_is_counted_from_the_nearest_rank():
    assert Rank(0.6, 0.7).off(0.5) == pytest.approx(0.1)
    assert Rank(0.3, 0.4).off(0.5) == pytest.approx(0.1)


def test_the_accepted_error_is_that_of_sketch_and_sample():
    exact, sampled = _error(1_000_000, None, 400), _error(1_000_000, 2_500.0, 400)
    # DataSketches' own figure for k = 400: 0.68 %; twice that.
    assert exact == pytest.approx(2 * 0.0068, rel=0.02)
    assert sampled - exact == pytest.approx(5 * 0.5 / 50)
    assert _error(100, None, None) == pytest.approx(0.01)
