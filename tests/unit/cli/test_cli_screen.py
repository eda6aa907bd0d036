from __future__ import annotations

import json
import math
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.cli.screen import cell, command, jsonable, print_json, show_rows


def test_values_of_spark_become_json():
    zone = timezone(timedelta(hours=2))
    assert jsonable(datetime(2025, 7, 1, 2, tzinfo=zone)) == "2025-07-01T00:00:00Z"
    assert jsonable(datetime.fromisoformat("2025-07-01T00:00")) == "2025-07-01T00:00:00"
    assert jsonable(date(2025, 7, 1)) == "2025-07-01"
    assert jsonable(b"\x00\xff") == "AP8="
    assert jsonable(Decimal("1.50")) == "1.50"
    assert jsonable([math.nan, math.inf, -math.inf]) == ["NaN", "Infinity", "-Infinity"]
    assert jsonable({"a": (1, None, True)}) == {"a": [1, None, True]}


def test_cells_of_csv():
    assert cell("x, y") == "x, y"
    assert cell([1, "a"]) == '[1, "a"]'
    assert cell(True) == "true"


def test_rows_are_whole_where_a_program_reads_them(capsys, monkeypatch):
    reason = "word " * 60 + "end"
    monkeypatch.delenv("COLUMNS", raising=False)
    show_rows(["column_name", "reason"], [["amount", reason]])
    assert reason in capsys.readouterr().out
    monkeypatch.setenv("COLUMNS", "60")
    show_rows(["column_name", "reason"], [["amount", reason]])
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60


def test_the_next_command_is_named_as_this_shell_would_find_it(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("sys.argv", ["demo env/bin/sparkdrift", "demo"])
    assert command() == "'demo env/bin/sparkdrift'"
    monkeypatch.setattr("sys.argv", ["/somewhere/sparkdrift/__main__.py"])
    assert command().endswith(" -m sparkdrift")
    (tmp_path / "sparkdrift").touch(mode=0o755)
    assert command() == "sparkdrift"


@given(
    st.recursive(
        st.none() | st.floats() | st.text() | st.integers() | st.binary() | st.datetimes(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=8,
    )
)
def test_any_answer_is_one_json_document(value):
    json.loads(json.dumps(jsonable(value), allow_nan=False))


def test_one_document_and_nothing_else(capsys):
    print_json({"a": 1})
    assert json.loads(capsys.readouterr().out) == {"a": 1}
