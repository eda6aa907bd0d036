"""States after changes of some rows are the states of the rows as they are then."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.kernels.changed_states import CHANGED, KEYS, MOMENTS, Part, changed, total
from sparkdrift.measures import regression_error
from sparkdrift.measures.dependence import EMPTY, merge_states, pair_states, remaining_states
from sparkdrift.measures.score_bins import count, flat

EDGES = (0.2, 0.5, 0.7)
SEEDS = st.integers(0, 2**32 - 1)


def scores(score, label) -> np.ndarray:
    return np.asarray(flat(count(EDGES, score, label, np.asarray(score) >= 0.5)))


def moments(values) -> np.ndarray:
    values = np.asarray(values, float)
    mean = values.mean() if len(values) else 0.0
    return np.array([len(values), mean, ((values - mean) ** 2).sum()])


@given(seed=SEEDS, size=st.integers(1, 60), steps=st.integers(1, 6))
def test_labels_that_come_change_and_go_leave_the_state_of_all_rows(seed, size, steps) -> None:
    rng = np.random.default_rng(seed)
    score = rng.choice([0.0, 0.1, 0.2, 0.6, 0.9, np.nan, 1.5], size)
    label = np.full(size, np.nan)
    stored = scores(score, label)
    for _ in range(steps):
        rows = rng.choice(size, rng.integers(1, size + 1), replace=False)
        before = scores(score[rows], label[rows])
        label[rows] = rng.choice([0.0, 1.0, 2.0, np.nan], len(rows))
        now = scores(score[rows], label[rows])
        one = total("scores", [Part(1, None, stored), Part(1, None, -before), Part(1, None, now)])
        assert one is not None
        stored = one.cells
        np.testing.assert_allclose(
            stored, scores(score, label), rtol=1e-12, atol=1e-12, err_msg=f"seed {seed}"
        )
    bins = stored[:-3].reshape(4, 12)
    assert not bins[bins[:, 1] == 0][:, [4, 5]].any(), "sums over no labelled row are 0, not dust"


@given(seed=SEEDS, offset=st.sampled_from([0.0, 1e6, -3e8]))
def test_moments_by_class_are_those_of_the_rows_that_are_left(seed, offset) -> None:
    rng = np.random.default_rng(seed)
    values = rng.normal(offset, 2, 40)
    held = rng.random(40) < 0.6
    gone = held & (rng.random(40) < 0.4)
    come = ~held & (rng.random(40) < 0.5)
    left = (held & ~gone) | come
    parts = [
        Part(1, ["amount", "1"], moments(values[held]), "d"),
        Part(-1, ["amount", "1"], moments(values[gone]), "d"),
        Part(1, ["amount", "1"], moments(values[come]), "d"),
    ]
    found = total(MOMENTS, [one for one in parts if one.cells[0]])
    if not left.any():
        assert found is None
        return
    assert found is not None
    assert found.definition == "d"
    expected = moments(values[left])
    assert found.cells[0] == expected[0], f"seed {seed}"
    np.testing.assert_allclose(found.cells[1], expected[1], rtol=1e-12)
    # What a double keeps of a variance beside such a mean.
    np.testing.assert_allclose(
        found.cells[2], expected[2], rtol=1e-9, atol=1e-13 * 40 * max(1.0, abs(offset))
    )


@given(seed=SEEDS)
def test_pairs_are_taken_apart_as_they_were_merged(seed) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.normal(5, 2, (30, 2))
    cut = rng.integers(0, 31)
    one, other = (pair_states(part, [(0, 1)], [0, 0])[0] for part in (rows[:cut], rows[cut:]))
    whole, kept = merge_states(one, other), other.copy()
    np.testing.assert_allclose(remaining_states(whole, one), other, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(remaining_states(whole, EMPTY), whole)
    np.testing.assert_array_equal(remaining_states(whole, whole), EMPTY)
    np.testing.assert_array_equal(other, kept)


def test_categories_come_and_go() -> None:
    parts = [
        Part(1, ["region", "1", "north", "south"], np.array([5.0, 2.0]), "d"),
        Part(-1, ["region", "1", "south"], np.array([2.0])),
        Part(1, ["region", "1", "east", "north"], np.array([1.0, 3.0])),
    ]
    one = total(MOMENTS, parts)
    assert one is not None
    assert (one.columns, one.cells.tolist()) == (["region", "1", "east", "north"], [1.0, 8.0])
    assert total(MOMENTS, [parts[0], Part(-1, parts[0].columns, parts[0].cells)]) is None
    label = Part(1, ["region", None, "north"], moments([1.0, 2.0, 6.0]))
    less = total(MOMENTS, [label, Part(-1, label.columns, moments([6.0]))])
    assert less is not None
    np.testing.assert_allclose(less.cells, moments([1.0, 2.0]))


def test_errors_lose_what_is_taken_away() -> None:
    made, true = np.array([1.0, 2.0, 4.0, 0.1]), np.array([1.5, 2.0, 0.0, 0.3])
    whole, part = regression_error.count(made, true), regression_error.count(made[2:], true[2:])
    one = total("errors", [Part(1, None, whole), Part(1, None, -part)])
    assert one is not None
    np.testing.assert_allclose(one.cells, regression_error.count(made[:2], true[:2]), atol=1e-15)
    none = total("errors", [Part(1, None, whole), Part(1, None, -whole)])
    assert none is not None
    assert not none.cells.any()


@pytest.mark.parametrize(
    ("kind", "stored", "gone"),
    [
        ("scores", scores([0.1], [np.nan]), scores([0.1, 0.1], [1, 1])),
        ("labels", np.array([1.0, 0.0]), np.array([0.0, 1.0])),
    ],
)
def test_more_is_not_taken_away_than_there_is(kind, stored, gone) -> None:
    with pytest.raises(ValueError, match="fewer rows than"):
        total(kind, [Part(1, None, stored), Part(1, None, -gone)])


def test_moments_are_not_taken_from_nothing() -> None:
    with pytest.raises(ValueError, match="fewer rows than"):
        total(MOMENTS, [Part(-1, ["amount", "1"], moments([1.0]))])


def test_states_pass_through_batch_by_batch() -> None:
    part = pa.struct(
        [
            ("sign", pa.int32()),
            ("columns", pa.list_(pa.string())),
            ("cells", pa.list_(pa.float64())),
            ("own_definition", pa.string()),
        ]
    )

    def of(sign, columns, cells, own=None):
        return {"sign": sign, "columns": columns, "cells": cells, "own_definition": own}

    rows = [
        ("labels", ":labels", [of(1, ["rows"], [4.0]), of(1, ["rows"], [1.0])]),
        (MOMENTS, "gone", [of(1, ["a", "1"], [1.0, 2, 0], "d"), of(-1, ["a", "1"], [1.0, 2, 0])]),
        (MOMENTS, "kept", [of(1, ["a", "0"], [1.0, 2, 0], "d")]),
    ]
    table = pa.table(
        {
            "window_start": pa.array([0, 1, 2], pa.timestamp("us", tz="UTC")),
            "slice_key": ["*"] * 3,
            "slice_value": pa.array([None, "*", "*"], pa.string()),
            "kind": [kind for kind, _, _ in rows],
            "name": [name for _, name, _ in rows],
            "parts": pa.array([parts for _, _, parts in rows], pa.list_(part)),
        }
    )
    batches = [*table.slice(0, 1).to_batches(), *table.slice(1).to_batches()]
    found = pa.Table.from_batches(list(changed(iter(batches))), CHANGED).to_pylist()
    assert [(one["name"], one["cells"]) for one in found] == [
        (":labels", [5.0]),
        ("kept", [1.0, 2.0, 0.0]),
    ]
    assert found[1]["own_definition"] == "d"
    assert found[0]["slice_value"] is None
    assert set(KEYS) < set(found[0])
