"""eval, recalibrate and sample-eval: what they say, and why they end with 3; without a JVM."""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from sparkdrift.cli import main
from sparkdrift.cli.alarm import alarm_of, unanswered
from sparkdrift.cli.arguments import FailOn, fail_on
from sparkdrift.cli.commands.evaluating import _first_steps
from sparkdrift.cli.commands.proposing import _facts
from sparkdrift.cli.evaluated import (
    evaluated_anything,
    evaluated_facts,
    evaluated_remarks,
    evaluated_text,
    found_by,
)
from sparkdrift.report.evaluated import evaluated_lines
from sparkdrift.report.proposals import sample_line, threshold_lines
from sparkdrift.spark import evaluation_overview
from sparkdrift.steps.eval_staleness import Stale
from sparkdrift.steps.evaluate import Evaluated
from sparkdrift.steps.evaluation_sets import Sets
from sparkdrift.steps.performance import Performed
from sparkdrift.steps.recalibrate import Recalibrated
from sparkdrift.steps.sample_eval import Sampled
from sparkdrift.steps.scores import Counted
from sparkdrift.windows import Window

START = datetime(2025, 8, 4, tzinfo=timezone.utc)
WEEKS = tuple(Window(START + timedelta(weeks=n), START + timedelta(weeks=n + 1)) for n in range(4))
SPAN = Window(WEEKS[0].start, WEEKS[-1].end)
DONE = Evaluated(
    Sets(made={"launch": None}), Counted(WEEKS), Performed(WEEKS[:3], 0, 0, 2, 5), Stale(WEEKS, 4)
)
NAN = math.nan
RECALIBRATED = Recalibrated(
    *("inspect", "precision", 0.8, "realised", SPAN, "launch", 1, 11_200, 0.5),
    proposed=(0.68, 0.64, 0.73),
    reached_now=(0.71, 0.7, 0.72),
    reached_then=(0.8, 0.78, 0.82),
    reason="by the labels of these windows",
    seq=3,
    traded={
        "recall": ((0.62, 0.6, 0.64), (0.48, 0.46, 0.5)),
        "cost": ((3.0, 2.5, 3.5), (NAN,) * 3),
    },
    doubt="concept drift (accuracy) in the window of 2025-08-25",
)


def test_what_was_evaluated_is_told():
    assert evaluated_text(DONE) == (
        "1 evaluation set frozen; 4 windows counted; 3 windows measured (rows: 2 degraded, "
        "5 concept drift); staleness told of 4 windows"
    )
    facts = evaluated_facts(DONE)
    assert (facts["windows_measured"], facts["windows_degraded"]) == (3, 2)
    assert evaluated_facts(Evaluated())["windows_measured"] is None
    assert evaluated_anything(DONE)
    assert not evaluated_anything(Evaluated())


def stale(figure, status, name="launch"):
    return {
        "figure": figure,
        "status": status,
        "evaluation_set": name,
        "subject": "*",
        "value": 0.5,
        "low": 0.4,
        "high": 0.6,
        "threshold_low": None,
        "threshold": 0.7,
        "unit": "share",
        "reason": f"why {status}",
        "since": None,
        "window_start": START,
    }


LOST = {"window_start": START, "basis": "realised", "slice_key": "*", "slice_value": "*"}
IN_NORTH = LOST | {"slice_key": "region", "slice_value": "north"}


@pytest.mark.parametrize(
    ("rows", "degraded", "asked", "told"),
    [
        ([stale("blind_spot", "red")], [], ["blind"], "the dashboard is blind (launch)"),
        ([stale("blind_spot", "amber")], [], ["blind"], None),
        ([stale("ess_ratio", "warning")], [], ["stale", "blind"], "stale: ess_ratio"),
        ([stale("ess_ratio", "undetermined")], [], ["stale"], None),
        ([], [LOST] * 2, ["degraded"], "degraded in 1 window"),
        (
            [],
            [LOST | {"basis": "estimated"}],
            ["degraded"],
            "degraded in 1 window, 1 of them by an estimate alone",
        ),
        (
            [],
            [IN_NORTH],
            ["degraded"],
            "degraded in 1 window of slices alone: region = north",
        ),
        ([], [LOST, IN_NORTH], ["degraded"], "degraded in 1 window"),
        ([], [LOST], ["stale"], None),
    ],
)
def test_only_what_was_asked_for_and_is_so_alarms(monkeypatch, rows, degraded, asked, told):
    monkeypatch.setattr(evaluation_overview, "degraded_of", lambda *given: degraded)
    context = SimpleNamespace(spark=None, store=None)
    assert found_by(context, None, DONE, rows, asked) == told


def test_without_profiles_it_is_said_what_to_run_first():
    (text,) = _first_steps(Evaluated(counted=Counted(profiled=0)))
    assert "no window is profiled yet" in text
    assert "first `sparkdrift run SPEC`" in text
    assert _first_steps(Evaluated(counted=Counted(profiled=3))) == ()
    assert _first_steps(Evaluated()) == ()


def test_run_takes_the_words_of_eval(monkeypatch):
    asked = fail_on(["blind", "degraded", "blind"])
    assert asked == FailOn(evaluated=("blind", "degraded"))
    done = SimpleNamespace(evaluated=DONE)
    red = [stale("blind_spot", "red")]
    monkeypatch.setattr(evaluation_overview, "newest_staleness", lambda *given: red)
    monkeypatch.setattr(evaluation_overview, "degraded_of", lambda *given: [LOST])
    context = SimpleNamespace(spark=None, store=None)
    assert alarm_of(context, None, done, asked) == (
        "--fail-on: degraded in 1 window; the dashboard is blind (launch)"
    )
    nothing = SimpleNamespace(evaluated=Evaluated())
    assert alarm_of(context, None, nothing, asked) is None
    assert "--fail-on blind, degraded: not measured" in unanswered(nothing, asked)


def test_an_unknown_finding_is_a_usage_error(capsys):
    assert main(["eval", "--fail-on", "degrded", "nowhere.yml"]) == 2
    err = " ".join(capsys.readouterr().err.split())
    assert "accepted: degraded, stale, blind; did you mean 'degraded'?" in err


def test_the_newest_figures_are_told_and_what_is_not_measured_named():
    rows = [stale("ess_ratio", "warning"), stale("brier", "insufficient_data")]
    lines = evaluated_lines([], [*rows, stale("blind_spot", "red")], "UTC")
    text = "\n".join(lines)
    assert "in the window of 2025-08-04" in text
    assert "effective share of the set" in text
    assert "why warning" in text
    assert "not measured: brier" in text
    assert "blind spot (launch): red" in text


def test_a_proposed_threshold_is_told_with_what_it_rests_on():
    text = "\n".join(threshold_lines([RECALIBRATED], "UTC"))
    assert "inspect: for a precision of 80.0 %" in text
    assert "0.5 reaches a precision of 71.0 % (70.0 % to 72.0 %)" in text
    assert "0.6800 (0.6400 to 0.7300), which reaches a precision of 80.0 %" in text
    assert "11,200 rows, 2025-08-04 to 2025-09-01" in text
    assert "  costs     recall 62.0 % now, 48.0 % then (46.0 % to 50.0 %)" in text
    assert "            payoff per row 3 now, not measured then" in text
    assert "  warning   concept drift (accuracy) in the window of 2025-08-25" in text
    assert "proposal 3; nothing is changed by it" in text


def test_none_that_is_proposed_says_why():
    nothing = (math.nan,) * 3
    one = Recalibrated(
        *("inspect", "precision", 0.99, "estimated", SPAN, "launch", 1, 900, 0.5),
        proposed=nothing,
        reached_now=nothing,
        reached_then=nothing,
        reason="no threshold reaches it",
    )
    text = "\n".join(threshold_lines([one], "UTC"))
    assert "proposed  none: no threshold reaches it" in text
    assert "proposal" not in text
    facts = json.loads(json.dumps(_facts(one), default=str))
    assert facts["proposed"] == [None, None, None]


def test_a_sample_is_told_with_what_it_would_bring():
    one = Sampled("launch", 1, SPAN, 500, 60, "to_label", 0.41, 0.72, 0.02, 0.0, seq=1)
    text = sample_line(one, "UTC")
    assert "500 rows of 2025-08-04 to 2025-09-01 to label, in 60 strata" in text
    assert "72 % of its rows, now 41 %" in text
    assert "scores that it lacks" in text
    none = Sampled("launch", 1, SPAN, 0, 0, "to_label", 0.4, 0.4, 0, 0, "all are labelled")
    assert sample_line(none, "UTC") == "no row to label: all are labelled"


def test_sets_that_are_missing_and_rows_that_are_left_out_are_told():
    left_out = "5 of 180 rows counted have a score outside [0, 1]"
    done = Evaluated(Sets(missing={"holdout": "no such folder"}), Counted(remarks=(left_out,)))
    assert evaluated_remarks(done) == ("evaluation set holdout: no such folder", left_out)
    said = "evaluation set recent: all 300 labels are negative"
    told = Evaluated(Sets(remarks=(said,)), done.counted)
    assert evaluated_remarks(told) == (said, left_out)
