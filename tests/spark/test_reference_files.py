"""References from store to store in a file: whole, or refused with nothing changed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from monitors import context_of, new_store, rows_of, run, spec_of
from source_tables import closing_row, day_start, days, write

from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import Name
from sparkdrift.references.manifest import KEY
from sparkdrift.spark.reference_life import Stored
from sparkdrift.steps import reference
from sparkdrift.steps.exchange import Imported, export_reference, import_reference
from sparkdrift.steps.promotion import Decision
from sparkdrift.steps.reference_reading import find
from sparkdrift.steps.verifying import verify
from sparkdrift.store import Store

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 29
DAYS = 10
WHY = Decision("ada", "from the other store", day_start(6))
NAME = Name("credit", "baseline", "baseline")
LOGS = ("reference_snapshots", "reference_profiles", "reference_events")


def credit_spec(path: Path, end: str = "2024-01-05", **sections):
    return spec_of(
        path,
        features={"numeric": ["amount"], "categorical": ["product"]},
        slices=["region"],
        reference={"begin": "2024-01-01", "end": end},
        drift={"multivariate": False},
        **sections,
    )


@pytest.fixture(scope="module")
def source(spark, workspace) -> Path:
    rng = np.random.default_rng(SEED)
    rows = pa.concat_tables([days(0, DAYS - 1, 200, rng), closing_row(DAYS)])
    write(spark, workspace / "source", rows)
    return workspace / "source"


@pytest.fixture(scope="module")
def origin(spark, source, workspace) -> Store:
    """Days 0 to 3 as version 1, in a store of its own."""
    store = new_store(spark, workspace / "origin")
    run(spark, store, credit_spec(source), "first")
    return store


@pytest.fixture(scope="module")
def file(spark, source, origin, workspace) -> Path:
    path = workspace / "baseline.parquet"
    context = context_of(spark, origin, "export")
    done = export_reference(context, credit_spec(source), NAME, 1, path, "bob")
    assert (done.path, done.version) == (path, 1)
    return path


@pytest.fixture
def store(spark, source, workspace, tmp_path) -> Store:
    """A store whose own version 1 is of days 0 to 5."""
    made = workspace / "target"
    if not made.exists():
        run(spark, new_store(spark, made), credit_spec(source, "2024-01-07"), "other")
    shutil.copytree(made, tmp_path / "store")
    return Store(directory=str(tmp_path / "store"))


def found(spark, store: Store) -> Stored:
    return find(spark, store, NAME)


def brought(spark, store: Store, source: Path, file: Path, run_id="import") -> Imported:
    return import_reference(context_of(spark, store, run_id), credit_spec(source), file, "eve")


def logs(spark, store: Store) -> list[list[dict]]:
    return [sorted(rows_of(spark, store, name).to_pylist(), key=str) for name in LOGS]


def test_a_version_is_in_another_store_what_it_was_in_its_own(spark, source, origin, file, store):
    spec = credit_spec(source)
    exported = found(spark, origin)
    (told,) = [one for one in exported.events if one.action == "export"]
    assert (told.version, told.by) == (1, "bob")
    assert str(file) in told.reason
    assert exported.states == {1: "active"}

    done = brought(spark, store, source, file)
    # Its own version 1 is of another interval.
    assert (done.version, done.made, done.other_definition) == (2, True, False)
    stored = found(spark, store)
    assert stored.states == {1: "active", 2: "candidate"}
    here, there = stored.by_number[2], exported.by_number[1]
    assert (here.digest, here.rows, here.interval) == (there.digest, there.rows, there.interval)
    assert here.note == f"imported: version 1 of {NAME} in {origin}, frozen by {there.created_by}"
    assert (here.created_by, here.parent) == ("eve", 1)
    where = "version = {} AND column_name IS NOT NULL"
    drop = ["version", "run_id", "package_version"]
    mine, theirs = (
        rows_of(spark, one, "reference_profiles", where.format(number)).drop(drop)
        for one, number in ((store, 2), (origin, 1))
    )
    # Every column, the windows' bins and the sketches' bytes among them.
    assert mine.to_pylist() == theirs.to_pylist()
    checked = verify(spark, store, spec, NAME, here)
    assert (checked.digest, checked.counts, checked.reason) == (True, True, None)

    # Whatever the gate says of so few rows.
    reference.promote(context_of(spark, store, "promote"), spec, NAME, 2, WHY, force=True)
    # A run that asks for the other interval finds its own version, and leaves this in force.
    run(spark, store, credit_spec(source, "2024-01-07"), "judge")
    rows = rows_of(spark, store, "drift", "run_id = 'judge'").to_pylist()
    judged = {(one["window_start"], one["reference_version"]) for one in rows}
    assert judged == {(day_start(day), 2) for day in range(6, DAYS)}
    assert "no_reference" not in {one["status"] for one in rows}, f"seed {SEED}"


def test_the_same_file_twice_makes_one_version(spark, source, file, store):
    brought(spark, store, source, file)
    before = logs(spark, store)
    again = brought(spark, store, source, file, "again")
    assert (again.version, again.made) == (2, False)
    assert logs(spark, store) == before


def changed(file: Path, folder: Path, change) -> Path:
    """The file as somebody else would write it: `change` gets its rows and its manifest."""
    table = pq.read_table(file)
    manifest = json.loads(table.schema.metadata[KEY])
    table = change(table, manifest)
    metadata = {KEY: json.dumps(manifest).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), folder / "changed.parquet")
    return folder / "changed.parquet"


def one_count(table: pa.Table, manifest: dict) -> pa.Table:
    """One row more in one bin of one window of the reference, which its own digest leaves out."""
    rows = table.to_pylist()
    row = next(one for one in rows if one["column_name"] == "amount")
    row["window_bins"][0]["counts"][0] += 1
    return pa.Table.from_pylist(rows, table.schema)


def less(table: pa.Table, manifest: dict) -> pa.Table:
    return table.slice(0, table.num_rows - 1)


def other_digest(table: pa.Table, manifest: dict) -> pa.Table:
    manifest["digest"] = "0" * 64
    return table


def other_monitor(table: pa.Table, manifest: dict) -> pa.Table:
    manifest["name"]["monitor"] = "loans"
    return table


def later_format(table: pa.Table, manifest: dict) -> pa.Table:
    manifest["format"] = 2
    return table


def later_column(table: pa.Table, manifest: dict) -> pa.Table:
    return table.append_column("mode", pa.nulls(table.num_rows, pa.float64()))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (one_count, "was changed since it was exported"),
        (less, "was changed since it was exported"),
        (other_digest, "don't have the digest that reference baseline of credit version 1"),
        (other_monitor, "holds a reference baseline of loans, and the spec is of credit"),
        (later_format, r"newer sparkdrift \(format 2"),
        (later_column, r"newer sparkdrift \(columns mode\)"),
    ],
)
def test_a_changed_file_is_refused(spark, source, file, store, tmp_path, change, why):
    before = logs(spark, store)
    with pytest.raises(SnapshotError, match=why):
        brought(spark, store, source, changed(file, tmp_path, change))
    assert logs(spark, store) == before


def test_what_is_no_such_file_is_refused(spark, source, file, store, tmp_path):
    spec, context = credit_spec(source), context_of(spark, store, "import")
    text = tmp_path / "notes.txt"
    text.write_text("nothing")
    with pytest.raises(SnapshotError, match=r"notes\.txt is no file of .*it is no Parquet file"):
        import_reference(context, spec, text, "eve")
    with pytest.raises(SnapshotError, match="there is no file"):
        import_reference(context, spec, tmp_path / "missing", "eve")
    other = sorted(source.glob("*.parquet"))[0]
    with pytest.raises(SnapshotError, match="its metadata has no manifest"):
        import_reference(context, spec, other, "eve")
    damaged = tmp_path / "damaged.parquet"
    content = bytearray(file.read_bytes())
    # In the middle of the pages of the first column.
    content[64] ^= 0xFF
    damaged.write_bytes(bytes(content))
    with pytest.raises(SnapshotError, match="damaged"):
        import_reference(context, spec, damaged, "eve")


def test_a_file_that_may_hold_hidden_values_is_refused(spark, source, file, store, monkeypatch):
    monkeypatch.setenv("PRIVACY", "a key for tests, long enough")
    spec = credit_spec(source, privacy={"of": {"product": "hashed"}, "key_env": "PRIVACY"})
    before = logs(spark, store)
    with pytest.raises(SnapshotError, match="may hold values that `privacy` hides"):
        import_reference(context_of(spark, store, "import"), spec, file, "eve")
    assert logs(spark, store) == before


def test_a_stored_version_with_other_content_is_no_match(spark, source, origin, file, tmp_path):
    """The file says it is version 1 of the very run that made version 1 here."""
    shutil.copytree(str(origin.directory), tmp_path / "store")
    store = Store(directory=str(tmp_path / "store"))
    spark.sql(f"UPDATE {store.table('reference_snapshots')} SET digest = 'abc'")
    before = logs(spark, store)
    with pytest.raises(SnapshotError, match="which this store has with other content"):
        brought(spark, store, source, file)
    with pytest.raises(SnapshotError, match="their digest differs, so they are not exported"):
        export_reference(
            context_of(spark, store), credit_spec(source), NAME, 1, tmp_path / "a.parquet", "bob"
        )
    assert logs(spark, store) == before
    assert not list(tmp_path.glob("*.parquet"))


def test_no_file_is_written_over(spark, source, origin, file):
    before = file.read_bytes()
    context = context_of(spark, origin, "twice")
    with pytest.raises(SnapshotError, match="is there already"):
        export_reference(context, credit_spec(source), NAME, 1, file, "bob")
    with pytest.raises(SnapshotError, match="there is no version 7"):
        export_reference(context, credit_spec(source), NAME, 7, file.with_name("b"), "bob")
    assert file.read_bytes() == before
