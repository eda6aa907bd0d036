"""What `sparkdrift features` prints of one window."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sparkdrift.report.features import feature_lines

START = datetime(2025, 3, 1, tzinfo=timezone.utc)


def row(figure, subject="*", **more):
    told = dict.fromkeys(("value", "low", "high", "limit", "since", "status"))
    about = {"window_start": START, "figure": figure, "subject": subject, "reason": "why"}
    return {**told, **about, "unit": "share", **more}


ROWS = [
    row("drifted_importance", value=0.6, low=0.6, high=0.6, limit=0.25, status="warning"),
    row("cliff_risk", status="insufficient_data", reason="no set"),
    row("dead_features_trend", value=0.1, low=0.05, high=0.2, status="warning", reason="dead: up"),
    row("association", "income", value=0.3, low=0.2, high=0.4),
    row("association_change", "income", value=-0.2, status="drifted", since=START - timedelta(7)),
    row("importance", "income", value=0.6),
    row("importance", "age\x1b[31m", value=0.4),
    row("dead", "age\x1b[31m", value=0.1, status="ok"),
]


def test_what_warns_comes_before_the_features():
    lines = feature_lines(ROWS, "UTC")
    text = "\n".join(lines)
    assert lines[0] == "in the window of 2025-03-01"
    assert "rising: dead: up (dead_features_trend)" in lines
    assert "  income: change of that, drifted since 2025-02-22: why" in lines
    assert text.index("what warns") < text.index("feature  ")
    assert text.index("60 %") < text.index("40 %")
    assert "not measured: cliff risk (a heuristic) (1): no set" in lines
    assert "\x1b" not in text


def test_nothing_told_names_the_next_step():
    assert "sparkdrift run SPEC" in feature_lines([], "UTC")[0]
