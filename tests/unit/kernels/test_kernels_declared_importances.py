"""Importances that are written down: what holds when, and what counts for nothing."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pyarrow as pa
import pytest

from sparkdrift.kernels.declared_importances import (
    Written,
    declared_shares,
    held_at,
    how_many_terms,
    told_importances,
)

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
DAY = timedelta(days=1)
INSTANT = pa.timestamp("us", tz="UTC")


def test_a_window_takes_the_newest_from_before_its_end():
    rows = [
        Written("a", 1.0),
        Written("a", 2.0, START),
        Written("b", 3.0, START),
        Written("b", 5.0, START + 2 * DAY),
    ]
    ends = [START, START + DAY, START + 2 * DAY, START + 3 * DAY]
    assert [held_at(rows, end) for end in ends] == [
        {"a": 1.0},
        {"a": 2.0, "b": 3.0},
        {"a": 2.0, "b": 3.0},
        {"a": 2.0, "b": 5.0},
    ]
    assert held_at(rows, None) == held_at(rows[::-1], None) == {"a": 2.0, "b": 5.0}
    assert held_at(rows[1:], START) == {}
    assert how_many_terms(rows, ends) == 3
    assert how_many_terms(rows[1:], ends) == 2
    assert how_many_terms([], ends) == 0


def test_each_window_has_a_share_of_each_feature_by_what_holds_then():
    rows = [Written("a", 1.0, START), Written("b", 3.0, START + 2 * DAY)]
    windows = pa.table(
        {
            "window_start": pa.array([START + i * DAY for i in range(-1, 4)], INSTANT),
            "window_end": pa.array([START + (i + 1) * DAY for i in range(-1, 4)], INSTANT),
        }
    )
    kernel = declared_shares(rows, ["a", "b"])
    found = pa.Table.from_batches(kernel(iter(windows.to_batches(max_chunksize=2)))).to_pylist()
    shares = {((one["window_start"] - START).days, one["feature"]): one["share"] for one in found}
    # The first ends when the first values are written: none is known before.
    first = {(day, name): share for day in (0, 1) for name, share in (("a", 1.0), ("b", None))}
    later = {(day, name): share for day in (2, 3) for name, share in (("a", 0.25), ("b", 0.75))}
    assert shares == first | later
    assert {one["problem"] for one in found if one["share"] is None} == {
        "no importance is given for it: it counts for nothing"
    }


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
