"""Windows: half-open intervals [start, end) of local time in a monitor's zone.

Boundaries are truncations of local time, so a day under daylight saving has 23 or
25 hours, and the repeated hour of autumn is two windows. Everything is handled as
aware UTC datetimes; the zone only decides where the boundaries fall.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo

from sparkdrift.errors import UsageError

HOUR = timedelta(hours=1)


@dataclass(frozen=True, order=True)
class Window:
    """One window; `start` and `end` are aware UTC datetimes."""

    start: datetime
    end: datetime

    def meets(self, other: Window) -> bool:
        """Whether both hold an instant; windows that only touch do not."""
        return self.start < other.end and other.start < self.end

    @property
    def in_utc(self) -> str:
        """Both ends in words, to the minute."""
        return f"{self.start:%Y-%m-%d %H:%M} to {self.end:%Y-%m-%d %H:%M} UTC"


def window_at(instant: datetime, grain: str, zone: str) -> Window:
    """The window of `grain` (hour, day, week, month) that holds an aware `instant`."""
    local = instant.astimezone(ZoneInfo(zone))
    if grain == "hour":
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        start = instant.astimezone(timezone.utc) - into
        return Window(start, start + HOUR)
    first = _truncate(local.date(), grain)
    return Window(local_midnight(first, zone), local_midnight(_next(first, grain), zone))


def windows_between(first: datetime, last: datetime, grain: str, zone: str) -> Iterator[Window]:
    """Every window from the one holding `first` to the one holding `last`, in order."""
    window = window_at(first, grain, zone)
    while window.start <= last:
        yield window
        window = window_at(window.end, grain, zone)


def windows_meeting(interval: Window, grain: str, zone: str) -> Iterator[Window]:
    """Every window that has an instant in common with an interval, which is not empty."""
    last = interval.end - timedelta(microseconds=1)
    return windows_between(interval.start, last, grain, zone)


def day_of(instant: datetime) -> datetime:
    """The begin (UTC) of the day that holds an aware `instant`."""
    utc = instant.astimezone(timezone.utc)
    return utc.replace(hour=0, minute=0, second=0, microsecond=0)


def local_midnight(day: date, zone: str) -> datetime:
    """The instant at which `day` begins in `zone`.

    Where a clock change skips midnight, the first instant that exists; where it
    repeats midnight, the first of the two.
    """
    # With fold=0 Python takes the offset in force before the change: for a repeated
    # midnight that is the first, and for a skipped one it lands just after the gap.
    return datetime.combine(day, time(), ZoneInfo(zone)).astimezone(timezone.utc)


def local_instant(value: date | datetime, zone: str) -> datetime:
    """A date or datetime as written in a spec, as an aware UTC instant.

    A naive value is local time in `zone`; an aware one is taken as it is. Raises UsageError for
    anything else, such as the text of a date, which a caller in Python may pass.
    """
    if not isinstance(value, date):
        raise UsageError(
            f"{value!r} is no time; accepted is a date or a datetime, such as "
            "datetime.date(2025, 12, 1)"
        )
    if not isinstance(value, datetime):
        return local_midnight(value, zone)
    aware = value if value.tzinfo is not None else value.replace(tzinfo=ZoneInfo(zone))
    return aware.astimezone(timezone.utc)


def contiguous(windows: Iterable[Window]) -> list[Window]:
    """Windows merged into as few gapless intervals as possible, in order."""
    merged: list[Window] = []
    for window in sorted(windows):
        if merged and window.start == merged[-1].end:
            merged[-1] = Window(merged[-1].start, window.end)
        else:
            merged.append(window)
    return merged


def _truncate(day: date, grain: str) -> date:
    if grain == "day":
        return day
    if grain == "week":
        return day - timedelta(days=day.weekday())
    if grain == "month":
        return day.replace(day=1)
    raise ValueError(f"unknown grain {grain!r}: accepted are hour, day, week, month")


def _next(first: date, grain: str) -> date:
    if grain == "month":
        return (first.replace(day=28) + timedelta(days=4)).replace(day=1)
    return first + timedelta(days=7 if grain == "week" else 1)
