"""Importances that are written down: what holds when, and what counts for nothing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sparkdrift.kernels.declared_importances import Written, term_at, terms, told_importances

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def test_a_window_takes_the_newest_from_before_its_end():
    rows = [
        Written("a", 1.0),
        Written("a", 2.0, START),
        Written("b", 3.0, START),
        Written("b", 5.0, START + 2 * DAY),
    ]
    found = terms(rows)
    assert [values for _, values in found] == [
        {"a": 1.0},
        {"a": 2.0, "b": 3.0},
        {"a": 2.0, "b": 5.0},
    ]
    ends = [START, START + DAY, START + 2 * DAY, START + 3 * DAY]
    assert [term_at(found, end) for end in ends] == [0, 1, 1, 2]
    assert term_at(terms(rows[1:]), START) is None
    assert terms([]) == []


def test_shares_are_of_what_counts():
    values = {"a": 3.0, "b": 1.0, "bad": -2.0, "odd": float("inf"), "none": None, "gone": 9.0}
    found = {
        one.feature: one
        for one in told_importances(values, ["a", "b", "bad", "odd", "none", "unsaid"])
    }
    assert found["a"].share == pytest.approx(0.75)
    assert found["b"].share == pytest.approx(0.25)
    reasons = {
        "bad": "-2 is negative",
        "odd": "no number",
        "none": "no importance is given",
        "unsaid": "no importance is given",
        "gone": "no feature of this name",
    }
    for name, reason in reasons.items():
        assert found[name].share is None
        assert reason in found[name].reason
    zero = told_importances({"a": 0.0}, ["a"])
    assert (zero[0].share, zero[0].reason) == (None, "all importances are 0")
