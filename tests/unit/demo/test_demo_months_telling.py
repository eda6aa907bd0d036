"""The page of the demo `months`, from rows as the store has them."""

from __future__ import annotations

import io
from datetime import date, datetime, timedelta, timezone

import pytest
from rich.console import Console

from sparkdrift.demo.months_telling import Months, by_month, delay, first_degraded, first_red, page

WEEK = timedelta(days=7)
LIVE = datetime(2025, 3, 3, tzinfo=timezone.utc)
DELAY = timedelta(days=30)


def week(number: int) -> dict:
    return {"window_start": LIVE + number * WEEK, "window_end": LIVE + (number + 1) * WEEK}


def performance(number, realised, status="ok", *, mature=True, drifted=False, labelled=100):
    return week(number) | {
        "estimated": 0.85,
        "realised": realised,
        "labelled": labelled,
        "mature": mature,
        "status": status,
        "concept_drift": drifted,
        "reason": f"why {status}",
    }


ALERTS = (
    "every metric in band, but alert: score (moved up by 0.4 sd; elsewhere too); "
    "every metric in band, but alert: decision rate (up by 30 %)"
)


def spot(number, status, figure="blind_spot", subject="*"):
    return week(number) | {
        "figure": figure,
        "subject": subject,
        "status": status,
        "reason": ALERTS if status == "red" else f"because of {status}",
    }


def months(**given) -> Months:
    usual = {
        "performance": [
            performance(-1, 0.2, "degraded"),
            performance(0, 0.86),
            performance(3, 0.84, labelled=300),
            performance(5, 0.8, "degraded", drifted=True),
            performance(9, None, "insufficient_data", mature=False),
        ],
        "staleness": [
            spot(-1, "red"),
            *(spot(n, "amber") for n in (0, 3)),
            *(spot(n, "red") for n in (5, 9)),
            spot(5, "warning", "ess_ratio"),
            spot(9, "warning", "decision_rate", "inspect"),
            spot(9, "ok", "brier"),
        ],
        "overrides": [week(0) | {"value": 0.04}, week(9) | {"value": 0.1}],
        "dashboard": [{"time": LIVE + n * WEEK, "value": 0.855, "limit": 0.83} for n in range(10)],
    }
    return Months("accuracy", LIVE, DELAY, **{**usual, **given})


def text(found: Months, truth=None, width=160) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(page(found, truth))
    return console.export_text()


def test_a_month_is_the_mean_of_its_windows_since_going_live():
    march, april, may = by_month(months())
    assert (march.name, april.name, may.name) == ("2025-03", "2025-04", "2025-05")
    assert march.realised == (0.86 * 100 + 0.84 * 300) / 400
    assert march.shown == pytest.approx(0.855)
    assert (march.outside, march.verdict) == (0, "amber")
    assert (april.realised, april.verdict) == (0.8, "red")
    assert (may.realised, may.overrides, may.verdict) == (None, 0.1, "red")
    assert march.estimated == 0.85


def test_since_when_and_when_that_could_be_known():
    found = months()
    red, degraded = first_red(found), first_degraded(found)
    assert red is not None
    assert degraded is not None
    assert (red.begin, red.known) == (LIVE + 5 * WEEK, LIVE + 6 * WEEK)
    assert (degraded.begin, degraded.known) == (LIVE + 5 * WEEK, LIVE + 6 * WEEK + DELAY)
    assert degraded.reason == "why degraded"
    assert first_red(months(staleness=[spot(1, "amber")])) is None


def test_the_page_says_what_was_shown_and_what_was_so():
    shown = text(months())
    assert "85.5 % in band" in shown
    assert "labels due" in shown
    assert "never left its band" in shown
    assert "red, known on 2025-04-14: in band, but alert: score, decision rate" in shown
    assert "moved up by 0.4 sd" in shown
    assert "elsewhere too" not in shown
    assert "degraded, known on 2025-05-14: why degraded" in shown
    assert "what a score means has changed" in shown
    assert "decision rate  inspect" in shown
    assert "ess ratio" not in shown  # of an earlier window than the newest
    assert "truth" not in shown


def test_what_the_owner_said_to_do_then_is_told_where_it_is_degraded():
    told = "then said before by the owner: retrain when it persists"
    assert told in " ".join(text(months(retire="retrain when it persists")).split())
    fine = months(retire="retrain when it persists", performance=[performance(0, 0.86)])
    assert "said before by the owner" not in text(fine)


def test_a_dashboard_that_left_its_band_is_said_to():
    values = [{"time": LIVE, "value": 0.8, "limit": 0.83}]
    shown = text(months(dashboard=values))
    assert "80.0 % OUT" in shown
    assert "left its band 1 times" in shown


def test_what_was_found_is_held_against_the_truth():
    truth = {"weeks": [{"accuracy": 0.7}], "evaluated": 0.855, "significant": "2025-04-14"}
    shown = text(months(), truth)
    assert "70.0 % really, 85.5 % evaluated" in shown
    assert "1 week before" in shown
    none = text(months(), truth | {"significant": None})
    assert "a false alarm" in none
    quiet = months(staleness=[spot(1, "amber")], performance=[performance(0, 0.86)])
    assert "never: missed" in text(quiet, truth)
    assert "never, rightly" in text(quiet, truth | {"significant": None})


def test_delays_are_counted_in_weeks():
    found = first_red(months())
    assert found is not None
    assert delay(found, date(2025, 4, 7), "UTC") == "from that very week on"
    assert delay(found, date(2025, 3, 24), "UTC") == "2 weeks later"
