"""How a drift goes on, from hand-made series: growth, pace, when it meets its limit, sums."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from sparkdrift.explain.course import MONTH, course_of, quiet_courses
from sparkdrift.explain.sentences import tell_course, tell_quiet
from sparkdrift.explain.signals import Signal

VALUES = Signal("values")


def at(day: int) -> datetime:
    return datetime(2024, 5, 1, tzinfo=timezone.utc) + timedelta(days=day)


def row(day: int, shift: float, column: str = "amount", **more) -> dict:
    return {
        "column_name": column,
        "comparison": "baseline",
        "window_start": at(day),
        "slice_key": "*",
        "slice_value": "*",
        "status": "ok",
        "shift": shift,
        "effect": abs(shift),
        "n_eff": 900.0,
        "carriers": None,
        "d_statistic": shift**2,
        "wasserstein_distance": abs(shift),
        "p_unusual": 0.5,
        **more,
    }


def line(slope: float, days: int = 40, start: float = 0.0, noise: float = 0.01, seed: int = 3):
    drawn = noise * np.random.default_rng(seed).normal(size=days)
    return [row(day, start + slope * day + drawn[day]) for day in range(days)]


def course(rows, **more):
    return course_of(VALUES, rows, [one["window_start"] for one in rows], **more)


@pytest.mark.parametrize("sign", [1, -1])
def test_growth_and_the_day_on_which_it_meets_the_limit(sign):
    found = course(line(sign * 0.004), limit=0.32)
    assert found.per_month == pytest.approx(sign * MONTH * 0.004, abs=0.02)
    assert found.low < found.per_month < found.high
    assert (found.pace, found.returning, found.windows) == ("steady", False, 40)
    # 0.004 a day is 0.32 on day 80.
    assert abs((found.reaches - at(80)).total_seconds()) < 3 * 86_400
    text = tell_course(found, "values", "UTC")
    assert text.startswith(f"{'rising' if sign > 0 else 'falling'} by 0.12 sd per 30 windows; ")
    assert text.endswith(f"reaches the limit of 0.32 sd about {found.reaches:%Y-%m-%d}")


def test_what_is_steady_has_no_course():
    assert course(line(0.0, start=0.6)) is None
    assert course(line(0.01, days=7)) is None


def test_pace():
    rows = [row(day, 0.0004 * day**2, p_unusual=0.1) for day in range(40)]
    faster = course(rows, limit=3.0)
    assert faster.pace == "faster"
    assert ", and faster of late" in tell_course(faster, "values", "UTC")
    slower = course([{**one, "shift": 0.64 - one["shift"]} for one in reversed_in_time(rows)])
    assert slower.pace == "slower"


def reversed_in_time(rows):
    days = [one["window_start"] for one in rows]
    return [{**one, "window_start": day} for one, day in zip(rows[::-1], days, strict=True)]


def test_what_goes_back_reaches_no_limit():
    found = course(line(-0.004, start=0.3), limit=0.32)
    assert found.returning
    assert found.reaches is None
    assert tell_course(found, "values", "UTC").startswith("falling back by 0.12 sd per 30")


def test_beyond_the_limit_or_too_far_ahead_there_is_no_date():
    assert course(line(0.004, start=0.4), limit=0.32).reaches is None
    assert course(line(0.004), limit=0.6).reaches is None
    assert course(line(0.004)).reaches is None


def test_a_window_without_a_row_takes_its_time():
    rows = line(0.004, days=60)
    every = [one["window_start"] for one in rows]
    # As weekends are: two of seven rows are not there.
    some = [one for i, one in enumerate(rows) if i % 7 < 5]
    found = course_of(VALUES, some, every)
    assert found.per_month == pytest.approx(0.12, abs=0.01)
    wrong = course_of(VALUES, some, [one["window_start"] for one in some])
    assert wrong.per_month > 0.15


def test_quiet_columns_that_creep_are_told_before_they_alert():
    rows = line(0.004)
    flat = [{**one, "column_name": "age"} for one in line(0.0, seed=5)]
    (found,) = quiet_courses([*rows, *flat], {}, 0.32, at(39))
    assert (found.column_name, found.kind, found.adding_up) == ("amount", "values", None)
    assert tell_quiet(found).startswith("amount: rising by 0.12 sd per 30 windows; reaches ")
    # By a limit of its own, which is too far away; and when it alerts, that is what is told.
    assert quiet_courses(rows, {"amount": 2.0}, 0.32, at(39)) == []
    assert quiet_courses([*rows[:-1], {**rows[-1], "status": "drifted"}], {}, 0.32, at(39)) == []


def test_later_windows_don_t_count():
    rows = line(0.0, days=40) + [row(day, 0.1 * (day - 39)) for day in range(40, 60)]
    assert quiet_courses(rows, {}, 0.32, at(39)) == []
    assert quiet_courses(rows[:30], {}, 0.32, at(39)) == []  # no verdict in the window


def test_categories_are_followed_by_their_effect():
    rows = [
        {**one, "shift": None, "carriers": [{"item": "a", "reference": 0.5, "share": 0.6}]}
        for one in line(0.004)
    ]
    (found,) = quiet_courses(rows, {}, 0.32, at(39))
    assert found.kind == "shape"
    assert tell_quiet(found).startswith("amount: growing by 0.12 sd per 30 windows")


def test_small_deviations_add_up():
    rows = [row(day, 0.0, p_unusual=0.5 if day < 20 else 0.1) for day in range(40)]
    (found,) = quiet_courses(rows, {}, 0.32, at(39))
    # z = 1.28, so 0.78 a window: 5 is passed in the seventh, and 15.6 by the last.
    assert found.adding_up == at(20)
    assert found.course is None
    assert tell_quiet(found) == "amount: small deviations have added up since 2024-05-21"
    assert quiet_courses(rows[:26], {}, 0.32, at(25)) == []
    (early,) = quiet_courses(rows[:27], {}, 0.32, at(26))
    assert early.adding_up == at(20)
    # Of many columns more is asked: 5 + ln 100 = 9.6, the thirteenth.
    others = [row(day, 0.0, f"c{i}") for i in range(99) for day in range(27)]
    assert quiet_courses([*rows[:27], *others], {}, 0.32, at(26)) == []


def test_comparisons_of_two_windows_have_no_course():
    rows = [{**one, "comparison": "consecutive"} for one in line(0.004)]
    assert quiet_courses(rows, {}, 0.32, at(39)) == []


def test_names_are_safe_on_a_terminal():
    (found,) = quiet_courses(line(0.004), {}, 0.32, at(39))
    assert tell_quiet(replace(found, column_name="a\nb\x1b[0m")).startswith("a?b?[0m: ")
