"""How far a model shapes the rows it will learn from, over windows: rows of the view `feedback`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sparkdrift.explain.course import MONTH
from sparkdrift.measures.series import NotMeasured
from sparkdrift.measures.trend import Trend, trend
from sparkdrift.report.plain import day, named, share

Row = Mapping[str, Any]
LISTED = ("window", "rows", "known", "shaped", "share", "95 %", "reason")
LEVEL = 0.01
"""From which p-value of Mann-Kendall's test down the share is said to rise or fall."""


@dataclass(frozen=True)
class Watched:
    """The share of shaped rows of the whole table, over W windows.

    course: its trend, per window, or why there is none. newest: the last row with a share, None
    where none has one. beyond: starts of the windows whose share surely is above the limit: the
    lower end of its 95 % interval is.
    """

    course: Trend | NotMeasured
    newest: Row | None
    beyond: tuple[datetime, ...]


def watch(rows: Sequence[Row], limit: float) -> Watched:
    """What the rows of the view for the whole table, one per window in time order, show.

    A window without a share (no rows, or of none of them it is known) keeps its place in time.
    Source: `measures.trend`; Wilson's interval.
    """
    known = [row for row in rows if row["share"] is not None]
    shares = [float("nan") if row["share"] is None else row["share"] for row in rows]
    return Watched(
        course=trend(shares),
        newest=known[-1] if known else None,
        beyond=tuple(row["window_start"] for row in known if row["low"] > limit),
    )


def watched_lines(found: Watched, limit: float, zone: str) -> list[str]:
    """The same in words; what was not measured is said to be so."""
    if found.newest is None:
        return ["shaped by the model: not measured in any of the windows"]
    one = found.newest
    now = (
        f"shaped by the model: {share(one['share'])} of the rows in the window of "
        f"{day(one['window_start'], zone)} ({share(one['low'])} to {share(one['high'])})"
    )
    lines = [now, _trend(found.course)]
    if found.beyond:
        lines.append(
            f"above the limit of {share(limit)} in {named(len(found.beyond), 'window')}, first "
            f"{day(found.beyond[0], zone)}: a reference of such windows does not pass the gate"
        )
    else:
        lines.append(f"surely above the limit of {share(limit)} in no window")
    return lines


def _trend(course: Trend | NotMeasured) -> str:
    if isinstance(course, NotMeasured):
        return f"trend: not measured, {course.reason}"
    low, high = (100 * MONTH * one for one in (course.slope_low, course.slope_high))
    told = (
        f"{100 * MONTH * course.slope:+.1f} points per {MONTH} windows ({low:+.1f} to {high:+.1f})"
    )
    if course.p_value > LEVEL:
        return f"trend: none that stands out, {told}, p = {course.p_value:.2g}"
    way = "rising" if course.slope > 0 else "falling"
    return f"trend: {way}, {told}, p = {course.p_value:.2g}"


def share_lines(rows: Sequence[Row], zone: str) -> list[list[Any]]:
    """The windows as cells of LISTED, the newest first."""
    return [_line(row, zone) for row in reversed(rows)]


def _line(row: Row, zone: str) -> list[Any]:
    counts = [row["rows"], row["known_rows"], row["shaped_rows"]]
    between = "" if row["low"] is None else f"{share(row['low'])} to {share(row['high'])}"
    return [
        day(row["window_start"], zone),
        *("" if one is None else f"{one:,}" for one in counts),
        "" if row["share"] is None else share(row["share"]),
        between,
        row["reason"] or "",
    ]
