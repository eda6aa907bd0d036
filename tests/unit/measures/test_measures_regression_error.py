"""Regression errors against scikit-learn and SciPy; their intervals against simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from sparkdrift.measures.regression_error import (
    bias,
    count,
    mean_absolute_error,
    mean_absolute_percentage_error,
    root_mean_squared_error,
)

SEED = 71
ALL = (mean_absolute_error, bias, mean_absolute_percentage_error, root_mean_squared_error)


def draw(rng, n):
    target = rng.gamma(3, 100, n)
    return target * rng.lognormal(0.02, 0.2, n), target


def test_figures_are_scikit_learns_and_errors_scipys():
    made, true = draw(np.random.default_rng(SEED), 2000)
    state = count(made, true)
    expected = {
        mean_absolute_error: metrics.mean_absolute_error(true, made),
        bias: (made - true).mean(),
        mean_absolute_percentage_error: metrics.mean_absolute_percentage_error(true, made),
        root_mean_squared_error: metrics.root_mean_squared_error(true, made),
    }
    for metric, value in expected.items():
        assert metric(state).value == pytest.approx(value), metric.__name__
    around = mean_absolute_error(state)
    error = stats.sem(np.abs(made - true))
    assert around.high - around.value == pytest.approx(1.959964 * error, rel=1e-6)


def test_merging_is_adding():
    made, true = draw(np.random.default_rng(SEED), 500)
    np.testing.assert_allclose(
        count(made[:120], true[:120]) + count(made[120:], true[120:]), count(made, true)
    )


def test_rows_without_a_number_are_counted_and_zero_targets_have_no_percentage():
    nan, inf = float("nan"), float("inf")
    state = count([1, nan, 3, inf, inf, 5, 2], [2, 1, nan, 1, inf, 0, 4])
    assert state[:2].tolist() == [3, 4]
    assert mean_absolute_error(state).value == pytest.approx((1 + 5 + 2) / 3)
    assert mean_absolute_percentage_error(state).value == pytest.approx(0.5)
    assert np.isnan(mean_absolute_percentage_error(count([1.0], [0.0]))).all()


def test_no_row_is_not_measured_and_one_has_no_interval():
    for metric in ALL:
        assert np.isnan(metric(count([], []))).all(), metric.__name__
        assert np.isnan(metric(count([np.nan], [1.0]))).all(), metric.__name__
        one = metric(count([3.0], [2.0]))
        assert np.isfinite(one.value), metric.__name__
        assert np.isnan([one.low, one.high]).all(), metric.__name__


def test_intervals_cover():
    rng = np.random.default_rng(SEED)
    made, true = draw(rng, 2_000_000)
    truth = [float(metric(count(made, true)).value) for metric in ALL]
    states = np.stack([count(*draw(rng, 1000)) for _ in range(2000)])
    for metric, value in zip(ALL, truth, strict=True):
        found = metric(states)
        covered = np.mean((found.low <= value) & (value <= found.high))
        # Squares of skewed errors have heavy tails: there 1,000 rows are few.
        assert 0.91 <= covered <= 0.965, (metric.__name__, covered, SEED)
