"""More categories than bins: groups of the rest, what truncation hides, and what grew among them.

Up to some 200 categories have a bin each. Of more, the large ones do; the rest is split into
groups by name, which no count decides (`bins.categorical_bins`, `bins.category_counts`). Where
a state is truncated its unlisted rows belong to no group, so the rest is one bin there, and
what is listed may be short of rows. A single category that grows is looked for by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkdrift.measures import binned
from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.bins import category_counts, rest_as_one
from sparkdrift.measures.categorical import Categories

SHOWN = 10
NAMED = 3


def closed(known: Categories, items: Sequence[str], counts: Floats) -> bool:
    """Whether categories without a bin take no part in the distance: all others have one.

    So it is where some were in one window of the reference only. They would be a difference
    from window to window where it is usual that each has its own, as campaigns are.
    """
    return known.exact and len(counts) == len(items) + 1 and not counts[-1]


def old_counts(
    known: Categories, seen: Categories, items: Sequence[str], bins: int, *, only: bool
) -> Floats:
    """Rows of `seen` in `bins` bins, those of `items` first: (bins,).

    Without categories that `known` surely lacks, which are judged apart: in a bin that the
    reference leaves empty they would swamp every distance. Where rows are unlisted, all rows
    without a bin are in the first cell of the rest. only: leave out categories without a bin.
    """
    held, total = seen.count_of, seen.total
    if known.exact:
        own = known.count_of.keys() & items if only else known.count_of.keys()
        if not held.keys() <= own:
            held = {item: rows for item, rows in held.items() if item in own}
            total -= sum(seen.count_of.values()) - sum(held.values())
    groups = bins - len(items)
    if groups > 1 and not (known.exact and seen.exact):
        rest = category_counts(held, total, items)
        return np.concatenate([rest, np.zeros(groups - 1)])
    return category_counts(held, total, items, groups)


def one_rest(reference: Mapping[str, Any], named: int) -> dict[str, Any]:
    """A reference's `window_bins` and `window_strata`, the groups of its rest as one bin."""
    cells = [
        {**cell, "counts": rest_as_one(cell["counts"], named)}
        for cell in reference["window_bins"] or []
    ]
    return {"window_bins": cells, "window_strata": reference.get("window_strata")}


@dataclass(frozen=True, eq=False)
class Unlisted:
    """By what share truncation may have made each named bin too small: known and seen (W,).

    named (W,): the bins that are categories; all others are the rest, which may be too large by
    as much as all of these are too small.
    """

    known: Floats
    seen: Floats
    named: NDArray[np.intp]

    @classmethod
    def of(
        cls, known: Sequence[Categories], seen: Sequence[Categories], named: Sequence[int]
    ) -> Unlisted:
        """Of W states on either side."""
        return cls(_slack(known), _slack(seen), np.array(named, dtype=np.intp))

    def take(self, rows: NDArray[np.intp]) -> Unlisted:
        """Of the windows at these positions."""
        return Unlisted(self.known[rows], self.seen[rows], self.named[rows])

    def noise(self, reference: Floats, groups: Floats) -> Floats:
        """What it may add to the noise scale of D, (W,); reference (B,) or (W, B).

        At most sum e^2 / p over the bins that the reference has rows in, e being both sides'
        errors, by B - 1 as noise is.
        """
        cells = np.broadcast_to(shares(reference), (len(self.seen), np.shape(reference)[-1]))
        error = self._by_bin(self.known + self.seen, cells.shape[1])
        added = np.divide(error**2, cells, out=np.zeros(cells.shape), where=cells > 0)
        return np.nan_to_num(divide(added.sum(axis=1), np.maximum(groups - 1, 1.0)))

    def psi_error(self, reference: Floats, windows: Floats) -> Floats:
        """What it may add to `binned.psi_error`, (W,)."""
        errors = [self._by_bin(one, windows.shape[1]) for one in (self.known, self.seen)]
        return binned.psi_bar(reference, windows, *errors)

    def js_error(self, reference: Floats, windows: Floats) -> Floats:
        """The bar on `binned.js_distance` of these bins, (W,); 0 where nothing was dropped."""
        errors = [self._by_bin(one, windows.shape[1]) for one in (self.known, self.seen)]
        return binned.js_bar(reference, windows, *errors)

    def _by_bin(self, slack: Floats, bins: int) -> Floats:
        rest = np.arange(bins) >= self.named[:, None]
        return floats(np.minimum(slack[:, None] * np.where(rest, self.named[:, None], 1), 1.0))


def _slack(states: Sequence[Categories]) -> Floats:
    return floats([one.slack / one.total if one.total else 0.0 for one in states])


def growth(
    known: Sequence[Categories], seen: Sequence[Categories], items: Sequence[Sequence[str]]
) -> dict[str, Any]:
    """The category without a bin that grew most in each of W windows, at least: `grown_...`.

    rows and of: its rows of the window's; known and known_of: at most so many of the
    reference's; among: how many it was chosen from. NaN where all have bins or none grew. New
    ones, if the reference lists all it had, are judged apart. grown: its name.
    """
    found = np.full((5, len(seen)), np.nan)
    names: list[str | None] = [None] * len(seen)
    for i, (old, new, own) in enumerate(zip(known, seen, items, strict=True)):
        among = max(len(old.items), len(new.items)) - len(own)
        if among <= 0 or not old.total or not new.total:
            continue
        named, of_old, slack = set(own), old.count_of, old.slack
        light = [
            (rows / new.total - min(of_old.get(item, 0) + slack, old.total) / old.total, item)
            for item, rows in new.count_of.items()
            if item not in named and (item in of_old or not old.exact)
        ]
        most, item = max(light, default=(0.0, ""))
        if most > 0:
            least = min(of_old.get(item, 0) + slack, old.total)
            found[:, i] = new.count_of[item], new.total, least, old.total, among
            names[i] = item
    keys = ("rows", "of", "known", "known_of", "among")
    return {f"grown_{key}": one for key, one in zip(keys, found, strict=True)} | {"grown": names}


def largest_changes(known: Categories, seen: Categories) -> list[dict[str, Any]]:
    """The categories listed in `known` whose share changed most, at most SHOWN, gains first."""
    if not known.total or not seen.total:
        return []
    p = floats(known.counts) / known.total
    q = floats([seen.count_of.get(item, 0) for item in known.items]) / seen.total
    order = np.lexsort((p - q, -np.round(np.abs(q - p), 9)))[:SHOWN]
    return [{"item": known.items[i], "reference": float(p[i]), "share": float(q[i])} for i in order]


def moved_most(known: Categories, seen: Categories) -> str:
    """The same in words, in points."""
    told = [
        f"{one['item']!r} {100 * (one['share'] - one['reference']):+.1f} points"
        for one in largest_changes(known, seen)[:NAMED]
        if abs(one["share"] - one["reference"]) >= 0.005
    ]
    return ", ".join(told)
