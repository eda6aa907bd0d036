"""Any run of stored windows, and values of a slice, against the rows of the source."""

from __future__ import annotations

import json
from collections import Counter

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import source_tables
from monitors import new_store, profile_only, spec_of
from typer.testing import CliRunner

from sparkdrift.cli import app
from sparkdrift.errors import UsageError
from sparkdrift.steps.ranges import merge_range

pytestmark = [pytest.mark.spark, pytest.mark.classic]

DAYS, ROWS = 8, 60
SECTIONS = {
    "timestamp": {"column": "ts", "zone": "UTC"},
    "features": {"numeric": ["amount"], "categorical": ["product"]},
    "slices": ["region", ["region", "channel"]],
    # Exact for all that is merged here.
    "sketch": {"k": 4096},
}
REGIONS = ["north", "south", "a,b", "NULL", None]


@pytest.fixture(scope="module")
def source(spark, workspace):
    """Eight days; the source's data files are taken away once they are profiled."""
    rng = np.random.default_rng(41)
    count = DAYS * ROWS
    rows = pa.table(
        {
            "ts": pa.concat_arrays([source_tables.instants(d, ROWS, rng) for d in range(DAYS)]),
            "amount": pa.array(rng.normal(100, 20, count), mask=rng.random(count) < 0.1),
            "product": pa.array(rng.choice(["card", "loan", "lease"], count, p=[0.5, 0.3, 0.2])),
            "region": pa.array(rng.choice(np.array(REGIONS, object), count).tolist()),
            "channel": pa.array(rng.choice(np.array(["web", None], object), count).tolist()),
        }
    )
    source_tables.write(spark, workspace / "log", rows)
    return rows


@pytest.fixture(scope="module")
def spec(workspace, source):
    return spec_of(workspace / "log", **SECTIONS)


@pytest.fixture(scope="module")
def store(spark, workspace, source, spec):
    store = new_store(spark, workspace / "store")
    profile_only(spark, store, spec, "first", as_of=source_tables.day_start(DAYS))
    for file in (workspace / "log").glob("*.parquet"):
        file.rename(file.with_suffix(".gone"))
    return store


def figures(spark, store, spec, first=None, last=None, only=None):
    begin = None if first is None else source_tables.day_start(first)
    end = None if last is None else source_tables.day_start(last)
    merged = merge_range(spark, store, spec, begin, end, only)
    return merged, {row["column_name"]: row for row in merged.rows.toArrow().to_pylist()}


def assert_true(found: dict, rows: pa.Table) -> None:
    """The merged figures are those of the rows themselves."""
    assert found[":table"]["row_count"] == rows.num_rows
    number, text = found["amount"], found["product"]
    assert number["null_count"] == rows["amount"].null_count
    held = np.sort(rows["amount"].drop_null().to_numpy())
    assert number["moments"]["n"] == len(held)
    assert number["mean"] == pytest.approx(held.mean())
    assert number["stddev"] == pytest.approx(held.std())
    assert (number["min"], number["max"]) == (held[0], held[-1])
    quantiles = np.quantile(held, np.arange(101) / 100, method="inverted_cdf")
    assert number["quantiles"] == pytest.approx(quantiles.tolist())
    counted = Counter(rows["product"].to_pylist())
    assert {one["item"]: one["count"] for one in text["frequent_items"]} == counted
    assert text["categories"]["exact"]


def between(source: pa.Table, first: int, last: int) -> pa.Table:
    return source.slice(first * ROWS, (last - first) * ROWS)


def having(source: pa.Table, column: str, values: list[str | None]) -> pa.Table:
    return source.filter(pc.is_in(source[column], pa.array(values, pa.string())))


@pytest.mark.parametrize(("first", "last"), [(0, DAYS), (2, 5), (7, 8), (0, 1)])
def test_a_run_of_windows_is_its_rows(spark, store, spec, source, first, last):
    merged, found = figures(spark, store, spec, first, last)
    assert_true(found, between(source, first, last))
    assert merged.windows == last - first
    assert merged.notes == ()
    assert {row["merged_windows"] for row in found.values()} == {last - first}
    assert found["amount"]["window_start"] == source_tables.day_start(first)
    assert found["amount"]["window_end"] == source_tables.day_start(last)


def test_without_times_it_is_all_that_is_stored(spark, store, spec, source):
    merged, found = figures(spark, store, spec)
    assert_true(found, source)
    assert merged.interval.end == source_tables.day_start(DAYS)


@pytest.mark.parametrize("values", [["north"], ["north", "a,b"], [None], ["NULL", None], REGIONS])
def test_values_of_a_slice_are_their_rows(spark, store, spec, source, values):
    _, found = figures(spark, store, spec, 1, 6, {"region": values})
    assert_true(found, having(between(source, 1, 6), "region", values))


def test_a_slice_by_two_columns_takes_values_of_both(spark, store, spec, source):
    only = {"channel": [None], "REGION": ["north", None]}
    _, found = figures(spark, store, spec, 0, 8, only)
    rows = having(having(source, "region", ["north", None]), "channel", [None])
    assert_true(found, rows)


def test_boundaries_name_the_nearest(spark, store, spec):
    noon = source_tables.day_start(2).replace(hour=12)
    nearest = "the nearest that do: 2024-01-03 and 2024-01-04"
    with pytest.raises(UsageError, match=f"no stored window begins at .* 12:00; {nearest}"):
        merge_range(spark, store, spec, noon, None)
    with pytest.raises(UsageError, match=f"no stored window ends at .* 12:00; {nearest}"):
        merge_range(spark, store, spec, None, noon)
    with pytest.raises(UsageError, match=r"no stored window begins at 2024-01-09; .* 2024-01-08 "):
        merge_range(spark, store, spec, source_tables.day_start(8), None)
    early, late = source_tables.day_start(2), source_tables.day_start(5)
    with pytest.raises(UsageError, match="begin 2024-01-06 is not before end 2024-01-03"):
        merge_range(spark, store, spec, late, early)


def test_a_slice_or_value_that_is_not_there_names_the_nearest(spark, store, spec):
    with pytest.raises(UsageError, match=r"'norht' .*stored: NULL, 'NULL', 'a,b'.*mean 'north'"):
        merge_range(spark, store, spec, only={"region": ["south", "norht"]})
    with pytest.raises(UsageError, match=r"no slice by regoin; .*did you mean region"):
        merge_range(spark, store, spec, only={"regoin": ["north"]})
    with pytest.raises(UsageError, match=r"no slice by channel; declared: region; region, channel"):
        merge_range(spark, store, spec, only={"channel": ["web"]})
    nothing = spec_of(spec.source.path, **{**SECTIONS, "monitor": "nothing"})
    with pytest.raises(UsageError, match="nothing of nothing is stored yet"):
        merge_range(spark, store, nothing)


def test_the_command_prints_a_table_or_json(spark, store, spec, source, workspace):
    file = workspace / "credit.yml"
    file.write_text(spec.model_dump_json(exclude_none=True, exclude_unset=True))
    options = ["--begin", "2024-01-02", "--end", "2024-01-07", "--store", store.directory]
    asked = ["merge", str(file), *options, "--slice", 'region=north,"a,b",NULL']
    done = CliRunner().invoke(app, [*asked, "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    rows = having(between(source, 1, 6), "region", ["north", "a,b", None])
    assert document["slice"] == {"region": ["north", "a,b", None]}
    assert document["windows"] == 5
    by_name = {one["column_name"]: one for one in document["features"]}
    assert by_name[":table"]["row_count"] == rows.num_rows
    assert by_name["amount"]["null_count"] == rows["amount"].null_count
    assert "kll" not in by_name["amount"]
    done = CliRunner().invoke(app, asked)
    assert done.exit_code == 0, done.output
    shown = f"2024-01-02 to 2024-01-07, 5 days, {rows.num_rows} rows; region = north or a,b or NULL"
    assert done.stdout.splitlines()[0] == f"credit: {shown}"
    assert "card" in done.stdout
    done = CliRunner().invoke(app, [*asked[:-1], "region=nort"])
    assert done.exit_code == 2
    assert "did you mean 'north'?" in done.output


def test_definitions_that_differ_are_said_and_not_merged(spark, workspace):
    rng = np.random.default_rng(42)
    path = workspace / "changing"
    source_tables.write(spark, path, source_tables.days(0, 5, 30, rng))
    store = new_store(spark, workspace / "changed")
    sections = {"features": {"numeric": ["amount"], "categorical": ["product"]}}
    profile_only(spark, store, spec_of(path, **sections), as_of=source_tables.day_start(4))
    new = spec_of(path, **sections, sketch={"k": 300}, slices=["region"])
    profile_only(spark, store, new, as_of=source_tables.day_start(6))
    merged = merge_range(spark, store, new)
    (note,) = merged.notes
    assert note == (
        ":table, amount, product: defined differently inside, so not merged; a row each for "
        "4 windows from 2024-01-01 to 2024-01-05; 2 windows from 2024-01-05 to 2024-01-07"
    )
    rows = merged.rows.where("column_name = 'amount'").toArrow().to_pylist()
    counts = {(row["window_start"].day, row["row_count"], row["merged_windows"]) for row in rows}
    assert counts == {(1, 120, 4), (5, 60, 2)}
    north = merge_range(spark, store, new, only={"region": ["north"]})
    (note,) = north.notes
    assert note.startswith("4 windows of it have no slice by region: they were profiled before")
    # A window less in the middle is said.
    spark.sql(f"DELETE FROM {store.table('profiles')} WHERE window_start = '2024-01-03'")
    gap = merge_range(spark, store, new, end=source_tables.day_start(4))
    assert gap.notes == ("not stored, so not part of it: 2024-01-03 to 2024-01-04",)
    assert gap.windows == 3
