"""Alerts of the demos held against the truth; alerts made by hand, inside it and outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from io import StringIO
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from rich.console import Console

from sparkdrift.demo import year
from sparkdrift.demo.credit import credit_spec
from sparkdrift.demo.flights import flight_tables, flights_spec
from sparkdrift.demo.planted import credit_reasons
from sparkdrift.demo.raw_days import RawDays, raw_days
from sparkdrift.demo.telling import told
from sparkdrift.demo.year import flights_reasons
from sparkdrift.spec.loading import parse_spec

BEGIN = date(2025, 1, 1)
NORTH = ("region", "north")
CREDIT = parse_spec(credit_spec("/log"))
FLIGHTS = parse_spec(flights_spec("/flights"))


def alert(column, first, days=5, of=("*", "*"), shows="moved", shift=None, begin=BEGIN, **more):
    """As the overview tells it: it begins on day `first` after `begin` and stands for `days`."""
    zone = timezone.utc if begin == BEGIN else ZoneInfo("America/New_York")
    start = datetime(begin.year, begin.month, begin.day, tzinfo=zone)
    return {
        "column_name": column,
        "slice_key": of[0],
        "slice_value": of[1],
        "since": (start + timedelta(days=first)).astimezone(timezone.utc),
        "until": (start + timedelta(days=first + days)).astimezone(timezone.utc),
        "windows": days,
        **{kind: days if kind in shows else 0 for kind in ("moved", "silent", "fresh", "outside")},
        "shift": shift,
        "reason": "",
        "new_categories": None,
        "carriers": None,
        **more,
    }


def held(*alerts, assumptions=()):
    """The reasons of these alerts, in their order."""
    found = credit_reasons(CREDIT, alerts, assumptions, BEGIN)
    return [one for one in found if one.since is not None]


def carrying(**parts):
    """Carriers of ':inputs': features with their parts of the shift."""
    return [{"item": name, "reference": None, "share": part} for name, part in parts.items()]


def items(*names):
    return [{"item": name, "count": 9} for name in names]


def test_what_was_planted_there_then_and_that_way_is_named():
    (one,) = held(alert("income", 140, shift=0.4))
    assert one.held == "planted"
    assert one.why.startswith("planted from 2025-04-01, large enough to matter from 05-31: income")
    assert (one.since, one.windows) == (date(2025, 5, 21), 5)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (alert("income", 62, shift=0.4), "here only planted from 2025-04-01"),
        (alert("income", 140, shift=-0.4), "goes another way, or not as far (planted from 2025-04"),
        # Two days after it began to creep: 0.02 sd are no reason for 0.35.
        (alert("income", 91, shift=0.35), "or not as far (planted from 2025-04"),
        (alert("income", 140, shift=0.9), "or not as far (planted from 2025-04"),
        (alert("product", 140, shows="fresh", new_categories=items("bnpl", "loan")), "another way"),
        (alert("account_age", 140, shift=0.4), "not planted: a false alarm"),
        (alert("product", 140, shows="moved"), "what is there goes another way"),
        (alert("product", 140, shows="fresh", new_categories=items("loan")), "another way"),
        (alert("product", 100, shows="fresh", new_categories=items("bnpl")), "from 2025-05-01"),
        (
            alert("bureau_score", 210, of=("region", "south"), shift=-0.6),
            "or a consequence of region = north (planted from 2025-07-20",
        ),
        (alert("bureau_score", 210, of=NORTH, shift=0.6), "goes another way"),
        (alert("bureau_score", 190, of=NORTH, shift=-0.6), "here only planted from 2025-07-20"),
        (alert("device_risk", 155, shift=0.6), "goes another way"),
        (alert(":inputs", 80, carriers=carrying(age=0.9)), "not planted: a false alarm"),
        (alert(":inputs", 136), "not planted: a false alarm"),
        (alert(":inputs", 80, 60, carriers=carrying(income=0.9)), "not planted: a false alarm"),
        (
            alert(":inputs", 136, carriers=carrying(age=0.6, income=0.4)),
            "a false alarm, of which income carry 40 %",
        ),
        (alert("score", 80, shift=0.4), "not planted: a false alarm"),
        (alert("score", 210, of=NORTH, shift=-0.4), "or a consequence of bureau_score"),
        (alert("priority", 210, of=NORTH), "or a consequence of bureau_score"),
    ],
    ids=lambda one: f"{one['column_name']} {one['since']:%m-%d}" if isinstance(one, dict) else "",
)
def test_an_alert_outside_of_what_was_planted_is_never_certified(given, words):
    (one,) = held(given)
    assert one.held == "not planted"
    assert one.why.startswith("not planted: a false alarm")
    assert words in one.why


def test_what_follows_something_planted_is_a_consequence_with_its_direction():
    fed = [{"item": "true", "reference": 0.2, "share": 0.35}]
    together = carrying(income=0.6, product=0.2, age=0.1)
    inputs, score, decision = held(
        alert(":inputs", 136, carriers=together),
        alert("score", 210, of=NORTH, shift=0.4),
        alert("priority", 210, of=NORTH, carriers=fed),
    )
    assert {one.held for one in (inputs, score, decision)} == {"by consequence"}
    assert inputs.why.endswith("planted by then in income, product")
    assert score.why.endswith("bureau_score, device_risk, income, loan_amount moves it up")
    assert decision.why == score.why


def test_one_alert_of_a_sensor_that_fails_three_times_names_all_three():
    (one,) = held(alert("device_risk", 150, 60, shows=("moved", "silent"), shift=1.2))
    assert one.held == "planted"
    assert [part.split(":")[0] for part in one.why.split("; then ")] == [
        "planted from 2025-05-31",
        "planted from 2025-06-10",
        "planted from 2025-06-25",
    ]


def test_what_was_planted_and_not_found_is_said():
    found = credit_reasons(CREDIT, [alert("income", 62, shift=0.4)], [], BEGIN)
    lost = {one.column_name: one.why for one in found if one.since is None}
    assert lost["income"].endswith("not found")
    assert "no input" in lost["overridden"]
    assert lost["debt_to_income with utilisation"].endswith("not found")


@pytest.mark.parametrize(
    ("other", "day", "expected"),
    [("debt_to_income", 190, "planted"), ("debt_to_income", 120, "not planted"),
     ("age", 190, "not planted")],
)  # fmt: skip
def test_a_dependence_is_held_against_the_pair_and_its_day(other, day, expected):
    row = alert("utilisation", day) | {"other_column": other, "violated_windows": 4}
    (one,) = held(assumptions=[row])
    assert one.held == expected
    assert held(assumptions=[row | {"violated_windows": 1}]) == []


YEAR = date(2013, 1, 1)
MARCH, DECEMBER = date(2013, 3, 1), date(2013, 12, 31)


@pytest.fixture(scope="module")
def raw() -> RawDays:
    return raw_days(flight_tables())


@pytest.fixture(scope="module")
def known(raw):
    """What is said of one alert on its own."""

    def found(given):
        (one,) = flights_reasons(FLIGHTS, [given], raw)
        return one

    return found


def flown(column, month, day=10, days=5, **more):
    return alert(column, (date(2013, month, day) - YEAR).days, days, begin=YEAR, **more)


def test_a_season_is_right_in_its_months_and_where_the_raw_rows_say_so(known):
    one = known(flown("temp", 6, shift=2.0))
    assert one.held == "known"
    assert one.why == "from April on it is warmer than in winter"
    assert one.figures.endswith("36.06 in the reference, 0.2 sd or more on 5 of 5 days")
    for given in (
        flown("temp", 6, shift=-2.0),
        flown("temp", 2, shift=2.0),
        flown("temp", 6, shift=2.0, shows=("moved", "silent")),
        flown("flight", 6, shift=2.0),
        flown("distance", 2, shift=2.0),
        flown("temp", 6, shift=2.0, of=("carrier", "UA")),
    ):
        one = known(given)
        assert (one.held, one.why) == ("not known", "no reason known"), given


def runs_of(column, raw, days=5):
    """The first days of the runs in which the mean was lowest and highest, from March on."""
    daily = raw.mean(column, "*", MARCH, DECEMBER)
    means = np.convolve(daily, np.ones(days) / days, "valid")
    ends = int(np.nanargmin(means)), int(np.nanargmax(means))
    return [MARCH + timedelta(days=one) for one in ends]


@pytest.mark.parametrize(
    ("column", "way"),
    [("humid", 1), ("humid", -1), ("wind_speed", 1), ("wind_speed", -1), ("precip", 1),
     ("visib", -1), ("pressure", 1), ("pressure", -1)],
)  # fmt: skip
def test_a_reason_for_any_month_needs_days_on_which_it_is_so(known, raw, column, way):
    """What is said of the dampest days is not said of the driest, whatever an alert claims."""
    days = 1 if column == "precip" else 5
    lowest, highest = runs_of(column, raw, days)
    right, wrong = (highest, lowest) if way > 0 else (lowest, highest)
    claims = {"days": days, "shift": 0.5 * way}
    assert known(flown(column, right.month, right.day, **claims)).held == "known"
    assert known(flown(column, wrong.month, wrong.day, **claims)).held == "not known"


def test_half_of_its_windows_have_to_be_borne_out(known, raw):
    """Two weeks of humidity's usual ups and downs are no damp days."""
    usual, unit = raw.usual("humid", "*")
    damp = (raw.mean("humid", "*", MARCH, DECEMBER) - usual) / unit >= 0.2
    fortnights = np.convolve(damp, np.ones(14), "valid")
    start = MARCH + timedelta(days=int(np.argmax((fortnights > 2) & (fortnights < 7))))
    given = flown("humid", start.month, start.day, 14, shift=0.3)
    assert known(given).held == "not known"
    # Of four windows three days are enough.
    assert known(given | {"windows": 4, "moved": 4}).held == "known"


def test_hours_without_values_are_seen_in_the_raw_rows(known, raw):
    missing = raw.missing("pressure", "*", MARCH, DECEMBER)
    most, least = (MARCH + timedelta(days=int(i)) for i in (missing.argmax(), missing.argmin()))
    one = known(flown("pressure", most.month, most.day, 1, shows="silent"))
    assert one.why == "the file lacks pressure in most hours of rain"
    assert one.figures.endswith("% in the reference, on 1 of 1 days")
    assert known(flown("pressure", least.month, least.day, 1, shows="silent")).held == "not known"


def test_few_rows_out_of_range_are_on_the_side_of_their_mean(known, raw):
    driest, wettest = runs_of("precip", raw, 1)
    rain = flown("precip", wettest.month, wettest.day, 1, shows="outside", shift=-0.02)
    assert known(rain).why == "days of more rain or snow"
    assert known(rain | {"moved": 1}).held == "not known"
    dry = flown("precip", driest.month, driest.day, 1, shows="outside", shift=-0.02)
    assert known(dry).held == "not known"


GREW = [{"item": "EV", "reference": 0.03, "share": 0.12}]


@pytest.mark.parametrize(
    ("column", "item", "origin", "expected"),
    [("origin", "LGA", "*", "known"), ("origin", "JFK", "*", "not known"),
     ("carrier", "EV", "LGA", "known"), ("carrier", "EV", "JFK", "not known")],
)  # fmt: skip
def test_a_share_grows_where_it_did(known, column, item, origin, expected):
    gains = [{"item": item, "reference": 0.03, "share": 0.12}]
    of = ("*", "*") if origin == "*" else ("origin", origin)
    assert known(flown(column, 9, of=of, carriers=gains)).held == expected


def test_a_share_that_gained_less_than_half_of_what_moved_is_no_reason(known, raw):
    """Whatever the alert says: what moved is asked of the raw rows of its days."""
    days = [MARCH + timedelta(days=i) for i in range((DECEMBER - MARCH).days - 5)]
    part = {}
    for day in days:
        gained = raw.gains("carrier", "JFK", day, day + timedelta(days=4))
        part[day] = gained.get("DL", 0.0) / sum(gained.values())

    def asked(day):
        grew = [{"item": "DL", "reference": 0.17, "share": 0.2}]
        of = {"of": ("origin", "JFK"), "carriers": grew, "windows": 1, "moved": 1}
        return known(flown("carrier", day.month, day.day, **of))

    most, least = max(days, key=part.__getitem__), min(days, key=part.__getitem__)
    assert part[most] > 0.8
    assert part[least] < 0.3
    assert asked(most).held == "known"
    assert asked(most).figures == f"DL: {100 * part[most]:.0f} % of what shares gained"
    assert (asked(least).held, asked(least).why) == ("not known", "no reason known")


def test_several_items_carry_it_together(known, raw, monkeypatch):
    """Of two that gained a third each, neither is most of it and both are."""
    monkeypatch.setattr(type(raw), "gains", lambda *_: {"EV": 0.05, "MQ": 0.05, "UA": 0.05})
    given = flown("carrier", 9, of=("origin", "LGA"), carriers=GREW)
    assert known(given).held == "not known"
    other = replace(next(one for one in year.YEAR if one.item == "EV"), item="MQ", why="MQ grows")
    monkeypatch.setattr(year, "YEAR", (*year.YEAR, other))
    monkeypatch.setattr(type(raw), "share", lambda *_: np.full(5, 0.9))
    both = given | {"carriers": [*GREW, {"item": "MQ", "reference": 0.03, "share": 0.12}]}
    one = known(both)
    assert one.held == "known"
    assert one.why.endswith(" and MQ grows")
    assert one.figures == "EV, MQ: 67 % of what shares gained"


@pytest.mark.parametrize(
    ("column", "origin", "item", "expected"),
    [("dest", "JFK", "MVY", "known"), ("dest", "LGA", "MVY", "not known"),
     ("dest", "LGA", "LAX", "not known"), ("carrier", "EWR", "VX", "known"),
     ("carrier", "JFK", "VX", "not known")],
)  # fmt: skip
def test_what_is_new_flew_there_on_those_days_for_the_first_time(
    known, column, origin, item, expected
):
    given = flown(column, 7, shows="fresh", of=("origin", origin), new_categories=items(item))
    assert known(given).held == expected


def test_a_run_over_months_needs_a_reason_for_each_and_names_them_in_order(known):
    spring = flown("temp", 3, 28, 10, shift=1.0)
    one = known(spring)
    assert one.why == "a warm spell, then from April on it is warmer than in winter"
    assert known(flown("temp", 2, 25, 40, shift=1.0)).held == "not known"


def test_all_inputs_together_name_those_that_carry_it_and_alert_at_the_time(raw):
    together = flown(":inputs", 6, carriers=carrying(temp=0.7, humid=0.2, visib=0.1))
    alerts = [together, flown("temp", 6, shift=2.0), flown("humid", 8, shift=1.0)]
    first = flights_reasons(FLIGHTS, alerts, raw)[0]
    assert (first.held, first.figures) == ("by consequence", "temp")
    assert flights_reasons(FLIGHTS, alerts[:1], raw)[0].held == "not known"
    # One that alerts and carries little of it is no reason.
    small = flown(":inputs", 6, carriers=carrying(humid=0.8, temp=0.2))
    assert flights_reasons(FLIGHTS, [small, *alerts[1:]], raw)[0].held == "not known"


def test_the_page_folds_alerts_of_one_reason_and_counts_all():
    slices = [("region", "north"), ("region", "south"), ("channel", "app")]
    alerts = [alert("income", 140 + i, 4, of=of, shift=0.4) for i, of in enumerate(slices)]
    alerts += [alert("income", 150, 20, shift=0.4), alert("age", 100, shift=0.3)]
    console = Console(width=200, record=True, file=StringIO())
    reasons = credit_reasons(CREDIT, alerts, [], BEGIN)
    console.print(told(reasons, "what was planted", [], "What to know."))
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    heading = "Each alert, held against what was planted (since: the earliest of any slice)"
    assert lines[1] == heading
    assert lines[2].startswith("age from 2025-04-11 all rows, to 2025-04-16; not planted: a false")
    assert lines[3].startswith("income since 2025-05-21 all rows, 3 slices, 4 alerts; planted from")
    counted = "5 alerts in all: 4 planted, 1 not planted; each of them by --json"
    assert lines[-4:] == ["", counted, "", "What to know."]
