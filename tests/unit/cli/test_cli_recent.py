"""Whether a run is guessed to find nothing, from files whose times the test sets."""

from __future__ import annotations

import os

import pytest

from sparkdrift.cli.recent import nothing_new
from sparkdrift.spec.loading import load_spec
from sparkdrift.store import Store

SPEC = """
monitor: credit
owner: tests
source: {SOURCE}
timestamp: {column: ts, zone: UTC}
features: {numeric: [amount]}
"""


def at(second: int, file) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()
    os.utime(file, (second, second))


@pytest.fixture
def place(tmp_path):
    """A store whose last run was recorded at second 300; source and spec are older."""
    spec = tmp_path / "credit.yml"
    spec.write_text(SPEC.replace("SOURCE", "path: log"))
    at(100, spec)
    at(150, tmp_path / "log" / "_delta_log" / "00000000000000000000.json")
    at(200, tmp_path / "log" / "_delta_log" / "00000000000000000001.json")
    at(300, tmp_path / "store" / "runs" / "_delta_log" / "00000000000000000007.json")
    return tmp_path


def guessed(place, **store) -> bool:
    file = place / "credit.yml"
    where = Store(**(store or {"directory": str(place / "store")}))
    return nothing_new(where, [(file, load_spec(file))])


def test_nothing_changed_after_the_last_run(place):
    assert guessed(place)


@pytest.mark.parametrize(
    "changed",
    ["log/_delta_log/00000000000000000002.json", "credit.yml"],
)
def test_a_change_after_the_last_run_is_seen(place, changed):
    at(301, place / changed)
    assert not guessed(place)


def test_what_happened_in_the_same_moment_may_have_come_after(place):
    at(300, place / "log" / "_delta_log" / "00000000000000000002.json")
    assert not guessed(place)


@pytest.mark.parametrize("source", ["table: main.credit.log", "path: elsewhere"])
def test_a_source_that_can_not_be_seen_may_have_changed(place, source):
    (place / "credit.yml").write_text(SPEC.replace("SOURCE", source))
    at(100, place / "credit.yml")
    assert not guessed(place)


def test_a_store_that_can_not_be_seen_or_is_new_has_no_last_run(place):
    assert not guessed(place, schema=("main", "drift"))
    assert not guessed(place, directory=str(place / "new"))
