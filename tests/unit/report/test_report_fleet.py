"""The fleet on the screen: what is not known is a dash."""

from __future__ import annotations

from datetime import datetime, timezone

from sparkdrift.report.fleet import COLUMNS, counted, line

DAY = datetime(2025, 6, 1, tzinfo=timezone.utc)
KNOWN = {
    "rank": 3,
    "model_id": "credit",
    "model_version": "7",
    "stage": "deployed",
    "verdict": "retrain",
    "since": DAY,
    "owner": "risk",
    "due": DAY,
    "overdue": True,
    "cost": 12345.6,
    "currency": "EUR",
    "loss": 0.02,
    "open_debts": 2,
    "oldest_debt": DAY,
    "answer": "declined",
    "answered_by": "board",
    "notes": ["2 owners: a, b"],
}
UNKNOWN = {**dict.fromkeys(KNOWN), "rank": 1, "model_id": "churn", "stage": "shadow", "notes": []}


def test_a_line_has_a_cell_for_each_column() -> None:
    cells = dict(zip(COLUMNS, line(KNOWN), strict=True))
    assert cells == {
        "": 3,
        "model": "credit 7",
        "verdict": "retrain since 2025-06-01",
        "owner": "risk",
        "due": "2025-06-01 overdue",
        "per window": "12,346 EUR",
        "debts": 2,
        "oldest": "2025-06-01",
        "notes": "declined by board; 2 owners: a, b",
    }
    assert line({**KNOWN, "cost": None})[5] == "0.02"


def test_what_is_not_known_is_a_dash() -> None:
    assert line(UNKNOWN) == (1, "churn", "- (shadow)", "-", "-", "-", "-", "-", "")


def test_the_first_line_counts_what_needs_somebody() -> None:
    counts = {"count": 1200, "blind": 3, "overdue": 1, "contradicting": 0}
    assert counted(counts) == "1,200 models: 3 blind, 1 overdue"
    assert counted({**counts, "contradicting": 2}).endswith("2 with more than one owner")
