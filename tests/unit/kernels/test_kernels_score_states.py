"""From sums per bin to stored states: whatever the parts, the state of all rows together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.kernels.score_states import STATES, Layout, dense
from sparkdrift.measures import regression_error
from sparkdrift.measures.score_bins import choose_edges, count, edges_of, flat, unflat

EDGES = (0.2, 0.5, float(np.nextafter(0.5, 1)))
PLAIN = Layout(bins=(4,), regression=False, baseline=False, value=False)
FULL = Layout(bins=(4, 2), regression=False, baseline=True, value=True)


def parts_of(score, label, decision) -> list[dict[str, float]]:
    """The sums of some rows as Spark hands them over: a struct per bin, -1 for no usable score."""
    state = count(EDGES, score, label, decision)
    found = [
        {"bin": b, **{f"x{i}": float(one) for i, one in enumerate([*cells, 0, 0, 0])}}
        for b, cells in enumerate(state.cells)
        if cells[0]
    ]
    # Rows without a usable score have sums too, which count for nothing.
    lost = {f"x{i}": 7.0 for i in range(12)}
    lost |= {f"x{12 + i}": float(one) for i, one in enumerate(state.unusable)}
    return [*found, {"bin": -1, **lost}]


def table_of(rows: list[tuple[int, list[dict[str, float]]]]) -> pa.Table:
    """Rows (cut, parts) of one window."""
    size = len(next(part for _, parts in rows for part in parts))
    struct = pa.struct([("bin", pa.int32()), *((f"x{i}", pa.float64()) for i in range(size - 1))])
    return pa.table(
        {
            "window_start": pa.array([0] * len(rows), pa.timestamp("us", tz="UTC")),
            "slice_key": pa.array(["*"] * len(rows)),
            "slice_value": pa.array([None] * len(rows), pa.string()),
            "cut": pa.array([cut for cut, _ in rows], pa.int32()),
            "parts": pa.array([parts for _, parts in rows], pa.list_(struct)),
        }
    )


def run(layout: Layout, rows: list[tuple[int, list[dict[str, float]]]]) -> list[dict]:
    batches = dense(layout)(iter(table_of(rows).to_batches()))
    return pa.Table.from_batches(list(batches), STATES).to_pylist()


@given(seed=st.integers(0, 2**32 - 1), size=st.integers(0, 60), pieces=st.integers(1, 5))
def test_parts_add_up_to_the_state_of_their_rows(seed: int, size: int, pieces: int) -> None:
    rng = np.random.default_rng(seed)
    score = rng.choice([*EDGES, 0.0, 0.1, 0.7, 1.0, np.nan, -0.5, 1.5], size)
    label = rng.choice([0, 1, np.nan, 2], size)
    decision = rng.choice([0, 1, np.nan], size)
    of = rng.integers(0, pieces, size)
    parts = [
        part
        for piece in range(pieces)
        for part in parts_of(score[of == piece], label[of == piece], decision[of == piece])
    ]
    (found,) = run(PLAIN, [(0, [parts[i] for i in rng.permutation(len(parts))])])
    expected = flat(count(EDGES, score, label, decision))
    np.testing.assert_allclose(found["cells"], expected, atol=1e-12)
    assert (found["kind"], found["slice_value"]) == ("scores", None)


def test_states_of_two_unions_are_those_of_one() -> None:
    rng = np.random.default_rng(3)
    rows = [(rng.random(50), rng.integers(0, 2, 50).astype(float)) for _ in range(2)]
    cells = [run(PLAIN, [(0, parts_of(*one, None))])[0]["cells"] for one in rows]
    both = unflat(EDGES, cells[0]) + unflat(EDGES, cells[1])
    united = count(EDGES, *(np.concatenate(part) for part in zip(*rows, strict=True)))
    np.testing.assert_allclose(flat(both), flat(united))


def test_the_baseline_and_values_are_added_over_bins() -> None:
    sums = {f"x{i}": 1.0 for i in range(15)}
    rule = {f"x{15 + i}": float(i + 1) for i in range(4)}
    value = {f"x{19 + i}": 10.0 * (i + 1) for i in range(3)}
    parts = [{"bin": b, **sums, **rule, **value} for b in (0, 3, -1)]
    small = [{**part, "bin": part["bin"] % 2} for part in parts[:1]]
    found = run(FULL, [(0, parts), (1, small)])
    cells = {(one["cut"], one["kind"]): one["cells"] for one in found}
    assert cells[0, "baseline"] == [2, 4, 6, 8]
    assert cells[0, "value"] == [20, 40, 60]
    assert (len(cells[0, "scores"]), len(cells[1, "scores"])) == (4 * 12 + 3, 2 * 12 + 3)
    assert cells[0, "scores"][-3:] == [3, 3, 3]


def test_predictions_that_are_not_finite_are_counted_beside_the_bins() -> None:
    layout = Layout(bins=(2,), regression=True, baseline=True, value=False)
    first, second = regression_error.count([1, 2.0], [2, np.nan]), regression_error.count([3], [1])
    lost = regression_error.count([np.nan] * 4, [1, 2, np.nan, 3])
    names = [f"x{i}" for i in range(19)]
    parts = [
        {"bin": b, **dict(zip(names, [*map(float, own), left, *map(float, own)], strict=True))}
        for b, own, left in ((0, first, 0.0), (1, second, 0.0), (-1, lost, 4.0))
    ]
    errors, left_out, baseline = run(layout, [(0, parts)])
    assert errors["cells"] == [*first, *second]
    assert (left_out["kind"], left_out["cells"]) == ("left_out", [4])
    assert baseline["cells"] == (first + second).tolist()


def test_a_partition_without_rows_has_no_state() -> None:
    assert run(PLAIN, [(0, [{"bin": 0, **{f"x{i}": 0.0 for i in range(15)}}])])
    empty = table_of([(0, [{"bin": 0, **{f"x{i}": 0.0 for i in range(15)}}])]).slice(0, 0)
    batch = pa.RecordBatch.from_pylist([], schema=empty.schema)
    assert list(dense(PLAIN)(iter([batch]))) == []


@pytest.mark.parametrize("seed", range(5))
def test_edges_are_the_same_from_what_a_pass_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    score = np.where(rng.random(2_000) < 0.1, 0.25, rng.beta(2, 5, 2_000))
    label = (rng.random(2_000) < score).astype(float)
    quantiles, heavy = [], []
    for kind in (0, 1):
        own = score[label == kind]
        quantiles += np.quantile(own, np.arange(1, 64) / 64, method="inverted_cdf").tolist()
        heavy += [0.25] if (own == 0.25).mean() >= 1 / 64 else []
    expected = choose_edges(score, label, [0.3])
    np.testing.assert_array_equal(edges_of(quantiles, heavy, [0.3]), expected)


def test_the_value_of_an_evaluation_set_is_kept_bin_by_bin() -> None:
    parts = [
        {"bin": b, **{f"x{i}": 0.0 for i in range(15)}, "x15": 2.0, "x16": 3.0 + b, "x17": 5.0}
        for b in (0, 2)
    ]
    for by_bin, expected in (
        (False, [4.0, 8.0, 10.0]),
        (True, [2.0, 3.0, 5.0, 0.0, 0.0, 0.0, 2.0, 5.0, 5.0, 0.0, 0.0, 0.0]),
    ):
        layout = Layout(bins=(4,), regression=False, baseline=False, value=True, by_bin=by_bin)
        (found,) = [row for row in run(layout, [(0, parts)]) if row["kind"] == "value"]
        assert found["cells"] == expected
