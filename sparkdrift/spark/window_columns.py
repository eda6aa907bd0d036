"""Window boundaries as SQL. Expects the session's time zone to be UTC (see session.py).

Agrees with sparkdrift.windows, which computes the same boundaries on the driver.
"""

from __future__ import annotations

from sparkdrift.spark.sql import string


def window_start(instant: str, grain: str, zone: str) -> str:
    """SQL for the start of the window of `grain` that holds `instant` (a SQL expression)."""
    local = _local(instant, zone)
    truncated = f"date_trunc({string(grain)}, {local})"
    if grain == "hour":
        # By subtraction, so that the repeated hour of autumn stays two hours.
        return f"({instant} - ({local} - {truncated}))"
    return f"to_utc_timestamp({truncated}, {string(zone)})"


def window_end(start: str, grain: str, zone: str) -> str:
    """SQL for the end of the window that begins at `start` (a SQL expression)."""
    if grain == "hour":
        return f"({start} + INTERVAL 1 HOUR)"
    truncated = f"date_trunc({string(grain)}, {_local(start, zone)})"
    return f"to_utc_timestamp({truncated} + INTERVAL 1 {grain.upper()}, {string(zone)})"


def stratum(start: str, season: str | None, zone: str) -> str:
    """SQL for the weekday (0: Monday) or the hour of a window's start; NULL without a season."""
    if season is None:
        return "CAST(NULL AS INT)"
    return f"{season}({_local(start, zone)})"


def position(start: str, grain: str, zone: str) -> str:
    """SQL for a window's number in time: the one right after it has the next; BIGINT.

    Two hours that begin half an hour apart, where clocks change by that, share a number.
    """
    if grain == "hour":
        # Of instants, so that the repeated hour of autumn is two.
        return f"CAST(floor(unix_seconds({start}) / 3600) AS BIGINT)"
    local = f"to_date({_local(start, zone)})"
    if grain == "month":
        return f"CAST(12 * year({local}) + month({local}) AS BIGINT)"
    days = f"CAST(unix_date({local}) AS BIGINT)"
    return days if grain == "day" else f"(({days} + 3) div 7)"


def season_position(start: str, grain: str, zone: str) -> str:
    """As `position`, but by the local clock: the same hour a week earlier is 168 before.

    The hour that clocks repeat in autumn has one number for both; the one skipped in spring none.
    """
    if grain != "hour":
        return position(start, grain, zone)
    local = _local(start, zone)
    return f"(24L * unix_date(to_date({local})) + hour({local}))"


def _local(instant: str, zone: str) -> str:
    return f"from_utc_timestamp({instant}, {string(zone)})"
