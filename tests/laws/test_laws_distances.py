"""Laws of distances and evidence: identity, symmetry, range, order of bins, monotone answers."""

from __future__ import annotations

import datasketches
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sparkdrift.measures import binned, evidence
from sparkdrift.measures.bins import pool
from sparkdrift.measures.kll import rank, read_kll
from sparkdrift.measures.numeric import gap, ks, span, wasserstein
from sparkdrift.measures.share_evidence import share_test

ROOMY = settings(max_examples=150, deadline=None)
COUNTS = arrays(np.float64, 6, elements=st.integers(0, 10**6).map(float))
FIGURES = [
    binned.d_statistic,
    binned.psi,
    binned.js_distance,
    binned.total_variation,
    binned.l_infinity,
]
HIGHEST = dict(zip(FIGURES, [np.inf, np.inf, 1.0, 1.0, 1.0], strict=True))


@pytest.mark.parametrize("figure", FIGURES)
@ROOMY
@given(COUNTS, COUNTS)
def test_range_identity_symmetry(figure, a, b):
    assume(a.sum() > 0)
    assume(b.sum() > 0)
    assert figure(a, a) == 0
    assert 0 <= figure(a, b) <= HIGHEST[figure] + 1e-12
    m, n = a.sum(), b.sum()
    assert binned.d_statistic(a, b) <= (m + n) ** 2 / (m * n) * (1 + 1e-9)
    assert figure(a, b) == pytest.approx(figure(b, a), abs=1e-12)


@pytest.mark.parametrize("figure", FIGURES)
@ROOMY
@given(COUNTS, COUNTS, st.permutations(range(6)))
def test_the_order_of_bins_does_not_matter(figure, a, b, order):
    assume(a.sum() > 0)
    assume(b.sum() > 0)
    assert figure(a[order], b[order]) == pytest.approx(figure(a, b), rel=1e-9, abs=1e-12)


@ROOMY
@given(COUNTS, COUNTS)
def test_joining_bins_never_adds_distance(a, b):
    assume(a.sum() > 0)
    assume(b.sum() > 0)
    joined = [np.append(cells[:4], cells[4:].sum()) for cells in (a, b)]
    for figure in (binned.d_statistic, binned.js_distance, binned.total_variation):
        assert figure(*joined) <= figure(a, b) + 1e-9


@ROOMY
@given(COUNTS, arrays(np.float64, (3, 6), elements=st.integers(0, 500).map(float)))
def test_pooling_keeps_rows_and_reaches_its_minimum(reference, windows):
    pooled = pool(reference, windows)
    np.testing.assert_allclose(pooled.window.sum(axis=1), windows.sum(axis=1))
    np.testing.assert_allclose(pooled.reference.sum(axis=1), reference.sum())
    for cells, seen, bins in zip(pooled.reference, pooled.window, pooled.bins, strict=True):
        if np.isnan(bins):
            assert not seen.sum() or not cells.sum()
        elif bins > 1:
            expected = cells / cells.sum() * min(seen.sum(), cells.sum())
            assert (expected > 0).sum() == bins
            assert expected[expected > 0].min() >= 1 - 1e-9
    assert (binned.live_bins(pooled.reference, pooled.window) <= 6).all()


NUMBERS = st.lists(st.floats(-100, 100).map(lambda x: round(x, 1)), min_size=2, max_size=40)


def points(values):
    made = datasketches.kll_doubles_sketch(200)
    made.update(np.array(values, dtype=float))
    return read_kll(made.serialize())


@ROOMY
@given(NUMBERS, NUMBERS)
def test_ks_and_wasserstein(a, b):
    p, q = points(a), points(b)
    assert ks(gap(p, p)) == 0
    assert 0 <= ks(gap(p, q)) == ks(gap(q, p)) <= 1
    if min(a) < max(a):
        assert wasserstein(gap(p, p), span(p)) == 0
        assert wasserstein(gap(p, q), span(p)) >= 0


@ROOMY
@given(NUMBERS, NUMBERS)
def test_one_merge_of_both_sides_gives_what_ranks_at_their_values_give(a, b):
    """KS and W1 from their definitions: ranks of both sides at every value."""
    p, q = points(a), points(b)
    at = np.union1d(a, b)
    apart = np.abs(rank(p, at) - rank(q, at))
    assert ks(gap(p, q)) == pytest.approx(apart.max(), abs=1e-12)
    within = span(p)
    if within.scale > 0:
        grid = np.unique(np.concatenate([np.clip(at, within.low, within.high), [within.high]]))
        grid = np.union1d(grid, [within.low])
        known = np.abs(rank(p, grid) - rank(q, grid))[:-1] @ np.diff(grid) / within.scale
        assert wasserstein(gap(p, q), within) == pytest.approx(known, rel=1e-9, abs=1e-12)


@ROOMY
@given(NUMBERS, st.floats(0, 50), st.floats(0, 50))
def test_a_larger_shift_is_no_closer(values, one, two):
    held = points(values)
    near, far = sorted((one, two))
    close = ks(gap(held, points(np.add(values, near))))
    assert close <= ks(gap(held, points(np.add(values, far)))) + 1e-12


D_VALUES = st.floats(0, 4)
NOISE = st.floats(1e-9, 0.5)


@ROOMY
@given(D_VALUES, D_VALUES, NOISE, st.integers(2, 50))
def test_a_larger_d_is_stronger_evidence(one, two, s, bins):
    small, large = sorted((one, two))
    assert evidence.p_unusual(large, s, bins) <= evidence.p_unusual(small, s, bins) + 1e-9
    assert evidence.p_material(large, s, bins) <= evidence.p_material(small, s, bins) + 1e-6
    first, second = evidence.effect(small, s, bins), evidence.effect(large, s, bins)
    for a, b in zip(first, second, strict=True):
        assert 0 <= a <= b + 1e-4


@ROOMY
@given(D_VALUES, NOISE, st.floats(0, 0.1), st.floats(2, 100), st.floats(0, 1))
def test_p_values_are_probabilities(d, s, tau2, w_eff, along):
    square = tau2**2 * (1 / 9 + along * 8 / 9)
    for p in (
        evidence.p_unusual(d, s, 10, tau2, w_eff, square),
        evidence.p_material(d, s, 10),
        evidence.power(s, 10, tau2=tau2, w_eff=w_eff, square=square),
    ):
        assert 0 <= p <= 1
    # variation known to be benign never makes a window look more unusual than chi-square does
    plain = evidence.p_unusual(d, s, 10)
    if plain < 0.05:
        assert evidence.p_unusual(d, s, 10, tau2, w_eff, square) >= plain - 1e-9


@ROOMY
@given(st.lists(st.one_of(st.floats(0, 1), st.just(float("nan"))), max_size=30))
def test_benjamini_hochberg_keeps_order_and_nan(p):
    given_p = np.array(p)
    q = evidence.benjamini_hochberg(given_p)
    np.testing.assert_array_equal(np.isnan(q), np.isnan(given_p))
    held = np.isfinite(given_p)
    assert (q[held] >= given_p[held] - 1e-15).all()
    order = np.argsort(given_p[held])
    assert (np.diff(q[held][order]) >= -1e-15).all()


@ROOMY
@given(st.integers(1, 10**6), st.integers(1, 10**6), st.data())
def test_share_test_is_mirrored(n, m, data):
    x, y = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    limit = data.draw(st.sampled_from([0.0, 0.01, 0.02, 0.1]))
    delta, unusual, material = share_test(x, n, y, m, limit)
    other, unusual_not, material_not = share_test(n - x, n, m - y, m, limit)
    assert delta == pytest.approx(-other, abs=1e-12)
    assert unusual == pytest.approx(unusual_not, abs=1e-6)
    if delta:
        assert material == pytest.approx(material_not, abs=1e-6)
    assert 0 <= unusual <= 1
    assert 0 <= material <= 1
    if material <= 0.5 - 1e-6:
        assert abs(delta) >= limit
    elif n > 300:  # the tail of few rows includes what was seen
        assert abs(delta) < limit or material == pytest.approx(0.5)
