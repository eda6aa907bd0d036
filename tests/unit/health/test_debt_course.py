"""How a debt moves: of the figures that its findings name, in the windows in which it is open."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from health_rows import start
from scipy import stats

from sparkdrift.explain.debt_course import course_of
from sparkdrift.health.judged import judged
from sparkdrift.health.subjects import MEASURED
from sparkdrift.health.told import Told
from sparkdrift.report.health import course_facts, course_line
from sparkdrift.spec.loading import parse_spec

SEED = 8
SPEC = parse_spec("""\
monitor: m
owner: claims
source: {table: a.b}
timestamp: {column: t}
windows: {grain: week}
features: {numeric: [amount]}
policy: {needs: [data]}
""")
DEBT = "drift of amount"
COMPARED = json.dumps([["amount", "baseline", MEASURED]])


def rows(effects, **more) -> list[Told]:
    """One row of each week, and an alert where there is an effect; None: measured and quiet."""
    made = []
    for week, effect in enumerate(effects):
        made.append(Told("m", "window", start(week), end=start(week + 1)))
        coverage = {"name": "data", "count": 1, "of": 1, "subject": COMPARED}
        made.append(Told("m", "coverage", start(week), **coverage))
        if effect is not None:
            alert = {"name": "amount", "subject": "baseline", "grade": "major", "value": effect}
            made.append(Told("m", "alert", start(week), **(alert | more)))
    return made


def course(effects, **more):
    return course_of(judged(SPEC, rows(effects, **more), {}).assessed.health, DEBT)


def test_a_debt_that_grows_does_so_as_scipy_says() -> None:
    print("seed", SEED)
    effects = 0.5 + 0.03 * np.arange(24) + np.random.default_rng(SEED).normal(0, 0.02, 24)
    found = course(effects.tolist())
    opened = next(i for i in range(24) if found.trend.windows == 24 - i)
    by_scipy = stats.theilslopes(effects[opened:], np.arange(24 - opened), alpha=0.95)
    assert found.trend.slope == pytest.approx(by_scipy.slope)
    assert found.stands_out
    assert f"{by_scipy.slope:+.3g} sd a window (" in course_line(found)
    assert course_line(found).startswith("course: rising")
    assert course_facts(found)["slope"] == found.trend.slope


def test_a_debt_that_quickens_is_told_to() -> None:
    found = course([0.5 + 0.002 * week**2 for week in range(24)])
    assert found.quickens
    assert course_line(found).startswith("course: rising, faster than before, ")
    assert course([0.5 + 0.1 * np.sqrt(week) for week in range(24)]).quickens is False


def test_one_that_stays_has_no_trend() -> None:
    print("seed", SEED)
    effects = np.random.default_rng(SEED).normal(0.8, 0.05, 24).tolist()
    found = course(effects)
    assert not found.stands_out
    assert course_line(found).startswith("course: no trend that stands out, ")


def test_a_window_in_which_it_was_not_found_keeps_its_place_and_is_no_zero() -> None:
    effects = [0.5 + 0.05 * week for week in range(20)]
    effects[9] = None
    found = course(effects)
    assert found.trend.slope == pytest.approx(0.05)


def test_only_what_follows_the_last_opening_counts() -> None:
    again = [2.0] * 10 + [None] * 12 + [0.5 + 0.05 * week for week in range(14)]
    assert course(again).trend.slope == pytest.approx(0.05)


def test_figures_against_other_comparisons_are_other_figures() -> None:
    """Ten windows against the baseline, then ten against two: larger, and they fall."""
    told = rows([0.5] * 10) + [
        replace(one, start=start(10 + week), end=one.end and start(11 + week))
        for week in range(10)
        for one in rows([1.5 - 0.02 * week], subject="baseline, training")
    ]
    found = course_of(judged(SPEC, told, {}).assessed.health, DEBT)
    assert found.trend.slope == pytest.approx(-0.02)
    assert found.trend.windows == 10


def test_columns_that_are_told_as_one_have_no_figure() -> None:
    assert "no figure" in course([1.5] * 12, words='[["age"], ["amount"]]').reason


def test_what_is_found_in_slices_alone_is_no_figure_of_the_whole_table() -> None:
    assert "no figure" in course([1.5] * 12, grade=None, count=2).reason


def test_a_straight_line_such_as_an_age_has_no_pace() -> None:
    """The bootstrap of its acceleration has nothing to draw but rounding errors."""
    for first in (400.4327, 0.1, 33.3):
        found = course([first + 0.7 * week for week in range(19)])
        assert found.stands_out
        assert found.quickens is None


def test_a_violated_correlation_grows_away_from_nothing() -> None:
    told = []
    for week in range(12):
        told.append(Told("m", "window", start(week), end=start(week + 1)))
        change = {"name": "independence", "subject": "amount", "value": -0.3 - 0.02 * week}
        told.append(Told("m", "assumption", start(week), count=week + 1, **change))
    health = judged(SPEC, told, {}).assessed.health
    (debt,) = (one.name for one in health[-1].debts if "independence" in one.name)
    assert course_of(health, debt).trend.slope == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("effects", "more", "reason"),
    [
        ([0.5] * 5, {}, "are needed"),
        ([0.5] * 10 + [None] * 12, {}, "it is not open in the newest window"),
        ([0.0] * 12, {"moved": "NULLs went up by 12.5 points"}, "no figure"),
    ],
)
def test_what_can_not_be_told_says_why_and_is_no_zero(effects, more, reason) -> None:
    found = course(effects, **more)
    assert found.trend is None
    assert not found.stands_out
    assert found.quickens is None
    assert reason in course_line(found)
    assert list(course_facts(found)) == ["reason"]
