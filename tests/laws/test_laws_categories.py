"""Laws of `Categories`: merging is counting the union, and the bounds are always true.

The oracle is a dict: slow, exact, and too short to be wrong.
"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkdrift.measures import categorical
from sparkdrift.measures.categorical import EMPTY, count, merge, merge_all


class NaiveCategories:
    """Every category with its rows. Nothing is dropped, so every answer is the truth."""

    def __init__(self, values):
        self.rows = {}
        for value in values:
            if value is not None:
                self.rows[value] = self.rows.get(value, 0) + 1
        self.total = sum(self.rows.values())

    def share(self, item):
        return self.rows.get(item, 0) / self.total

    def gaps(self, other):
        return [abs(self.share(i) - other.share(i)) for i in {*self.rows, *other.rows}]

    def new_share(self, window):
        return sum(n for i, n in window.rows.items() if i not in self.rows) / window.total


WORDS = st.sampled_from([*"abcdefghijklmnop", "", "ä", "a b"])
VALUES = st.lists(st.one_of(WORDS, st.sampled_from("aab"), st.none()), max_size=40)
WIDE = 100  # more than there are words: nothing is ever dropped
ROOMY = settings(max_examples=150, deadline=None)


@ROOMY
@given(VALUES, VALUES)
def test_merge_is_the_state_of_the_union(a, b):
    assert merge(count(a, WIDE), count(b, WIDE), WIDE) == count(a + b, WIDE)
    assert count(a + b, WIDE).count_of == NaiveCategories(a + b).rows


@ROOMY
@given(VALUES, VALUES, VALUES)
def test_merge_is_associative_while_exact(a, b, c):
    x, y, z = (count(part, WIDE) for part in (a, b, c))
    assert merge(merge(x, y, WIDE), z, WIDE) == merge(x, merge(y, z, WIDE), WIDE)
    assert merge_all([x, y, z], WIDE) == merge(merge(x, y, WIDE), z, WIDE)


@ROOMY
@given(VALUES, VALUES, st.integers(1, 8))
def test_merge_is_commutative_and_has_an_identity(a, b, limit):
    x, y = count(a, limit), count(b, limit)
    assert merge(x, y, limit) == merge(y, x, limit)
    assert merge(x, EMPTY, limit) == x == merge(EMPTY, x, limit)


@ROOMY
@given(VALUES, VALUES, st.integers(1, 4))
def test_merge_leaves_its_inputs_unchanged(a, b, limit):
    x, y = count(a, limit), count(b, limit)
    before = (x.items, x.counts.copy(), dict(x.count_of), y.items, y.counts.copy())
    merge(x, y, 1)
    assert x.items == before[0]
    assert y.items == before[3]
    assert x.count_of == before[2]
    np.testing.assert_array_equal(x.counts, before[1])
    np.testing.assert_array_equal(y.counts, before[4])


def trees(leaves):
    """Merge trees: a leaf is (values, limit), a node (left, right, limit)."""
    return st.recursive(
        leaves,
        lambda inner: st.tuples(inner, inner, st.integers(1, 8)),
        max_leaves=8,
    )


TREES = trees(st.tuples(VALUES, st.integers(1, 8)))


def grow(tree):
    """(state, all values) of a merge tree."""
    if len(tree) == 2:
        values, limit = tree
        return count(values, limit), list(values)
    left, right, limit = tree
    (a, values_a), (b, values_b) = grow(left), grow(right)
    return merge(a, b, limit), values_a + values_b


@settings(max_examples=400, deadline=None)
@given(TREES)
def test_bounds_hold_the_truth_after_any_merge_tree(tree):
    state, values = grow(tree)
    truth = NaiveCategories(values)
    assert state.total == truth.total
    for item in {*truth.rows, *state.items, "never seen"}:
        low, high = state.bounds(item)
        assert low <= truth.rows.get(item, 0) <= high
        assert low <= truth.rows.get(item, 0) <= low + state.offset
    if state.exact:
        assert state.count_of == truth.rows
        assert state.offset == 0


@ROOMY
@given(st.lists(VALUES, max_size=6), st.integers(1, 6))
def test_one_merge_of_many_is_true_and_no_looser(parts, limit):
    states = [count(part, WIDE) for part in parts]
    state = merge_all(states, limit)
    truth = NaiveCategories([value for part in parts for value in part])
    for item in {*truth.rows, "never seen"}:
        low, high = state.bounds(item)
        assert low <= truth.rows.get(item, 0) <= high
    assert state.offset <= truth.total / (limit + 1)


@settings(max_examples=400, deadline=None)
@given(TREES, TREES)
def test_bounds_of_distances_hold_the_truth(left, right):
    (a, values_a), (b, values_b) = grow(left), grow(right)
    true_a, true_b = NaiveCategories(values_a), NaiveCategories(values_b)
    if not true_a.total or not true_b.total:
        assert np.isnan(categorical.total_variation_bounds(a, b).value)
        return
    gaps = true_a.gaps(true_b)
    truths = {
        categorical.total_variation_bounds: sum(gaps) / 2,
        categorical.l_infinity_bounds: max(gaps),
        categorical.new_share: true_a.new_share(true_b),
        categorical.vanished_share: true_b.new_share(true_a),
    }
    for figure, truth in truths.items():
        found = figure(a, b)
        assert found.low - 1e-12 <= truth <= found.high + 1e-12, figure.__name__
        assert found.low - 1e-12 <= found.value <= found.high + 1e-12
        if a.exact and b.exact:
            assert found.certain
            assert found.value == pytest.approx(truth)


@ROOMY
@given(VALUES, VALUES, st.integers(1, 8))
def test_distances_are_symmetric_and_zero_on_themselves(a, b, limit):
    x, y = count(a, limit), count(b, limit)
    if not x.total or not y.total:
        return
    for figure in (categorical.total_variation_bounds, categorical.l_infinity_bounds):
        assert figure(x, x).value == 0
        one, other = figure(x, y), figure(y, x)
        assert (one.value, one.low, one.high) == pytest.approx((other.value, other.low, other.high))
        assert 0 <= one.low <= one.high <= 1
