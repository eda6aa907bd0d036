"""How much two features tell of each other, by their bins together: what correlation can't see.

Of y = x^2 with x around 0, r is 0 and the mutual information is not. It takes the counts of both
features' bins together, which no sketch of one of them holds: the rows of a sample are counted.
Its bias is of the size of a change that matters and depends on the dependence itself, so that two
samples are only compared in parts of equally many rows (`informations`), where it is the same.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.evidence import LEAST_POWER, MATERIAL_LEVEL

BINS = 10
LIMIT = 0.02
"""The change that matters, in nats: about a correlation of 0.2 where there was none."""
LEAST_ROWS = 100
_SEED = 0

Values = NDArray[np.generic]


@dataclass(frozen=True)
class Information:
    """value: nats, bias taken off, so that without dependence it is 0 on average and may be below;
    sd: of its sampling; rows: complete ones it is from. NaN with fewer than LEAST_ROWS. per_row:
    the variance that one row adds, by all rows of the sample together."""

    value: float
    sd: float
    rows: int
    per_row: float = float("nan")


@dataclass(frozen=True)
class Change:
    """What a pair told of itself before and tells now, with the evidence that it differs.

    change: now less before, low, high: its 95 % interval. power: chance to find twice LIMIT;
    rows_needed: of both values on each side, for a power of LEAST_POWER.
    """

    before: Information
    now: Information
    change: float
    low: float
    high: float
    p_unusual: float
    p_material: float
    power: float
    rows_needed: float = float("nan")


@dataclass(frozen=True, eq=False)
class Cut:
    """The bins of one feature: `edges` of numbers, ascending, or (None) the `items` of texts,
    beside which there is a bin of all others."""

    edges: Floats | None = None
    items: tuple[object, ...] = ()

    @property
    def size(self) -> int:
        return 1 + (len(self.items) if self.edges is None else len(self.edges))

    def places(self, values: Values) -> NDArray[np.intp]:
        """The bin of each value (n,), -1 where it is missing."""
        if self.edges is not None:
            numbers = floats(values)
            found = np.searchsorted(self.edges, numbers, side="left")
            return np.where(np.isfinite(numbers), found, -1).astype(np.intp)
        known = {item: i for i, item in enumerate(self.items)}
        rest = len(known)
        at = [-1 if one is None else known.get(one, rest) for one in values.tolist()]
        return np.array(at, dtype=np.intp)


def mutual_information(counts: ArrayLike) -> Information:
    """Of the joint counts (B, C) of two features' bins.

    Sum of p ln(p / (p_i p_j)), less (k - r - c + 1) / 2N for k pairs of bins, r and c bins that are
    not empty (Miller 1955; Roulston 1999): (r - 1)(c - 1) / 2N where all pairs of bins occur, and
    of a feature and its copy, where r of them do, the -(r - 1) / 2N of an entropy. Its variance is
    that of the sum's terms (delta method; Roulston 1999) and, where these vanish without
    dependence, 2 (r - 1)(c - 1) / (2N)^2, that of the chi-square which 2N times it is then
    distributed as.
    """
    seen = np.atleast_2d(floats(counts))
    rows = float(seen.sum())
    if rows < LEAST_ROWS:
        return Information(float("nan"), float("nan"), int(rows))
    p = seen / rows
    alone = p.sum(axis=1, keepdims=True) * p.sum(axis=0, keepdims=True)
    terms = np.log(np.divide(p, alone, out=np.ones_like(p), where=p > 0))
    value = float((p * terms).sum())
    first, second = ((seen.sum(axis=axis) > 0).sum() for axis in (1, 0))
    bias = int((seen > 0).sum()) - int(first) - int(second) + 1
    free = (int(first) - 1) * (int(second) - 1)
    variance = float((p * terms**2).sum()) - value**2
    sampling = max(variance, 0.0) / rows + 2 * free / (2 * rows) ** 2
    return Information(
        value - bias / (2 * rows), float(np.sqrt(sampling)), int(rows), sampling * rows
    )


def informations(
    known: tuple[Values, Values], seen: tuple[Values, Values], cuts: tuple[Cut, Cut]
) -> tuple[Information, Information]:
    """What a pair tells of itself in two samples, in the order given; values of each (n,), (n,).

    The larger sample is dealt, by chance with a fixed seed, into as many parts of the smaller one's
    complete rows as it has, and the mean of their information told: what bias is left, which no
    count of bins takes off where most pairs of bins are rare, is then the same on both sides.
    """
    places = [_places(*side, cuts) for side in (known, seen)]
    rows = min(map(len, places))
    if rows < LEAST_ROWS:
        before, now = (Information(float("nan"), float("nan"), len(one)) for one in places)
        return before, now
    before, now = (_in_parts(one, rows, cuts) for one in places)
    return before, now


def _in_parts(places: NDArray[np.intp], rows: int, cuts: tuple[Cut, Cut]) -> Information:
    many = len(places) // rows
    dealt = np.random.default_rng(_SEED).permutation(places)[: many * rows].reshape(many, rows)
    parts = [mutual_information(_counted(part, cuts)) for part in dealt]
    sd = float(np.sqrt(np.mean([one.sd**2 for one in parts]) / many))
    whole = mutual_information(_counted(places, cuts))
    value = float(np.mean([one.value for one in parts]))
    return Information(value, sd, many * rows, whole.per_row)


def bins_of(values: Values) -> Cut:
    """What a sample of a reference cuts a feature into.

    Edges between ten bins of equal mass, repeated ones once; the nine most frequent items, all
    others being one bin. Values that are missing (NaN, None) are no bin.
    """
    if np.issubdtype(values.dtype, np.number):
        held = floats(values)
        held = held[np.isfinite(held)]
        if not len(held):
            return Cut(edges=floats([]))
        at = np.arange(1, BINS) / BINS
        return Cut(edges=floats(np.unique(np.quantile(held, at, method="inverted_cdf"))))
    counted = Counter(one for one in values.tolist() if one is not None)
    # By name where two are as frequent: the order of rows means nothing.
    ordered = sorted(counted, key=lambda item: (-counted[item], str(item)))
    return Cut(items=tuple(ordered[: BINS - 1]))


def _places(one: Values, other: Values, cuts: tuple[Cut, Cut]) -> NDArray[np.intp]:
    """The pair of bins, as one number, of each row in which both values are there: (rows,)."""
    first, second = cuts[0].places(one), cuts[1].places(other)
    both = (first >= 0) & (second >= 0)
    return first[both] * cuts[1].size + second[both]


def _counted(places: NDArray[np.intp], cuts: tuple[Cut, Cut]) -> Floats:
    shape = cuts[0].size, cuts[1].size
    return floats(np.bincount(places, minlength=shape[0] * shape[1])).reshape(shape)


def information_change(before: Information, now: Information, limit: float = LIMIT) -> Change:
    """Hold the information of a pair against what it was; NaN where one is not known.

    p_unusual: two-sided, normal. p_material: the same if the true change were `limit`, in the
    direction seen. Sampling alone: how pairs vary from window to window is not known. power: by
    what `before` varies by in so many rows, and the variance that terms of small sum have, about
    twice that sum.
    """
    gap = now.value - before.value
    sd = float(np.hypot(now.sd, before.sd))
    rows = max(now.rows, 1)
    usual = float(np.sqrt(before.sd**2 * (1 + before.rows / rows) + 4 * limit / rows))
    if not sd > 0 or not usual > 0:
        # Both sides are constant, which says nothing, or one is not known.
        return Change(before, now, gap, *[float("nan")] * 6)
    reach = float(special.ndtri(0.975)) * sd
    least = float(special.ndtri(1 - MATERIAL_LEVEL))
    need = max(float(special.ndtri(1 - MATERIAL_LEVEL / 2)) * usual, limit + least * usual)
    return Change(
        before=before,
        now=now,
        change=gap,
        low=gap - reach,
        high=gap + reach,
        p_unusual=2 * float(special.ndtr(-abs(gap) / sd)),
        p_material=float(special.ndtr(-(abs(gap) - limit) / sd)),
        power=float(special.ndtr((2 * limit - need) / usual)),
        rows_needed=_rows_needed(before, now, limit),
    )


def _rows_needed(before: Information, now: Information, limit: float) -> float:
    """Rows on each side, as many on both, that would find twice the limit with LEAST_POWER.

    By the side that knows the variance of a row from more of them; it is taken to stay as it is.
    """
    sure = float(special.ndtri(LEAST_POWER))
    unusual = 2 * limit / (float(special.ndtri(1 - MATERIAL_LEVEL / 2)) + sure)
    material = limit / (float(special.ndtri(1 - MATERIAL_LEVEL)) + sure)
    larger = before if before.rows >= now.rows else now
    return (2 * larger.per_row + 4 * limit) / min(unusual, material) ** 2
