"""From rows to the verdict on the dashboard: bands, persistence, since when, what is missing."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from itertools import product

import pytest

from sparkdrift.explain.blind_spots import (
    Evidence,
    Moved,
    Operated,
    Persistence,
    Rate,
    Shown,
    blind_spots,
    reasons_of,
)

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
WEEK = timedelta(days=7)
IN, OUT, BLANK = Shown(0.95, at_least=0.94), Shown(0.93, at_least=0.94), Shown(None, 0.94)
QUIET = Moved(1, 0, 0.95)
STANDS = Moved(1, 1, 0.95, ("score moved up by 0.6 sd",))
STEADY = Rate("ok", "as before", -0.02, 0.02, 0.2)
FELL = Rate("warning", "approve: changed by -40 %", -0.5, -0.3, 0.2)
UNSURE = Rate("undetermined", "too wide", -0.3, 0.3, 0.2)
DOWN = ("degraded", "worse by 9 points")
FINE = ("ok", "no loss")
CALM = Operated("ok", "4 %", False, 0.97)
ROSE = Operated("drifted", "17 %, 4 % in the reference", True, 0.97)
GOOD = Evidence(
    START,
    {"accuracy": IN},
    (QUIET,),
    (QUIET,),
    True,
    {"approve": STEADY},
    {"accuracy": FINE},
    True,
    0.9,
)


WATCHED = replace(GOOD, operations={"override": CALM})


def verdicts(windows):
    placed = [replace(one, start=START + i * WEEK) for i, one in enumerate(windows)]
    return blind_spots(placed, Persistence(2, 3), Persistence(2, 3))


def one(evidence):
    return verdicts([evidence])[0]


def test_until_operations_exist_nothing_is_green():
    found = one(GOOD)
    assert found.verdict == "amber"
    assert found.reason == "not measured: operations (the spec declares no operations)"


def test_all_that_was_measured_and_quiet_is_green():
    found = one(WATCHED)
    assert (found.verdict, found.reason) == (
        "green",
        "every test ran with enough power, and none alerts",
    )
    # The dashboard that shows it is not blind either.
    found = one(replace(WATCHED, shown={"accuracy": OUT}, score=(STANDS,)))
    assert (found.verdict, found.since) == ("green", None)


@pytest.mark.parametrize(
    ("operations", "text"),
    [
        ({}, "not measured: operations (the spec declares no operations)"),
        ({"override": None}, "override: not counted in this window"),
        ({"override": CALM, "wait": None}, "wait: not counted in this window"),
        ({"override": Operated("insufficient_data", "too few rows")}, "override: too few rows"),
        ({"override": Operated("no_reference", "")}, "override: no_reference"),
        ({"override": ROSE}, "override: moved in too few windows yet"),
        ({"override": replace(ROSE, suppressed=True)}, "override: suppressed"),
        ({"override": replace(CALM, power=0.5)}, "power 0.50 below 0.8: operations"),
        ({"override": replace(CALM, power=None)}, "power not known: operations"),
        ({"override": CALM, "wait": replace(CALM, power=None)}, "power not known: operations"),
    ],
)
def test_operations_that_are_missing_or_unsure_are_never_green(operations, text):
    found = one(replace(GOOD, operations=operations))
    assert found.verdict == "amber"
    assert text in found.reason
    assert "; " not in found.reason


def test_a_regression_is_green_without_a_decision_rate():
    without = replace(WATCHED, rates={})
    assert one(without).verdict == "amber"
    found = one(replace(without, decides=False))
    assert found.verdict == "green"
    assert found.reason.endswith("; a model of this kind has no decision rate")


def test_an_alert_of_operations_is_red_unless_it_is_suppressed():
    calm, rose = (replace(WATCHED, operations={"override": row}) for row in (CALM, ROSE))
    muted = replace(WATCHED, operations={"override": replace(ROSE, suppressed=True)})
    found = verdicts([calm, rose, rose, muted, calm, calm])
    assert [row.verdict for row in found] == ["green", "amber", "red", "amber", "red", "green"]
    assert "override: 17 %, 4 % in the reference" in found[2].reason
    assert found[2].since == START + 2 * WEEK


@pytest.mark.parametrize(
    ("shown", "band"),
    [
        (IN, True),
        (OUT, False),
        (BLANK, None),
        (Shown(0.95), None),
        (Shown(0.2, at_most=0.1), False),
        (Shown(0.05, 0.0, 0.1), True),
        (Shown(0.2, 0.0, 0.1), False),
    ],
)
def test_the_band(shown, band):
    assert shown.in_band is band


@pytest.mark.parametrize("name", ["score", "features"])
def test_an_alert_of_a_distribution_is_red_and_says_which(name):
    found = one(replace(GOOD, **{name: (QUIET, STANDS)}))
    assert found.verdict == "red"
    assert "every metric in band, but alert" in found.reason
    assert "score moved up by 0.6 sd" in found.reason
    assert found.since == START


@pytest.mark.parametrize(
    ("field", "bad", "good"),
    [
        ("rates", {"approve": FELL}, {"approve": STEADY}),
        ("performance", {"accuracy": DOWN}, {"accuracy": FINE}),
        ("operations", {"override": ROSE}, {"override": CALM}),
    ],
)
def test_one_window_alone_turns_nothing(field, bad, good):
    """2 of 3; a window that was not measured neither raises nor clears."""
    bad, good, none = (replace(GOOD, **{field: rows}) for rows in (bad, good, {}))
    found = verdicts([good, bad, good, good, bad, none, bad, good, good])
    assert [row.verdict == "red" for row in found] == [False] * 6 + [True, True, False]
    assert "too few windows yet" in found[1].reason
    assert "not measured" in found[1].reason
    long = verdicts([good, bad, bad, bad, bad])
    assert [row.verdict == "red" for row in long] == [False, False, True, True, True]
    assert {row.since for row in long[2:]} == {START + 2 * WEEK}
    assert "should have turned in the window of 2024-01-15" in long[-1].reason


def test_a_red_that_ended_begins_anew():
    loud = replace(GOOD, score=(STANDS,))
    found = verdicts([loud, GOOD, loud, loud])
    assert [row.since for row in found] == [START, None, START + 2 * WEEK, START + 2 * WEEK]


def test_the_dashboard_that_shows_it_is_not_blind():
    found = one(replace(GOOD, shown={"accuracy": OUT}, score=(STANDS,)))
    assert found.verdict == "amber"  # operations are missing
    assert found.since is None


def test_what_is_missing_is_named():
    for change, text in (
        ({"shown": {}}, "no dashboard metric"),
        ({"shown": {"accuracy": BLANK}}, "dashboard metric without value or limit: accuracy"),
        ({"score": ()}, "not measured: score (held against nothing)"),
        ({"score": (Moved(1, 1, None),)}, "not measured: score (1 of 1 rows"),
        ({"score": (Moved(1, 0, 0.5),)}, "power 0.50 below 0.8: score"),
        ({"score": (Moved(1, 0, None),)}, "power not known: score"),
        ({"features": (Moved(0),)}, "not measured: top features"),
        ({"score": (QUIET, Moved(of="training"))}, "score (without a row of: training)"),
        ({"features": (Moved(of="baseline"), QUIET)}, "features (without a row of: baseline)"),
        ({"ranked": False}, "not measured: top features (alerts.importance names none)"),
        ({"rates": {}}, "not measured: decision rate"),
        ({"rates": {"approve": UNSURE}}, "not measured: decision rate (too wide)"),
        ({"performance": {}}, "not measured: performance"),
        ({"fresh": False}, "no fresh labels"),
        ({"ess_ratio": None}, "not measured: ESS ratio"),
        ({"ess_ratio": 0.3}, "ESS ratio 0.30"),
    ):
        found = one(replace(GOOD, **change))
        assert found.verdict == "amber", change
        assert text in found.reason, (text, found.reason)
        assert found.reason.count("; ") == 1, found.reason  # that, and operations


def test_all_combinations_red_only_with_an_alert_behind_a_dashboard_in_band_and_never_green():
    """2,000 windows of all combinations, each by itself."""
    score = ((QUIET,), (STANDS,), (Moved(2, 1, 0.9),), (QUIET, Moved(of="training")))
    rates = ({"approve": STEADY}, {"approve": FELL}, {"approve": UNSURE}, {})
    performance = ({"accuracy": FINE}, {"accuracy": DOWN}, {})
    bands = (
        {"accuracy": IN},
        {"accuracy": OUT},
        {"accuracy": BLANK},
        {},
        {"accuracy": IN, "recall": BLANK},
    )
    once = Persistence(1, 1)
    for band, one_, two, rate, metric, fresh, ess in product(
        bands, score, score, rates, performance, (True, False), (0.9, 0.3)
    ):
        evidence = Evidence(START, band, one_, two, True, rate, metric, fresh, ess)
        (found,) = blind_spots([evidence], once, once)
        alert = STANDS in one_ or STANDS in two or FELL in rate.values() or DOWN in metric.values()
        in_band = band == {"accuracy": IN}
        assert found.verdict == ("red" if in_band and alert else "amber"), evidence
        assert found.reason


def test_nothing_of_nothing():
    assert blind_spots([], Persistence(), Persistence()) == []
    assert one(Evidence(START)).verdict == "amber"


def test_a_value_or_limit_that_is_no_number_is_missing_and_not_out_of_band():
    nan = float("nan")
    assert Shown(nan, 0.9).in_band is None
    assert Shown(0.95, nan).in_band is None
    assert Shown(float("inf"), 0.9).in_band is None
    assert Shown(0.95, 0.9).in_band is True


def test_evidence_of_an_earlier_window_has_its_day():
    """An alert that still stands, while this window itself is fine, is not this window's."""
    down, fine = (replace(GOOD, performance={"accuracy": one}) for one in (DOWN, FINE))
    found = verdicts([down, down, fine])
    assert [row.verdict for row in found] == ["amber", "red", "red"]
    assert "performance (accuracy: worse by 9 points)" in found[1].reason
    told = "performance (accuracy: in the window of 2024-01-08: worse by 9 points)"
    assert told in found[2].reason


def test_days_are_those_of_the_monitors_zone():
    monday = datetime(2024, 3, 3, 23, tzinfo=timezone.utc)
    loud = replace(GOOD, start=monday, score=(STANDS,))
    (found,) = blind_spots([loud], Persistence(), Persistence(), "Europe/Berlin")
    assert found.reason.endswith("should have turned in the window of 2024-03-04")


def test_reasons_are_told_apart_outside_of_their_evidence():
    reason = "alert: score (moved (10 %; 18 %); also); no fresh labels"
    assert reasons_of(reason) == ["alert: score (moved (10 %; 18 %); also)", "no fresh labels"]


def test_what_is_known_of_the_dashboards_metric_stands_beside_it():
    old = replace(GOOD, shown={"accuracy": replace(BLANK, note="its newest row is of 2023-01-01")})
    assert "limit: accuracy (its newest row is of 2023-01-01)" in one(old).reason
