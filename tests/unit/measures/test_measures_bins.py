from __future__ import annotations

import datasketches
import numpy as np
import pytest

from sparkdrift.measures.bins import (
    bin_counts,
    categorical_bins,
    category_counts,
    numeric_bins,
    pool,
)
from sparkdrift.measures.kll import read_kll


def points(values, k=4000):
    made = datasketches.kll_doubles_sketch(k)
    made.update(np.array(values, dtype=float))
    return read_kll(made.serialize())


def test_plain_values_get_deciles():
    values = np.random.default_rng(1).permutation(1000.0 + np.arange(1000))
    edges = numeric_bins(points(values))
    np.testing.assert_array_equal(edges, 1000 + np.arange(99, 999, 100))
    np.testing.assert_array_equal(bin_counts(points(values), edges), np.full(10, 100))


def test_edges_are_inclusive_and_ends_open():
    counts = bin_counts(points([-5, 0, 1, 1, 2, 99]), [0.0, 1.0])
    np.testing.assert_array_equal(counts, [2, 2, 2])


def test_a_frequent_value_gets_its_own_bin():
    values = np.concatenate([np.zeros(400), np.arange(1, 601)])
    edges = numeric_bins(points(values))
    assert edges[0] == 0.0
    counts = bin_counts(points(values), edges)
    assert counts[0] == 400
    np.testing.assert_array_equal(counts[1:], np.full(6, 100))
    inside = np.concatenate([np.linspace(-9, -1, 300), np.zeros(400), np.linspace(1, 9, 300)])
    edges = numeric_bins(points(inside))
    assert np.nextafter(0.0, -1) in edges
    assert bin_counts(points(inside), edges)[3] == 400


def test_a_flag_gets_two_bins():
    edges = numeric_bins(points([0.0] * 70 + [1.0] * 30))
    np.testing.assert_array_equal(bin_counts(points([0.0] * 5 + [1.0] * 3), edges), [5, 3])


def test_rounded_values_leave_no_reference_bin_empty():
    # section 2: plain quantile edges on values rounded to 0.01 gave 0/0
    rng = np.random.default_rng(5)
    for scale in (0.003, 0.01, 0.05, 1.0):
        values = rng.normal(0, scale, 3000).round(2)
        edges = numeric_bins(points(values))
        assert (np.diff(edges) > 0).all()
        assert (bin_counts(points(values), edges) > 0).all()


def test_a_thin_rest_joins_its_neighbour_unless_nothing_else_is_left():
    mostly = np.concatenate([np.zeros(500), np.ones(495), [2.0, 3, 4, 5, 6]])
    np.testing.assert_array_equal(
        bin_counts(points(mostly), numeric_bins(points(mostly))), [500, 500]
    )
    nearly = np.concatenate([[-1.0], np.zeros(998), [3.0]])
    counts = bin_counts(points(nearly), numeric_bins(points(nearly)))
    np.testing.assert_array_equal(counts, [1, 998, 1])


def test_a_constant_shows_a_window_that_leaves_it():
    constant = points([7.0] * 50)
    edges = numeric_bins(constant)
    np.testing.assert_array_equal(edges, [np.nextafter(7.0, -np.inf), 7.0])
    np.testing.assert_array_equal(bin_counts(constant, edges), [0, 50, 0])
    np.testing.assert_array_equal(bin_counts(points([6.9, 7, 7, 7.1, 8]), edges), [1, 2, 2])


def test_tiny_references():
    for values in ([1.0, 2.0], [1.0, 2, 3], np.arange(9.0), np.arange(19.0)):
        held = points(values)
        counts = bin_counts(held, numeric_bins(held))
        assert counts.sum() == len(values)
        assert (counts > 0).all()
        assert len(counts) == min(10, len(values))


def test_nothing_to_bin():
    assert numeric_bins(None).shape == (0,)
    assert numeric_bins(points([np.inf, -np.inf])).shape == (0,)
    np.testing.assert_array_equal(bin_counts(None, [1.0, 2.0]), np.zeros(3))
    with pytest.raises(ValueError, match="at least 2"):
        numeric_bins(points([1.0]), bins=1)


def test_infinities_are_left_out():
    held = points([-np.inf, 1, 2, 3, np.inf, np.inf])
    np.testing.assert_array_equal(bin_counts(held, [1.5]), [1, 2])


def test_estimating_sketch():
    values = np.random.default_rng(2).normal(size=50_000)
    held = points(values, k=200)
    edges = numeric_bins(held)
    assert edges.shape == (9,)
    np.testing.assert_allclose(bin_counts(held, edges) / 50_000, 0.1, atol=0.02)


def test_number_of_bins_is_bounded():
    rng = np.random.default_rng(3)
    for bins in (2, 10, 50):
        for width in (3, 2 * bins, 5 * bins):
            values = rng.integers(0, width, 4000).astype(float)
            values[::3] += rng.uniform(size=len(values[::3]))
            assert len(numeric_bins(points(values), bins)) + 1 <= 4 * bins


def test_categorical_bins():
    names = categorical_bins(["c", "a", "b", "d"], [5, 9, 5, 1], limit=3)
    assert names == ("a", "b", "c")
    np.testing.assert_array_equal(category_counts({"a": 4, "z": 3}, 10, names), [4, 0, 0, 6])
    assert categorical_bins([], []) == ()


def test_pool_keeps_sums_and_leaves_large_windows_alone():
    reference = np.array([500.0, 300, 150, 40, 9, 1])
    window = np.array(
        [[50.0, 30, 15, 4, 1, 0], [5000, 3000, 1500, 400, 90, 10], [3, 1, 0, 0, 0, 1]]
    )
    pooled = pool(reference, window)
    np.testing.assert_array_equal(pooled.bins, [5, 6, 3])
    np.testing.assert_array_equal(pooled.window.sum(axis=1), window.sum(axis=1))
    np.testing.assert_array_equal(pooled.reference.sum(axis=1), [1000] * 3)
    np.testing.assert_array_equal(pooled.reference[0], [500, 300, 150, 40, 10, 0])
    np.testing.assert_array_equal(pooled.reference[1], reference)
    # five rows: 40 + 9 + 1 expect only 0.25, so the 150 joins (1.0)
    np.testing.assert_array_equal(pooled.reference[2], [500, 300, 200, 0, 0, 0])
    np.testing.assert_array_equal(pooled.window[2], [3, 1, 1, 0, 0, 0])


def test_pool_takes_up_empty_reference_bins():
    pooled = pool([50.0, 30, 20, 0], [[10.0, 10, 10, 70]])
    np.testing.assert_array_equal(pooled.reference, [[50, 30, 20, 0]])
    np.testing.assert_array_equal(pooled.window, [[10, 10, 80, 0]])
    assert pooled.bins == [3]


def test_pool_when_nothing_is_left():
    assert pool([9.0, 1], [[1.0, 0]]).bins == [1]
    assert np.isnan(pool([0.0, 0], [[1.0, 2]]).bins).all()
    assert np.isnan(pool([5.0, 5], [[0.0, 0]]).bins).all()
