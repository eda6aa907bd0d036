"""Windows tile time: no gap, no overlap, every instant in exactly one."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.windows import (
    Window,
    contiguous,
    local_instant,
    local_midnight,
    window_at,
    windows_between,
)

ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "America/Havana"),
    *("Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca", "Pacific/Apia"),
)
# Clocks of Lord Howe move by half an hour, so an hour of the clock there is no fixed time.
WHOLE_HOURS = tuple(zone for zone in ZONES if zone != "Australia/Lord_Howe")
GRAINS = ("hour", "day", "week", "month")
INSTANTS = st.datetimes(
    min_value=datetime(2000, 1, 1),  # noqa: DTZ001 - hypothesis takes naive bounds
    max_value=datetime(2030, 1, 1),  # noqa: DTZ001
    timezones=st.just(timezone.utc),
)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)


@st.composite
def places(draw: st.DrawFn) -> tuple[datetime, str, str]:
    grain = draw(st.sampled_from(GRAINS))
    zone = draw(st.sampled_from(WHOLE_HOURS if grain == "hour" else ZONES))
    return draw(INSTANTS), grain, zone


@given(places())
def test_an_instant_lies_in_its_window(place: tuple[datetime, str, str]) -> None:
    instant, grain, zone = place
    window = window_at(instant, grain, zone)
    assert window.start <= instant < window.end
    assert window_at(window.start, grain, zone) == window
    assert window_at(window.end - timedelta(microseconds=1), grain, zone) == window


@given(places())
def test_the_next_window_begins_where_this_one_ends(place: tuple[datetime, str, str]) -> None:
    window = window_at(*place)
    assert window_at(window.end, *place[1:]).start == window.end


@given(places(), st.integers(0, 12))
def test_windows_between_tile_time(place: tuple[datetime, str, str], count: int) -> None:
    instant, grain, zone = place
    last = instant + count * {"hour": 1, "day": 24, "week": 168, "month": 700}[grain] * timedelta(
        hours=1
    )
    windows = list(windows_between(instant, last, grain, zone))
    assert windows[0].start <= instant
    assert windows[-1].start <= last < windows[-1].end
    assert all(before.end == after.start for before, after in pairwise(windows))
    assert contiguous(windows) == [Window(windows[0].start, windows[-1].end)]


@given(INSTANTS, st.sampled_from(ZONES), st.sampled_from(["day", "week", "month"]))
def test_long_windows_are_made_of_days(instant: datetime, zone: str, grain: str) -> None:
    window = window_at(instant, grain, zone)
    days = list(windows_between(window.start, window.end - timedelta(seconds=1), "day", zone))
    assert (days[0].start, days[-1].end) == (window.start, window.end)
    local = window.start.astimezone(ZoneInfo(zone))
    assert grain != "week" or local.weekday() == 0
    assert grain != "month" or local.day == 1


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", date(2024, 3, 31), 23),
        ("Europe/Berlin", date(2024, 10, 27), 25),
        ("America/New_York", date(2024, 3, 10), 23),
        ("America/New_York", date(2024, 11, 3), 25),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("America/Sao_Paulo", date(2019, 2, 16), 25),
        ("America/Havana", date(2024, 11, 3), 25),
        ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
        ("Australia/Lord_Howe", date(2024, 10, 6), 23.5),
        ("Asia/Kathmandu", date(2024, 3, 31), 24),
        ("UTC", date(2024, 3, 31), 24),
    ],
)
def test_days_are_as_long_as_the_clock_says(zone: str, day: date, hours: float) -> None:
    window = window_at(local_midnight(day, zone), "day", zone)
    assert window.end - window.start == timedelta(hours=hours)


def test_the_repeated_hour_is_two_windows() -> None:
    first = window_at(utc(2024, 10, 27, 0, 30), "hour", "Europe/Berlin")
    second = window_at(utc(2024, 10, 27, 1, 30), "hour", "Europe/Berlin")
    assert first == Window(utc(2024, 10, 27, 0), utc(2024, 10, 27, 1))
    assert second == Window(utc(2024, 10, 27, 1), utc(2024, 10, 27, 2))


def test_midnight_that_is_skipped_or_repeated() -> None:
    assert local_midnight(date(2018, 11, 4), "America/Sao_Paulo") == utc(2018, 11, 4, 3)
    assert local_midnight(date(2024, 11, 3), "America/Havana") == utc(2024, 11, 3, 4)


def test_what_a_spec_says_is_local_time() -> None:
    assert local_instant(date(2024, 7, 1), "Europe/Berlin") == utc(2024, 6, 30, 22)
    naive = datetime(2024, 7, 1, 6)  # noqa: DTZ001 - as a spec has it
    assert local_instant(naive, "Europe/Berlin") == utc(2024, 7, 1, 4)
    assert local_instant(utc(2024, 7, 1), "Europe/Berlin") == utc(2024, 7, 1)


def test_contiguous_keeps_gaps() -> None:
    days = [Window(utc(2024, 1, d), utc(2024, 1, d + 1)) for d in (3, 1, 2, 7)]
    assert contiguous(days) == [
        Window(utc(2024, 1, 1), utc(2024, 1, 4)),
        Window(utc(2024, 1, 7), utc(2024, 1, 8)),
    ]
    assert contiguous([]) == []


def test_an_unknown_grain_is_refused() -> None:
    with pytest.raises(ValueError, match="accepted are hour, day, week, month"):
        window_at(utc(2024, 1, 1), "year", "UTC")
