"""What `sparkdrift operations` tells: the newest window, alerts by m of n, what is not known."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sparkdrift.report.operations import operation_lines, standing_alerts

START = datetime(2025, 1, 6, tzinfo=timezone.utc)


def row(week: int, *, alerting: bool | None = False, **changes) -> dict:
    return {
        "window_start": START + timedelta(weeks=week),
        "slice_key": "*",
        "slice_value": "*",
        "signal": "override",
        "known_rows": 2_800,
        "events": 476,
        "value": 0.17,
        "low": 0.157,
        "high": 0.185,
        "reference_value": 0.04,
        "trend": 0.004,
        "trend_pvalue": 1e-9,
        "status": "drifted" if alerting else "ok",
        "reason": "17.0 %, 4.0 % in the reference",
        "alerting": alerting,
        "suppression": None,
        "since": START if alerting else None,
        "score_reason": "spread over the scores as the rows are",
        **changes,
    }


def test_an_alert_stands_after_m_of_n_and_where_it_is_not_suppressed() -> None:
    once = [row(0), row(1), row(2, alerting=True)]
    assert standing_alerts(once, 2, 3) == []
    twice = [row(0), row(1, alerting=True), row(2, alerting=True)]
    assert standing_alerts(twice, 2, 3) == [twice[-1]]
    # A window that was not measured leaves it standing.
    assert standing_alerts([*twice, row(3, alerting=None)], 2, 3)
    muted = [*twice[:2], row(2, alerting=True, suppression="a strike")]
    assert standing_alerts(muted, 2, 3) == []
    # A slice that the newest window does not have says nothing of it.
    gone = [row(i, alerting=True, slice_key="region", slice_value="x") for i in range(2)]
    assert standing_alerts([*gone, row(2)], 2, 3) == []
    assert standing_alerts([], 2, 3) == []


def test_the_newest_window_is_told_with_its_alert() -> None:
    rows = [row(1, alerting=True), row(2, alerting=True)]
    lines = operation_lines(rows, standing_alerts(rows, 2, 3), "UTC")
    assert lines[0] == "in the window of 2025-01-20"
    assert "17 %" in lines[2]
    assert "16 % to 18 %" in lines[2]
    assert "+0.40 points, p = 1e-09" in lines[2]
    assert "override: 17.0 %, 4.0 % in the reference" in lines
    assert "override on the score: spread over the scores as the rows are" in lines
    assert lines[-1] == "alert: override since 2025-01-06"


def test_what_is_not_known_is_said_to_be_so() -> None:
    nothing = dict.fromkeys(("value", "low", "high", "reference_value", "trend", "trend_pvalue"))
    rows = [row(0, alerting=None, status="insufficient_data", reason="too few rows", **nothing)]
    lines = operation_lines(rows, [], "UTC")
    assert "insufficient_data  not measured" in lines[2]
    assert "override: too few rows" in lines
    assert lines[-1] == "no alert stands"
    assert operation_lines([], [], "UTC") == [
        "no window has been profiled with these operations yet: `sparkdrift run SPEC`"
    ]
