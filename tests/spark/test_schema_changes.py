"""A feature that the table lost, renamed or retyped has a status; everything else goes on."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, rows_of, run, spec_of
from source_tables import day_start

pytestmark = [pytest.mark.spark, pytest.mark.classic]

FEATURES = ("lost", "moved", "retyped", "stays")
ROWS = 2500
SECTIONS = {
    "reference": {"begin": "2024-01-01", "end": "2024-01-05"},
    "drift": {"effect_size": 0.5, "warn_at": 0.3},
    "sketch": {"k": 4096},
}


def rows_of_day(day: int, rng, **renamed: str) -> pa.Table:
    count = 1 if day == 7 else ROWS
    columns = {name: pa.array(rng.normal(size=count)) for name in FEATURES}
    columns["colour"] = pa.array(rng.choice(["red", "blue"], count).tolist())
    columns = {renamed.get(name, name): values for name, values in columns.items()}
    return pa.table({"ts": source_tables.instants(day, count, rng), **columns})


@pytest.fixture(scope="module")
def verdicts(spark, workspace) -> dict:
    """(day, feature) -> drift row. Columns change while day 5 is open."""
    rng = np.random.default_rng(41)
    path = workspace / "log"
    first = pa.concat_tables([rows_of_day(day, rng) for day in range(6)])
    source_tables.write(spark, path, first)
    spec = spec_of(
        path, features={"numeric": list(FEATURES), "categorical": ["colour"]}, **SECTIONS
    )
    store = new_store(spark, workspace / "store")
    run(spark, store, spec, "before")
    table = f"delta.`{path}`"
    spark.sql(
        f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name',"
        " 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')"
    )
    spark.sql(f"ALTER TABLE {table} DROP COLUMN lost")
    spark.sql(f'ALTER TABLE {table} RENAME COLUMN moved TO `neu, "moved"`')
    spark.sql(f"ALTER TABLE {table} DROP COLUMN retyped")
    spark.sql(f"ALTER TABLE {table} ADD COLUMN retyped STRING")
    later = pa.concat_tables([rows_of_day(day, rng, moved='neu, "moved"') for day in (6, 7)])
    later = later.drop_columns(["lost"])
    texts = later["retyped"].cast(pa.string())
    later = later.set_column(later.column_names.index("retyped"), "retyped", texts)
    source_tables.write(spark, path, later)
    renamed = spec_of(
        path,
        features={
            "numeric": [
                "lost",
                {"column": 'neu, "moved"', "formerly": "moved"},
                "retyped",
                "stays",
            ],
            "categorical": ["colour"],
        },
        **SECTIONS,
    )
    run(spark, store, renamed, "after")
    found = rows_of(spark, store, "drift").to_pylist()
    assert len({(row["window_start"], row["column_name"]) for row in found}) == len(found)
    return {((row["window_start"] - day_start(0)).days, row["column_name"]): row for row in found}


def test_a_dropped_column_is_said(verdicts):
    row = verdicts[6, "lost"]
    assert row["status"] == "schema_changed"
    assert "the table has no column 'lost'" in row["reason"]
    assert row["psi"] is None


def test_a_retyped_column_is_said_with_its_type(verdicts):
    row = verdicts[6, "retyped"]
    assert row["status"] == "schema_changed"
    assert "string" in row["reason"]


def test_a_rename_that_the_spec_knows_keeps_its_history(verdicts):
    row = verdicts[6, "moved"]
    assert row["status"] == "ok"
    assert row["reference_version"] == 1


def test_everything_else_goes_on(verdicts):
    for name in ("stays", "colour"):
        assert verdicts[6, name]["status"] == "ok"
    for name in (*FEATURES, "colour"):
        assert verdicts[4, name]["status"] == "ok"
        assert verdicts[4, name]["run_id"] == "before"
