"""One step for several monitors, with steps that do nothing; no JVM."""

from __future__ import annotations

import json
from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from sparkdrift.cli import each, main
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor

SPEC = """
monitor: {name}
owner: tests
source: {{path: /data/log}}
timestamp: {{column: ts, zone: UTC}}
features: {{numeric: [amount]}}
"""


@pytest.fixture
def opened(monkeypatch):
    """How often a session was opened, and with what; none starts."""
    opened = []

    @contextmanager
    def work(common, store, **how):
        opened.append(how)
        journal = SimpleNamespace(run_id="run", close=lambda: None)
        yield SimpleNamespace(journal=journal, store="store"), SimpleNamespace(end=lambda: None)

    monkeypatch.setattr(each, "work", work)
    return opened


def answered(folder, capsys, step, **names) -> tuple[int, list[dict]]:
    """The exit code and the documents for spec files given as file=monitor id."""
    files = []
    for file, name in names.items():
        files.append(folder / f"{file}.yml")
        files[-1].write_text(SPEC.format(name=name))
    code = each_monitor(Common(as_json=True, store=str(folder / "store")), files, step)
    return code, json.loads(capsys.readouterr().out)["monitors"]


def test_a_monitor_that_fails_does_not_stop_the_others(tmp_path, capsys, opened):
    def step(context, spec, bars) -> Answer:
        if spec.monitor == "first":
            raise RuntimeError("pulled the plug")
        return Answer("done")

    code, found = answered(tmp_path, capsys, step, a="first", b="second")
    assert code == 1
    assert [one["exit_code"] for one in found] == [1, 0]


def test_one_id_in_two_files_is_refused(tmp_path, capsys, opened):
    """Both would write the same windows, and the second's journal rows would be lost."""
    ran = []

    def step(context, spec, bars) -> Answer:
        ran.append(spec.monitor)
        return Answer("done")

    code, found = answered(tmp_path, capsys, step, a="credit", b="credit", c="other")
    assert code == 2
    assert ran == ["credit", "other"]
    assert "monitor credit stands in" in found[1]["error"]
    assert "b.yml" in found[1]["error"]


def test_java_does_not_start_where_no_spec_can_be_read(tmp_path, capsys, opened):
    missing = tmp_path / "missing.yml"
    common = Common(as_json=True, store=str(tmp_path / "store"))
    assert each_monitor(common, [missing], lambda *given: Answer("done")) == 2
    assert opened == []
    assert "missing.yml" in json.loads(capsys.readouterr().out)["monitors"][0]["error"]


@pytest.mark.parametrize(
    ("command", "brief"),
    [
        (["snapshot", "SPEC", "--begin", "2025-01-01", "--end", "2025-02-01"], True),
        (["snapshot", "SPEC"], False),
        (["snapshot", "SPEC", "--table", "a.b"], False),
        (["reference", "promote", "SPEC", "2", "--reason", "why"], True),
        (["prune", "SPEC"], False),
    ],
)
def test_java_starts_for_few_rows_where_what_is_stored_is_enough(tmp_path, opened, command, brief):
    """What the command itself then does fails here: no store is behind it."""
    file = tmp_path / "credit.yml"
    file.write_text(SPEC.format(name="credit"))
    given = [str(file) if word == "SPEC" else word for word in command]
    main([*given, "--store", str(tmp_path / "store")])
    assert [one["brief"] for one in opened] == [brief]
