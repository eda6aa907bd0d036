from __future__ import annotations

import numpy as np
from scipy import stats

from sparkdrift.measures.single_value import p_single


def test_by_chance_it_is_the_beta_binomial_times_the_bins():
    found = p_single([980.0, 20, 0], [[50.0, 0, 0], [0, 3, 0], [50, 1, 0], [0, 0, 0]])
    a, b = 980.5, 20.5
    expected = [2 * stats.betabinom.pmf(50, 50, a, b), 2 * stats.betabinom.pmf(3, 3, b, a)]
    np.testing.assert_allclose(found[:2], np.minimum(expected, 1.0), rtol=1e-9)
    assert np.isnan(found[2:]).all()


def test_one_row_is_always_one_value():
    assert (p_single(np.full(10, 100.0), np.eye(10)) > 0.9).all()


def test_a_share_that_varies_from_window_to_window_makes_it_less_unusual():
    rng = np.random.default_rng(2)
    n = 2000
    share = np.clip(rng.beta(2, 60, size=30), 0.002, 1)
    rare = rng.binomial(n, share)
    own = np.column_stack([n - rare, rare]).astype(float)
    steady = own.sum(axis=0) / 30 * np.ones((30, 1))
    window = [[float(n), 0.0]]
    varied, even = (p_single(own.sum(axis=0), window, one)[0] for one in (own, steady))
    assert even < 1e-9 < varied, f"seed=2 {even} {varied}"


def test_a_constant_reference_or_one_that_was_single_itself_is_not_asked():
    assert np.isnan(p_single([100.0, 0], [[10.0, 0]])).all()
    own = [[900.0, 100], [1000, 0], [900, 100]]
    assert np.isnan(p_single([2800.0, 200], [[1000.0, 0]], own)).all()
    # A window of three rows is one value by chance, which says nothing.
    few = [[900.0, 100], [3, 0], [900, 100]]
    assert p_single([1803.0, 200], [[1000.0, 0]], few)[0] < 1e-9


def test_how_often_windows_are_said_to_be_single_too_seldom():
    """p is what it says: windows of one value at 1 % are 1 % of windows or fewer."""
    rng = np.random.default_rng(3)
    n, hits, trials = 100, 0, 2000
    for _ in range(trials):
        share = rng.beta(0.97 * 200, 0.03 * 200, size=31)
        rare = rng.binomial(n, 1 - share)
        counts = np.column_stack([n - rare, rare]).astype(float)
        if rare[-1] == 0:
            p = p_single(counts[:-1].sum(axis=0), counts[-1:], counts[:-1])[0]
            hits += bool(p < 0.01)
    assert stats.binomtest(hits, trials, 0.01, "greater").pvalue > 0.001, f"seed=3 {hits}"
