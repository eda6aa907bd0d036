"""Laws of merging stored rows: any grouping tells the same, and what it tells is true.

The oracle is the source itself: numpy over all rows, or over the sampled rows repeated by
their weight.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, profile_only, spec_of
from pyspark.sql import functions as F

from sparkdrift.measures.kll import read_kll
from sparkdrift.measures.sketch_error import rank_error
from sparkdrift.spark.merging import merge_profiles
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.weighing import sampling_rates

pytestmark = [pytest.mark.spark, pytest.mark.classic]

DAYS, ROWS, K, LIMIT = 12, 700, 200, 10
GROUPINGS = 5
UNEVEN = "CASE WHEN day(window_start) % 3 = 0 THEN 4D ELSE 1D END"
# What must not depend on how the days were grouped, bit for bit.
EXACT = (
    *("row_count", "null_count", "nan_count", "positive_infinity_count", "zeros", "min", "max"),
    *("min_length", "max_length", "status", "data_type", "kind", "state_version"),
    *("definition_hash", "sample_weight", "source_version"),
)
# Sums of doubles in another order.
CLOSE = ("mean", "stddev", "avg_length", "effective_rows")


def day_of_rows(day: int, rng) -> pa.Table:
    value = np.round(rng.normal(day, 3, ROWS), 1)
    value[:20] = np.nan
    value[20:40] = 0.0
    product = np.minimum(rng.zipf(1.2, ROWS), 60)
    return pa.table(
        {
            "ts": source_tables.instants(day, ROWS, rng),
            "value": pa.array(value, mask=rng.random(ROWS) < 0.1),
            "product": pa.array([f"p{n}" for n in product], mask=rng.random(ROWS) < 0.05),
        }
    )


@pytest.fixture(scope="module")
def source(spark, workspace):
    rng = np.random.default_rng(31)
    rows = pa.concat_tables([day_of_rows(day, rng) for day in range(DAYS)])
    source_tables.write(spark, workspace / "log", rows)
    return rows


@pytest.fixture(scope="module")
def days(spark, workspace, source):
    """The stored days, as a frame that tests may change: every third is given weight 4."""
    spec = spec_of(
        workspace / "log",
        features={"numeric": ["value"], "categorical": ["product"]},
        sketch={"k": K, "categories": LIMIT},
    )
    store = new_store(spark, workspace / "store")
    profile_only(spark, store, spec, as_of=source_tables.day_start(DAYS))
    rows = stored_rows(spark, store, spec, "day").toArrow()
    return spark.createDataFrame(rows.combine_chunks())


def grouped_twice(days, weights: str):
    """All days merged by way of random groups: GROUPINGS ways, and 0 at once; by (way, feature)."""
    rng = np.random.default_rng(32)
    ways = [[0] * DAYS] + [rng.integers(0, 4, DAYS).tolist() for _ in range(GROUPINGS)]
    number = "CAST(datediff(window_start, DATE'2024-01-01') AS INT)"
    cells = ", ".join(
        f"struct({i} AS way, array({', '.join(map(str, way))})[{number}] AS part)"
        for i, way in enumerate(ways)
    )
    rows = days.withColumn("sample_weight", F.expr(weights)).selectExpr(
        "*", "window_start AS merged_from", f"inline(array({cells}))"
    )
    parts = merge_profiles(rows, ["way", "part", "column_name"], LIMIT)
    starts = F.expr("timestamp_micros(part)")
    whole = merge_profiles(
        parts.withColumn("merged_from", starts), ["way", "column_name"], LIMIT
    ).drop("merged_windows", "input_digest", "reason")
    found = whole.toArrow().to_pylist()
    assert len(found) == (GROUPINGS + 1) * 3
    return {(row["way"], row["column_name"]): row for row in found}


def rank_gap(kll: bytes, values: np.ndarray, weights: np.ndarray) -> float:
    """The largest error of the sketch's cumulative shares, against weighted rows."""
    points = read_kll(kll)
    order = values.argsort(kind="stable")
    shares = weights[order].cumsum() / weights.sum()
    at = np.unique(values)
    truth = shares[np.searchsorted(values[order], at, side="right") - 1]
    place = np.searchsorted(points.values, at, side="right")
    seen = np.concatenate([[0.0], points.cumulative])[place] / points.n
    return float(np.abs(truth - seen).max())


def values_of(source: pa.Table) -> tuple[np.ndarray, np.ndarray]:
    """The finite values of the source, and the number of the day that each is of."""
    column = source["value"].to_numpy(zero_copy_only=False)
    day = np.repeat(np.arange(DAYS), ROWS)
    held = np.isfinite(column)
    return column[held], day[held]


@pytest.mark.parametrize("weights", ["1D", UNEVEN])
def test_any_grouping_of_days_tells_the_same_and_the_truth(days, source, weights):
    found = grouped_twice(days, weights)
    value, day = values_of(source)
    weight = np.ones(len(value)) if weights == "1D" else np.where((day + 1) % 3 == 0, 4.0, 1.0)
    product = [one for one in source["product"].to_pylist() if one is not None]
    for way in range(GROUPINGS + 1):
        number, text = found[way, "value"], found[way, "product"]
        for name, row in (("value", number), ("product", text)):
            first = found[0, name]
            assert {one: row[one] for one in EXACT} == {one: first[one] for one in EXACT}
            for one in CLOSE:
                assert (row[one] is None) == (first[one] is None), one
                if row[one] is not None:
                    assert row[one] == pytest.approx(first[one], rel=1e-12), one
        assert (number["row_count"], number["nan_count"]) == (
            DAYS * ROWS,
            np.isnan(source["value"].to_numpy(zero_copy_only=False)).sum()
            - source["value"].null_count,
        )
        assert number["null_count"] == source["value"].null_count
        assert (number["min"], number["max"]) == (value.min(), value.max())
        assert number["mean"] == pytest.approx(value.mean(), rel=1e-12)
        assert number["stddev"] == pytest.approx(value.std(), rel=1e-12)
        assert number["moments"]["n"] == len(value)
        assert number["distinct_count"] == pytest.approx(len(np.unique(value)), rel=0.15)
        points = read_kll(number["kll"])
        assert points.n == weight.sum()
        assert points.k == K
        assert points.estimating
        assert rank_gap(number["kll"], value, weight) <= rank_error(K)
        state = text["categories"]
        assert state["total"] == len(product)
        assert not state["exact"]
        counts = {one["item"]: one["count"] for one in state["items"]}
        assert len(counts) == LIMIT
        for item in set(product):
            true = product.count(item)
            assert counts.get(item, 0) <= true <= counts.get(item, 0) + state["offset"], item


def test_effective_rows_are_those_of_the_formula(days, source):
    even = grouped_twice(days, "1D")
    assert {row["effective_rows"] for row in even.values()} == {None}
    uneven = grouped_twice(days, UNEVEN)
    _, day = values_of(source)
    w = np.where((day + 1) % 3 == 0, 4.0, 1.0)
    for way in range(GROUPINGS + 1):
        row = uneven[way, "value"]
        assert row["effective_rows"] == pytest.approx(w.sum() ** 2 / (w**2).sum())
        assert row["sample_weight"] == 1.0
        assert uneven[way, "product"]["effective_rows"] is None


def test_rows_of_one_rate_meet_as_they_are(spark, days):
    """All days sampled alike: nothing is repeated, and the plan is that of unsampled days."""
    sampled = days.withColumn("sample_weight", F.lit(16.0))
    assert sampling_rates(sampled).even
    whole = merge_profiles(
        sampled.withColumn("merged_from", F.col("window_start")), ["column_name"], LIMIT
    )
    (row,) = whole.where("column_name = 'value'").toArrow().to_pylist()
    assert row["sample_weight"] == 16.0
    assert row["effective_rows"] is None
    assert read_kll(row["kll"]).n == row["moments"]["n"]


def test_a_sampled_day_counts_for_all_of_its_rows(spark, days, workspace):
    """One day whole, one of which every 16th row was sketched: a plain merge is off by 0.4."""
    k, rows = 400, 20_000
    rng = np.random.default_rng(33)
    first, second = rng.normal(0, 1, rows), rng.normal(6, 1, rows)[::16]
    table = pa.table(
        {"d": np.repeat([1, 2], [len(first), len(second)]), "v": np.concatenate([first, second])}
    )
    sketches = {
        row["d"]: bytes(row["kll"])
        for row in spark.createDataFrame(table)
        .groupBy("d")
        .agg(F.expr(f"kll_sketch_agg_double(v, {k}) AS kll"))
        .collect()
    }
    two = days.where("column_name = 'value' AND day(window_start) <= 2")
    kll = F.when(F.expr("day(window_start) = 1"), F.lit(sketches[1])).otherwise(F.lit(sketches[2]))
    two = two.withColumns({"kll": kll, "merged_from": F.col("window_start")})
    weight = F.expr("CASE WHEN day(window_start) = 1 THEN 1D ELSE 16D END")

    def merged(frame):
        (row,) = merge_profiles(frame, ["column_name"], LIMIT).toArrow().to_pylist()
        return row

    values = np.concatenate([first, second])
    weights = np.repeat([1.0, 16.0], [len(first), len(second)])
    naive = merged(two)
    assert rank_gap(naive["kll"], values, weights) > 0.4
    ours = merged(two.withColumn("sample_weight", weight))
    assert rank_gap(ours["kll"], values, weights) <= rank_error(k)
    assert read_kll(ours["kll"]).n == weights.sum()
    # And the quantiles that are stored come from it: the median lies between the two days.
    assert 2 < ours["quantiles"][50] < 4
    assert ours["effective_rows"] == pytest.approx(weights.sum() ** 2 / (weights**2).sum())


def test_an_empty_sketch_brings_no_weight(days):
    """A sampled window may have finite values and none of them sketched."""
    empty = "CASE WHEN day(window_start) = 1 THEN 2D ELSE 1D END"
    rows = days.where("column_name = 'value' AND day(window_start) <= 2").withColumns(
        {
            "merged_from": F.col("window_start"),
            "sample_weight": F.expr(empty),
            "kll": F.expr("CASE WHEN day(window_start) = 1 THEN kll ELSE X'02010F01C8000800' END"),
        }
    )
    (row,) = merge_profiles(rows, ["column_name"], LIMIT).toArrow().to_pylist()
    assert row["sample_weight"] == 2.0
    assert read_kll(row["kll"]).n == row["effective_rows"]
