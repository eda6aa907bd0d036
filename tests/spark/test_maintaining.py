"""Maintaining a store: fewer files, the same rows, and nothing due."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from monitors import content, new_store, run, spec_of
from source_tables import closing_row, day_rows, write

from sparkdrift.spark import maintaining
from sparkdrift.spark.maintaining import maintain
from sparkdrift.spark.schemas import TABLES

pytestmark = [pytest.mark.spark, pytest.mark.classic]

NAMES = [table.name for table in TABLES]


@pytest.fixture
def watched(spark, tmp_path):
    rng = np.random.default_rng(71)
    path = tmp_path / "source"
    spec, store = spec_of(path), new_store(spark, tmp_path / "store")
    for day in range(3):
        write(spark, path, day_rows(day, 40, rng))
        run(spark, store, spec, f"day {day}", as_of=closing_row(day + 1)["ts"][0].as_py())
    return path, spec, store


def test_files_are_joined_and_rows_stay(spark, watched) -> None:
    path, spec, store = watched
    before, log = content(spark, store, NAMES), sorted(Path(path).rglob("*"))
    planned = {one.table: one for one in maintain(spark, store, dry=True)}
    assert planned["profiles"].files[0] == planned["profiles"].files[1] == 3
    done = {one.table: one for one in maintain(spark, store)}
    assert done["profiles"].files == (3, 1)
    assert done["runs"].files[0] > done["runs"].files[1]
    assert not [one.refused for one in done.values() if one.refused]
    assert content(spark, store, NAMES) == before
    assert sorted(Path(path).rglob("*")) == log
    again = run(spark, store, spec, "again", as_of=closing_row(3)["ts"][0].as_py())
    assert not again.profiled.due


@pytest.mark.slow
def test_a_refusal_is_told_and_the_rest_goes_on(spark, watched, monkeypatch) -> None:
    _, _, store = watched
    size = maintaining._size

    def refusing(spark, identifier):
        if "profiles" in identifier:
            spark.sql("SELECT * FROM nowhere").collect()
        return size(spark, identifier)

    monkeypatch.setattr(maintaining, "_size", refusing)
    done = {one.table: one for one in maintain(spark, store)}
    assert "nowhere" in str(done["profiles"].refused)
    assert done["runs"].refused is None
    assert done["runs"].files[0] > done["runs"].files[1]
