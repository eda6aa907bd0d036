"""report: what it refuses before Spark starts, and how the file is written."""

from __future__ import annotations

import json

import pytest

from sparkdrift.cli import main
from sparkdrift.cli.commands import report
from sparkdrift.report.page import saving
from tests.unit.report.page import made_rows as made


@pytest.fixture
def no_spark(monkeypatch):
    def started(*_, **__):
        raise AssertionError("Spark was started")

    monkeypatch.setattr(report, "asked", started)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-o", "page.html"], "neither SPEC nor --fleet"),
        (["m.yml", "--fleet", "-o", "page.html"], "both SPEC and --fleet"),
        (["m.yml", "-o", "no/such/page.html"], "there is no folder no/such"),
        (["m.yml", "-o", "."], "is a folder"),
        (["m.yml", "--models", "r.yml", "-o", "page.html"], "--models r.yml is for all"),
    ],
)
def test_what_can_not_be_done_is_said_first(
    arguments, told, no_spark, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    assert main(["report", *arguments]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert told in said
    assert "accepted is" in said


def test_a_page_needs_a_file(capsys):
    assert main(["report", "m.yml"]) == 2
    assert "--output" in capsys.readouterr().err


def test_a_missing_spec_is_said_first(no_spark, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", "m.yml", "-o", "page.html"]) == 2
    assert "m.yml" in capsys.readouterr().err
    assert not (tmp_path / "page.html").exists()


@pytest.fixture
def fleet(monkeypatch):
    """A store that answers with one model."""
    answers = [made.fleet_row("claims", "retrain")], []
    monkeypatch.setattr(report, "asked", lambda *_: answers)


def test_the_page_replaces_an_older_one_as_a_whole(fleet, tmp_path, capsys):
    page = tmp_path / "page.html"
    page.write_text("an older one")
    assert main(["report", "--fleet", "-o", str(page)]) == 0
    text = page.read_text("utf-8")
    assert text.startswith("<!doctype html>")
    assert "claims-models" in text
    assert [one.name for one in tmp_path.iterdir()] == ["page.html"]
    assert "page.html: " in capsys.readouterr().out


def test_for_machines_the_answer_is_one_document(fleet, tmp_path, capsys):
    page = tmp_path / "page.html"
    assert main(["report", "--fleet", "-o", str(page), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"page": str(page), "bytes": page.stat().st_size}


def test_a_disk_that_refuses_is_a_handled_failure(fleet, tmp_path, monkeypatch, capsys):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(saving.tempfile, "NamedTemporaryFile", full)
    assert main(["report", "--fleet", "-o", str(tmp_path / "page.html")]) == 2
    assert "No space left on device" in capsys.readouterr().err
