"""The demo's folder: made whole, recognised again, never somebody else's."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from sparkdrift.demo.running import Demo, announced, begin, credit_demo, finish, make, stage
from sparkdrift.errors import StoreError, UsageError
from sparkdrift.spec.loading import load_spec

DEMO = Demo(
    name="credit",
    command="sparkdrift demo",
    table="inference_log",
    spec="m.yml",
    note="",
    spec_text=lambda path: f"path: {path}\n",
    tables=lambda: iter([pa.table({"a": [1, 2]})]),
    made_from={"rows": 2, "seed": 7},
    reasons=lambda spec, alerts, assumptions, values: [],
    truth="",
)
ANY = {"rows": None, "seed": None}


def write(tables, folder):
    folder.mkdir()
    return sum(table.num_rows for table in tables)


def test_a_new_folder_is_made_once(tmp_path):
    folder = tmp_path / "demo"
    assert stage(folder, DEMO, ANY) == "new"
    assert make(folder, DEMO, write) == 2
    assert (folder / "m.yml").read_text() == f"path: {folder / 'inference_log'}\n"
    assert stage(folder, DEMO, {"rows": 2, "seed": 7}) == "made"
    finish(folder)
    assert stage(folder, DEMO, ANY) == "finished"
    assert stage(folder, DEMO, {"rows": 2, "seed": 7}) == "finished"
    assert (
        announced("finished", "here", DEMO) == "the demo in here exists: only what is due runs now"
    )


@pytest.mark.parametrize("asked", [{"rows": 3, "seed": None}, {"rows": 2, "seed": 8}])
def test_other_data_in_the_same_folder_is_refused_with_the_next_step(tmp_path, asked):
    make(tmp_path / "demo", DEMO, write)
    on = r"the unfinished demo .*made with --rows 2 --seed 7.*: sparkdrift demo --rows 2 --seed 7 "
    with pytest.raises(UsageError, match=on + "--store .*remove the folder.*--store OTHER"):
        stage(tmp_path / "demo", DEMO, asked)
    finish(tmp_path / "demo")
    with pytest.raises(UsageError, match=r"^the demo in"):
        stage(tmp_path / "demo", DEMO, asked)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="something that is no demo"):
        stage(tmp_path, DEMO, ANY)
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_another_demo_is_named(tmp_path):
    make(tmp_path / "demo", DEMO, write)
    manifest = tmp_path / "demo" / "demo.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"demo": "flights"}))
    with pytest.raises(UsageError, match="the demo 'flights'"):
        stage(tmp_path / "demo", DEMO, ANY)


def test_a_folder_that_can_not_be_written_is_said_with_the_next_step(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match=r"can't be written \(Not a directory\).*--store OTHER"):
        begin(tmp_path / "file" / "demo", DEMO)


def test_a_run_that_ended_before_the_data_still_owns_its_folder(tmp_path):
    """The store's tables are there before the demo's are."""
    begin(tmp_path / "demo", DEMO)
    (tmp_path / "demo" / "profiles").mkdir()
    assert stage(tmp_path / "demo", DEMO, ANY) == "begun"


@pytest.mark.parametrize(("found", "now"), [("begun", "made anew"), ("made", "the rest is done")])
def test_an_unfinished_demo_is_said_with_the_next_step(found, now):
    told = announced(found, "here", DEMO)
    assert "the demo in here is unfinished" in told
    assert now in told
    assert "remove the folder or choose another: sparkdrift demo --store OTHER" in told


def test_what_an_interrupted_run_left_is_made_anew(tmp_path):
    folder = tmp_path / "demo"

    def interrupted(tables, table):
        table.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(folder, DEMO, interrupted)
    assert stage(folder, DEMO, ANY) == "begun"
    assert make(folder, DEMO, write) == 2


@pytest.mark.parametrize("name", ['a "quoted" folder', "it's \\ one", "ünï: #x {y}"])
def test_the_spec_loads_whatever_the_folder_is_called(tmp_path, name):
    folder = tmp_path / name
    demo = credit_demo(10, 1)
    make(folder, demo, write)
    assert load_spec(folder / demo.spec).source.path == str(folder / "inference_log")
