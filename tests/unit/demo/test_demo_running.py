"""The demo's folder: made whole, recognised again, never somebody else's."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest

from sparkdrift.demo.running import Demo, credit_demo, is_made, make
from sparkdrift.errors import UsageError
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
    reasons=lambda verdicts, assumptions, zone: [],
)
ANY = {"rows": None, "seed": None}


def write(tables, folder):
    folder.mkdir()
    return sum(table.num_rows for table in tables)


def test_a_new_folder_is_made_once(tmp_path):
    folder = tmp_path / "demo"
    assert not is_made(folder, DEMO, ANY)
    assert make(folder, DEMO, write) == 2
    assert (folder / "m.yml").read_text() == f"path: {folder / 'inference_log'}\n"
    assert is_made(folder, DEMO, ANY)
    assert is_made(folder, DEMO, {"rows": 2, "seed": 7})


@pytest.mark.parametrize("asked", [{"rows": 3, "seed": None}, {"rows": 2, "seed": 8}])
def test_other_data_in_the_same_folder_is_refused_with_the_next_step(tmp_path, asked):
    make(tmp_path / "demo", DEMO, write)
    with pytest.raises(UsageError, match=r"made with --rows 2, --seed 7.*--store OTHER"):
        is_made(tmp_path / "demo", DEMO, asked)


def test_a_folder_of_somebody_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(UsageError, match="something that is no demo"):
        is_made(tmp_path, DEMO, ANY)
    assert (tmp_path / "thesis.tex").read_text() == "mine"


def test_another_demo_is_named(tmp_path):
    make(tmp_path / "demo", DEMO, write)
    manifest = tmp_path / "demo" / "demo.json"
    manifest.write_text(json.dumps(json.loads(manifest.read_text()) | {"demo": "flights"}))
    with pytest.raises(UsageError, match="the demo 'flights'"):
        is_made(tmp_path / "demo", DEMO, ANY)


def test_what_an_interrupted_run_left_is_made_anew(tmp_path):
    folder = tmp_path / "demo"

    def interrupted(tables, table):
        table.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(folder, DEMO, interrupted)
    assert not is_made(folder, DEMO, ANY)
    assert not (folder / "inference_log").exists()
    assert make(folder, DEMO, write) == 2


@pytest.mark.parametrize("name", ['a "quoted" folder', "it's \\ one", "ünï: #x {y}"])
def test_the_spec_loads_whatever_the_folder_is_called(tmp_path, name):
    folder = tmp_path / name
    demo = credit_demo(10, 1)
    make(folder, demo, write)
    assert load_spec(folder / demo.spec).source.path == str(folder / "inference_log")
