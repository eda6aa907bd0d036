"""Correlations from the state of a pair: against numpy and SciPy, and where nothing is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.dependence import (
    EMPTY,
    Bond,
    bond,
    correlation,
    correlation_change,
    fisher_interval,
    merge_states,
    pair_states,
)

SEED = 11
RNG = np.random.default_rng(SEED)
PAIR = [(0, 1)]


def state_of(x, y, offsets=(0.0, 0.0)):
    return pair_states(np.column_stack([x, y]), PAIR, offsets)[0]


def tied(n, rho, rng=RNG):
    x, y = rng.normal(size=(2, n))
    return x, rho * x + np.sqrt(1 - rho**2) * y


def test_correlations_of_all_pairs_are_scipys():
    values = RNG.normal(size=(400, 4)) @ RNG.normal(size=(4, 4))
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    found = correlation(pair_states(values, pairs, values.mean(axis=0)))
    expected = [stats.pearsonr(values[:, i], values[:, j]).statistic for i, j in pairs]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_a_row_counts_where_both_values_are_finite():
    x, y = tied(300, 0.6)
    x[::7], y[::5], y[1] = np.nan, np.inf, -np.inf
    both = np.isfinite(x) & np.isfinite(y)
    state = state_of(x, y)
    assert state[0] == both.sum()
    assert correlation(state) == pytest.approx(stats.pearsonr(x[both], y[both]).statistic)
    np.testing.assert_allclose(state[1:3], [x[both].mean(), y[both].mean()])


@pytest.mark.parametrize("offset", [0.0, 1.7e9, 1.7e9 + 40_000])
def test_small_variance_beside_a_large_mean_survives_a_near_offset(offset):
    """Seconds since 1970 within a day: raw sums of squares would lose the variance."""
    x, y = tied(1000, 0.5)
    seconds = 1.7e9 + 3600 * x
    found = float(correlation(state_of(seconds, y, (offset, 0.0))))
    expected = stats.pearsonr(x, y).statistic
    if offset:
        assert found == pytest.approx(expected, rel=1e-9)
    assert np.isfinite(found)


@pytest.mark.parametrize("constant", [0.5, 0.1, 1e9 / 3])
def test_a_constant_side_has_no_correlation(constant):
    x = RNG.normal(size=50)
    assert np.isnan(correlation(state_of(x, np.full(50, constant), (0.0, constant * 1.01))))


def test_nothing_and_one_row_have_no_correlation():
    assert np.isnan(correlation(EMPTY))
    assert np.isnan(correlation(state_of([1.0], [2.0])))
    np.testing.assert_array_equal(state_of([np.nan], [2.0]), EMPTY)


def test_values_whose_squares_are_too_large_have_no_correlation():
    assert np.isnan(correlation(state_of([1e200, -1e200, 3e199], [1.0, 2.0, 3.0])))


@pytest.mark.parametrize(("rho", "n"), [(0.0, 30), (0.7, 100), (-0.95, 12)])
def test_the_interval_is_scipys(rho, n):
    x, y = tied(n, rho)
    known = stats.pearsonr(x, y)
    expected = known.confidence_interval(0.95)
    low, high = fisher_interval(known.statistic, n)
    assert (low, high) == (pytest.approx(expected.low), pytest.approx(expected.high))


def test_the_interval_needs_four_rows():
    assert np.isnan(fisher_interval(0.3, 3)).all()


def test_without_windows_the_change_is_the_z_test_of_two_correlations():
    found = correlation_change([0.35], [200], Bond(0.1, 500.0), limit=0.1)
    sd = np.sqrt(1 / 197 + 1 / 497)
    z = (np.arctanh(0.35) - np.arctanh(0.1)) / sd
    assert found.p_unusual[0] == pytest.approx(2 * stats.norm.sf(z), rel=1e-6)
    beyond = (np.arctanh(0.35) - np.arctanh(0.2)) / sd
    assert found.p_material[0] == pytest.approx(stats.norm.sf(beyond), rel=1e-6)
    assert found.change[0] == pytest.approx(0.25)
    assert found.low[0] < 0.25 < found.high[0]


def test_power_is_the_chance_that_twice_the_limit_passes_both_tests():
    """By drawing z, for the move towards the side where it is the harder to see."""
    known, n = Bond(0.0, 4000.0), 900
    power = correlation_change([0.0], [n], known, limit=0.1).power[0]
    rng = np.random.default_rng(SEED)
    sd = np.sqrt(1 / (n - 3) + 1 / 3997)
    r = np.tanh(rng.normal(np.arctanh(0.2), sd, 20_000))
    found = correlation_change(r, np.full(len(r), n), known, limit=0.1)
    hit = (found.p_unusual < 0.01) & (found.p_material < 0.01)
    assert hit.mean() == pytest.approx(power, abs=0.015), SEED


def test_windows_that_differ_by_themselves_make_a_change_less_unusual():
    rng = np.random.default_rng(SEED)
    calm = [state_of(*tied(500, 0.3, rng)) for _ in range(20)]
    wild = [state_of(*tied(500, 0.3 + 0.2 * (-1) ** day, rng)) for day in range(20)]
    changes = []
    for windows in (calm, wild):
        merged = EMPTY
        for one in windows:
            merged = merge_states(merged, one)
        known = bond(merged, windows)
        changes.append(correlation_change([0.5], [500], known).p_unusual[0])
    assert changes[0] < 1e-4
    assert changes[1] > 0.05


def test_a_bond_of_few_windows_estimates_nothing():
    windows = [state_of(*tied(100, 0.4)) for _ in range(4)]
    known = bond(windows[0], windows)
    assert (known.tau2, known.free, known.windows) == (0.0, np.inf, 4)


def test_perfect_correlation_is_no_error():
    x = RNG.normal(size=50)
    known = bond(state_of(x, 2 * x), np.empty((0, 6)))
    assert known.r == pytest.approx(1.0)
    same = correlation_change([1.0, 0.2], [50, 50], known)
    assert same.p_unusual[0] > 0.9
    assert same.p_material[1] < 1e-6
    assert np.isfinite(same.power).all()
