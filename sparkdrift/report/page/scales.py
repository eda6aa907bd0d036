"""Axes: where a value stands, which round numbers and days are written beside it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

WIDTH, HEIGHT = 1000.0, 100.0
"""Units of a drawing; it is stretched to its place, so they have no proportion."""
_ROUND = (1.0, 2.0, 2.5, 5.0, 10.0)
_DAY = timedelta(days=1)
_LAST = 96.0


@dataclass(frozen=True)
class Tick:
    """`at`: percent of the axis, from the left or from the bottom."""

    at: float
    text: str


@dataclass(frozen=True)
class Scale:
    """A linear axis from `low` to `high`; values are numbers or seconds."""

    low: float
    high: float

    def part(self, value: float) -> float:
        """0 to 1 along the axis, clipped to it."""
        if self.high <= self.low:
            return 0.5
        return min(max((value - self.low) / (self.high - self.low), 0.0), 1.0)

    def across(self, value: float) -> str:
        """The place from the left, as a drawing writes it."""
        return coordinate(WIDTH * self.part(value))

    def down(self, value: float) -> str:
        """The place from the top."""
        return coordinate(HEIGHT * (1 - self.part(value)))


def coordinate(value: float) -> str:
    """A place in a drawing with at most one decimal: pages of many marks stay small."""
    text = f"{value:.1f}"
    return text[:-2] if text.endswith(".0") else text


def fitted(values: Iterable[float | None], least: float = 0.0, around: float = 0.06) -> Scale:
    """An axis around finite values, at least `least` long; NaN and None are left out."""
    known = [one for one in values if one is not None and math.isfinite(one)]
    if not known:
        return Scale(0.0, 1.0)
    low, high = min(known), max(known)
    short = max(least - (high - low), 0.0) or (0.0 if high > low else abs(high) or 1.0)
    low, high = low - short / 2, high + short / 2
    room = around * (high - low)
    return Scale(low - room, high + room)


def number_ticks(scale: Scale, most: int = 4) -> tuple[Tick, ...]:
    """Round numbers inside the axis, at most about `most` of them."""
    long = scale.high - scale.low
    if not (long > 0 and math.isfinite(long)):
        return ()
    rough = long / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((one * power for one in _ROUND if one * power >= rough), 10 * power)
    first, last = math.ceil(scale.low / step), math.floor(scale.high / step)
    if last - first > 4 * most:  # the axis is finer than doubles are there
        return ()
    values = [step * i for i in range(first, last + 1)]
    return tuple(
        Tick(100 * scale.part(one), text)
        for one, text in zip(values, numerals(values, step), strict=True)
    )


def numerals(values: Sequence[float], step: float) -> list[str]:
    """Numbers in so many decimals as the step between them asks for: 0.25, 1,200, 3e+08."""
    largest = max((abs(one) for one in values), default=0.0)
    if largest >= 1e7 or 0 < step < 1e-5:
        return [f"{one:.3g}" for one in values]
    digits = max(0, math.ceil(-math.log10(step) - 1e-9))
    if digits and not math.isclose(step * 10**digits, round(step * 10**digits)):
        digits += 1
    return [f"{one + 0.0:,.{digits}f}" for one in values]


def number(value: float | None) -> str:
    """A value as people read it: 4 digits, thousands marked; '' where it is not known."""
    if value is None:
        return ""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("∞" if value > 0 else "-∞")
    if value and not 1e-4 <= abs(value) < 1e7:
        return f"{value:.3g}"
    digits = 0 if abs(value) >= 1000 else max(0, 3 - math.floor(math.log10(abs(value) or 1)))
    text = f"{value:,.{min(digits, 4)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def seconds(instant: datetime) -> float:
    return instant.timestamp()


def time_ticks(begin: datetime, end: datetime, zone: str, most: int = 5) -> tuple[Tick, ...]:
    """Days, or firsts of months, at most `most` of them, as local dates."""
    scale = Scale(seconds(begin), seconds(end))
    place = ZoneInfo(zone)
    first, last = begin.astimezone(place), end.astimezone(place)
    if last - first <= 3 * _DAY:
        middle = first + (last - first) / 2
        return tuple(
            Tick(100 * scale.part(seconds(at)), f"{at:%m-%d %H:%M}") for at in (first, middle)
        )
    days: list[datetime] = []
    at = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while at <= last:
        if at >= first:
            days.append(at)
        at += _DAY
    months = [one for one in days if one.day == 1]
    chosen = months if len(months) >= 3 else days
    every = max(1, math.ceil(len(chosen) / most))
    form = "%Y-%m" if chosen is months else "%m-%d"
    ticks = [Tick(100 * scale.part(seconds(one)), one.strftime(form)) for one in chosen[::every]]
    # A word at the very end would stand outside of the picture.
    return tuple(one for one in ticks if one.at <= _LAST)


def steps(edges: np.ndarray, heights: np.ndarray, across: Scale, down: Scale) -> str:
    """The outline of a histogram as a path, closed at the bottom."""
    parts = [f"M{across.across(edges[0])} {down.down(0)}"]
    for left, right, height in zip(edges[:-1], edges[1:], heights, strict=True):
        top = down.down(height)
        parts.append(f"L{across.across(left)} {top}L{across.across(right)} {top}")
    parts.append(f"L{across.across(edges[-1])} {down.down(0)}Z")
    return "".join(parts)
