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
DIFFERING = ("feature", "differs by", "95 %", "verdict", "differs in", "what moved")
MOST_FEATURES = 20
"""So many features are listed; --json has all."""
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


def differing_lines(rows: Sequence[Row], zone: str) -> list[str]:
    """In words, how the features of shaped rows differ from those of the others."""
    measured = [row for row in rows if row["windows"]]
    if not measured:
        why = (
            rows[0]["reason"] if rows else "no window has rows on both sides since it is asked for"
        )
        return [f"shaped against the other rows: not measured, {why}"]
    newest = max(row["window_start"] for row in measured)
    now = [row for row in measured if row["window_start"] == newest]
    apart = [row for row in now if row["status"] == "drifted"]
    told = f"shaped against the other rows of the window of {day(newest, zone)}: "
    told += f"{len(apart)} of {named(len(rows), 'feature')} differ by more than matters"
    if apart:
        most = ", ".join(f"{row['column_name']} ({_sd(row['effect'])})" for row in apart[:3])
        told += f", most of all {most}"
    if len(now) < len(rows):
        told += f"; {len(rows) - len(now)} could not be measured in it"
    return [told]


def difference_lines(rows: Sequence[Row]) -> list[list[Any]]:
    """The features as cells of DIFFERING, those that differ most first."""
    return [
        [
            row["column_name"],
            _sd(row["effect"]),
            ""
            if row["effect_low"] is None
            else f"{row['effect_low']:.2f} to {row['effect_high']:.2f}",
            row["status"] if row["windows"] else "not measured",
            f"{row['differ']} of {named(row['windows'], 'window')}",
            row["reason"] or "",
        ]
        for row in rows[:MOST_FEATURES]
    ]


def _sd(effect: float | None) -> str:
    return "" if effect is None else f"{effect:.2f} sd"
