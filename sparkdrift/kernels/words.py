"""What moved, in words: names of bins, and what became of values and categories."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from sparkdrift.measures.arrays import Floats
from sparkdrift.measures.bins import rest_as_one
from sparkdrift.measures.kll import Points
from sparkdrift.measures.numeric import Tails

NAMED = 3
OTHER = "other"
EVERY = "every value is "
"""How `moved_values` and `moved_ranks` begin where a window holds one value."""
# Ranks in ten bins can't tell how far beyond the last bin the values went.
FARTHEST = 2.0
_LEAST = 0.05
_DIGITS, _EXACT, _LARGEST_PLAIN = 6, 17, 1e16


def numerals(values: Sequence[float]) -> list[str]:
    """Each value in digits, six of them or as many as it takes for all that differ to look so.

    Where more than six are needed, whole numbers are written out: 1700000000, not 1.7e+09.
    """
    different = len(set(values))
    for digits in range(_DIGITS, _EXACT + 1):
        texts = [f"{value:.{digits}g}" for value in values]
        if len(set(texts)) >= different:
            break
    largest = max((abs(value) for value in values), default=0.0)
    if digits > _DIGITS and largest < _LARGEST_PLAIN:
        digits = max(digits, len(str(int(largest))))
        texts = [f"{value:.{digits}g}" for value in values]
    return texts


def bin_names(edges: Floats) -> list[str]:
    """'<= 1', '1 to 2', '> 2': the bins of inner upper edges, which belong to the bin below.

    A bin that holds one value alone, by the edges nextafter(v, -inf) and v, is '= v'.
    """
    if not len(edges):
        return ["any"]
    alone = [low == np.nextafter(high, -np.inf) for low, high in pairwise(edges)]
    # Such a pair is one number to a reader: its two edges are not told apart.
    shown = [
        float(edges[i + 1]) if i < len(alone) and alone[i] else float(edge)
        for i, edge in enumerate(edges)
    ]
    said = numerals(shown)
    names = [f"<= {said[0]}" if not (alone and alone[0]) else f"< {said[0]}"]
    for i, single in enumerate(alone):
        names.append(f"= {said[i + 1]}" if single else f"{said[i]} to {said[i + 1]}")
    return [*names, f"> {said[-1]}"]


def moved_values(points: Points | None, tails: Tails, unit: str) -> str:
    """What became of the values, by their median; unit: the name of the unit of `tails`."""
    if points is None or not np.isfinite(tails.median):
        return ""
    if points.minimum == points.maximum:
        return _single(points.minimum)
    size = abs(tails.median)
    if size < _LEAST:
        return "its shape changed, the median did not move"
    return f"the median moved {'up' if tails.median > 0 else 'down'} by {size:.2f} {unit}"


def moved_ranks(points: Points | None, shift: float) -> str:
    """What became of the values, by `binned.rank_shift`: of a stratum no median is stored."""
    if points is None or not np.isfinite(shift):
        return ""
    if points.minimum == points.maximum:
        return _single(points.minimum)
    size = abs(shift)
    if size < _LEAST:
        return "its shape changed, the middle did not move"
    far = f"{size:.2f} sd" if size < FARTHEST else f"{FARTHEST:g} sd or more"
    return f"the values moved {'up' if shift > 0 else 'down'} by {far}, by their ranks"


def _single(value: float) -> str:
    short = f"{value:g}"
    return f"{EVERY}{short if float(short) == value else f'{value:.10g}'}"


def changed(items: Sequence[str], known: Floats, counts: Floats) -> str:
    """The categories whose share changed most, in points; known, counts (B,), items first."""
    rows, before = counts.sum(), known.sum()
    if not rows or not before:
        return ""
    gap = rest_as_one(counts, len(items)) / rows - rest_as_one(known, len(items)) / before
    order = np.argsort(-np.abs(gap), kind="stable")[:NAMED].tolist()
    parts = [
        f"{(items[i] if i < len(items) else OTHER)!r} {100 * gap[i]:+.1f} points"
        for i in order
        if abs(gap[i]) >= 0.005
    ]
    return ", ".join(parts)
