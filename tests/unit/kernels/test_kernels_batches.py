"""Groups of rows across Arrow batches, and columns as the measures take them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.kernels.batches import (
    arrow_schema,
    arrow_type,
    categories,
    column,
    counts,
    groups,
    joined,
    micros,
    plain_rows,
)

KEYS = ("a", "b")
CELLS = st.sampled_from([None, "", "x", "y"])
ROWS = st.lists(st.tuples(CELLS, CELLS), max_size=40)


def batches(rows: list[tuple], sizes: list[int]) -> list[pa.RecordBatch]:
    """Rows numbered and cut into batches of these sizes, an empty one included where it is 0."""
    table = pa.table(
        {
            "a": pa.array([a for a, _ in rows], pa.string()),
            "b": pa.array([b for _, b in rows], pa.string()),
            "n": pa.array(range(len(rows)), pa.int64()),
        }
    )
    whole = table.combine_chunks().to_batches() or [pa.RecordBatch.from_pylist([], table.schema)]
    cut, position = [], 0
    for size in [*sizes, len(rows)]:
        cut.append(whole[0].slice(position, size))
        position += size
    return cut


def brute_force(rows: list[tuple]) -> list[list[int]]:
    runs: list[list[int]] = []
    for position, row in enumerate(rows):
        if position and row == rows[position - 1]:
            runs[-1].append(position)
        else:
            runs.append([position])
    return runs


@given(ROWS, st.lists(st.integers(0, 7), max_size=12))
def test_groups_are_runs_of_equal_keys_wherever_batches_end(rows, sizes):
    ordered = sorted(rows, key=lambda row: [(cell is not None, cell or "") for cell in row])
    found = list(groups(iter(batches(ordered, sizes)), KEYS))
    assert [group.column("n").to_pylist() for group in found] == brute_force(ordered)


@given(ROWS, st.lists(st.integers(0, 7), max_size=12))
def test_no_row_is_lost_when_keys_come_unsorted(rows, sizes):
    found = groups(iter(batches(rows, sizes)), KEYS)
    assert [n for group in found for n in group.column("n").to_pylist()] == list(range(len(rows)))


def test_null_is_a_key_of_its_own():
    rows = [(None, "x"), (None, "x"), ("", "x"), (None, None)]
    found = [group.num_rows for group in groups(iter(batches(rows, [1, 1, 1])), KEYS)]
    assert found == [2, 1, 1]


def test_no_batches_are_no_groups():
    assert list(groups(iter([]), KEYS)) == []


def test_timestamps_are_keys_too():
    at = pa.array([0, 0, 3_600_000_000, None], pa.timestamp("us", "UTC"))
    batch = pa.RecordBatch.from_arrays([at], names=["window_start"])
    assert [one.num_rows for one in groups(iter([batch]), ("window_start",))] == [2, 1, 1]


def test_columns_are_floats_with_nan_for_null():
    table = pa.table({"n": pa.array([1, None, 3], pa.int64())})
    np.testing.assert_array_equal(column(table, "n"), [1, np.nan, 3])
    np.testing.assert_array_equal(counts(table, "n"), [1, 0, 3])
    assert column(table, "n").dtype == np.float64
    all_null = pa.table({"n": pa.nulls(2, pa.int64())})
    np.testing.assert_array_equal(counts(all_null, "n"), [0, 0])


STATE = pa.struct(
    [
        ("items", arrow_type("array<struct<item:string,count:bigint>>")),
        ("offset", pa.int64()),
        ("total", pa.int64()),
        ("exact", pa.bool_()),
    ]
)


def state(counted: dict[str, int], offset: int = 0, more: int = 0) -> dict:
    items = [{"item": name, "count": rows} for name, rows in counted.items()]
    total = sum(counted.values()) + more
    return {"items": items, "offset": offset, "total": total, "exact": not more}


@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("start", [0, 1, 2])
def test_categories_survive_slices_chunks_and_nulls(chunked, start):
    cells = [state({"a": 3, "b": 1}), None, state({}), state({"c": 5}, 2, 2), None]
    array = pa.array(cells, STATE)
    parts = [array[:2], array[2:]] if chunked else [array]
    table = pa.table({"categories": pa.chunked_array(parts)}).slice(start)
    found = categories(table)
    assert [one is None for one in found] == [cell is None for cell in cells[start:]]
    for one, cell in zip(found, cells[start:], strict=True):
        if one is not None:
            assert one.count_of == {pair["item"]: pair["count"] for pair in cell["items"]}
            assert (one.offset, one.total, one.exact) == (
                cell["offset"],
                cell["total"],
                cell["exact"],
            )


def test_schemas_name_every_type():
    schema = arrow_schema({"at": "timestamp", "n": "int", "x": "array<double>"})
    assert schema.field("at").type == pa.timestamp("us", "UTC")
    assert schema.field("x").type == pa.list_(pa.float64())
    with pytest.raises(KeyError):
        arrow_schema({"n": "decimal(10,2)"})


@given(ROWS, st.lists(st.integers(0, 7), max_size=12), st.integers(1, 9))
def test_joined_batches_hold_the_same_rows_in_the_same_order(rows, sizes, least):
    found = list(joined(iter(batches(rows, sizes)), least))
    assert [n for batch in found for n in batch.column("n").to_pylist()] == list(range(len(rows)))
    assert all(batch.num_rows >= least for batch in found[:-1])


@given(st.lists(st.sampled_from([None, 0, 1, 86_400_000_000, -1]), max_size=20))
def test_instants_are_those_that_arrow_gives(instants):
    table = pa.table(
        {
            "at": pa.array(instants, pa.int64()).cast(arrow_type("timestamp")),
            "n": pa.array(
                [[float(i), None] for i, _ in enumerate(instants)], arrow_type("array<double>")
            ),
        }
    )
    assert plain_rows(table) == table.to_pylist()
    assert micros(table, "at") == instants


def test_a_type_of_sql_is_read_however_deep_it_is():
    of_debts = "array<struct<debt:string,at:timestamp,inner:struct<a:array<double>,b:int>>>"
    assert arrow_type(of_debts) == pa.list_(
        pa.struct(
            [
                ("debt", pa.string()),
                ("at", pa.timestamp("us", tz="UTC")),
                ("inner", pa.struct([("a", pa.list_(pa.float64())), ("b", pa.int32())])),
            ]
        )
    )
    with pytest.raises(KeyError):
        arrow_type("interval")
