"""report: what it refuses before Spark starts, and how the file is written."""

from __future__ import annotations

import json
from functools import partial

import pytest

from sparkdrift.cli import main
from sparkdrift.cli.commands import report
from sparkdrift.report.page import saving
from sparkdrift.spark.report_rows import ReportRows
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps.pages import never_ran
from sparkdrift.store import Store
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
    answers = iter([[made.fleet_row("claims", "retrain")], []])
    ask = partial(next, answers)
    monkeypatch.setattr(report, "asked", lambda _, made_by: made_by(lambda *_: ask(), None))


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


@pytest.mark.parametrize(
    ("known", "told"),
    [
        (["claim_triage"], "which has claim_triage; did you mean 'claim_triage'?"),
        ([], "which has none; name another store with --store"),
    ],
)
def test_a_monitor_that_the_store_has_nothing_of_is_told(known, told):
    """As where another store was meant: its page alone would look like one that is fine so far."""
    rows = ReportRows(lambda *_: [{"monitor": one} for one in known])
    text = made.SPEC.format(title="t", owner="o")
    spec = parse_spec(text.replace("monitor: claims", "monitor: claim_triag"))
    said = never_ran(rows, Store(directory="/a/store"), spec)
    assert "nothing of the monitor claim_triag is in the store /a/store" in said
    assert told in said


def test_of_a_monitor_that_ran_nothing_is_said():
    rows = ReportRows(lambda *_: [{"monitor": "claims"}])
    assert never_ran(rows, Store(directory="/a/store"), made.spec()) is None
