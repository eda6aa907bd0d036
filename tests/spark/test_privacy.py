"""Values that a spec hides are in no file of the store, and drift is found in them as ever."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from monitors import new_store, profile_only, rows_of, run, spec_of
from source_tables import closing_row, day_rows, write

from sparkdrift.redacting import KEY_MARK
from sparkdrift.spark.answers import Answer
from sparkdrift.spec.hiding import hidden_column, hidden_feature
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.journal import Journal
from sparkdrift.steps.ranges import figures, merge_range
from sparkdrift.steps.run import run_monitor
from sparkdrift.store import Store

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 83
DAYS, ROWS = 5, 80
PRODUCTS = {"card": "Plan Zebedee", "loan": "Größe Quillfeather", "lease": "O'Hara \\ Söhne"}
REGIONS = {"north": "Nordvik County", "south": "Sudbrook County"}
NEW, KEY = "Newcomer Oyelaran", "a key for tests, long enough"
VALUES = [*PRODUCTS.values(), *REGIONS.values(), NEW]


def named(rows: pa.Table, rng: np.random.Generator) -> pa.Table:
    """The usual rows with telling values, a label and a decision."""
    label = pa.array((rng.random(rows.num_rows) < rows["score"].to_numpy()).astype(np.int32))
    for column, names in (("product", PRODUCTS), ("region", REGIONS)):
        place = rows.schema.get_field_index(column)
        values = pa.array([names[one] for one in rows[column].to_pylist()])
        rows = rows.set_column(place, column, values)
    decision = pc.if_else(pc.greater(rows["score"], 0.5), *(pa.scalar(one) for one in DECISIONS))
    return rows.append_column("label", label).append_column("decision", decision)


DECISIONS = ("Refused Outright", "Granted Gladly")


@pytest.fixture(scope="module")
def source(spark, workspace) -> Path:
    rng = np.random.default_rng(SEED)
    rows = [named(day_rows(day, ROWS, rng), rng) for day in range(DAYS)]
    # On the last day a third of the rows has a product that nobody had before.
    place, last = rows[-1].schema.get_field_index("product"), rows[-1]["product"].to_pylist()
    changed = pa.array([NEW if i % 3 == 0 else one for i, one in enumerate(last)])
    rows[-1] = rows[-1].set_column(place, "product", changed)
    write(spark, workspace / "source", pa.concat_tables([*rows, named(closing_row(DAYS), rng)]))
    return workspace / "source"


def spec_with(path: Path, privacy: dict[str, Any] | None) -> MonitorSpec:
    sections: dict[str, Any] = {
        "features": {
            "numeric": ["amount"],
            "categorical": [
                "product",
                {"name": "first_word", "expression": "substring_index(product, ' ', 1)"},
            ],
        },
        "slices": ["region", ["region", "product"]],
        "slice_values": {"product": [PRODUCTS["card"], PRODUCTS["lease"]]},
        "prediction": {"score": "score", "decision": "decision", "label": "label"},
        "reference": {"begin": "2024-01-01", "end": "2024-01-04"},
        "assumptions": {"features": {"product": {"domain": list(PRODUCTS.values())}}},
        "evaluation": {"positive": {"decision": f"decision = '{DECISIONS[0]}'"}},
        "drift": {"multivariate": False},
    }
    return spec_of(path, **sections, **({"privacy": privacy} if privacy else {}))


@pytest.fixture(scope="module")
def spec(source) -> Iterator[MonitorSpec]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PRIVACY", KEY)
        yield spec_with(
            source, {"values": "hashed", "of": {"region": "withheld"}, "key_env": "PRIVACY"}
        )


@pytest.fixture(scope="module")
def store(spark, spec, workspace) -> Store:
    made = new_store(spark, workspace / "store")
    log = Path(str(made.directory)) / "sparkdrift.log"
    run_monitor(Context(spark, made, Journal(spark, made, "first", log)), spec, Options())
    return made


def found_in(store: Store, values: list[str]) -> dict[str, set[str]]:
    """By value, the tables and files of a store that hold it, decoded or as it is."""
    folder, found = Path(str(store.directory)), {}
    for file in (one for one in folder.rglob("*") if one.is_file()):
        contents = [file.read_bytes()]
        if file.suffix == ".parquet":
            contents.append(repr(pq.ParquetFile(file).read().to_pylist()).encode())
        for value in values:
            forms = (value, repr(value)[1:-1], value.encode("unicode_escape").decode())
            if any(form.encode() in content for form in forms for content in contents):
                place = file.relative_to(folder).parts[0]
                found.setdefault(value, set()).add(place)
    return found


def test_no_value_is_in_any_file_of_the_store(store) -> None:
    assert found_in(store, [*VALUES, *DECISIONS, "Zebedee", "Newcomer", KEY, KEY_MARK]) == {}, SEED


def test_the_same_look_finds_values_that_are_not_hidden(spark, source, workspace) -> None:
    plain = new_store(spark, workspace / "plain-store")
    profile_only(spark, plain, spec_with(source, None), "plain")
    found = found_in(plain, [*VALUES, *DECISIONS])
    assert found.keys() == {*VALUES, *DECISIONS}
    assert set().union(*found.values()) == {"profiles"}


def test_what_is_counted_is_the_same_under_tokens(spark, spec, source, store) -> None:
    hidden = hidden_feature(spec, "product")
    region = hidden_column(spec, "region")
    rows = rows_of(spark, store, "profiles", "granularity = 'day'").to_pylist()
    given = spark.read.format("delta").load(str(source)).toArrow().to_pylist()
    first = [one for one in given if one["ts"].day == 1]

    def items(column: str, value: str) -> dict[str, int]:
        (cell,) = (
            one
            for one in rows
            if one["column_name"] == column
            and one["window_start"].day == 1
            and one["slice_value"] == value
        )
        assert cell["min_length"] is cell["avg_length"] is None
        return {one["item"]: one["count"] for one in cell["frequent_items"]}

    words = [one["product"] for one in first]
    assert items("product", "*") == {hidden.token(w): words.count(w) for w in set(words)}
    north = [one["product"] for one in first if one["region"] == REGIONS["north"]]
    in_north = {hidden.token(word): north.count(word) for word in set(north)}
    assert items("product", region.token(REGIONS["north"])) == in_north
    # Of two columns, one of which has its values listed: the others share ':other'.
    pairs = {one["slice_value"] for one in rows if one["slice_key"] == "region,product"}
    assert len(pairs) == 6
    assert sum(":other" in one for one in pairs) == 2


def test_drift_and_what_is_assumed_are_found_in_tokens(spark, spec, store) -> None:
    token = hidden_feature(spec, "product").token(NEW)
    where = "column_name = 'product' AND slice_key = '*' AND comparison = 'baseline'"
    drift = rows_of(spark, store, "drift", where).to_pylist()
    drift.sort(key=lambda row: row["window_start"])
    assert [row["status"] == "drifted" for row in drift][-1], drift
    assert [one["item"] for one in drift[-1]["new_categories"]] == [token]
    assert not any(row["new_categories"] for row in drift[:-1])
    assert token in drift[-1]["reason"]
    domains = rows_of(spark, store, "assumptions", "assumption = 'domain'").to_pylist()
    broken = [one for one in domains if one["status"] == "violated"]
    assert [one["examples"] for one in broken if one["column_name"] == "product"] == [[token]]


def test_a_value_that_is_asked_for_is_found(spark, spec, store) -> None:
    merged: Answer = figures(merge_range(spark, store, spec, only={"region": [REGIONS["north"]]}))
    assert merged.rows


def test_a_run_over_what_is_stored_has_nothing_to_do(spark, spec, store) -> None:
    before = rows_of(spark, store, "profiles").num_rows
    outcome = run(spark, store, spec, "second")
    assert rows_of(spark, store, "profiles", "run_id = 'second'").num_rows == 0, outcome
    assert rows_of(spark, store, "profiles").num_rows == before
