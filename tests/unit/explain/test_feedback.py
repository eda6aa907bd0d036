"""The share of shaped rows over windows: its trend, its limit, and what was not measured."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sparkdrift.explain.feedback import (
    DIFFERING,
    LISTED,
    MOST_FEATURES,
    difference_lines,
    differing_lines,
    share_lines,
    watch,
    watched_lines,
)
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


def differing(name: str, effect: float | None, **other: Any) -> dict[str, Any]:
    low, high = (None, None) if effect is None else (effect - 0.1, effect + 0.1)
    figures = {"effect": effect, "effect_low": low, "effect_high": high}
    about = {"column_name": name, "windows": 5, "differ": 5, "window_start": START}
    return {**about, "status": "drifted", "reason": "shifted", **figures, **other}


def test_features_that_differ_are_named_the_first_three_with_their_size():
    rows = [differing(name, effect) for name, effect in zip("abcd", (2, 1.5, 1, 0.9), strict=True)]
    rows.append(differing("e", 0.1, status="ok", differ=0, reason="no material change"))
    # Measured last in an earlier window, so no part of the newest one.
    rows.append(differing("f", 3.0, window_start=START - timedelta(days=1)))
    (line,) = differing_lines(rows, "UTC")
    assert line == (
        "shaped against the other rows of the window of 2024-01-01: 4 of 6 features differ by more "
        "than matters, most of all a (2.00 sd), b (1.50 sd), c (1.00 sd); 1 could not be measured "
        "in it"
    )
    cells = difference_lines(rows)
    assert all(len(one) == len(DIFFERING) for one in cells)
    assert cells[0] == ["a", "2.00 sd", "1.90 to 2.10", "drifted", "5 of 5 windows", "shifted"]


def test_rows_that_could_not_be_compared_are_no_agreement():
    none = {"windows": 0, "differ": 0, "window_start": None, "status": "no_reference"}
    rows = [differing("a", None, **none, reason="there are no others")]
    expected = "shaped against the other rows: not measured, there are no others"
    assert differing_lines(rows, "UTC") == [expected]
    assert difference_lines(rows)[0][3] == "not measured"
    (line,) = differing_lines([], "UTC")
    assert "not measured" in line


def test_of_many_features_the_first_are_listed():
    assert len(difference_lines([differing(str(i), 1.0) for i in range(99)])) == MOST_FEATURES
