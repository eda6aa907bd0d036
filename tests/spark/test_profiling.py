"""Profiles of one table against the same rows in DuckDB, numpy and plain Python."""

from __future__ import annotations

import json
import math
from collections import Counter
from datetime import date, timedelta
from decimal import Decimal

import datasketches
import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import source_tables
from monitors import context_of, new_store, rows_of, spec_of
from source_tables import START

from sparkdrift.measures.kll import rank, read_kll
from sparkdrift.measures.sketch_error import rank_error
from sparkdrift.steps.context import Options
from sparkdrift.steps.profile import profile_windows

pytestmark = pytest.mark.spark

K, TRACKED = 64, 12
NUMERIC = ("value", "all_null", "constant", "price", "whole", "big", "single")
CATEGORICAL = ("product", "wide", "flag", "code", "day")
# Rows of each day; fewer than K are held exactly by a sketch, more are not.
ROWS = {0: 60, 1: 3000, 3: 1}


def special_values(rng, count: int) -> list[float | None]:
    pool = [None, math.nan, math.inf, -math.inf, -0.0, 0.0]
    return [
        pool[int(pick)] if pick < len(pool) else float(value)
        for pick, value in zip(rng.integers(0, 20, count), rng.normal(0, 10, count), strict=True)
    ]


def with_nulls(rng, values: list, share: float = 0.1) -> list:
    return [None if u < share else v for u, v in zip(rng.random(len(values)), values, strict=True)]


def day_table(day: int, count: int, rng) -> pa.Table:
    names = ["card", "loan", "lease", "", "löäß", "it's", '"x"', "NULL", "*"]
    return pa.table(
        {
            "ts": source_tables.instants(day, count, rng),
            "window": pa.array([day] * count, pa.int32()),
            "value": pa.array(special_values(rng, count), pa.float64()),
            "all_null": pa.nulls(count, pa.float64()),
            "constant": pa.array([7.5] * count),
            "price": pa.array(
                with_nulls(
                    rng, [Decimal(int(c)).scaleb(-2) for c in rng.integers(-999, 99999, count)]
                ),
                pa.decimal128(12, 2),
            ),
            "whole": pa.array(with_nulls(rng, rng.integers(-3, 4, count).tolist()), pa.int32()),
            "big": pa.array((10**15 + rng.integers(0, 1000, count)).tolist(), pa.int64()),
            "single": pa.array(rng.normal(0, 1, count).astype(np.float32)),
            "product": pa.array(with_nulls(rng, rng.choice(names, count).tolist())),
            "wide": pa.array([f"c{min(int(c), 39)}" for c in rng.exponential(8, count)]),
            "flag": pa.array(with_nulls(rng, (rng.random(count) < 0.3).tolist()), pa.bool_()),
            "code": pa.array(rng.integers(0, 5, count).tolist(), pa.int32()),
            "day": pa.array([date(2020, 1, 1 + int(d)) for d in rng.integers(0, 5, count)]),
            "region": pa.array(with_nulls(rng, rng.choice(["north", "so,u'th"], count).tolist())),
        }
    )


@pytest.fixture(scope="module")
def source() -> pa.Table:
    """Days 0, 1 and 3, none on day 2; one row of day 4, which closes them."""
    rng = np.random.default_rng(7)
    return pa.concat_tables([day_table(day, rows, rng) for day, rows in {**ROWS, 4: 1}.items()])


@pytest.fixture(scope="module")
def profiles(spark, workspace, source) -> pa.Table:
    """What `profile_windows` stored of `source`, as Arrow."""
    source_tables.write(spark, workspace / "log", source)
    spec = spec_of(
        workspace / "log",
        features={"numeric": list(NUMERIC), "categorical": list(CATEGORICAL)},
        slices=["region", ["region", "flag"]],
        sketch={"k": K, "categories": TRACKED},
    )
    store = new_store(spark, workspace / "store")
    plan = profile_windows(context_of(spark, store), spec, Options())
    assert [one.rows for one in plan.due] == [60, 3000, 0, 1]
    return rows_of(spark, store, "profiles")


@pytest.fixture(scope="module")
def cells(profiles) -> dict:
    """Profile rows by (day, slice_key, slice_value, column)."""
    found = {}
    for row in profiles.to_pylist():
        day = (row["window_start"] - START).days
        key = (day, row["slice_key"], row["slice_value"], row["column_name"])
        assert key not in found, f"two rows for {key}"
        found[key] = row
    return found


def text(value) -> str | None:
    """A value as Spark casts it to a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)


def slices(row: dict) -> list[tuple[str, str | None]]:
    pair = json.dumps([row["region"], text(row["flag"])], separators=(",", ":"))
    return [("*", "*"), ("region", row["region"]), ("region,flag", pair)]


@pytest.fixture(scope="module")
def groups(source) -> dict:
    """The raw rows by (day, slice_key, slice_value)."""
    found: dict = {}
    for row in source.filter(pc.less(source["window"], 4)).to_pylist():
        for key, value in slices(row):
            found.setdefault((row["window"], key, value), []).append(row)
    return found


def test_there_is_one_row_per_window_slice_and_feature(cells, groups):
    columns = (":table", *NUMERIC, *CATEGORICAL)
    expected = {(*group, column) for group in groups for column in columns}
    expected |= {(2, "*", "*", column) for column in columns}
    assert set(cells) == expected


def test_row_and_null_counts_are_exact(cells, groups):
    for group, rows in groups.items():
        assert cells[(*group, ":table")]["row_count"] == len(rows)
        for column in (*NUMERIC, *CATEGORICAL):
            cell = cells[(*group, column)]
            assert cell["row_count"] == len(rows)
            assert cell["null_count"] == sum(row[column] is None for row in rows), (group, column)


def test_numeric_counters_equal_those_of_duckdb(cells, source):
    assert source.num_rows == 3062
    sql = """
        SELECT "window", region, count(*) FILTER (isnan(x)), count(*) FILTER (x = 'inf'::DOUBLE),
               count(*) FILTER (x = '-inf'::DOUBLE), count(*) FILTER (x = 0),
               min(x) FILTER (isfinite(x)), max(x) FILTER (isfinite(x)),
               avg(x) FILTER (isfinite(x)), stddev_pop(x) FILTER (isfinite(x)),
               count(*) FILTER (isfinite(x))
        FROM (SELECT *, CAST({column} AS DOUBLE) AS x FROM source) WHERE "window" < 4
        GROUP BY "window", region"""
    for column in NUMERIC:
        answer = duckdb.sql(sql.format(column=f'"{column}"')).fetchall()
        assert len(answer) > 5
        for day, region, nan, up, down, zeros, low, high, mean, sd, finite in answer:
            cell = cells[(day, "region", region, column)]
            assert cell["nan_count"] == nan
            assert (cell["positive_infinity_count"], cell["negative_infinity_count"]) == (up, down)
            assert cell["zeros"] == zeros
            assert (cell["min"], cell["max"]) == (low, high)
            assert cell["moments"]["n"] == finite
            if finite:
                scale = max(abs(low), abs(high), 1e-9)
                assert cell["mean"] == pytest.approx(mean, rel=1e-12, abs=1e-12 * scale)
                assert cell["stddev"] == pytest.approx(sd, rel=1e-9, abs=1e-9 * scale)
            else:
                assert (cell["mean"], cell["stddev"]) == (None, None)


def finite(rows: list[dict], column: str) -> np.ndarray:
    values = np.array([float(row[column]) for row in rows if row[column] is not None])
    return values[np.isfinite(values)]


def test_mean_and_deviation_equal_those_of_numpy(cells, groups):
    for group, rows in groups.items():
        for column in NUMERIC:
            values, cell = finite(rows, column), cells[(*group, column)]
            if len(values):
                scale = np.abs(values).max()
                assert cell["mean"] == pytest.approx(values.mean(), rel=1e-12, abs=1e-12 * scale)
                assert cell["stddev"] == pytest.approx(values.std(), rel=1e-9, abs=1e-9 * scale)
                m2 = ((values - values.mean()) ** 2).sum()
                assert cell["moments"]["m2"] == pytest.approx(m2, rel=1e-9, abs=1e-9 * scale)


def test_negative_zero_is_zero(cells, source):
    signs = np.signbit([v for v in source["value"].to_pylist() if v == 0])
    assert signs.any()
    assert not signs.all()
    sketched = read_kll(cells[(1, "*", "*", "value")]["kll"])
    assert not np.signbit(sketched.values[sketched.values == 0]).any()


def test_an_all_null_column_has_no_figures_and_is_no_error(cells):
    cell = cells[(1, "*", "*", "all_null")]
    assert cell["null_count"] == cell["row_count"] == 3000
    assert all(cell[name] is None for name in ("mean", "stddev", "min", "max", "quantiles"))
    assert cell["moments"] == {"n": 0, "mean": None, "m2": None}
    assert (cell["distinct_count"], cell["zeros"], cell["status"]) == (0, 0, "ok")


def test_a_constant_column_is_one_value(cells):
    cell = cells[(1, "*", "*", "constant")]
    assert (cell["min"], cell["max"], cell["stddev"]) == (7.5, 7.5, 0)
    assert set(cell["quantiles"]) == {7.5}
    assert cell["distinct_count"] == 1


def test_sketches_below_k_are_exact(cells, groups):
    checked = 0
    for group, rows in groups.items():
        for column in NUMERIC:
            values = np.sort(finite(rows, column) + 0.0)
            if 0 < len(values) < K:
                points = read_kll(cells[(*group, column)]["kll"])
                np.testing.assert_array_equal(points.values, values)
                exact = np.quantile(values, np.arange(101) / 100, method="inverted_cdf")
                np.testing.assert_array_equal(cells[(*group, column)]["quantiles"], exact)
                checked += 1
    assert checked > 20


def test_sketches_above_k_are_within_the_stated_rank_error(cells, groups):
    bound = 3 * float(
        rank_error(K)
    )  # the bound holds for 99 of 100 sketches, three times it for all
    checked = 0
    for group, rows in groups.items():
        for column in ("value", "price", "big", "single"):
            values = np.sort(finite(rows, column))
            if len(values) >= 500:
                cell = cells[(*group, column)]
                below = np.searchsorted(values, cell["quantiles"], "left") / len(values)
                upto = np.searchsorted(values, cell["quantiles"], "right") / len(values)
                asked = np.arange(101) / 100
                off = np.maximum(np.maximum(below - asked, asked - upto), 0)
                assert off.max() <= bound, (group, column)
                assert (cell["quantiles"][0], cell["quantiles"][-1]) == (values[0], values[-1])
                checked += 1
    assert checked >= 12


def test_sketch_bytes_are_apache_datasketches(cells):
    cell = cells[(1, "*", "*", "price")]
    sketch = datasketches.kll_doubles_sketch.deserialize(cell["kll"])
    assert (sketch.n, sketch.k) == (cell["moments"]["n"], K)
    assert (sketch.get_min_value(), sketch.get_max_value()) == (cell["min"], cell["max"])
    points = read_kll(cell["kll"])
    for value in points.values[:: len(points.values) // 7]:
        assert sketch.get_rank(value, True) == pytest.approx(float(rank(points, value)))
    estimate = datasketches.hll_sketch.deserialize(cell["hll"]).get_estimate()
    assert round(estimate) == cell["distinct_count"]


def test_distinct_counts_of_numbers_are_near(cells, groups):
    for group in groups:
        for column in NUMERIC:
            true = len(set((finite(groups[group], column) + 0.0).tolist()))
            found = cells[(*group, column)]["distinct_count"]
            assert abs(found - true) <= max(2, 0.13 * true), (group, column)  # 4 sd of 3.3 %


def counts(rows: list[dict], column: str) -> Counter:
    return Counter(text(row[column]) for row in rows if row[column] is not None)


def test_category_counts_are_exact_below_the_tracked_size(cells, groups):
    for group, rows in groups.items():
        for column in ("product", "flag", "code", "day"):
            cell, true = cells[(*group, column)], counts(rows, column)
            state = cell["categories"]
            assert {one["item"]: one["count"] for one in state["items"]} == true
            assert (state["offset"], state["exact"]) == (0, True)
            assert state["total"] == sum(true.values())
            assert cell["distinct_count"] == len(true)
            assert cell["frequent_items"] == state["items"][:20]


def test_category_counts_are_ordered_and_break_ties_by_name(cells):
    for cell in cells.values():
        items = (cell["categories"] or {}).get("items") or []
        pairs = [(-one["count"], one["item"].encode()) for one in items]
        assert pairs == sorted(pairs)


def test_category_offsets_hold_above_the_tracked_size(cells, groups):
    truncated = 0
    for group, rows in groups.items():
        state, true = cells[(*group, "wide")]["categories"], counts(rows, "wide")
        listed = {one["item"]: one["count"] for one in state["items"]}
        assert len(listed) == min(TRACKED, len(true))
        assert all(true[item] == count for item, count in listed.items())
        left_out = [count for item, count in true.items() if item not in listed]
        assert state["offset"] == max(left_out, default=0)
        assert state["exact"] == (not left_out)
        assert state["total"] == sum(true.values())
        truncated += bool(left_out)
    assert truncated >= 5


def test_distinct_categories_above_the_tracked_size(cells, groups):
    for group, rows in groups.items():
        true = len(counts(rows, "wide"))
        found = cells[(*group, "wide")]["distinct_count"]
        assert abs(found - true) <= max(1, 0.13 * true)
        sketch = datasketches.hll_sketch.deserialize(cells[(*group, "wide")]["hll"])
        assert abs(sketch.get_estimate() - true) <= max(1, 0.13 * true)


def test_text_lengths(cells, groups):
    for group, rows in groups.items():
        lengths = [len(row["product"]) for row in rows if row["product"] is not None]
        cell = cells[(*group, "product")]
        if lengths:
            assert (cell["min_length"], cell["max_length"]) == (min(lengths), max(lengths))
            assert cell["avg_length"] == pytest.approx(np.mean(lengths))


def test_an_empty_window_is_an_explicit_row(cells):
    for column in (":table", *NUMERIC, *CATEGORICAL):
        cell = cells[(2, "*", "*", column)]
        assert (cell["row_count"], cell["status"]) == (0, "insufficient_data")
        assert cell["reason"] == "the window has no rows"


def test_types_and_windows_are_stored(cells):
    cell = cells[(1, "*", "*", "price")]
    assert (cell["data_type"], cell["kind"]) == ("decimal(12,2)", "numeric")
    assert cell["window_end"] - cell["window_start"] == timedelta(days=1)
    assert cells[(1, "*", "*", "flag")]["data_type"] == "boolean"
    assert cells[(1, "*", "*", ":table")]["kind"] == "table"
    assert {cell["granularity"] for cell in cells.values()} == {"day"}
