"""Bins: cut once from a reference, stored with it, and used for every window after that.

Bins are never cut from window and reference together: such bins move with each window.
A bin is named by its upper edge, inclusive ("value <= edge goes left"); the first is
open below, the last open above. Infinities are counted apart, not in the end bins.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.kll import Points, finite, quantile, rank

GROUPS = 50
"""Of how many groups the distance of more than 200 categories is made, beside the large ones."""
LEAST_EXPECTED = 2.5
"""Rows that a group must expect: with 1, groups of rare categories rejected up to 4 % of
harmless windows at a nominal 1 %, with 2.5 up to 2.5 %; deciles of 30 rows stay ten bins [sim]."""
_CERTAIN = 25.0  # rows whose share is known to a fifth


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


def categorical_bins(
    items: Sequence[str], counts: ArrayLike, total: float, limit: int = 200
) -> tuple[str, ...]:
    """The reference's categories that get a bin of their own, the largest first, ties by name.

    All of them, if they are at most `limit` and hold all rows (total). Else those that hold a
    share of T or more, T between 1/`limit` (or 25 rows, if that is more) and twice
    that. Cut by the very counts that give the shares, bins would hold what chance added to them
    and all others lack it: of 500 equal categories the 200 largest made 32 % of harmless
    windows a warning [sim]. So T lies where next to no category is near: where the expected
    excess of what is above it, sum sd phi((count - T) / sd), is least.
    Source: sections 3 of the project's statistics (L-infinity and the rest decide beyond about
    200 categories); the excess of a truncated normal, Johnson, Kotz, Balakrishnan 1994, 13.10.
    """
    sizes = floats(counts)
    order = sorted(range(len(items)), key=lambda i: (-sizes[i], items[i]))
    if sizes.sum() >= total and len(items) <= limit:
        return tuple(items[i] for i in order)
    least = max(total / limit, _CERTAIN)
    cuts = least * np.linspace(1.0, 2.0, 41)
    sd = np.sqrt(np.maximum(sizes, 1.0))[:, None]
    z = (sizes[:, None] - cuts) / sd
    excess = (sd * np.exp(-(z**2) / 2)).sum(axis=0)
    cut = cuts[int(np.argmin(excess))]
    return tuple(items[i] for i in order if sizes[i] >= cut)


def rest_groups(items: Sequence[str], bins: Sequence[str], *, complete: bool) -> int:
    """Into how many groups the categories without a bin are split: GROUPS of many, else 1.

    Only of complete counts: rows of categories that are not listed belong to no group.
    """
    return GROUPS if complete and len(items) > len(bins) else 1


def category_counts(
    held: Mapping[str, int], total: int, bins: Sequence[str], groups: int = 1
) -> Floats:
    """Rows in each bin of `categorical_bins`, then in the groups of the rest: (B,).

    held: count of each category known; total: all rows that are not null. One group: all that
    is left of the total. More: each category belongs to that of its name's CRC-32, so that no
    count decides which categories are together; `held` must then hold all rows.
    """
    named = list(map(held.get, bins, repeat(0)))
    if groups == 1:
        return floats([*named, max(0, total - sum(named))])
    rest, own = np.zeros(groups), set(bins)
    for name, rows in held.items():
        if name not in own:
            rest[zlib.crc32(name.encode()) % groups] += rows
    return np.concatenate([named, rest])


def rest_as_one(counts: ArrayLike, bins: int) -> Floats:
    """Counts (..., B) with all groups after the first `bins` cells as one: (..., bins + 1)."""
    given = floats(counts)
    made = np.empty((*given.shape[:-1], bins + 1))
    made[..., :bins] = given[..., :bins]
    made[..., bins] = given[..., bins:].sum(axis=-1)
    return made


@dataclass(frozen=True, eq=False)
class Pooled:
    """Counts after pooling; a cell that was emptied is 0 on both sides and carries no weight.

    reference, window: float64 (W, B). bins: float64 (W,), the groups left; 1 means that
    nothing can be compared (no degree of freedom), which every test answers with NaN.
    """

    reference: Floats
    window: Floats
    bins: Floats

    def take(self, rows: NDArray[np.intp]) -> Pooled:
        """Of the windows at these positions."""
        return Pooled(self.reference[rows], self.window[rows], self.bins[rows])


def pool(
    reference_counts: ArrayLike,
    window_counts: ArrayLike,
    n: ArrayLike | None = None,
    minimum: float = LEAST_EXPECTED,
    order: ArrayLike | None = None,
    weights: ArrayLike | None = None,
) -> Pooled:
    """Join bins too small for a chi-square into groups, for each window by its own size.

    reference_counts (B,) or (W, B), window_counts (W, B), n (W,): rows, by default the sums of
    window_counts. weights: like reference_counts, which they stand in for where it is decided
    what is small; what is said of the reference below is then said of them. order (B,): bins in
    the order in which they join with the next one: of numbers 0 to B - 1, so that neighbours join;
    by default from the smallest in the reference to the largest. Bins join until the group expects
    `minimum` rows, min(n, m) p with p and m the reference's shares and rows; what is left over
    goes into the last group. So of a hundred small bins many groups are left, and one group only
    where no two can expect `minimum`.
    The window's own counts decide nothing, or the test would choose its bins by its outcome. No
    group of the reference is empty: what a category unknown to the reference adds is judged
    apart, by `categorical.new_share`. An empty side leaves bins = NaN.
    Source: Cochran, Some Methods for Strengthening the Common chi-square Tests, 1954.
    """
    reference = floats(reference_counts)
    window = np.atleast_2d(floats(window_counts))
    by = reference if weights is None else floats(weights)
    total = by.sum(axis=-1)
    rows = window.sum(axis=-1) if n is None else np.broadcast_to(floats(n), window.shape[:1])
    needed = divide(minimum, np.minimum(rows, total))
    joined = np.argsort(by, axis=-1, kind="stable") if order is None else np.asarray(order)
    group, left = _groups(divide(by, total[..., None]), needed, joined)
    return Pooled(
        reference=_summed(np.broadcast_to(reference, window.shape), group),
        window=_summed(window, group),
        bins=np.where(np.isfinite(needed), left, np.nan),
    )


def _groups(
    expected: Floats, needed: Floats, order: NDArray[np.intp]
) -> tuple[NDArray[np.intp], Floats]:
    """(group of each bin (W, B), groups (W,)) for shares and order (B,) or (W, B), and the least
    of a group (W,)."""
    steps = np.take_along_axis(expected, np.broadcast_to(order, expected.shape), axis=-1).T
    joined = np.empty((len(steps), len(needed)), dtype=np.intp)
    held, at = np.zeros(len(needed)), np.zeros(len(needed), dtype=np.intp)
    least = needed * (1 - 1e-9)
    for i, share in enumerate(steps):
        held += share
        joined[i] = at
        full = held >= least
        at += full
        held[full] = 0.0
    left = np.maximum(at, 1)
    group = np.empty(joined.T.shape, dtype=np.intp)
    places = np.broadcast_to(order, group.shape)
    np.put_along_axis(group, places, np.minimum(joined, left - 1).T, axis=1)
    return group, floats(left)


def _summed(counts: Floats, group: NDArray[np.intp]) -> Floats:
    """Counts (W, B) by group (W, B): float64 (W, B), the groups in the first cells."""
    size = counts.shape[1]
    cell = group + size * np.arange(len(counts))[:, None]
    sums = np.bincount(cell.ravel(), weights=counts.ravel(), minlength=counts.size)
    return floats(sums.reshape(counts.shape))
