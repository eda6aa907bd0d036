"""What a spec may say of a profile's cost: listed values of slices, and samples for sketches."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from datasketches import kll_doubles_sketch
from monitors import new_store, profile_only, rows_of, spec_of

pytestmark = [pytest.mark.spark, pytest.mark.classic]


def test_listed_values_have_a_slice_and_the_others_share_one(spark, workspace):
    rng = np.random.default_rng(8)
    path = workspace / "listed"
    rows = source_tables.days(0, 1, 60, rng)
    regions = rng.choice(["north", "south", "east", "west", None], len(rows)).tolist()
    rows = rows.set_column(rows.column_names.index("region"), "region", [regions])
    source_tables.write(spark, path, rows)
    source_tables.write(spark, path, source_tables.closing_row(2))
    store = new_store(spark, workspace / "listed-store")
    spec = spec_of(path, slices=["region"], slice_values={"region": ["north", "nowhere"]})
    profile_only(spark, store, spec)
    table = rows_of(spark, store, "profiles", "slice_key = 'region' AND column_name = ':table'")
    found = Counter()
    for row in table.to_pylist():
        found[row["slice_value"]] += row["row_count"]
    wanted = Counter(
        one if one in ("north", None) else ":other" for one in rows["region"].to_pylist()
    )
    assert found == wanted


def test_a_slice_of_too_many_values_is_left_out_and_said(spark, workspace):
    rng = np.random.default_rng(9)
    path = workspace / "crowded"
    rows = source_tables.day_rows(0, 1500, rng)
    customers = pa.array([f"customer {i}" for i in range(len(rows))])
    source_tables.write(spark, path, rows.append_column("customer", customers))
    closing = source_tables.closing_row(1).append_column("customer", pa.array(["one"]))
    source_tables.write(spark, path, closing)
    store = new_store(spark, workspace / "crowded-store")
    profile_only(spark, store, spec_of(path, slices=["customer", "region"]))
    keys = set(rows_of(spark, store, "profiles")["slice_key"].to_pylist())
    assert keys == {"*", "region"}
    warnings = rows_of(spark, store, "runs", "phase = 'SUCCEEDED'")["warnings"].to_pylist()[0]
    (about,) = [one for one in warnings if one.startswith("slice ")]
    assert "slice customer: about 1," in about
    assert "slice_values" in about


@pytest.mark.parametrize("sliced", [False, True])
def test_a_sample_keeps_quantiles_within_its_error(spark, workspace, sliced):
    rng = np.random.default_rng(10)
    path = workspace / f"sampled-{sliced}"
    count, error = 20_000, 0.05
    rows = source_tables.day_rows(0, count, rng)
    source_tables.write(spark, path, rows)
    source_tables.write(spark, path, source_tables.closing_row(1))
    store = new_store(spark, workspace / f"sampled-store-{sliced}")
    sketch = {"sampling_error": error, "k": 400}
    spec = spec_of(path, sketch=sketch, slices=["region"] if sliced else [])
    profile_only(spark, store, spec)
    regions = np.array(rows["region"].to_pylist())
    for row in rows_of(spark, store, "profiles", "column_name = 'amount'").to_pylist():
        values = np.sort(rows["amount"].to_numpy())
        if row["slice_key"] == "region":
            values = np.sort(rows["amount"].to_numpy()[regions == row["slice_value"]])
        # 20,000 rows for the 1,060 that the error needs: a 16th; of half of them an 8th.
        assert row["sample_weight"] == (8 if row["slice_key"] == "region" else 16)
        sketched = kll_floor(row["kll"])
        assert abs(sketched * row["sample_weight"] - len(values)) < 0.2 * len(values)
        ranks = np.searchsorted(values, row["quantiles"], side="right") / len(values)
        sketch_error = 2.296 / 400**0.9723
        assert np.abs(ranks - np.linspace(0, 1, 101)).max() <= error + sketch_error
        # What is counted is counted in full.
        assert (row["row_count"], row["min"], row["max"]) == (len(values), values[0], values[-1])
        assert row["moments"]["n"] == len(values)
        assert abs(row["distinct_count"] - len(set(values))) < 0.15 * len(values)


def kll_floor(blob: bytes) -> int:
    """How many values a sketch was given, by the library whose format it is."""
    return int(kll_doubles_sketch.deserialize(blob).n)
