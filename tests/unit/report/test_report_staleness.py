"""Staleness of training data as lines: what is known, and what is said of what is not."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

from sparkdrift.report.staleness import LISTED, staleness_lines, summary

START = datetime(2024, 9, 1, tzinfo=timezone.utc)


def row(column: str = ":all", **other: Any) -> dict[str, Any]:
    usual = {
        "window_start": START,
        "status": "drifted",
        "newest_event": START - timedelta(days=200),
        "age_days": 201.0,
        "outside_share": 0.043,
        "effect": 0.61,
        "effect_low": 0.5,
        "effect_high": 0.72,
        "mean_effect": 0.2,
        "widest": "income",
        "first_material": START - timedelta(days=30),
        "measured": 2,
        "columns": 2,
        "reference_version": 1,
        "reason": None,
    }
    return {**usual, "column_name": column, **other}


def test_the_whole_is_told_in_lines():
    assert summary([row("income"), row()], "UTC") == [
        "training reference version 1, held against the window of 2024-09-01: drifted",
        "age: 201 days, newest training event 2024-02-14: older than 180 days",
        "outside the training support: 4.3 % of the rows or more",
        "distance: 0.61 sd in income, 0.20 sd on average over 2 columns",
        "material: for the first time 2024-08-02",
    ]


def test_what_is_not_known_is_said_and_never_a_zero():
    unknown = dict.fromkeys(
        ("newest_event", "age_days", "outside_share", "effect", "mean_effect", "first_material")
    )
    reason = "2 of 2 columns were not measured"
    assert summary([row(**unknown, status="insufficient_data", reason=reason)], "UTC") == [
        "training reference version 1, held against the window of 2024-09-01: insufficient_data",
        "age: not known: the training data has no event time",
        "outside the training support: not measured",
        "distance: not measured",
        "material: not measured in this window",
        "2 of 2 columns were not measured",
    ]


def test_a_window_without_a_training_reference_says_what_to_do_and_no_more():
    (line,) = summary([row(reference_version=0, status="no_reference", effect=None)], "UTC")
    assert line.startswith(
        "no training reference was in force for the window of 2024-09-01: not measured; freeze one"
    )
    measured = row(first_material=None)
    assert summary([measured], "UTC")[-1] == "material: in no window so far"


def test_features_have_a_row_each_and_the_whole_has_none():
    lines = staleness_lines([row(), row("income"), row("age", effect=None, effect_low=None)], "UTC")
    assert [dict(zip(LISTED, line, strict=True)) for line in lines] == [
        {
            "column": "income",
            "status": "drifted",
            "distance": "0.61 sd",
            "95 %": "0.50 to 0.72",
            "outside": "4.3 %",
            "material since": "2024-08-02",
            "reason": "",
        },
        {
            "column": "age",
            "status": "drifted",
            "distance": "",
            "95 %": "",
            "outside": "4.3 %",
            "material since": "2024-08-02",
            "reason": "",
        },
    ]
