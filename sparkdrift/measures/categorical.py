"""Categories as one mergeable state, and distances between two of them with their bounds.

A state keeps the counts of its largest categories and one number, `offset`, by which any
count may be too low. For every category c of the rows behind a state, true(c) being its
rows and count(c) its kept count (0 when it is not kept):

    (1)  count(c) <= true(c) <= count(c) + offset        (2)  total = sum of true(c)

*Merging keeps (1).* Adding the two inequalities of a and b, category by category:
count_a + count_b <= true_a + true_b <= count_a + count_b + (offset_a + offset_b). A category
that one side lacks has count 0 there and is covered by the same line.

*Truncation keeps (1).* Drop some categories and let d be the largest count dropped. A
dropped category has true <= its count + offset <= d + offset, and count 0 from now on; a
kept one is unchanged. So offset + d bounds all of them: the largest dropped count and not
the sum, because each category is dropped by itself. One that comes back later and is
dropped again is covered too: each of its drops added at least its own count.

*A second bound is free.* By (2) the rows that no kept count explains are
residual = total - sum of counts, so true(c) <= count(c) + min(offset, residual).

The offset grows by at most N / (limit + 1) with each truncation of N rows, since limit
kept categories are no smaller than the dropped one. Many states should therefore meet in
one `merge_all`, which truncates once. Same idea: Misra and Gries 1982; Agarwal et al.,
Mergeable Summaries, 2012 (they subtract d from every count; here the counts stay lower bounds).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat

import numpy as np
from numpy.typing import NDArray

from sparkdrift.measures.arrays import Floats, floats


@dataclass(frozen=True, eq=False)
class Categories:
    """Counts of categories, mergeable. Nulls are counted elsewhere and not part of `total`.

    items: by count descending, then by name; counts: int64, same length, all positive and
    true at least; offset: rows by which any count, also of a missing item, may be too low;
    total: all rows, exact always; exact: nothing was ever dropped (then offset = 0 and the
    counts sum up to total). Raises ValueError when these contradict each other.
    """

    items: tuple[str, ...]
    counts: NDArray[np.int64]
    offset: int
    total: int
    exact: bool

    def __post_init__(self) -> None:
        kept = int(self.counts.sum())
        if len(self.items) != len(self.counts) or len(self.count_of) != len(self.items):
            raise ValueError(f"{len(self.items)} items with {len(self.counts)} counts, or repeated")
        if kept > self.total or self.offset < 0 or (len(self.counts) and self.counts.min() < 1):
            raise ValueError(f"counts {kept} of {self.total} rows, offset {self.offset}")
        if self.exact and (self.offset or kept != self.total):
            raise ValueError(
                f"called exact, with offset {self.offset}, {kept} of {self.total} rows"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Categories):
            return NotImplemented
        return self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def _key(self) -> tuple[object, ...]:
        return self.items, tuple(self.counts.tolist()), self.offset, self.total, self.exact

    @cached_property
    def folded(self) -> dict[str, str]:
        """The most frequent item of those that differ by case or white space only, by `_folded`."""
        found: dict[str, str] = {}
        for item in self.items:
            found.setdefault(_folded(item), item)
        return found

    @cached_property
    def count_of(self) -> dict[str, int]:
        """The kept count of each kept item, a lower bound of its rows."""
        return dict(zip(self.items, self.counts.tolist(), strict=False))

    @cached_property
    def slack(self) -> int:
        """min(offset, residual): how many more rows any one item may have than its count."""
        return min(self.offset, self.residual)

    @cached_property
    def residual(self) -> int:
        """Rows that no kept count explains: "other" at most."""
        return self.total - int(self.counts.sum())

    def bounds(self, item: str) -> tuple[int, int]:
        """(least, most) rows of `item`, kept or not."""
        low = self.count_of.get(item, 0)
        return low, low + self.slack


EMPTY = Categories((), np.empty(0, dtype=np.int64), 0, 0, True)


def count(values: Iterable[str | None], limit: int) -> Categories:
    """The state of plain values: the `limit` most frequent ones; None is skipped."""
    tally = Counter(value for value in values if value is not None)
    return _truncated(tally, limit, offset=0, total=sum(tally.values()), exact=True)


def merge(a: Categories, b: Categories, limit: int) -> Categories:
    """The state of both sides' rows; neither side is changed. Commutative; `EMPTY` is neutral.

    Exact and associative while no more than `limit` categories meet; beyond that the
    order of merging may change which categories are kept, never the truth of the bounds.
    """
    return merge_all((a, b), limit)


def merge_all(states: Iterable[Categories], limit: int) -> Categories:
    """The state of all rows behind `states`, truncated once: a tighter offset than a chain."""
    tally: Counter[str] = Counter()
    offset, total, exact = 0, 0, True
    for state in states:
        tally.update(state.count_of)
        offset, total, exact = offset + state.offset, total + state.total, exact and state.exact
    return _truncated(tally, limit, offset, total, exact)


def _truncated(
    tally: dict[str, int], limit: int, offset: int, total: int, exact: bool
) -> Categories:
    """The `limit` largest counts, ties by name; the offset grows by the largest one dropped."""
    if limit < 1:
        raise ValueError(f"limit = {limit}, at least 1 accepted")
    ordered = sorted(tally.items(), key=lambda pair: (-pair[1], pair[0]))
    kept, dropped = ordered[:limit], ordered[limit:]
    return Categories(
        items=tuple(item for item, _ in kept),
        counts=np.array([rows for _, rows in kept], dtype=np.int64),
        offset=offset + (dropped[0][1] if dropped else 0),
        total=total,
        exact=exact and not dropped,
    )


@dataclass(frozen=True)
class Bounded:
    """A figure with bounds that hold whatever truncation hid: low <= truth <= high.

    value: the best guess, inside the bounds. Truncation is all they cover: a sample's own
    scatter is the business of `evidence`. NaN when a side has no rows.
    """

    value: float
    low: float
    high: float

    @property
    def certain(self) -> bool:
        """Whether nothing is hidden: the bounds meet."""
        return self.high - self.low <= 1e-12


_UNKNOWN = Bounded(float("nan"), float("nan"), float("nan"))


def total_variation_bounds(reference: Categories, window: Categories) -> Bounded:
    """1/2 sum |p - q| over all categories, in [0, 1].

    value: over the items kept on either side plus "other" as one cell. Moving rows from
    "other" into named items changes it by at most min(items x slack, residual) / total on
    each side; and joining categories into "other" can hide at most half the mass both
    sides keep there. Source: section 3; Levin, Peres, Wilmer, Markov Chains, 4.1.
    """
    return distance_bounds(reference, window)[0]


def l_infinity_bounds(reference: Categories, window: Categories) -> Bounded:
    """max |p - q| over all categories, in [0, 1]; "other" is no category and takes no part.

    Each share lies in [count, count + slack] / total, for an item missing on a side too.
    """
    return distance_bounds(reference, window)[1]


def distance_bounds(reference: Categories, window: Categories) -> tuple[Bounded, Bounded]:
    """`total_variation_bounds` and `l_infinity_bounds`, which read the same shares."""
    if not reference.total or not window.total:
        return _UNKNOWN, _UNKNOWN
    names = sorted({*reference.items, *window.items})
    p, q = _named_shares(reference, names), _named_shares(window, names)
    gap = p - q
    return _total_variation(reference, window, gap), _l_infinity(reference, window, gap)


def _total_variation(reference: Categories, window: Categories, gap: Floats) -> Bounded:
    other_p, other_q = reference.residual / reference.total, window.residual / window.total
    value = float(np.abs(gap).sum() + abs(other_p - other_q)) / 2
    moved = sum(
        min(len(gap) * side.slack, side.residual) / side.total for side in (reference, window)
    )
    hidden = (other_p + other_q - abs(other_p - other_q)) / 2
    return Bounded(value, max(0.0, value - moved), min(1.0, value + moved + hidden))


def _l_infinity(reference: Categories, window: Categories, gap: Floats) -> Bounded:
    wide_p, wide_q = reference.slack / reference.total, window.slack / window.total
    least = np.maximum(gap - wide_q, -gap - wide_p)
    most = np.maximum(gap + wide_p, -gap + wide_q)
    return Bounded(
        value=float(np.abs(gap).max(initial=0.0)),
        low=float(least.max(initial=0.0)),
        high=min(1.0, float(most.max(initial=max(wide_p, wide_q)))),
    )


def _named_shares(state: Categories, names: Sequence[str]) -> Floats:
    rows = list(map(state.count_of.get, names, repeat(0)))
    return floats(rows) / state.total


def new_share(reference: Categories, window: Categories) -> Bounded:
    """Share of the window's rows in categories that the reference does not have.

    value: the kept counts of such items. They are certainly new only while the reference
    is exact; else the lower bound is 0. The upper bound is everything not certainly old.
    Compare with `unseen_share`: rare categories are always partly new. Section 3.
    """
    if not reference.total or not window.total:
        return _UNKNOWN
    new = sum(rows for _, rows in new_items(reference, window))
    old = int(window.counts.sum()) - new
    value = new / window.total
    return Bounded(value, value if reference.exact else 0.0, 1.0 - old / window.total)


def vanished_share(reference: Categories, window: Categories) -> Bounded:
    """Share of the reference's rows in categories that the window does not have.

    `new_share` with the sides exchanged: certain only while the window is exact. A small
    window lacks rare categories without any drift.
    """
    return new_share(window, reference)


def new_items(reference: Categories, window: Categories) -> tuple[tuple[str, int], ...]:
    """The window's (item, count) that the reference does not list, largest first."""
    known = reference.count_of
    if window.count_of.keys() <= known.keys():
        return ()
    return tuple(pair for pair in window.count_of.items() if pair[0] not in known)


def look_alikes(reference: Categories, window: Categories) -> tuple[tuple[str, int, str], ...]:
    """(new item, count, known item) where both differ by case or white space only.

    Largest count first. Of several known items that are alike the most frequent one is told.
    """
    new = new_items(reference, window)
    if not new:
        return ()
    pairs = ((item, rows, reference.folded.get(_folded(item))) for item, rows in new)
    return tuple((item, rows, like) for item, rows, like in pairs if like is not None)


def _folded(item: str) -> str:
    return "".join(item.split()).casefold()


def unseen_share(reference: Categories) -> float:
    """Share of new categories to expect with no drift: items seen exactly once / rows.

    NaN unless the reference is exact. Source: Good, The Population Frequencies of
    Species, 1953 (Good-Turing).
    """
    if not reference.exact or not reference.total:
        return float("nan")
    return float((reference.counts == 1).sum() / reference.total)
