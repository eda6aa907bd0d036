"""validate: what needs no Spark is told before Java starts, and without it where that is all."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from sparkdrift.cli import main
from sparkdrift.cli.commands import specs
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps import holding

FINE = """
monitor: fine
owner: tests
source: {path: /data/log}
timestamp: {column: ts, zone: UTC}
features: {numeric: [amount]}
"""


@pytest.fixture
def started(monkeypatch, capsys):
    """What stood on stderr when a session was asked for, each time; none starts."""
    started = []

    @contextmanager
    def session(common):
        started.append(capsys.readouterr().err)
        yield "spark"

    monkeypatch.setattr(specs, "session", session)
    monkeypatch.setattr(holding, "_resolved", lambda spark, spec, problems: spark)
    monkeypatch.setattr(specs, "_watched", lambda spec, found: [f"watched by {found}"])
    return started


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("monitor: [unclosed\n", "bad.yml:"),
        (FINE.replace("source:", "sorce:"), "did you mean 'source'?"),
    ],
)
def test_java_does_not_start_for_files_that_cannot_be_read(tmp_path, started, capsys, text, told):
    (tmp_path / "bad.yml").write_text(text)
    assert main(["validate", str(tmp_path)]) == 1
    assert started == []
    assert told in capsys.readouterr().err


def test_the_others_are_held_against_their_tables(tmp_path, started, capsys):
    (tmp_path / "a.yml").write_text(FINE.replace("source:", "sorce:"))
    (tmp_path / "b.yml").write_text(FINE)
    assert main(["validate", str(tmp_path)]) == 1
    (before,) = started
    assert "did you mean 'source'?" in before
    assert capsys.readouterr().out == f"{tmp_path / 'b.yml'}: ok\n  watched by spark\n"
    assert main(["validate", "--json", str(tmp_path)]) == 1
    found = json.loads(capsys.readouterr().out)["specs"]
    assert [(one["spec"][-5:], one["ok"]) for one in found] == [("a.yml", False), ("b.yml", True)]


def test_a_file_whose_table_is_known_is_told_together_with_the_table(tmp_path, started, capsys):
    (tmp_path / "a.yml").write_text(FINE.replace("owner", "owenr"))
    assert main(["validate", str(tmp_path)]) == 1
    assert started == [""]
    assert "did you mean 'owner'?" in capsys.readouterr().err
    assert main(["validate", "--no-table", str(tmp_path)]) == 1
    assert "did you mean 'owner'?" in capsys.readouterr().err


def test_a_good_evaluation_section_is_said_in_one_line():
    spec = parse_spec(
        """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [income]}
prediction: {score: score, label: label}
evaluation:
  sets: {launch: {table: a.c}}
  thresholds: {accept: {value: 0.4}}
  dashboard: {metrics: {accuracy: {at_least: 0.9}}}
"""
    )
    lines = specs._watched(spec, None)
    assert "reference: none, so windows are compared with evaluation sets alone" in lines
    (told,) = [line for line in lines if line.startswith("evaluation: ")]
    assert told == (
        "evaluation: binary; sets launch; labels of the watched rows; thresholds accept 0.4; "
        "dashboard of accuracy, computed from the set"
    )
