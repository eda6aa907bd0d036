"""Reserved characters, quotes and other scripts in every place where a name can stand."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from deltalake import DeltaTable
from monitors import new_store, rows_of, run, spec_of

pytestmark = [pytest.mark.spark, pytest.mark.classic]

FOLDER = 'ünï\'cøde `tick` "quote" 🚀 100% a=b'
NUMBERS = ("a`b", "dotted.name", "with space", "it's", 'say "so"', "🚀", "select", "größe", "a,b")
# Names that the product uses for columns of its own.
OURS = ("window_start", "row_count", "n0", "cells", "file", "start", "at")
TEXTS = ("back\\slash", "$money", "{brace}")
VALUES = ("it's", 'say "so"', "a`b", "back\\slash", "", " ", "NULL", "*", "🚀", "a,b", "名前", "%_")
SLICE = "spaced & 'quoted'"
TIME = "event time `utc`"


@pytest.fixture(scope="module")
def tables(spark, workspace) -> dict[str, list[dict]]:
    rng = np.random.default_rng(51)
    days, count = 5, 60
    columns = {TIME: pa.concat_arrays([source_tables.instants(d, count, rng) for d in range(days)])}
    rows = days * count
    columns |= {name: pa.array(rng.normal(size=rows)) for name in (*NUMBERS, *OURS)}
    columns |= {name: pa.array(rng.choice(VALUES, rows).tolist()) for name in TEXTS}
    columns[SLICE] = pa.array(rng.choice([*VALUES, None], rows).tolist(), pa.string())
    # Delta refuses some of these characters in columns unless they are mapped to others.
    frame = spark.createDataFrame(pa.table(columns)).coalesce(1)
    path = workspace / FOLDER / "log"
    writer = frame.write.format("delta").option("delta.columnMapping.mode", "name")
    writer.save(str(path))
    spec = spec_of(
        path,
        timestamp={"column": TIME},
        features={"numeric": [*NUMBERS, *OURS], "categorical": list(TEXTS)},
        slices=[SLICE, [SLICE, "back\\slash"]],
        reference={"begin": "2024-01-01", "end": "2024-01-03"},
        drift={"overrides": {"a`b": {"effect_size": 0.5}}},
    )
    store = new_store(spark, workspace / FOLDER / "store")
    run(spark, store, spec, "odd")
    found = {
        name: rows_of(spark, store, name).to_pylist()
        for name in ("profiles", "drift", "reference_profiles")
    }
    found["raw"] = pa.table(columns).to_pylist()
    found["elsewhere"] = DeltaTable(store.path("drift")).to_pyarrow_table().to_pylist()
    return found


def test_every_name_arrives_as_it_was(tables):
    for name in ("profiles", "drift", "reference_profiles"):
        columns = {row["column_name"] for row in tables[name]} - {":table", ":inputs"}
        assert columns == {*NUMBERS, *OURS, *TEXTS}
        assert {row["slice_key"] for row in tables[name]} == {"*", SLICE, f"{SLICE},back\\slash"}


def test_every_column_is_its_own(tables):
    """Means of the whole table; a name that is mistaken for another would share its mean."""
    for name in (*NUMBERS, *OURS):
        (cell,) = (
            row
            for row in tables["reference_profiles"]
            if (row["column_name"], row["slice_key"]) == (name, "*")
        )
        assert cell["mean"] == pytest.approx(np.mean([row[name] for row in tables["raw"][:120]]))


def test_every_slice_value_arrives_as_it_was(tables):
    single = [row for row in tables["profiles"] if row["slice_key"] == SLICE]
    assert {row["slice_value"] for row in single} == {*VALUES, None}
    pairs = {
        tuple(json.loads(row["slice_value"]))
        for row in tables["profiles"]
        if "," in row["slice_key"]
    }
    assert pairs == {(row[SLICE], row["back\\slash"]) for row in tables["raw"][: 4 * 60]}


def test_every_category_arrives_as_it_was(tables):
    for name in TEXTS:
        cells = [
            row
            for row in tables["reference_profiles"]
            if (row["column_name"], row["slice_key"]) == (name, "*")
        ]
        assert len(cells) == 1
        counted = {one["item"]: one["count"] for one in cells[0]["categories"]["items"]}
        texts = [row[name] for row in tables["raw"][: 2 * 60]]
        assert counted == {text: texts.count(text) for text in set(texts)}
        assert set(cells[0]["bins"]["items"]) == set(texts)


def test_rows_are_judged_and_readable_elsewhere(tables):
    judged = {row["status"] for row in tables["drift"]}
    assert judged <= {"ok", "warning", "drifted", "insufficient_data", "no_reference"}
    assert len(tables["elsewhere"]) == len(tables["drift"])
    assert {row["slice_value"] for row in tables["elsewhere"]} == {
        row["slice_value"] for row in tables["drift"]
    }
