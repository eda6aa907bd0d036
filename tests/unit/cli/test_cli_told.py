"""What a run says at its end, and why it ends with 3; from outcomes, without a JVM."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from sparkdrift.cli.alarm import alarm_of, unanswered
from sparkdrift.cli.arguments import fail_on
from sparkdrift.cli.outcome import told
from sparkdrift.spark import assumptions, findings
from sparkdrift.spark.findings import Findings
from sparkdrift.steps.assumptions import Checked
from sparkdrift.steps.drift import Judged
from sparkdrift.steps.due import Plan
from sparkdrift.steps.run import Outcome
from sparkdrift.windows import Window

START = datetime(2025, 3, 20, 23, tzinfo=timezone.utc)
SPEC = SimpleNamespace(timestamp=SimpleNamespace(zone="Europe/Berlin"))
NOTHING = Findings()
CONTEXT = SimpleNamespace(spark=None, store=None)


def windows(count: int) -> tuple[Window, ...]:
    days = [START + timedelta(days=number) for number in range(count + 1)]
    return tuple(map(Window, days, days[1:]))


def outcome(judged=0, found=NOTHING, checked=None, violated=0, vanished=0) -> Outcome:
    return Outcome(
        "m",
        Plan(vanished=windows(vanished)),
        None,
        Judged(windows(judged)),
        found,
        Checked(None if checked is None else windows(checked), violated),
    )


def test_what_is_counted_is_named():
    found = Findings({"drifted": 380, "ok": 12_000}, {"drifted": 7})
    assert told(outcome(274, found, 274, 3, 1)) == (
        "0 windows profiled, 0 rows; 1 window lost its rows; 274 windows judged (comparisons: "
        "380 drifted, 12,000 ok; 7 of the drifted and warning ones suppressed); "
        "assumptions checked in 274 windows (checks: 3 violated)"
    )
    assert told(outcome(1)) == "0 windows profiled, 0 rows; 1 window judged"


@pytest.fixture
def newest(monkeypatch):
    """What the store says of the newest windows; a test sets it."""
    newest = SimpleNamespace(judged=None, violated=None)
    monkeypatch.setattr(findings, "newest_judged", lambda *given: newest.judged)
    monkeypatch.setattr(assumptions, "newest_violated", lambda *given: newest.violated)
    return newest


def alarm(done: Outcome, *words: str) -> str | None:
    return alarm_of(CONTEXT, SPEC, done, fail_on(words))


def test_violated_assumptions_of_the_windows_checked_now(newest):
    newest.violated = (START, 99)
    done = outcome(6, Findings({"drifted": 2}), 6, 3)
    assert alarm(done, "violated") == "--fail-on: the 6 windows checked now: 3 violated assumptions"
    assert alarm(done, "violated", "drifted") == (
        "--fail-on: the 6 windows judged now: 2 drifted comparisons; "
        "the 6 windows checked now: 3 violated assumptions"
    )
    assert alarm(outcome(6, checked=6), "violated") is None
    assert alarm(done, "no_reference") is None
    assert alarm(done) is None


def test_where_none_was_checked_now_the_newest_decides(newest):
    done = outcome(checked=0)
    assert alarm(done, "violated") is None
    newest.violated = (START, 1)
    assert alarm(done, "violated") == (
        "--fail-on: the newest checked window (2025-03-21): 1 violated assumption"
    )
    newest.violated = (START, 0)
    assert alarm(done, "violated") is None


def test_a_spec_that_assumes_nothing_is_not_taken_for_a_good_one(newest):
    newest.violated = (START, 5)
    done = outcome(6)
    assert alarm(done, "violated") is None
    assert unanswered(done, fail_on(["violated"])).startswith("--fail-on violated: not measured")
    assert unanswered(done, fail_on(["drifted"])) is None
    assert unanswered(outcome(checked=0), fail_on(["violated"])) is None
