from __future__ import annotations

import datasketches
import numpy as np
import pytest

from sparkdrift.measures.binned import chi2
from sparkdrift.measures.bins import (
    GROUPS,
    bin_counts,
    categorical_bins,
    category_counts,
    numeric_bins,
    pool,
    rest_as_one,
    rest_groups,
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
    names = categorical_bins(["c", "a", "b", "d"], [5, 9, 5, 1], 20)
    assert names == ("a", "b", "c", "d")
    np.testing.assert_array_equal(category_counts({"a": 4, "z": 3}, 10, names), [4, 0, 0, 0, 6])
    assert categorical_bins([], [], 0) == ()


def test_of_many_categories_the_large_ones_have_bins_and_the_rest_is_split_by_name():
    """The cut lies in the gap between 3 % and 0.1 %, wherever the limit of 0.5 % would be."""
    counts = [3000] * 10 + [100] * 700
    names = [f"c{i:03}" for i in range(710)]
    bins = categorical_bins(names, counts, 100_000)
    assert bins == tuple(names[:10])
    assert rest_groups(names, bins, complete=True) == GROUPS
    assert rest_groups(names, bins, complete=False) == 1
    held = dict(zip(names, counts, strict=True))
    split = category_counts(held, 100_000, bins, GROUPS)
    assert split.sum() == 100_000
    assert (split[10:] > 0).all()
    np.testing.assert_array_equal(rest_as_one(split, 10), [*[3000] * 10, 70_000])
    # Which group a category is in is decided by its name alone.
    more = category_counts({**held, names[-1]: 5000}, 104_900, bins, GROUPS)
    assert (more != split).sum() == 1
    # Where some are not listed, only the large ones have bins, however few are listed.
    assert categorical_bins(["a", "b"], [60, 2], 100) == ("a",)


def test_the_cut_among_many_categories_is_where_none_is_near():
    """190 categories of 0.5 %, where the cut would begin: all or none of them have a bin."""
    rng = np.random.default_rng(21)
    shares = np.r_[np.full(190, 0.005), np.full(300, 0.05 / 300)]
    names = [f"c{i}" for i in range(490)]
    for m in (9_000, 60_000):
        bins = categorical_bins(names, rng.multinomial(m, shares), m)
        assert len(bins) in (0, 190), f"seed=21 m={m}: {len(bins)}"


def test_pool_joins_the_smallest_until_each_group_expects_enough():
    reference = np.array([500.0, 300, 150, 40, 9, 1])
    window = np.array(
        [[50.0, 30, 15, 4, 1, 0], [5000, 3000, 1500, 400, 90, 10], [3, 1, 0, 0, 0, 1]]
    )
    pooled = pool(reference, window, minimum=1)
    np.testing.assert_array_equal(pooled.bins, [5, 6, 3])
    np.testing.assert_array_equal(pooled.window.sum(axis=1), window.sum(axis=1))
    np.testing.assert_array_equal(pooled.reference.sum(axis=1), [1000] * 3)
    np.testing.assert_array_equal(pooled.reference[0], [10, 40, 150, 300, 500, 0])
    np.testing.assert_array_equal(pooled.reference[1], reference[::-1])
    # five rows: 40 + 9 + 1 expect only 0.25, so the 150 joins (1.0)
    np.testing.assert_array_equal(pooled.reference[2], [200, 300, 500, 0, 0, 0])
    np.testing.assert_array_equal(pooled.window[2], [1, 1, 3, 0, 0, 0])


def test_pool_of_numbers_joins_neighbours():
    pooled = pool([40.0, 1, 1, 1, 57, 0], [[4.0, 1, 1, 1, 3, 0]], [200], 2, range(6))
    np.testing.assert_array_equal(pooled.reference, [[40, 2, 58, 0, 0, 0]])
    np.testing.assert_array_equal(pooled.window, [[4, 2, 4, 0, 0, 0]])
    assert pooled.bins == [3]


@pytest.mark.parametrize("categories", [10, 50, 100, 200])
def test_many_small_bins_leave_groups_that_show_gross_drift(categories):
    """All rows in one of them: joined into one bin as a whole, nothing was left to compare."""
    for n in (6, 45, 90):
        window = np.zeros((1, categories))
        window[0, 0] = n
        pooled = pool(np.full(categories, 300.0), window)
        assert pooled.bins[0] >= 2
        assert (pooled.reference[0, : int(pooled.bins[0])] * n / 300 / categories >= 2.5).all()
        _, p = chi2(pooled.reference, pooled.window)
        assert p[0] < 0.02


def test_pool_takes_up_empty_reference_bins():
    pooled = pool([50.0, 30, 20, 0], [[10.0, 10, 10, 70]])
    np.testing.assert_array_equal(pooled.reference, [[20, 30, 50, 0]])
    np.testing.assert_array_equal(pooled.window, [[80, 10, 10, 0]])
    assert pooled.bins == [3]


def test_pool_when_nothing_is_left():
    assert pool([9.0, 1], [[1.0, 0]]).bins == [1]
    assert np.isnan(pool([0.0, 0], [[1.0, 2]]).bins).all()
    assert np.isnan(pool([5.0, 5], [[0.0, 0]]).bins).all()
