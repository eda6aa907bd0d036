"""References: bins cut from the merged row, and the windows counted on them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from profile_rows import at, categorical, numeric, stream, table

from sparkdrift.kernels.freezing import freeze


def frozen(*rows: dict, size: int = 3) -> list[dict]:
    found = list(freeze(10)(stream(table(*rows), size)))
    return pa.Table.from_batches(found).to_pylist()


def test_numeric_bins_are_quantiles_and_windows_are_counted_on_them():
    rng = np.random.default_rng(1)
    days = [rng.normal(0, 1, 300), rng.normal(0.5, 1, 200)]
    whole = np.concatenate(days)
    found = frozen(numeric(whole), numeric(days[0], day=0), numeric(days[1], day=1), size=1)
    assert len(found) == 1
    cell = found[0]["bins"]
    deciles = np.quantile(whole, np.arange(1, 10) / 10, method="inverted_cdf")
    np.testing.assert_array_equal(cell["edges"], deciles)
    assert sum(cell["counts"]) == 500
    own = found[0]["window_bins"]
    assert [one["window_start"] for one in own] == [at(0), at(1)]
    assert [one["k"] for one in own] == [None, None]
    np.testing.assert_allclose(np.sum([one["counts"] for one in own], axis=0), cell["counts"])


def test_rows_without_a_number_are_counted_per_window():
    days = [[1.0, None, np.nan, np.inf, -np.inf], [2.0, None, None]]
    (found,) = frozen(
        numeric([*days[0], *days[1]]), numeric(days[0], day=0), numeric(days[1], day=1)
    )
    assert found["window_shares"] == [
        {"window_start": at(0), "rows": 5, "nulls": 1, "nans": 1, "infinites": 2},
        {"window_start": at(1), "rows": 3, "nulls": 2, "nans": 0, "infinites": 0},
    ]


def test_a_reference_of_uneven_samples_counts_the_rows_it_is_worth():
    values = np.arange(200.0)
    even, uneven = numeric(values, name="a"), numeric(values, name="b", effective_rows=50.0)
    one, other = (row["bins"] for row in frozen(even, uneven))
    assert other["edges"] == one["edges"]
    assert sum(other["counts"]) == 50
    np.testing.assert_allclose(other["counts"], np.array(one["counts"]) / 4)


def test_a_window_in_estimation_mode_says_its_k():
    values = np.random.default_rng(2).normal(size=5000)
    found = frozen(numeric(values), numeric(values, day=0))
    assert found[0]["window_bins"][0]["k"] == 4096


def test_categorical_bins_are_the_largest_items_then_other():
    first, second = ["a"] * 5 + ["b"] * 3, ["b"] * 4 + ["c", None]
    found = frozen(
        categorical([*first, *second]), categorical(first, day=0), categorical(second, day=1)
    )
    assert found[0]["bins"] == {"edges": None, "items": ["b", "a", "c"], "counts": [7, 5, 1, 0]}
    assert [one["counts"] for one in found[0]["window_bins"]] == [[3, 5, 0, 0], [4, 0, 1, 0]]


def test_features_without_values_get_no_bins():
    found = frozen(
        numeric([None, None]),
        categorical([None], name="b"),
        {**numeric([1.0], name="c"), "kind": "table", "kll": None},
    )
    assert [row["bins"] for row in found] == [None, None, None]
    assert [row["window_bins"] for row in found] == [[], [], []]


def test_only_the_merged_row_comes_out_whole():
    row = numeric([1.0, 2.0, 3.0])
    found = frozen(row, numeric([1.0, 2.0, 3.0], day=0), numeric([1.0], name="zz"))
    assert [one["column_name"] for one in found] == ["amount", "zz"]
    assert {name: found[0][name] for name in row} == row


def test_what_only_one_window_of_a_reference_had_takes_no_part_in_the_distance():
    """Each day its own campaign: counted per window, and without a bin."""
    days = [["a"] * 6 + ["b"] * 3 + [f"campaign {i}"] * (i + 1) for i in range(4)]
    whole = categorical([value for day in days for value in day])
    (found,) = frozen(whole, *(categorical(day, day=i) for i, day in enumerate(days)))
    assert found["window_unseen"] == [1, 2, 3, 4]
    assert found["bins"]["items"] == ["a", "b"]
    assert found["bins"]["counts"] == [24, 12, 0]
    assert [one["counts"] for one in found["window_bins"]] == [[6, 3, 0]] * 4
    (number,) = frozen(numeric([1.0, 2.0]), numeric([1.0], day=0), numeric([2.0], day=1))
    assert number["window_unseen"] is None
