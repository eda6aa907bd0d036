"""The share of shaped rows over windows: its trend, its limit, and what was not measured."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sparkdrift.explain.feedback import LISTED, share_lines, watch, watched_lines
from sparkdrift.measures.series import NotMeasured
from sparkdrift.measures.trend import Trend

SEED = 97
START = datetime(2024, 1, 1, tzinfo=timezone.utc)


def row(day: int, hits: int | None, known: int = 1000) -> dict[str, Any]:
    about = {"window_start": START + timedelta(days=day), "rows": 1000, "reason": None}
    if hits is None:
        figures = dict.fromkeys(("known_rows", "shaped_rows", "share", "low", "high"))
        return {**about, **figures, "rows": 0, "reason": "no rows"}
    ends = stats.binomtest(hits, known).proportion_ci(0.95, method="wilson")
    counts = {"known_rows": known, "shaped_rows": hits, "share": hits / known}
    return {**about, **counts, "low": ends.low, "high": ends.high}


def windows(slope: float, days: int = 40) -> list[dict[str, Any]]:
    rng = np.random.default_rng(SEED)
    rows = [row(day, int(rng.binomial(1000, 0.1 + slope * day))) for day in range(days)]
    rows[7] = row(7, None)
    return rows


def test_a_rising_share_is_told_with_its_slope_and_where_it_passes_the_limit():
    rows = windows(0.005)
    found = watch(rows, 0.2)
    assert isinstance(found.course, Trend)
    shares = [one["share"] for one in rows if one["share"] is not None]
    days = [i for i, one in enumerate(rows) if one["share"] is not None]
    expected = stats.theilslopes(shares, days)
    assert found.course.slope == pytest.approx(expected.slope), SEED
    assert found.beyond == tuple(
        one["window_start"] for one in rows if one["low"] is not None and one["low"] > 0.2
    )
    lines = watched_lines(found, 0.2, "UTC")
    assert lines[1].startswith(f"trend: rising, {3000 * expected.slope:+.1f} points per 30 windows")
    assert f"above the limit of 20 % in {len(found.beyond)} windows" in lines[2]


def test_a_steady_share_is_no_trend():
    found = watch(windows(0.0), 0.2)
    lines = watched_lines(found, 0.2, "UTC")
    assert lines[1].startswith("trend: none that stands out")
    assert lines[2] == "surely above the limit of 20 % in no window"


def test_steady_shares_are_called_rising_or_falling_as_rarely_as_said():
    rng, repeats, called = np.random.default_rng(SEED), 150, 0
    for _ in range(repeats):
        rows = [row(day, int(hits)) for day, hits in enumerate(rng.binomial(1000, 0.1, 20))]
        called += "none that stands out" not in watched_lines(watch(rows, 0.2), 0.2, "UTC")[1]
    assert stats.binomtest(called, repeats).proportion_ci(0.999, "exact").low <= 0.01, SEED


def test_what_is_not_measured_is_said():
    few = watch([row(day, 100) for day in range(3)], 0.2)
    assert isinstance(few.course, NotMeasured)
    assert watched_lines(few, 0.2, "UTC")[1] == (
        "trend: not measured, 3 of 3 windows were measured, 8 are needed"
    )
    none = watch([row(day, None) for day in range(10)], 0.2)
    assert watched_lines(none, 0.2, "UTC") == [
        "shaped by the model: not measured in any of the windows"
    ]


def test_windows_are_listed_newest_first():
    lines = share_lines([row(0, 50), row(1, None)], "UTC")
    assert [dict(zip(LISTED, one, strict=True)) for one in lines] == [
        dict.fromkeys(LISTED, "") | {"window": "2024-01-02", "rows": "0", "reason": "no rows"},
        {
            "window": "2024-01-01",
            "rows": "1,000",
            "known": "1,000",
            "shaped": "50",
            "share": "5.0 %",
            "95 %": "3.8 % to 6.5 %",
            "reason": "",
        },
    ]
