from __future__ import annotations

import numpy as np
import pytest
from scipy import special, stats
from scipy.spatial.distance import jensenshannon

from sparkdrift.measures import binned

RNG = np.random.default_rng(4)
REFERENCE = np.array([300.0, 200, 150, 150, 100, 60, 40])
WINDOWS = RNG.multinomial(400, REFERENCE[::-1] / 1000, size=6).astype(float)
FIGURES = [
    binned.d_statistic,
    binned.psi,
    binned.js_distance,
    binned.total_variation,
    binned.l_infinity,
]


def test_chi2_is_pearsons_two_sample_test():
    statistic, p = binned.chi2(REFERENCE, WINDOWS)
    for i, window in enumerate(WINDOWS):
        table = stats.chi2_contingency(np.stack([REFERENCE, window]), correction=False)
        assert statistic[i] == pytest.approx(table.statistic)
        assert p[i] == pytest.approx(table.pvalue)


def test_js_against_scipy():
    expected = [jensenshannon(REFERENCE, window, base=2) for window in WINDOWS]
    np.testing.assert_allclose(binned.js_distance(REFERENCE, WINDOWS), expected)


def test_psi_by_hand():
    p = (np.array([30, 70]) + 0.5) / 101
    q = (np.array([80, 0]) + 0.5) / 81
    expected = ((p - q) * np.log(p / q)).sum()
    assert binned.psi([30, 70], [[80, 0]]) == pytest.approx([expected])


def test_total_variation_and_l_infinity_by_hand():
    assert binned.total_variation([50, 50, 0], [[1, 1, 2]]) == pytest.approx([0.5])
    assert binned.l_infinity([50, 50, 0], [[1, 1, 2]]) == pytest.approx([0.5])


@pytest.mark.parametrize("figure", FIGURES)
def test_shapes_and_empty_sides(figure):
    assert figure(REFERENCE, WINDOWS).shape == (6,)
    assert figure(REFERENCE, WINDOWS[0]).shape == ()
    stacked = figure(REFERENCE, np.vstack([WINDOWS, np.zeros(7)]))
    assert np.isnan(stacked[-1])
    np.testing.assert_array_equal(stacked[:-1], figure(REFERENCE, WINDOWS))
    assert np.isnan(figure(np.zeros(7), WINDOWS)).all()


@pytest.mark.parametrize("figure", FIGURES)
def test_a_cell_empty_on_both_sides_adds_nothing(figure):
    wider = np.insert(WINDOWS, 3, 0, axis=1)
    np.testing.assert_allclose(
        figure(np.insert(REFERENCE, 3, 0), wider), figure(REFERENCE, WINDOWS)
    )


def test_one_reference_per_window():
    stacked = np.broadcast_to(REFERENCE, WINDOWS.shape)
    for figure in FIGURES:
        np.testing.assert_array_equal(figure(stacked, WINDOWS), figure(REFERENCE, WINDOWS))


def test_a_collapse_into_one_bin_is_large():
    collapsed = [[0, 0, 400, 0, 0, 0, 0]]
    assert binned.d_statistic(REFERENCE, collapsed) > 0.8
    assert binned.chi2(REFERENCE, collapsed)[1] < 1e-50


def test_leaving_a_constant_is_seen():
    assert binned.d_statistic([0, 1000, 0], [[0, 10, 90]]) > 0.8
    assert binned.d_statistic([0, 1000, 0], [[0, 100, 0]]) == 0
    statistic, p = binned.chi2([0, 1000, 0], [[0, 100, 0]])
    assert np.isnan(statistic).all()
    assert np.isnan(p).all()


def test_chi2_with_a_larger_noise_scale():
    plain, _ = binned.chi2(REFERENCE, WINDOWS)
    scaled, _ = binned.chi2(REFERENCE, WINDOWS, s=2 * (1 / 1000 + 1 / 400))
    np.testing.assert_allclose(scaled, plain / 2)
    assert np.isnan(binned.chi2(REFERENCE, WINDOWS, s=np.nan)[0]).all()


def test_psi_error_is_the_derivative():
    assert (binned.psi_error(REFERENCE, WINDOWS, np.inf, np.inf) == 0).all()
    large = REFERENCE * 1e6
    windows = WINDOWS * 1e6
    eps = binned.mass_error(200)
    bar = binned.psi_error(large, windows[0], np.inf, 200)
    p, q = large / large.sum(), windows[0] / windows[0].sum()
    moved = 0.0
    for cell in range(7):  # first order: move each share by a little, add up the changes
        step = np.zeros(7)
        step[cell] = 1e-7
        change = ((p - q - step) * np.log(p / (q + step))).sum() - ((p - q) * np.log(p / q)).sum()
        moved += abs(change) / 1e-7 * eps
    assert bar == pytest.approx(moved, rel=1e-3)
    assert np.isnan(binned.psi_error(REFERENCE, np.zeros(7), 200, 200))


@pytest.mark.parametrize("seed", range(5))
def test_js_error_holds_and_is_reached(seed):
    """Shares that are off by no more than the errors, with and without drift, against SciPy."""
    rng = np.random.default_rng(seed)
    p, q = rng.dirichlet(np.full(8, 3.0), size=2)
    if seed == 0:
        q = p
    if seed == 4:
        q = np.append(q[:-1] / q[:-1].sum(), 0.0)
    errors = 0.002, 0.009
    bar = float(binned.js_bar(p, q, *errors))
    found = jensenshannon(p, q, base=2)
    off = []
    for _ in range(2000):
        true = []
        for share, error in zip((p, q), errors, strict=True):
            moved = error * rng.choice([-1.0, 0.0, 1.0], 8)
            # What one bin lacks another has; halved, so that evening out stays within the error.
            true.append(np.maximum(share + (moved - moved.mean()) / 2, 0.0))
        off.append(abs(jensenshannon(*true, base=2) - found))
    assert max(off) <= bar, (seed, max(off), bar)
    assert max(off) >= bar / 10, (seed, max(off), bar)


def test_js_error_is_the_largest_that_the_errors_allow():
    """Of bins that may each be off: the farthest and the nearest corner of every box."""
    rng = np.random.default_rng(3)
    p, q = rng.dirichlet(np.ones(4)), rng.dirichlet(np.ones(4))
    errors = 0.03, 0.02
    grid = np.linspace(-1, 1, 41)
    least = most = 0.0
    for one, other in zip(p, q, strict=True):
        a = np.clip(one + errors[0] * grid, 0, 1)[:, None]
        b = np.clip(other + errors[1] * grid, 0, 1)[None, :]
        middle = (a + b) / 2
        added = (special.rel_entr(a, middle) + special.rel_entr(b, middle)) / 2
        least, most = least + added.min(), most + added.max()
    ends = np.sqrt(np.array([least, most]) / np.log(2))
    found = jensenshannon(p, q, base=2)
    expected = max(found - ends[0], ends[1] - found)
    # The grid misses the place where a box meets p = q by a step at most.
    assert binned.js_bar(p, q, *errors) == pytest.approx(expected, rel=0.01)


def test_js_error_is_zero_where_nothing_was_dropped():
    assert (binned.js_error(REFERENCE, WINDOWS, np.inf, np.inf) == 0).all()
    assert binned.js_error(REFERENCE, REFERENCE, np.inf, np.inf) == 0
    bars = binned.js_error(REFERENCE, WINDOWS, 1600, np.array([50, 100, 200, 400, 800, np.inf]))
    assert (bars > 0).all()
    same = binned.js_error(REFERENCE, REFERENCE, 1600, np.array([50, 100, 200, 400, 800, np.inf]))
    assert (np.diff(same) < 0).all()
    assert np.isnan(binned.js_error(REFERENCE, np.zeros(7), 200, 200))
    assert np.isnan(binned.js_error(np.zeros(7), WINDOWS, np.inf, 200)).all()
    assert binned.js_error([1, 0], [[0, 1]], 200, 200) <= 1


def test_one_sensitivity_for_every_distance():
    """Section 2: PSI 0.1 <=> delta 0.32; JS 0.135 on fine bins, 0.132 on deciles."""
    edges = stats.norm.ppf(np.arange(1, 2000) / 2000)
    p = np.diff(stats.norm.cdf(edges), prepend=0, append=1) * 1e9
    q = np.diff(stats.norm.cdf(edges - 0.32), prepend=0, append=1) * 1e9
    assert binned.psi(p, q) == pytest.approx(0.1024, rel=0.01)
    assert binned.js_distance(p, q) == pytest.approx(0.135, abs=0.001)
    assert binned.d_statistic(p, q) == pytest.approx(0.1024, rel=0.03)
    tenth = [cells.reshape(10, 200).sum(axis=1) for cells in (p, q)]
    assert binned.js_distance(*tenth) == pytest.approx(0.132, abs=0.001)
    assert binned.psi(*tenth) == pytest.approx(0.0965, abs=0.003)


@pytest.mark.parametrize("delta", [-1.0, -0.2, 0.0, 0.5])
def test_rank_shift_is_the_shift_of_a_normal(delta):
    edges = stats.norm.ppf(np.arange(1, 20) / 20)
    moved = np.diff(stats.norm.cdf(edges - delta), prepend=0.0, append=1.0)
    found = binned.rank_shift(np.full(20, 5e4), 1e6 * moved)
    assert found == pytest.approx(delta, abs=0.01)


def test_rank_shift_has_its_error_and_its_limits():
    windows = np.random.default_rng(2).multinomial(400, np.full(10, 0.1), size=2000)
    found = binned.rank_shift(np.full(10, 1e5), windows)
    assert found.std() == pytest.approx(1.023 * np.sqrt(1 / 400 + 1e-6), rel=0.05)
    known = np.full(10, 100.0)
    assert binned.rank_shift(known, [0.0] * 9 + [50.0]) == pytest.approx(2.26, abs=0.1)
    apart = binned.rank_shift([10.0, 0.0], [[0.0, 10.0], [0.0, 0.0]])
    assert np.isfinite(apart[0])
    assert np.isnan(apart[1])
