"""Which windows a policy takes, by hand: none that is cited, or that no roll-up holds yet."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

from sparkdrift.errors import SpecError
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.kept import aged, any_missing
from sparkdrift.windows import Window, windows_between


def spec_of(retention: dict, **windows) -> MonitorSpec:
    content = {
        "monitor": "credit",
        "owner": "tests",
        "source": {"path": "/data/log"},
        "timestamp": {"column": "ts", "zone": "Europe/Berlin"},
        "features": {"numeric": ["amount"]},
        "windows": windows,
        "retention": retention,
    }
    return parse_spec(json.dumps(content), "monitor.yml")


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)


def stored(grain: str, first: datetime, last: datetime) -> list[Window]:
    return list(windows_between(first, last, grain, "Europe/Berlin"))


DAYS = stored("day", utc(2024, 1, 1), utc(2024, 12, 30))
MONTHS = stored("month", utc(2024, 1, 1), utc(2024, 11, 15))


def test_times_to_keep_are_never_shorter_than_they_say():
    spec = spec_of({"day": "2 years", "week": "24 months", "month": "forever"}, grain="day")
    assert spec.retention.day == timedelta(days=732)
    assert spec.retention.week == timedelta(days=744)
    assert (spec.retention.month, spec.retention.hour) == (None, None)


@pytest.mark.parametrize(
    ("retention", "grain", "why"),
    [
        ({"day": "for 2 years"}, "day", "no time to keep windows"),
        ({"day": "0 days"}, "day", "no time to keep windows"),
        ({"hour": "90 days"}, "day", "windows of a day are never merged into a hour"),
        ({"day": "90 days", "month": "60 days"}, "day", "each month is kept less long than"),
        ({"month": "3 years"}, "day", "each month is kept less long than the days"),
        ({"days": "90 days"}, "day", "did you mean 'day'"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(retention, grain, why):
    with pytest.raises(SpecError, match=why):
        spec_of(retention, grain=grain)


def test_weeks_may_outlive_nothing_that_they_are_not_merged_into():
    """Weeks never become months: hours do become both."""
    spec_of({"week": "90 days"}, grain="week")
    spec_of({"hour": "30 days", "week": "90 days", "month": "60 days"}, grain="hour")


def test_windows_beyond_their_time_go_and_those_that_are_cited_stay():
    spec = spec_of({"day": "90 days"}, grain="day")
    cited = [Window(utc(2024, 2, 1, 12), utc(2024, 2, 4, 12))]
    found = aged(spec, "day", {"day": DAYS, "week": [], "month": []}, cited)
    assert found is not None
    until = DAYS[-1].end - timedelta(days=90)
    assert found.until == until
    # Half of a day in the interval is enough.
    assert len(found.cited) == 4
    assert found.due == tuple(
        one for one in DAYS if one.end <= until and one not in set(found.cited)
    )
    assert found.waiting == ()


def test_a_day_waits_for_its_month():
    spec = spec_of({"day": "5 days"}, grain="day", rollups=["month"])
    found = aged(spec, "day", {"day": DAYS, "week": [], "month": MONTHS}, [])
    assert found is not None
    # December is not merged yet: its 26 days that are old enough wait.
    assert len(found.waiting) == 25
    assert {one.start.month for one in found.waiting} <= {11, 12}
    assert len(found.due) + len(found.waiting) == sum(1 for one in DAYS if one.end <= found.until)


def test_a_day_does_not_wait_for_a_month_that_is_too_old_itself():
    spec = spec_of({"day": "30 days", "month": "100 days"}, grain="day", rollups=["month"])
    found = aged(spec, "day", {"day": DAYS, "week": [], "month": MONTHS[9:]}, [])
    assert found is not None
    kept = {(one.start + timedelta(hours=2)).month for one in found.waiting}
    # September ended less than 100 days before the year did.
    assert kept == {9}


def test_without_a_policy_nothing_is_too_old():
    spec = spec_of({"day": "forever"}, grain="day")
    assert aged(spec, "day", {"day": DAYS, "week": [], "month": []}, []) is None
    other = spec_of({"day": "1 day"}, grain="day")
    assert aged(other, "day", {"day": [], "week": [], "month": []}, []) is None


GONE = Window(DAYS[9].start, DAYS[40].end)
"""Days 10 to 41 were pruned, but for days 10 and 20; days 1 to 9 never had a profile."""
LEFT = {one.start for one in (DAYS[9], DAYS[19], *DAYS[41:])}


@pytest.mark.parametrize(
    ("first", "last", "holes"),
    [
        (0, 8, False),
        (0, 9, False),
        (0, 10, True),
        (19, 19, False),
        (19, 20, True),
        (40, 50, True),
        (41, 60, False),
    ],
)
def test_only_what_was_pruned_is_missing(first, last, holes):
    interval = Window(DAYS[first].start, DAYS[last].end)
    spec = spec_of({"day": "5 days"}, grain="day")
    assert any_missing(spec, "day", interval, GONE, LEFT) == holes
    assert not any_missing(spec, "day", interval, None, LEFT)
