"""Local time: which zones exist, which times they skip, where windows begin.

Only names that mean the same on every machine are accepted: IANA regions, not
`localtime`, and not the copies that systems keep under `posix/` and `right/`.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

ACCEPTED_ZONE = "an IANA name such as Europe/Berlin; a fixed offset as Etc/GMT-2 (east is minus)"
# Weeks never become months: a month begins inside a week.
ROLLUPS = {
    "hour": ("day", "week", "month"),
    "day": ("week", "month"),
    "week": (),
    "month": (),
}

USUAL_SECONDS = {"hour": 3600, "day": 86_400, "week": 604_800, "month": 2_629_746}
"""How long a window of each grain usually is; a month: a twelfth of the Gregorian year."""

_NOT_REGIONS = frozenset(["Factory", "localtime", "posixrules"])


@cache
def known_zones() -> Collection[str]:
    """Every accepted zone name."""
    return frozenset(available_timezones()) - _NOT_REGIONS


def exists(zone: str) -> bool:
    """Whether `zone` is an accepted name, in exactly this spelling."""
    return zone in known_zones()


def is_skipped(local: datetime, zone: str) -> bool:
    """Whether the naive time `local` never shows on a clock in `zone` (start of summer time)."""
    there = local.replace(tzinfo=ZoneInfo(zone))
    back = there.astimezone(timezone.utc).astimezone(ZoneInfo(zone))
    return back.replace(tzinfo=None) != local


def window_start(time: datetime, grain: str) -> datetime:
    """The local start of the window that holds `time`; weeks begin on Monday (ISO 8601)."""
    hour = time.replace(minute=0, second=0, microsecond=0)
    if grain == "hour":
        return hour
    day = hour.replace(hour=0)
    if grain == "day":
        return day
    if grain == "month":
        return day.replace(day=1)
    return day - timedelta(days=day.weekday())
