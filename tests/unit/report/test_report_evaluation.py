"""Figures of staleness and the blind spot as text."""

from __future__ import annotations

from datetime import datetime, timezone

from sparkdrift.report.evaluation import LISTED, blind_spot_lines, evaluation_lines

LEGEND = (
    "red: in its band while something alerts; amber: evidence is missing; green: all was tested, "
    "and nothing alerts or the dashboard shows it"
)
START = datetime(2024, 3, 4, tzinfo=timezone.utc)


def row(figure, **given):
    usual = dict.fromkeys(("value", "low", "high", "threshold_low", "threshold", "since"))
    return {
        **usual,
        "figure": figure,
        "subject": "*",
        "evaluation_set": "holdout",
        "window_start": START,
        "unit": "share",
        "status": "ok",
        "reason": "why",
        **given,
    }


def test_each_figure_with_limit_and_status_in_a_fixed_order():
    rows = [
        row("blind_spot", status="red"),
        row("decision_rate", subject="b", value=0.25, low=0.2, high=0.3, threshold=0.2),
        row("decision_rate", subject="a"),
        row("gap_max", value=0.4, low=0.3, high=0.5, threshold=0.32, unit="sd", status="drifted"),
        row("eval_age", value=107.0, low=107.0, high=107.0, threshold=90.0, unit="days"),
        row("brier", value=0.123, low=0.11, high=0.13, threshold=0.15, unit="of the metric"),
    ]
    lines = evaluation_lines(rows)
    assert {len(line) for line in lines} == {len(LISTED)}
    assert [line[0].split()[0] for line in lines] == ["age", "largest", "change", "change", "Brier"]
    assert [line[1] for line in lines] == ["", "", "a", "b", ""]
    assert lines[0][2:5] == ["107 days", "", "90 days"]
    assert lines[1][2:6] == ["0.40 sd", "0.30 sd to 0.50 sd", "0.32 sd", "drifted"]
    assert lines[2][2:5] == ["", "", ""]
    assert lines[3][2] == "25 %"
    assert lines[4][2:5] == ["0.123", "0.11 to 0.13", "0.15"]


def test_limits_on_both_sides_and_points():
    both = {"threshold_low": -5.0, "threshold": 5.0, "unit": "points"}
    (line,) = evaluation_lines([row("prior_shift", value=1.0, low=-1.5, high=3.25, **both)])
    assert line[2:5] == ["1 point", "-1.5 points to 3.25 points", "-5 points, 5 points"]
    limits = {"threshold_low": 0.8, "threshold": 1.2, "unit": "of the metric"}
    (line,) = evaluation_lines([row("calibration_slope", value=1.1, **limits)])
    assert line[4] == "0.8, 1.2"


def test_an_amber_verdict_is_one_sentence_and_evidence_is_not_cut():
    reason = (
        "alert: decision rate (in the window of 2024-02-26: 57 %; changed by 34 % (limit 20 %)); "
        "not measured: top features (2 of 5 rows without a verdict; why); "
        "not measured: operations; "
        "power 0.50 below 0.8: score; no fresh labels; "
        "dashboard metric without value or limit: accuracy (60 days old; limit 45)"
    )
    lines = blind_spot_lines([row("blind_spot", status="amber", reason=reason)], "UTC")
    assert lines[1] == (
        "  amber because: top features are not measured, operations are not measured, there are "
        "too few rows to see a change of score, there are no fresh labels and the dashboard has "
        "no accuracy that is of now and has a limit; an alert stands (decision rate), but the "
        "dashboard can't be held to it"
    )
    assert lines[2] == (
        "  alert: decision rate (in the window of 2024-02-26: 57 %; changed by 34 % (limit 20 %))"
    )
    assert len(lines) == 2 + 6 + 1
    few = row("blind_spot", status="amber", reason="no dashboard metric")
    (_, because, *_) = blind_spot_lines([few], "UTC")
    assert because == "  amber because: no metric of a dashboard is declared"


def test_the_blind_spot_and_why():
    reason = "every metric in band, but alert: score (score moved up); the dashboard should have"
    rows = [row("ess_ratio"), row("blind_spot", status="red", since=START, reason=reason)]
    assert blind_spot_lines(rows, "UTC") == [
        "blind spot (holdout): red in the window of 2024-03-04, since 2024-03-04",
        "  every metric in band, but alert: score (score moved up)",
        "  the dashboard should have",
        LEGEND,
    ]
    assert "not measured yet" in blind_spot_lines(rows[:1], "UTC")[0]
    odd = row("blind_spot", status="amber", reason="a\x1b[31m")
    assert "\x1b" not in "".join(blind_spot_lines([odd], "UTC"))
