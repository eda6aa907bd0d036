"""Bins: cut once from a reference, stored with it, and used for every window after that.

Bins are never cut from window and reference together: such bins move with each window.
A bin is named by its upper edge, inclusive ("value <= edge goes left"); the first is
open below, the last open above. Infinities are counted apart, not in the end bins.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.kll import Points, finite, quantile, rank


def numeric_bins(points: Points | None, bins: int = 10) -> Floats:
    """Interior upper edges (B' - 1,), ascending, that cut `points` into about `bins` equal parts.

    A value that repeats and holds at least 1/(2 bins) of the rows gets its own bin, by
    the edges nextafter(v, -inf) and v. Each gap between such values is cut into
    round(mass x bins) parts of equal mass (at least one), so a feature without such
    values gets plain quantile edges. A gap with less than 1/(10 bins) joins the value
    above it (the last gap the one below), unless that left a single bin. No reference
    bin is empty, and B' is at most 4 bins.
    A constant reference gets [nextafter(v, -inf), v]: its two empty bins are what shows
    a window that leaves the constant. No points, or none finite: no edges, shape (0,).
    Raises ValueError when bins < 2.
    Source: Siddiqi, Credit Risk Scorecards, 2006 (PSI over reference deciles); the rule for
    repeated values is this project's own.
    """
    if bins < 2:
        raise ValueError(f"bins = {bins}, at least 2 accepted")
    held = finite(points)
    if held is None:
        return np.empty(0)
    if held.minimum == held.maximum:
        return np.array([np.nextafter(held.minimum, -np.inf), held.minimum])
    repeated = _repeated(held, 1 / (2 * bins))
    edges = _cut(held, repeated, bins, thinnest=1 / (10 * bins))
    return edges if len(edges) else _cut(held, repeated, bins, thinnest=0.0)


def _cut(
    points: Points, repeated: list[tuple[float, float, float]], bins: int, thinnest: float
) -> Floats:
    edges: list[float] = []
    done = 0.0
    for value, below, upto in repeated:
        if below - done >= thinnest:
            edges.extend(_equal_parts(points, done, below, bins))
            edges.append(float(np.nextafter(value, -np.inf)))
        edges.append(value)
        done = upto
    if 1.0 - done >= thinnest:
        edges.extend(_equal_parts(points, done, 1.0, bins))
    else:
        edges.pop()
    return _without_empty(points, np.unique(edges))


def _repeated(points: Points, mass: float) -> list[tuple[float, float, float]]:
    """(value, exclusive rank, inclusive rank) of values held twice or more with >= `mass`."""
    first = np.flatnonzero(np.diff(points.values, prepend=-np.inf) > 0)
    last = np.append(first[1:], len(points.values)) - 1
    upto = points.cumulative[last] / points.n
    below = np.concatenate(([0.0], upto[:-1]))
    chosen = (last > first) & (upto - below >= mass)
    columns = (points.values[first][chosen], below[chosen], upto[chosen])
    return list(zip(*(column.tolist() for column in columns), strict=True))


def _equal_parts(points: Points, low: float, high: float, bins: int) -> list[float]:
    """The inner edges that cut the ranks (low, high) into round((high - low) x bins) parts."""
    parts = max(1, round((high - low) * bins))
    ranks = low + (high - low) * np.arange(1, parts) / parts
    return [float(edge) for edge in quantile(points, ranks)]


def _without_empty(points: Points, edges: Floats) -> Floats:
    """Edges without those that close an empty bin, and without one that leaves none above."""
    inner = edges[edges < points.values[-1]]
    counts = bin_counts(points, inner)
    return floats(inner[counts[:-1] > 0])


def bin_counts(points: Points | None, edges: ArrayLike) -> Floats:
    """Rows in each bin, float64 (B,) for edges (B - 1,); zeros when there are no finite rows."""
    upper = floats(edges)
    held = finite(points)
    if held is None:
        return np.zeros(len(upper) + 1)
    below = np.concatenate(([0.0], rank(held, upper) * held.n, [float(held.n)]))
    return floats(below[1:] - below[:-1])


def categorical_bins(items: Sequence[str], counts: ArrayLike, limit: int = 200) -> tuple[str, ...]:
    """The reference's categories that get a bin: the `limit` largest, ties by name ascending.

    All others, and every category that the reference lacks, share the last bin, "other".
    Source: section 3 of the project's statistics (beyond about 200 categories the
    distances say little; L-infinity and the mass of "other" decide).
    """
    sizes = floats(counts)
    order = sorted(range(len(items)), key=lambda i: (-sizes[i], items[i]))
    return tuple(items[i] for i in order[: max(0, limit)])


def category_counts(held: Mapping[str, int], total: int, bins: Sequence[str]) -> Floats:
    """Rows in each bin of `categorical_bins`, "other" last: float64 (len(bins) + 1,).

    held: count of each category known; total: all rows that are not null.
    """
    named = [float(held.get(name, 0)) for name in bins]
    return np.array([*named, max(0.0, total - sum(named))])


@dataclass(frozen=True, eq=False)
class Pooled:
    """Counts after pooling; a cell that was emptied is 0 on both sides and carries no weight.

    reference, window: float64 (W, B). bins: float64 (W,), the bins left; 1 means that
    nothing can be compared (no degree of freedom), which every test answers with NaN.
    """

    reference: Floats
    window: Floats
    bins: Floats


def pool(
    reference_counts: ArrayLike,
    window_counts: ArrayLike,
    n: ArrayLike | None = None,
    minimum: float = 1.0,
) -> Pooled:
    """Join the bins too small for a chi-square, for each window by its own size.

    reference_counts (B,), window_counts (W, B), n (W,): rows, by default the sums of
    window_counts. A bin is small when min(n, m) p_b < minimum, p and m the reference's
    shares and rows: the window's own counts decide nothing, or the test would choose
    its bins by its outcome. Small bins go, smallest first, into the largest of them; if
    together they still expect less than `minimum`, the next larger bins join as well.
    So no bin of the reference is left empty: what a category unknown to the reference
    adds is judged apart, by `categorical.new_share`. An empty side leaves bins = NaN.
    Source: Cochran, Some Methods for Strengthening the Common chi-square Tests, 1954.
    """
    reference = floats(reference_counts)
    window = np.atleast_2d(floats(window_counts))
    total = reference.sum()
    rows = window.sum(axis=-1) if n is None else np.broadcast_to(floats(n), window.shape[:1])
    smaller = np.minimum(rows, total)
    order = np.argsort(reference, kind="stable")
    needed = divide(minimum, smaller)
    ordered = divide(reference[order], total)
    reached = np.cumsum(ordered) * (1 + 1e-12)
    small = (ordered < needed[:, None] * (1 - 1e-12)).sum(axis=-1)
    short = (reached < needed[:, None]).sum(axis=-1) + 1
    joined = np.where(small == 0, 1, np.minimum(np.maximum(small, short), len(reference)))
    return Pooled(
        reference=_join(np.broadcast_to(reference, window.shape), order, joined),
        window=_join(window, order, joined),
        bins=np.where(np.isfinite(needed), len(reference) - joined + 1.0, np.nan),
    )


def _join(counts: Floats, order: NDArray[np.intp], joined: NDArray[np.int_]) -> Floats:
    """Counts (W, B), the first joined (W,) cells of `order` (B,) added into the last of them."""
    ordered = counts[:, order]
    place = np.arange(ordered.shape[1])
    taken = place < joined[:, None]
    sums = np.where(taken, ordered, 0.0).sum(axis=-1, keepdims=True)
    moved = np.where(taken, np.where(place == joined[:, None] - 1, sums, 0.0), ordered)
    result = np.empty_like(moved)
    result[:, order] = moved
    return result
