"""Charts over time: lines that break where nothing was measured, and bands around them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.report.page.scales import (
    Scale,
    Tick,
    fitted,
    number,
    number_ticks,
    seconds,
    time_ticks,
)


@dataclass(frozen=True)
class Point:
    """A value at an instant; `value` None: not measured, so the line breaks there."""

    at: datetime
    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Series:
    """What is to be drawn: `kind` names its style."""

    name: str
    kind: str
    points: Sequence[Point]


@dataclass(frozen=True)
class Line:
    """A series as paths. `dots`: points that have no neighbour; `newest`: its last value."""

    name: str
    kind: str
    path: str
    dots: tuple[tuple[str, str], ...]
    band: str
    newest: str


@dataclass(frozen=True)
class Chart:
    """A chart in units of `scales`, stretched to its place; `told` says it in words."""

    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    told: str


def chart(
    series: Sequence[Series],
    within: tuple[datetime, datetime],
    zone: str,
    told: str,
    *,
    least: float = 0.0,
    zero: bool = False,
) -> Chart:
    """The series over the time `within`. least: the shortest axis of values; zero: it begins at 0.

    A series without any value is left out.
    """
    shown = [one for one in series if any(point.value is not None for point in one.points)]
    values = [
        value for one in shown for point in one.points for value in (point.value, point.low,
                                                                     point.high)
    ]  # fmt: skip
    down = fitted(values, least)
    if zero:
        down = Scale(0.0, max(down.high, least))
    across = Scale(seconds(within[0]), seconds(within[1]))
    lines = tuple(_line(one, across, down) for one in shown)
    return Chart(lines, time_ticks(*within, zone), number_ticks(down), told)


def _line(series: Series, across: Scale, down: Scale) -> Line:
    runs = _runs(series.points)
    path = "".join(
        f"M{'L'.join(f'{x} {y}' for x, y in _places(run, across, down))}"
        for run in runs
        if len(run) > 1
    )
    alone = tuple(_places(run, across, down)[0] for run in runs if len(run) == 1)
    band = "".join(
        _around(run, across, down)
        for run in _runs([one for one in series.points if one.low is not None])
        if len(run) > 1
    )
    newest = next(one.value for one in reversed(series.points) if one.value is not None)
    return Line(series.name, series.kind, path, alone, band, number(newest))


def _runs(points: Sequence[Point]) -> list[list[Point]]:
    """The points in pieces, cut where a value is missing."""
    runs: list[list[Point]] = [[]]
    for point in points:
        if point.value is None:
            runs.append([])
        else:
            runs[-1].append(point)
    return [run for run in runs if run]


def _places(run: Sequence[Point], across: Scale, down: Scale) -> list[tuple[str, str]]:
    return [(across.across(seconds(one.at)), down.down(one.value or 0.0)) for one in run]


def _around(run: Sequence[Point], across: Scale, down: Scale) -> str:
    """The band from low to high of neighbouring points."""
    there = [(across.across(seconds(one.at)), one.low, one.high) for one in run]
    upper = [f"{x} {down.down(high)}" for x, _, high in there if high is not None]
    lower = [f"{x} {down.down(low)}" for x, low, _ in there if low is not None]
    return f"M{'L'.join(upper)}L{'L'.join(reversed(lower))}Z"
