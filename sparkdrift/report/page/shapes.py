"""One window's distribution of a feature over that of its reference, from stored quantiles."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkdrift.report.facts import Row
from sparkdrift.report.page.scales import Scale, Tick, number, number_ticks, steps
from sparkdrift.report.plain import plain, share

BINS = 40
ITEMS = 12
"""Categories that are listed; what is left over is summed in one line."""
_TAIL = 1
"""Percent of the rows at each end that a picture leaves out, so that one value can't flatten it."""
_HIGHEST = 3.0
"""A bar may be so much higher than the next series' highest one; higher ones are cut, and said."""
_NULL = "(NULL)"
_OTHER = "(others)"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Overlay:
    """Two histograms of a number: shares of rows in equal bins of one axis.

    `facts`: name, reference, window, as texts; `notes`: what the picture does not show.
    """

    reference: str
    window: str
    across: tuple[Tick, ...]
    facts: tuple[tuple[str, str, str], ...]
    notes: tuple[str, ...]
    told: str


@dataclass(frozen=True)
class Bar:
    """A category: its shares, as percent of the axis and as texts. None: not listed there."""

    name: str
    reference: float | None
    window: float | None
    reference_text: str
    window_text: str
    new: bool


def overlay(window: Row, reference: Row) -> Overlay | None:
    """Both distributions of a number; None where either has no quantiles (no finite value)."""
    ours, theirs = _grid(window), _grid(reference)
    if ours is None or theirs is None:
        return None
    low = min(ours[_TAIL], theirs[_TAIL])
    high = max(ours[-1 - _TAIL], theirs[-1 - _TAIL])
    if not high > low:
        room = abs(low) * 0.5 or 1.0
        low, high = low - room, high + room
    edges = np.linspace(low, high, BINS + 1)
    now, then = _shares(ours, edges), _shares(theirs, edges)
    most = min(max(now.max(), then.max()), _HIGHEST * min(now.max(), then.max()))
    across, down = Scale(low, high), Scale(0.0, float(most) * 1.05 or 1.0)
    notes = [
        _cut(name, grid, edges, bars)
        for name, grid, bars in (("the window", ours, now), ("the reference", theirs, then))
        if bars.max() > down.high
    ]
    notes.append(f"{_TAIL} % of the rows at each end may lie outside the picture")
    facts = _facts(window, reference, ours, theirs)
    return Overlay(
        steps(edges, then, across, down),
        steps(edges, now, across, down),
        number_ticks(across),
        facts,
        tuple(notes),
        "; ".join(f"{name}: {then} in the reference, {now} now" for name, then, now in facts),
    )


def _cut(name: str, grid: Floats, edges: Floats, bars: Floats) -> str:
    """What to say of a bar that is higher than the picture."""
    place = int(np.argmax(bars))
    inside = grid[(grid >= edges[place]) & (grid <= edges[place + 1])]
    value = float(np.median(inside)) if len(inside) else float(edges[place])
    return f"cut: near {number(value)} {name} has {share(float(bars[place]))} of its rows"


def _grid(row: Row) -> Floats | None:
    """The quantiles at 0, 1, ... 100 %; None where there are none or they are not finite."""
    if not row["quantiles"]:
        return None
    found = np.asarray(row["quantiles"], dtype=float)
    return found if np.isfinite(found).all() and len(found) > 2 * _TAIL + 1 else None


def _shares(grid: Floats, edges: Floats) -> Floats:
    """The share of rows in each bin: quantiles read as a distribution function.

    Where many quantiles are one value, all of its mass is in the bin of that value: an edge belongs
    to the bin before it, the first one to its own.
    """
    ranks = np.linspace(0.0, 1.0, len(grid))
    # The function at an edge counts all quantiles up to it: of equal ones the last.
    last = np.searchsorted(grid, edges, side="right") - 1
    # Below the first edge is what is smaller: many features are mostly their least value, 0.
    last[0] = np.searchsorted(grid, edges[0], side="left") - 1
    at = np.clip(last, 0, len(grid) - 1)
    following = np.clip(at + 1, 0, len(grid) - 1)
    step = grid[following] - grid[at]
    into = np.divide(edges - grid[at], step, out=np.zeros_like(edges), where=step > 0)
    below = ranks[at] + np.clip(into, 0.0, 1.0) * (ranks[following] - ranks[at])
    below = np.where(last < 0, 0.0, below)
    return np.diff(below)


def _facts(
    window: Row, reference: Row, ours: Floats, theirs: Floats
) -> tuple[tuple[str, str, str], ...]:
    middle, quarter = len(ours) // 2, len(ours) // 4

    def told(row: Row, grid: Floats) -> tuple[str, ...]:
        low, high = float(grid[quarter]), float(grid[-1 - quarter])
        return (
            number(float(grid[middle])),
            f"{number(low)} to {number(high)}",
            number(row["mean"]),
            _null_share(row),
            f"{row['row_count'] or 0:,}",
        )

    names = ("median", "middle half", "mean", "NULL", "rows")
    return tuple(zip(names, told(reference, theirs), told(window, ours), strict=True))


def _null_share(row: Row) -> str:
    rows = row["row_count"] or 0
    return share((row["null_count"] or 0) / rows) if rows else ""


def bars(window: Row, reference: Row, new: Collection[str] = ()) -> tuple[Bar, ...]:
    """The categories of most rows in either, the largest first, NULLs and the rest as two more.

    new: those that the reference lacks. Shares are of all rows. Only the twenty most frequent
    values of each are stored beside the sketch: one that is listed on one side alone is at most
    as frequent as the others' last.
    """
    ours, theirs = _counted(window), _counted(reference)
    names = sorted(
        {*ours, *theirs}, key=lambda one: (-max(ours.get(one, 0), theirs.get(one, 0)), one)
    )
    listed = [(name, theirs.get(name), ours.get(name)) for name in names[:ITEMS]]
    made = [(plain(name, lines=False) or "''", then, now) for name, then, now in listed]
    null = (_NULL, _part(reference, "null_count"), _part(window, "null_count"))
    rest = (
        _OTHER,
        _rest(theirs, names[:ITEMS], null[1]),
        _rest(ours, names[:ITEMS], null[2]),
    )
    made += [one for one in (null, rest) if max(one[1] or 0.0, one[2] or 0.0) >= 0.0005]
    longest = max((max(then or 0.0, now or 0.0) for _, then, now in made), default=0.0) or 1.0
    return tuple(
        Bar(
            name,
            None if then is None else 100 * then / longest,
            None if now is None else 100 * now / longest,
            "not listed" if then is None else share(then),
            "not listed" if now is None else share(now),
            name in new,
        )
        for name, then, now in made
    )


def _counted(row: Row) -> Mapping[str, float]:
    rows = row["row_count"] or 0
    items: Sequence[Mapping[str, Any]] = row["frequent_items"] or ()
    return {str(one["item"]): one["count"] / rows for one in items} if rows else {}


def _part(row: Row, name: str) -> float | None:
    rows = row["row_count"] or 0
    return (row[name] or 0) / rows if rows else None


def _rest(shares: Mapping[str, float], listed: Sequence[str], null: float | None) -> float | None:
    if null is None:
        return None
    return max(0.0, 1.0 - null - sum(shares.get(name, 0.0) for name in listed))
