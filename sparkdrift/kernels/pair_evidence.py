"""Binned distances between windows and earlier windows, and the evidence that they drifted.

How much two windows differ anyway is known from the reference's own windows, paired as these
are; where there are none only noise counts, and `caveat` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkdrift.kernels.baselines import Bins
from sparkdrift.kernels.many_categories import Unlisted
from sparkdrift.kernels.states import States
from sparkdrift.measures import binned, evidence, variation
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.bins import pool, rest_as_one
from sparkdrift.measures.sketch_error import noise_scale

_NO_BINS = "no reference of this feature was in force"


@dataclass(frozen=True)
class Pairs:
    """W windows, and the earlier one that each is held against.

    reference: the row of the reference in force, None where there is none of this definition.
    limits: of the share of unusual values of numbers, and of categories.
    before: for each way in which windows are paired, (V,): for each of its window_bins the
    position of the one that it would be held against, negative for none; way (W,): which of these
    is that of the windows. bins: how many to cut where there is no reference.
    """

    windows: States
    earlier: States
    reference: Mapping[str, Any] | None
    before: Sequence[NDArray[np.intp]]
    way: NDArray[np.intp]
    bins: int
    limits: tuple[float, float] = (0.01, 0.01)

    @property
    def known(self) -> Bins | None:
        return None if self.reference is None else Bins.read(self.reference["bins"])


def binned_pairs(
    pairs: Pairs,
    shared: Bins | None,
    known: Sequence[Floats],
    counts: Sequence[Floats],
    known_ks: Floats,
    ks: Floats,
    effect_size: float,
    hidden: Unlisted | None = None,
) -> dict[str, Any]:
    """Distances and evidence of each pair; pairs with as many bins are computed at once.

    hidden: of categories, by how much truncation may have made the bins of each pair too small;
    None of numbers, whose bins join with their neighbours.
    """
    reasons = [""] * len(pairs.before)
    figures: dict[str, Any] = {}
    for rows, p, q in by_width(known, counts):
        width = q.shape[1]
        weights = None if shared is None else narrowed(shared, width)
        order = np.arange(width) if hidden is None else None
        off = None if hidden is None else hidden.take(rows)
        varies = _varies(pairs, shared, order, width)
        of = Sides(p, q, weights, order, known_ks[rows], ks[rows])
        found = _figures(of, varies, pairs.way[rows], effect_size, off)
        for one in np.unique(pairs.way[rows]).tolist():
            reasons[one] = reasons[one] or varies[one].reason
        for key, values in found.items():
            figures.setdefault(key, np.full(len(counts), np.nan))[rows] = values
    caveats = [
        f"how much windows differ anyway is not known: {reason}" if reason else None
        for reason in reasons
    ]
    figures["caveat"] = [caveats[way] for way in pairs.way.tolist()]
    return figures


def _varies(
    pairs: Pairs, shared: Bins | None, order: NDArray[np.intp] | None, width: int
) -> list[variation.Benign]:
    """How much the reference's windows differ in `width` bins, for each way to pair them."""
    cells = [] if shared is None else cells_in(pairs, shared, width)
    if shared is None or not cells:
        reason = _NO_BINS if shared is None else variation.NO_WINDOWS
        return [variation.Benign(0.0, 0.0, np.inf, 0.0, 0, reason)] * len(pairs.before)
    counts = floats([cell["counts"] for cell in cells])
    ks = floats([np.inf if cell["k"] is None else cell["k"] for cell in cells])
    rows = counts.sum(axis=1)
    smallest = rows[rows > 0].min() if (rows > 0).any() else 0.0
    # All pooled alike, as the smallest needs it, so that they stay comparable.
    joined = pool(narrowed(shared, width), counts, np.full(len(rows), smallest), order=order)
    noise = noise_scale(rows, np.inf, joined.bins, ks)
    return [variation.pair_variation(joined.window, one, noise) for one in pairs.before]


@dataclass(frozen=True, eq=False)
class Sides:
    """Pairs with as many bins: known, seen (W, B) and their sketches (W,).

    weights (B,) say which bins are small, without them `known` does; order: as for `bins.pool`.
    """

    known: Floats
    seen: Floats
    weights: Floats | None
    order: NDArray[np.intp] | None
    known_k: Floats
    k: Floats

    def pooled(self) -> tuple[Floats, Floats, Floats]:
        """(known, seen, groups left), with small bins joined as the smaller side needs it."""
        smaller = np.minimum(self.known.sum(axis=1), self.seen.sum(axis=1))
        joined = pool(self.known, self.seen, smaller, order=self.order, weights=self.weights)
        return joined.reference, joined.window, joined.bins


def _figures(
    of: Sides,
    varies: Sequence[variation.Benign],
    way: NDArray[np.intp],
    effect_size: float,
    hidden: Unlisted | None,
) -> dict[str, Floats]:
    """way (W,): which of `varies` is that of each pair."""
    known, seen, known_k, k = of.known, of.seen, of.known_k, of.k
    p, q, bins = of.pooled()
    s = noise_scale(seen.sum(axis=1), known.sum(axis=1), bins, known_k, k)
    psi_error = binned.psi_error(known, seen, known_k, k)
    js_error = binned.js_error(known, seen, known_k, k)
    chi2, chi2_p = binned.chi2(p, q, s)
    if hidden is not None:
        s = s + hidden.noise(known, bins)
        psi_error = psi_error + hidden.psi_error(known, seen)
        js_error = hidden.js_error(known, seen)
    # Of one group there is no distance, which is not a distance of 0.
    d = np.where(bins >= 2, binned.d_statistic(p, q), np.nan)
    size, low, high = evidence.effect(d, s, bins)
    limit = evidence.material_limit(effect_size)
    each = [(one.tau2, one.w_eff, one.square) for one in varies]
    tau2, w_eff, square = np.array(each)[way].T
    return {
        "psi": binned.psi(known, seen),
        "psi_error": psi_error,
        "js_distance": binned.js_distance(known, seen),
        "js_error": js_error,
        "shift": binned.rank_shift(known, seen),
        "chi2_statistic": chi2,
        "chi2_pvalue": chi2_p,
        "d_statistic": d,
        "effect": size,
        "effect_low": low,
        "effect_high": high,
        "n_eff": divide(1.0, s),
        "degrees": bins - 1,
        "p_unusual": evidence.p_unusual(d, s, bins, tau2, w_eff, square),
        "p_material": evidence.p_material(d, s, bins, limit),
        "tau2": tau2,
        "square": square,
        "w_eff": w_eff,
    }


def by_width(
    known: Sequence[Floats], counts: Sequence[Floats]
) -> Iterator[tuple[NDArray[np.intp], Floats, Floats]]:
    """(positions, known (P, B), counts (P, B)) of the pairs with as many bins, each once."""
    widths = np.array([len(one) for one in counts])
    for width in dict.fromkeys(widths.tolist()):
        rows = np.flatnonzero(widths == width)
        p, q = (np.stack([one[i] for i in rows.tolist()]) for one in (known, counts))
        yield rows, p, q


def narrowed(shared: Bins, width: int) -> Floats:
    """The reference's rows in as many bins, the groups of the rest of its categories as one."""
    if len(shared.counts) == width or shared.items is None:
        return shared.counts
    return rest_as_one(shared.counts, len(shared.items))


def cells_in(pairs: Pairs, shared: Bins, width: int) -> list[dict[str, Any]]:
    """`window_bins` of the reference in as many bins."""
    cells = [] if pairs.reference is None else pairs.reference["window_bins"] or []
    if len(shared.counts) == width or shared.items is None:
        return list(cells)
    return [{**one, "counts": rest_as_one(one["counts"], len(shared.items))} for one in cells]
