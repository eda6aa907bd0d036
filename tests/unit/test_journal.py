"""What a run says of itself, and that it says it even after a failed commit; no JVM."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from threading import Barrier

import pytest
from pyspark.errors import AnalysisException

from sparkdrift.errors import SourceError
from sparkdrift.spark.runs import LookedUp, Success
from sparkdrift.steps import journal as journal_module
from sparkdrift.steps.journal import Journal


@pytest.fixture
def written(monkeypatch) -> list[list[tuple[str, str]]]:
    """The (step, phase) of each commit's rows."""
    commits: list[list[tuple[str, str]]] = []

    def write(spark, store, rows) -> None:
        commits.append([(row["step"], row["phase"]) for row in rows])

    monkeypatch.setattr(journal_module, "write_runs", write)
    monkeypatch.setattr(journal_module, "looked_up", lambda *_: {})
    return commits


def test_a_success_is_written_with_what_comes_next(written):
    journal = Journal(None, None)
    for step in ("profile", "drift"):
        with journal.step("credit", step) as record:
            journal.started(record)
    journal.close()
    journal.close()
    assert written == [
        [("profile", "STARTED")],
        [("profile", "SUCCEEDED"), ("drift", "STARTED")],
        [("drift", "SUCCEEDED")],
    ]


def test_only_a_step_that_did_something_is_told(written):
    told = []
    journal = Journal(None, None, told=lambda record: told.append((record.step, record.windows)))
    with journal.step("credit", "profile") as record:
        journal.started(record)
        record.windows = 3
        assert told == []
    with journal.step("credit", "snapshot"):
        pass

    def failing():
        with journal.step("credit", "drift") as record:
            journal.started(record)
            raise RuntimeError("pulled the plug")

    with pytest.raises(RuntimeError):
        failing()
    assert told == [("profile", 3)]


def test_a_failure_takes_the_successes_before_it_along(written):
    journal = Journal(None, None)
    with journal.step("credit", "profile"):
        pass
    with pytest.raises(RuntimeError), journal.step("credit", "drift"):
        raise RuntimeError("pulled the plug")
    assert written == [[("profile", "SUCCEEDED"), ("drift", "FAILED")]]


def test_an_erasure_writes_no_more_of_an_error_than_its_kind(monkeypatch, tmp_path):
    rows, log = [], tmp_path / "log.jsonl"
    monkeypatch.setattr(journal_module, "write_runs", lambda spark, store, new: rows.extend(new))
    monkeypatch.setattr(journal_module, "looked_up", lambda *_: {})
    journal = Journal(None, None, log=log)
    quoting = AnalysisException(
        "The value 'Erika Mustermann' can't be cast",
        errorClass="CAST_INVALID_INPUT",
        messageParameters={},
    )

    def failing(error: Exception) -> None:
        with pytest.raises(type(error)), journal.step("credit", "forget"):
            raise error from quoting

    with journal.naming_kinds():
        failing(SourceError("can't be read: The value 'Erika Mustermann' can't be cast"))
        failing(ValueError("Erika Mustermann"))
        with pytest.raises(AnalysisException), journal.step("credit", "profile"):
            raise quoting
    assert [row["error"] for row in rows] == [
        "SourceError [CAST_INVALID_INPUT]",
        "ValueError [CAST_INVALID_INPUT]",
        "AnalysisException [CAST_INVALID_INPUT]",
    ]
    assert "Erika" not in log.read_text()
    with pytest.raises(RuntimeError), journal.step("credit", "drift"):
        raise RuntimeError("pulled the plug")
    assert rows[-1]["error"] == "RuntimeError: pulled the plug"


def test_what_could_not_be_written_is_held_for_the_next_time(written, monkeypatch):
    journal = Journal(None, None)
    with journal.step("credit", "profile"):
        pass

    def full(spark, store, rows) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(journal_module, "write_runs", full)
        with pytest.raises(OSError, match="no space"):
            journal.close()
    journal.close()
    assert written == [[("profile", "SUCCEEDED")]]


def test_a_success_that_is_held_back_is_the_last_one(written, monkeypatch):
    stored = Success("stored", None, "id", 1)
    monkeypatch.setattr(journal_module, "recalled", lambda *_: (stored, None))
    journal = Journal(None, None)
    assert journal.last_success("credit", "profile") is stored
    for digest, until in (("whole", 3), (None, 4)):  # the second is of a backfill
        with journal.step("credit", "profile") as record:
            record.scope_digest = digest
            record.as_of = datetime(2024, 1, until, tzinfo=timezone.utc)
            record.inputs = [("source", "abc", 7)]
    found = journal.last_success("credit", "profile")
    assert found == Success(
        "whole", datetime(2024, 1, 3, tzinfo=timezone.utc), "abc", 7, {"source": ("abc", 7)}
    )
    assert journal.last_success("other", "profile") is stored
    assert journal.last_success("credit", "drift") is stored
    journal.close()
    assert journal.last_success("credit", "profile") is stored


def test_a_clock_that_jumped_back_puts_no_row_before_those_that_are_there(monkeypatch):
    """What came last is told by it: a start behind a success of the future would not be found."""
    now, asked, rows = datetime.now(timezone.utc), [], []
    future = now + timedelta(days=1)

    def looked_up(spark, store, monitors, run_id):
        asked.append(sorted(monitors))
        return {"ahead": LookedUp(future)} if "ahead" in monitors else {}

    monkeypatch.setattr(journal_module, "looked_up", looked_up)
    monkeypatch.setattr(journal_module, "write_runs", lambda spark, store, new: rows.extend(new))
    journal = Journal(None, None)
    with journal.step("ahead", "profile") as one, journal.step("behind", "profile") as other:
        journal.started_together([one, other])
    journal.close()
    at = {(row["monitor"], row["phase"]): row["at"] for row in rows}
    assert future < at["ahead", "STARTED"] < at["ahead", "SUCCEEDED"]
    assert at["ahead", "SUCCEEDED"] - future < timedelta(seconds=1)
    assert now <= at["behind", "STARTED"] < at["behind", "SUCCEEDED"] < future
    assert asked == [["ahead", "behind"]]
    # What the last success told is not asked again.
    monkeypatch.setattr(journal_module, "recalled", lambda *_: (None, future))
    journal = Journal(None, None)
    assert journal.last_success("ahead", "profile") is None
    with journal.step("ahead", "profile") as one:
        journal.started(one)
    assert rows[-1]["at"] > future
    assert len(asked) == 1


def test_a_start_is_written_while_the_step_reads(monkeypatch, written):
    """Both wait for each other: one after the other they would never end."""
    together, write = Barrier(2, timeout=60), journal_module.write_runs

    def slowly(spark, store, rows) -> None:
        if rows[-1]["phase"] == "STARTED":
            together.wait()
        write(spark, store, rows)

    monkeypatch.setattr(journal_module, "write_runs", slowly)
    journal = Journal(None, None)
    with journal.step("credit", "snapshot") as record:
        with journal.starting(record):
            together.wait()
        # What follows may write: the start is there.
        assert written == [[("snapshot", "STARTED")]]

    def failing() -> None:
        with journal.step("credit", "health") as record, journal.starting(record):
            together.wait()
            raise RuntimeError("pulled the plug")

    with pytest.raises(RuntimeError):
        failing()
    assert written[1:] == [
        [("snapshot", "SUCCEEDED"), ("health", "STARTED")],
        [("health", "FAILED")],
    ]


def test_a_start_that_can_not_be_written_ends_the_step(monkeypatch, written):
    def full(spark, store, rows) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(journal_module, "write_runs", full)
    journal, reached = Journal(None, None), []

    def refused() -> None:
        with journal.step("credit", "snapshot") as record:
            with journal.starting(record):
                reached.append("reading")
            reached.append("writing")

    with pytest.raises(OSError, match="no space"):
        refused()
    assert reached == ["reading"]


def test_a_run_id_that_was_given_counts_its_attempts_in_the_same_question(monkeypatch):
    asked, rows = [], []
    newest = datetime(2024, 1, 1, tzinfo=timezone.utc)

    def looked_up(spark, store, monitors, run_id):
        asked.append((sorted(monitors), run_id))
        return {"credit": LookedUp(newest, {"drift": 2})} if "credit" in monitors else {}

    monkeypatch.setattr(journal_module, "looked_up", looked_up)
    monkeypatch.setattr(journal_module, "write_runs", lambda spark, store, new: rows.extend(new))
    monkeypatch.setattr(journal_module, "recalled", lambda *_: (None, newest))
    journal = Journal(None, None, run_id="nightly")
    journal.last_success("credit", "drift")
    with journal.step("credit", "drift") as one, journal.step("other", "drift") as two:
        journal.started_together([one, two])
    with journal.step("credit", "profile"):
        pass
    journal.close()
    assert asked == [(["credit", "other"], "nightly")]
    assert {(row["monitor"], row["step"]): row["attempt"] for row in rows} == {
        ("credit", "drift"): 3,
        ("other", "drift"): 1,
        ("credit", "profile"): 1,
    }
