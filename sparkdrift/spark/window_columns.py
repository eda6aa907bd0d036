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


def _local(instant: str, zone: str) -> str:
    return f"from_utc_timestamp({instant}, {string(zone)})"
