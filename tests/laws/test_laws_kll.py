"""Laws of KLL points: exact below k, within three times eps above it, merging is the union."""

from __future__ import annotations

import datasketches
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkdrift.measures.bins import bin_counts, numeric_bins
from sparkdrift.measures.kll import merge_points, quantile, rank, read_kll
from sparkdrift.measures.sketch_error import rank_error

NUMBERS = st.one_of(
    st.floats(-1e9, 1e9), st.integers(-5, 5).map(float), st.sampled_from([0.0, 1.0, 0.01])
)
SHORT = st.lists(NUMBERS, min_size=1, max_size=60)
ROOMY = settings(max_examples=120, deadline=None)


def blob(values, k=200):
    made = datasketches.kll_doubles_sketch(k)
    made.update(np.array(values, dtype=float))
    return made.serialize()


def naive_rank(values, x, inclusive):
    return sum(v <= x if inclusive else v < x for v in values) / len(values)


@ROOMY
@given(SHORT, NUMBERS)
def test_exact_below_k(values, x):
    points = read_kll(blob(values))
    for at in (x, *values[:5]):
        for inclusive in (True, False):
            assert rank(points, at, inclusive) == naive_rank(values, at, inclusive)
    assert (points.minimum, points.maximum) == (min(values), max(values))


@ROOMY
@given(SHORT, st.floats(0, 1))
def test_quantile_is_the_smallest_value_that_reaches_the_rank(values, q):
    points = read_kll(blob(values))
    found = float(quantile(points, q))
    assert found in values
    assert rank(points, found) >= q - 1e-12
    smaller = [v for v in values if v < found]
    if smaller and q < 1:
        assert rank(points, max(smaller)) < q + 1e-12


@ROOMY
@given(st.lists(SHORT, min_size=1, max_size=5), NUMBERS)
def test_merging_points_is_the_union(parts, x):
    union = [value for part in parts for value in part]
    merged = merge_points([read_kll(blob(part)) for part in parts])
    whole = read_kll(blob(union, 400))
    assert merged.n == whole.n
    np.testing.assert_array_equal(merged.values, whole.values)
    np.testing.assert_allclose(rank(merged, x), rank(whole, x))
    backwards = merge_points([read_kll(blob(part)) for part in parts[::-1]])
    np.testing.assert_array_equal(merged.values, backwards.values)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([50, 200]), st.integers(1000, 20_000))
def test_ranks_are_within_the_error_bound(seed, k, n):
    # eps1 is the 99th percentile of the largest error; its triple is out of reach
    values = np.random.default_rng(seed).normal(size=n).round(2)
    points = read_kll(blob(values, k))
    at = np.linspace(-3, 3, 50)
    exact = np.searchsorted(np.sort(values), at, side="right") / n
    assert np.abs(rank(points, at) - exact).max() < 3 * rank_error(k)
    assert points.weights.min() >= 1
    assert points.cumulative[-1] == n


@ROOMY
@given(SHORT, st.integers(2, 20))
def test_bins_hold_every_row_and_none_is_empty(values, bins):
    points = read_kll(blob(values))
    edges = numeric_bins(points, bins)
    counts = bin_counts(points, edges)
    assert counts.sum() == len(values)
    assert (np.diff(edges) > 0).all()
    if points.minimum < points.maximum:
        assert (counts > 0).all()
        assert len(counts) >= 2
    assert len(counts) <= 4 * bins


@ROOMY
@given(SHORT, st.randoms())
def test_bins_do_not_depend_on_the_order_of_rows(values, random):
    shuffled = random.sample(values, len(values))
    points, turned = read_kll(blob(values)), read_kll(blob(shuffled))
    np.testing.assert_array_equal(numeric_bins(points), numeric_bins(turned))
