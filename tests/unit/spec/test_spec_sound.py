"""What of a wrong spec can still be held against its table: all that is right, on its own lines."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.errors import SourceError, SpecError
from sparkdrift.spec.expressions import check_expression
from sparkdrift.spec.loading import Reading, read_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import resolve
from sparkdrift.spec.sound import NO_TIMESTAMP

HEAD = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: event_time}
"""
SCHEMA = {"event_time": "timestamp", "income": "double", "region": "string", "spent": "double"}
# An entry of `numeric`, and whether the file shows already that it is wrong.
ENTRIES = {
    "income": False,
    "incme": False,
    "{column: region}": False,
    "event_time": True,
    "{column: spent, effect_size: -1}": True,
    "{name: twice, expression: incme * 2}": False,
    "{name: secret, expression: reflect('a', income)}": True,
    "{name: open, expression: (income}": True,
    "{expression: income + 1}": True,
    "[a, b]": True,
}
# Those that are wrong by the table; one of text can't be a number.
IN_TABLE = ("incme", "{name: twice, expression: incme * 2}", "{column: region}")


@pytest.fixture
def read(tmp_path: Path):
    def reading(text: str) -> Reading:
        file = tmp_path / "a.yml"
        file.write_text(text)
        return read_spec(file)

    return reading


def sound(reading: Reading) -> MonitorSpec:
    assert reading.problems
    with pytest.raises(SpecError):
        reading.usable()
    assert reading.sound is not None
    return reading.sound


def test_a_problem_of_the_file_does_not_hide_those_of_the_table(read):
    reading = read(
        HEAD + "features:\n  numeric: [incme, region]\n  categorical:\n    - event_time\n"
    )
    assert [(one.line, one.given) for one in reading.problems] == [(8, "event_time")]
    found = resolve(sound(reading), SCHEMA).problems
    assert [(one.line, one.given) for one in found] == [(6, "incme"), (6, "string")]


@given(entries=st.lists(st.sampled_from(sorted(ENTRIES)), min_size=1, max_size=8, unique=True))
def test_each_problem_is_told_once_on_its_line(entries: list[str], tmp_path_factory):
    file = tmp_path_factory.mktemp("sound") / "a.yml"
    listed = "".join(f"    - {entry}\n" for entry in entries)
    file.write_text(f"{HEAD}features:\n  categorical: [region]\n  numeric:\n{listed}")
    reading = read_spec(file)
    assert reading.sound is not None
    table = resolve(reading.sound, SCHEMA).problems
    lines = {entry: place for place, entry in enumerate(entries, start=8)}
    in_file = {line for entry, line in lines.items() if ENTRIES[entry]}
    # The second one of the two is that of `categorical`, wherever it stands.
    in_file |= {6} if "{column: region}" in entries else set()
    assert {one.line for one in reading.problems} == in_file
    in_table = {line for entry, line in lines.items() if entry in IN_TABLE}
    assert {one.line for one in table} == in_table
    for _, _, feature in reading.sound.features.declared():
        assert check_expression(getattr(feature.entry, "expression", None) or "income") == []


@pytest.mark.parametrize("auto", ["", "auto: {include: [income]}, "])
def test_names_of_a_feature_that_was_wrong_are_not_called_unknown(read, auto: str):
    wrong = "{column: spent, formerly: paid, effect_size: -1}"
    reading = read(
        HEAD
        + f"features: {{{auto}numeric: [{wrong}], categorical: [regon]}}\n"
        + "drift: {overrides: {paid: {effect_size: 0.5}}}\n"
        + "alerts: {importance: {paid: 2}}\n"
        + "assumptions: {features: {paid: {not_null: true}}}\n"
    )
    assert len(reading.problems) == 1
    assert [one.given for one in resolve(sound(reading), SCHEMA).problems] == ["regon"]


def test_a_filter_that_is_refused_never_reaches_the_table(read):
    text = HEAD.replace("{table: a.b}", "{table: a.b, filter: 'exists(SELECT 1)'}")
    left = sound(read(text + "features: {numeric: [incme]}\n"))
    assert (left.source.table, left.source.filter) == ("a.b", None)
    assert [one.given for one in resolve(left, SCHEMA).problems] == ["incme"]


@pytest.mark.parametrize(
    "source", ["", "source: {tabel: a.b}\n", "source: {table: a.b, path: c}\n", "source: {}\n"]
)
def test_without_a_source_there_is_no_table_to_look_at(read, source: str):
    text = HEAD.replace("source: {table: a.b}\n", source)
    assert read(text + "features: {numeric: [incme]}\n").sound is None


@pytest.mark.parametrize("timestamp", ["", "timestamp: {colum: ts}\n", "timestamp: [a]\n"])
def test_without_a_timestamp_the_other_columns_are_looked_at(read, timestamp: str):
    text = HEAD.replace("timestamp: {column: event_time}\n", timestamp)
    left = sound(read(text + "features: {numeric: [incme]}\n"))
    given = [one.given for one in resolve(left, SCHEMA).problems]
    assert sorted(map(str, given)) == [NO_TIMESTAMP, "incme"]


def test_a_wrong_zone_leaves_the_column(read):
    text = HEAD.replace("event_time}", "event_tme, zone: Mars}")
    left = sound(read(text + "features: {numeric: [income]}\n"))
    assert [one.given for one in resolve(left, SCHEMA).problems] == ["event_tme"]


def test_relative_paths_of_what_is_left_count_from_the_folder(read, tmp_path: Path):
    text = HEAD.replace("table: a.b", "path: log")
    left = sound(read(text + "features: {numeric: [income, event_time]}\n"))
    assert left.source.path == str(tmp_path / "log")


def test_an_error_of_the_source_names_the_line_of_the_spec_once(read, tmp_path: Path):
    spec = read(HEAD + "features: {numeric: [income]}\n").usable()
    error = spec.origin.located(SourceError("source a.b: no such table"), ("source", "table"))
    assert str(error) == f"{tmp_path / 'a.yml'}:3: source a.b: no such table"
    assert spec.origin.located(error, ("owner",)) is error
