"""Laws of a pair's state: merging is the union, whatever offset each part was summed with."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sparkdrift.measures.dependence import EMPTY, merge_states, pair_states

NUMBER = st.one_of(
    st.floats(-1e3, 1e3), st.integers(-3, 3).map(float), st.sampled_from([np.nan, np.inf])
)
ROWS = st.lists(st.tuples(NUMBER, NUMBER), max_size=30)
OFFSET = st.floats(-1e3, 1e3)
ROOMY = settings(max_examples=150, deadline=None)


def state(rows, x=0.0, y=0.0):
    return pair_states(np.array(rows, dtype=float).reshape(-1, 2), [(0, 1)], [x, y])[0]


def naive(rows):
    """The definition, row by row, in two passes."""
    kept = [(x, y) for x, y in rows if np.isfinite(x) and np.isfinite(y)]
    if not kept:
        return EMPTY
    x, y = (float(np.mean([row[side] for row in kept])) for side in (0, 1))
    return np.array(
        [
            len(kept),
            x,
            y,
            sum((a - x) ** 2 for a, _ in kept),
            sum((b - y) ** 2 for _, b in kept),
            sum((a - x) * (b - y) for a, b in kept),
        ]
    )


def close(a, b):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-5)


@ROOMY
@given(ROWS, OFFSET, OFFSET)
def test_the_state_is_its_definition(rows, x, y):
    close(state(rows, x, y), naive(rows))


@ROOMY
@given(ROWS, ROWS, OFFSET, OFFSET)
def test_merge_is_the_state_of_the_union(a, b, x, y):
    close(merge_states(state(a, x, y), state(b, y, x)), state(a + b))


@ROOMY
@given(ROWS, ROWS, ROWS)
def test_merge_is_associative_and_commutative(a, b, c):
    one, two, three = state(a), state(b), state(c)
    close(merge_states(one, two), merge_states(two, one))
    left = merge_states(merge_states(one, two), three)
    close(left, merge_states(one, merge_states(two, three)))


@ROOMY
@given(ROWS)
def test_nothing_is_the_identity_and_inputs_stay_as_they_are(a):
    own = state(a)
    before = own.copy()
    np.testing.assert_array_equal(merge_states(own, EMPTY), before)
    np.testing.assert_array_equal(merge_states(EMPTY, own), before)
    merge_states(own, own)
    np.testing.assert_array_equal(own, before)
    assert not EMPTY.any()
