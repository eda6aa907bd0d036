"""Keys that training and evaluation data share: sketched, stored with a version, at the gate."""

from __future__ import annotations

from pathlib import Path

import datasketches
import numpy as np
import pyarrow as pa
import pytest
from monitors import context_of, new_store, rows_of, run, spec_of
from source_tables import closing_row, day_start, days, write

from sparkdrift.references.life import Name
from sparkdrift.spark import keys
from sparkdrift.spark.content_digest import digest_of
from sparkdrift.spark.erased_rows import delete_version
from sparkdrift.spark.keys import stored_keys
from sparkdrift.spark.reference_files import content
from sparkdrift.steps import reference
from sparkdrift.steps.exchange import export_reference, import_reference
from sparkdrift.steps.freezing import Wanted
from sparkdrift.steps.reference_reading import find
from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand
from sparkdrift.steps.verifying import verify
from sparkdrift.windows import Window

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 131
MANY = 40_000
"""More keys than a sketch keeps."""
SECTIONS = {
    "features": {"numeric": ["amount"]},
    "reference": {"begin": "2024-01-01", "end": "2024-01-03"},
    "drift": {"multivariate": False},
}


def table_of(ids: pa.Array) -> pa.Table:
    amounts = np.random.default_rng(SEED).normal(100, 20, len(ids))
    return pa.table({"id": ids, "amount": amounts})


@pytest.fixture(scope="module")
def places(spark, workspace) -> dict[str, Path]:
    rng = np.random.default_rng(SEED)
    ids = rng.choice(10**9, size=3 * MANY, replace=False)
    trained, fresh, both = ids[:MANY], ids[MANY : 2 * MANY], MANY // 20
    log = pa.concat_tables([days(0, 3, 200, rng), closing_row(4)])
    tables = {
        "log": log.append_column("id", pa.array(range(log.num_rows))),
        "training": table_of(pa.array(trained)),
        "clean": table_of(pa.array(fresh)),
        "leaky": table_of(pa.array([*trained[:both], *fresh[both:], None, None])),
        "texts": table_of(pa.array(list(map(str, trained[:100])))),
        "keyless": table_of(pa.array(fresh[:100])).rename_columns(["other", "amount"]),
    }
    for name, rows in tables.items():
        write(spark, workspace / name, rows)
    return {name: workspace / name for name in tables}


@pytest.fixture(scope="module")
def spec(places):
    return spec_of(places["log"], **SECTIONS, prediction={"key": "id"})


@pytest.fixture
def store(spark, tmp_path):
    return new_store(spark, tmp_path / "store")


def freeze(spark, store, spec, role: str, path: Path, run_id: str):
    wanted = Wanted(reference.named(spec, role), path=str(path))
    return snapshot_by_hand(context_of(spark, store, run_id), spec, wanted, Freeze(True))


def checked(spark, store, run_id: str) -> dict:
    where = f"check_name = 'overlap' AND run_id = '{run_id}'"
    (row,) = rows_of(spark, store, "reference_checks", where).to_pylist()
    return row


def exact_share(spark, places, name: str) -> float:
    row = spark.sql(
        f"SELECT count(t.id) / count(*) AS share FROM (SELECT DISTINCT id FROM"
        f" delta.`{places[name]}` WHERE id IS NOT NULL) AS e LEFT JOIN (SELECT DISTINCT id FROM"
        f" delta.`{places['training']}`) AS t ON t.id = e.id"
    ).collect()[0]
    return float(row["share"])


def test_an_evaluation_set_that_was_trained_on_is_no_reference_in_passing(
    spark, places, spec, store
):
    freeze(spark, store, spec, "training", places["training"], "t1")
    # Of the first version nothing else is asked: there is none that it could be worse than.
    leaky = freeze(spark, store, spec, "evaluation", places["leaky"], "e1")
    assert leaky.event.action == "propose"
    assert any(line.startswith("overlap: ") for line in leaky.blocked)
    row, truth = checked(spark, store, "e1"), exact_share(spark, places, "leaky")
    assert (row["verdict"], row["limit_value"], row["against_version"]) == ("blocked", 0.01, 1)
    # Four standard errors of a sample of 2^14 keys.
    assert row["value"] == pytest.approx(truth, abs=4 * np.sqrt(truth / 2**14)), SEED
    assert "95 % interval" in row["reason"]

    clean = freeze(spark, store, spec, "evaluation", places["clean"], "e2")
    assert clean.event.action == "activate"
    assert checked(spark, store, "e2")["value"] == exact_share(spark, places, "clean") == 0

    # The other way round: training data with rows that the model is evaluated on.
    again = freeze(spark, store, spec, "training", places["clean"], "t2")
    row = checked(spark, store, "t2")
    assert (again.event.action, row["verdict"], row["value"]) == ("propose", "blocked", 1)


def test_the_sketch_holds_what_the_library_makes_of_the_same_keys(spark, places, spec, store):
    freeze(spark, store, spec, "evaluation", places["leaky"], "e1")
    name = Name(spec.monitor, "evaluation", "evaluation")
    (version,) = find(spark, store, name).versions
    found = stored_keys(spark, store, [(name, version)])[name, 1]
    (row,) = rows_of(spark, store, "reference_profiles", "column_name = ':key'").to_pylist()
    read = datasketches.compact_theta_sketch.deserialize(row["key_sketch"])
    made = datasketches.update_theta_sketch(keys.LOG_ENTRIES)
    ids = spark.read.format("delta").load(str(places["leaky"])).toArrow()["id"].to_pylist()
    for one in ids:
        if one is not None:
            made.update(str(one))
    assert found.keys.count == pytest.approx(read.get_estimate())
    assert row["distinct_count"] == pytest.approx(read.get_estimate(), abs=1)
    assert made.get_lower_bound(3) < found.keys.count < made.get_upper_bound(3)
    below = min(made.theta, read.theta) * 2**63
    assert {one for one in read if one < below} == {one for one in made if one < below}
    assert (found.rows, found.without, found.types) == (len(ids), 2, "integer")
    # A 63-bit hash each, and nothing else: no key is in it.
    assert len(row["key_sketch"]) < 8 * (2 * 2**keys.LOG_ENTRIES + 4)


@pytest.mark.slow
def test_what_stands_in_the_way_is_told_and_does_not_pass(spark, places, spec, store, monkeypatch):
    run(spark, store, spec, "first")
    freeze(spark, store, spec, "training", places["training"], "t1")
    freeze(spark, store, spec, "evaluation", places["texts"], "texts")
    freeze(spark, store, spec, "evaluation", places["keyless"], "keyless")
    wanted = Wanted(reference.named(spec, "evaluation"), Window(day_start(0), day_start(2)))
    snapshot_by_hand(context_of(spark, store, "merged"), spec, wanted, Freeze(True))
    monkeypatch.setattr(keys, "_has_sketches", lambda spark: False)
    freeze(spark, store, spec, "evaluation", places["clean"], "old")
    for run_id, expected in (
        ("texts", "of type string in the evaluation set and of type integer in the training"),
        ("keyless", "has no column 'id' (the key)"),
        ("old", "has no theta_sketch_agg"),
    ):
        row = checked(spark, store, run_id)
        assert (row["verdict"], row["value"]) == ("blocked", None), run_id
        assert row["reason"].startswith("not measured: ")
        assert expected in row["reason"]
    # Of merged windows the keys are read by a scan of their own.
    row = checked(spark, store, "merged")
    assert row["verdict"] == "passed", row
    assert row["value"] < 0.01, SEED
    # The monitor's own reference, merged by the run, holds none and is in force.
    assert find(spark, store, reference.named(spec)).present is not None


def test_a_store_without_a_key_has_no_row_of_it(spark, places, store):
    plain = spec_of(places["log"], **SECTIONS)
    freeze(spark, store, plain, "evaluation", places["leaky"], "e1")
    assert not rows_of(spark, store, "reference_profiles", "column_name = ':key'").num_rows
    assert not rows_of(spark, store, "reference_checks", "check_name = 'overlap'").num_rows


def test_keys_travel_with_a_version_and_go_with_it(spark, places, spec, store, tmp_path):
    freeze(spark, store, spec, "training", places["training"], "t1")
    name = Name(spec.monitor, "training", "training")
    (version,) = find(spark, store, name).versions
    known = stored_keys(spark, store, [(name, version)])[name, 1]
    file = tmp_path / "training.parquet"
    export_reference(context_of(spark, store, "x"), spec, name, 1, file, "ada")
    other = new_store(spark, tmp_path / "other")
    import_reference(context_of(spark, other, "i"), spec, file, "ben")
    (brought,) = find(spark, other, name).versions
    found = stored_keys(spark, other, [(name, brought)])[name, 1]
    assert found.keys.hashes.tolist() == known.keys.hashes.tolist()
    assert brought.digest == version.digest
    assert verify(spark, other, spec, name, brought).digest

    # The digest is over the keys too, and over rows without any it is what it was before.
    rows = content(spark, store, name, version)
    bare = rows.where("column_name <> ':key'")
    assert digest_of(bare)[0] == digest_of(bare.drop("key_sketch"))[0]
    assert digest_of(rows)[0] != digest_of(rows.drop("key_sketch"))[0]

    delete_version(spark, store, name, 1)
    assert not rows_of(spark, store, "reference_profiles").num_rows
