"""The heat map: a row of small bars for each feature, one bar a window.

A status has a height as well as a colour, so that it can be told without seeing colours and on
paper. Bars of one status are one path, so a page of many windows stays small.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.report.facts import Row
from sparkdrift.report.page.scales import WIDTH, Scale, coordinate, seconds
from sparkdrift.report.plain import day, named

HEIGHTS: Mapping[str, float] = {"drifted": 100.0, "warning": 60.0, "ok": 22.0, "unmeasured": 8.0}
"""How high the bar of a status is, in percent of its row."""
MEASURED = ("drifted", "warning", "ok")
UNMEASURED = "unmeasured"


@dataclass(frozen=True)
class Bars:
    """All bars of one status, as one path in a drawing of WIDTH x 100."""

    status: str
    path: str


@dataclass(frozen=True)
class Strip:
    """One row; `told` says it in words, `short` in two or three."""

    name: str
    bars: tuple[Bars, ...]
    told: str
    short: str
    windows: int
    drifted: int


def strip(name: str, cells: Sequence[Row], within: tuple[datetime, datetime], zone: str) -> Strip:
    """A row of one bar per cell: dicts with window_start, window_end and status, in any order.

    A status that is none of drifted, warning and ok was not measured.
    """
    ordered = sorted(cells, key=lambda one: one["window_start"])
    kinds = [one["status"] if one["status"] in MEASURED else UNMEASURED for one in ordered]
    across = Scale(seconds(within[0]), seconds(within[1]))
    parts: dict[str, list[str]] = {}
    place = 0
    while place < len(ordered):
        last = place
        while _goes_on(ordered, kinds, last):
            last += 1
        left = WIDTH * across.part(seconds(ordered[place]["window_start"]))
        right = WIDTH * across.part(seconds(ordered[last]["window_end"]))
        top = 100 - HEIGHTS[kinds[place]]
        parts.setdefault(kinds[place], []).append(
            f"M{coordinate(left)} {coordinate(top)}H{coordinate(right)}V100H{coordinate(left)}Z"
        )
        place = last + 1
    bars = tuple(Bars(status, "".join(paths)) for status, paths in parts.items())
    worst = kinds.count(MEASURED[0])
    return Strip(
        name,
        bars,
        _told(name, ordered, kinds, zone),
        f"{worst} of {len(kinds)}" if worst else "",
        len(kinds),
        worst,
    )


def _goes_on(ordered: Sequence[Row], kinds: Sequence[str], place: int) -> bool:
    """Whether the next window is of the same status and begins where this one ends."""
    if place + 1 >= len(ordered) or kinds[place + 1] != kinds[place]:
        return False
    return bool(ordered[place + 1]["window_start"] <= ordered[place]["window_end"])


def _told(name: str, ordered: Sequence[Row], kinds: Sequence[str], zone: str) -> str:
    if not ordered:
        return f"{name}: no window"
    counts = [f"{kinds.count(one)} {one}" for one in MEASURED if one in kinds]
    if UNMEASURED in kinds:
        counts.append(f"{kinds.count(UNMEASURED)} not measured")
    begin, end = day(ordered[0]["window_start"], zone), day(ordered[-1]["window_end"], zone)
    return f"{name}, {named(len(kinds), 'window')} from {begin} to {end}: {', '.join(counts)}"
