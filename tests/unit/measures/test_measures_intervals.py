"""The interval of a share, against scipy's and by how often it holds the true share."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.intervals import wilson

SEED = 67


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
@pytest.mark.parametrize(("x", "n"), [(0, 1), (1, 1), (0, 50), (3, 50), (50, 50), (417, 9_800)])
def test_the_interval_is_that_of_scipy(x: int, n: int, confidence: float) -> None:
    expected = stats.binomtest(x, n).proportion_ci(confidence, method="wilson")
    _, low, high = wilson(x, n, stats.norm.ppf((1 + confidence) / 2))
    assert float(low) == pytest.approx(expected.low, abs=1e-12)
    assert float(high) == pytest.approx(expected.high, abs=1e-12)


def test_it_holds_the_true_share_about_as_often_as_it_says() -> None:
    rng, share, n = np.random.default_rng(SEED), 0.07, 400
    _, low, high = wilson(rng.binomial(n, share, 20_000), n)
    held = np.mean((low <= share) & (share <= high))
    assert 0.93 < held < 0.97, f"seed {SEED}: {held}"


def test_what_is_no_share_of_rows_has_none() -> None:
    _, low, high = wilson([0, 5, -1, np.nan], [0, 4, 4, 4])
    assert np.isnan(low).all()
    assert np.isnan(high).all()
