"""Windows against earlier windows: the figures of `distributions`, without a reference's rows.

The bins are those of the reference in force, so that figures stay comparable with those against
it, else cut from the earlier window. How much two windows differ anyway is known from the
reference's own windows, paired as these are; where there are none only noise counts, and
`caveat` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkdrift.kernels.distributions import Bins, carriers, category_figures
from sparkdrift.kernels.few_values import few_values
from sparkdrift.kernels.many_categories import Unlisted, growth, old_counts
from sparkdrift.kernels.states import States
from sparkdrift.kernels.words import OTHER, bin_names, changed, moved_values
from sparkdrift.measures import binned, evidence, numeric
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.bins import (
    bin_counts,
    categorical_bins,
    numeric_bins,
    pool,
    rest_as_one,
    rest_groups,
)
from sparkdrift.measures.categorical import EMPTY, unseen_share
from sparkdrift.measures.kll import Points, read_kll
from sparkdrift.measures.sketch_error import noise_scale

_SIDES = ("reference", "window", "bins")
_NO_BINS = "no reference of this feature was in force"


@dataclass(frozen=True)
class Pairs:
    """W windows, and the earlier one that each is held against.

    reference: the row of the reference in force, None where there is none of this definition.
    limits: of the share of unusual values of numbers, and of categories.
    before (V,): for each of its window_bins the position of the one that it would be held
    against, negative for none. bins: how many to cut where there is no reference.
    """

    windows: States
    earlier: States
    reference: Mapping[str, Any] | None
    before: NDArray[np.intp]
    bins: int
    limits: tuple[float, float] = (0.01, 0.01)

    @property
    def known(self) -> Bins | None:
        return None if self.reference is None else Bins.read(self.reference["bins"])


def positions_before(
    kind: str, places: Sequence[int | None], steps: int | None
) -> NDArray[np.intp]:
    """Of a reference's windows in time order, the position of each one's earlier window.

    `consecutive`: the one before. `seasonal`: that whose place is `steps` less. -1: none.
    """
    if kind == "consecutive":
        return np.arange(len(places), dtype=np.intp) - 1
    known = {place: i for i, place in enumerate(places) if place is not None}
    found = [
        -1 if place is None or steps is None else known.get(place - steps, -1) for place in places
    ]
    return np.array(found, dtype=np.intp)


def numeric_pairs(pairs: Pairs, effect_size: float) -> dict[str, Any]:
    """Everything about the finite values; `shift` and carriers are against the earlier window."""
    seen, known, shared = pairs.windows.points, pairs.earlier.points, pairs.known
    if shared is not None and shared.edges is not None:
        edges = [shared.edges] * len(seen)
        names = [bin_names(shared.edges)]
    else:
        edges = [numeric_bins(one, pairs.bins) for one in known]
        names = [bin_names(one) for one in edges]
        shared = None
    counts = [bin_counts(one, at) for one, at in zip(seen, edges, strict=True)]
    before = [bin_counts(one, at) for one, at in zip(known, edges, strict=True)]
    ks, known_ks = _sizes(seen), _sizes(known)
    figures = _binned(pairs, shared, before, counts, known_ks, ks, effect_size)
    within = _spans(pairs)
    tails = [numeric.tails(*one) for one in zip(seen, within, strict=True)]
    gaps = [numeric.gap(*one) for one in zip(known, seen, strict=True)]
    n = floats([one.sum() for one in counts])
    m = floats([one.sum() for one in before])
    figures |= _few(pairs, shared, before, counts, figures, names, pairs.limits[0])
    some = (n > 0) & (m > 0)
    largest = np.array([numeric.ks(one) for one in gaps])
    error = np.where(some, numeric.ks_error(known_ks, ks), np.nan)
    errors = zip(gaps, within, error.tolist(), strict=True)
    return figures | {
        "ks_statistic": largest,
        "ks_error": error,
        "ks_pvalue": numeric.ks_pvalue(largest, n, m, known_ks, ks),
        "wasserstein_distance": np.array(
            [numeric.wasserstein(*one) for one in zip(gaps, within, strict=True)]
        ),
        "wasserstein_error": floats([numeric.wasserstein_error(*one) for one in errors]),
        "out_of_range_share": np.array([one.out_of_range for one in tails]),
        "below_range_share": np.array([one.below for one in tails]),
        "sketched_rows": n,
        "known_sketched": m,
        "carriers": _carried(names, before, counts),
        "moved": [
            moved_values(points, one, span.unit)
            for points, one, span in zip(seen, tails, within, strict=True)
        ],
    }


def categorical_pairs(pairs: Pairs, effect_size: float) -> dict[str, Any]:
    """Everything about the categories that are not NULL; new is what the earlier window lacks."""
    seen = [one or EMPTY for one in pairs.windows.counted]
    known = [one or EMPTY for one in pairs.earlier.counted]
    shared = pairs.known
    if shared is not None and shared.items is not None:
        items = [shared.items] * len(seen)
        groups = [len(shared.counts) - len(shared.items)] * len(seen)
    else:
        items = [categorical_bins(one.items, one.counts, one.total) for one in known]
        groups = [
            rest_groups(one.items, own, complete=one.exact)
            for one, own in zip(known, items, strict=True)
        ]
        shared = None
    # Rows that one of the two does not list belong to no group: their rest is one bin.
    widths = [
        len(own) + (split if old.exact and new.exact else 1)
        for own, split, old, new in zip(items, groups, known, seen, strict=True)
    ]
    only = shared is not None and len(shared.counts) == len(items[0]) + 1 and not shared.counts[-1]
    counts, before = (
        [
            old_counts(old, one, own, width, only=only)
            for old, one, own, width in zip(known, side, items, widths, strict=True)
        ]
        for side in (seen, known)
    )
    none = np.full(len(seen), np.inf)
    hidden = Unlisted.of(known, seen, [len(own) for own in items])
    figures = _binned(pairs, shared, before, counts, none, none, effect_size, hidden)
    del figures["shift"]  # categories have no order
    names = [
        [*map(repr, own), *[OTHER] * (width - len(own))]
        for own, width in zip(items, widths, strict=True)
    ]
    return {
        **figures,
        **_few(pairs, shared, before, counts, figures, names, pairs.limits[1]),
        **category_figures(known, seen),
        **growth(known, seen, items),
        "expected_new": floats([unseen_share(one) for one in known]),
        "moved": [changed(*one) for one in zip(items, before, counts, strict=True)],
        "carriers": _carried(
            [[*own, OTHER] for own in items],
            *(
                [rest_as_one(one, len(own)) for one, own in zip(side, items, strict=True)]
                for side in (before, counts)
            ),
        ),
    }


def labels(starts: Sequence[datetime]) -> list[str]:
    """How a verdict calls the earlier windows."""
    return [f"the window that began {start:%Y-%m-%d %H:%M} UTC" for start in starts]


def _few(
    pairs: Pairs,
    shared: Bins | None,
    known: Sequence[Floats],
    counts: Sequence[Floats],
    figures: Mapping[str, Any],
    names: Sequence[Sequence[str]],
    limit: float,
) -> dict[str, Any]:
    """`few_values` of the pairs. The usual bin is that of the reference, where there is one."""
    found: dict[str, Any] = {"lacking": [None] * len(counts)}
    for rows, p, q in _by_width(known, counts):
        width = q.shape[1]
        weights = None if shared is None else _narrowed(shared, width)
        cells = None if shared is None else _cells(pairs, shared, width)
        groups = figures["degrees"][rows] + 1
        own = [names[i % len(names)] for i in rows.tolist()]
        some = few_values(p, q, groups, cells, own, limit, 2, weights)
        for i, why in zip(rows.tolist(), some.pop("lacking"), strict=True):
            found["lacking"][i] = why
        for key, values in some.items():
            found.setdefault(key, np.full(len(counts), np.nan))[rows] = values
    return found


def _by_width(
    known: Sequence[Floats], counts: Sequence[Floats]
) -> Iterator[tuple[NDArray[np.intp], Floats, Floats]]:
    """(positions, known (P, B), counts (P, B)) of the pairs with as many bins, each once."""
    widths = np.array([len(one) for one in counts])
    for width in dict.fromkeys(widths.tolist()):
        rows = np.flatnonzero(widths == width)
        p, q = (np.stack([one[i] for i in rows.tolist()]) for one in (known, counts))
        yield rows, p, q


def _narrowed(shared: Bins, width: int) -> Floats:
    """The reference's rows in as many bins, the groups of the rest of its categories as one."""
    if len(shared.counts) == width or shared.items is None:
        return shared.counts
    return rest_as_one(shared.counts, len(shared.items))


def _cells(pairs: Pairs, shared: Bins, width: int) -> list[dict[str, Any]]:
    """`window_bins` of the reference in as many bins."""
    cells = [] if pairs.reference is None else pairs.reference["window_bins"] or []
    if len(shared.counts) == width or shared.items is None:
        return list(cells)
    return [{**one, "counts": rest_as_one(one["counts"], len(shared.items))} for one in cells]


def _sizes(points: Sequence[Points | None]) -> Floats:
    return floats([np.inf if one is None else one.error_k for one in points])


def _spans(pairs: Pairs) -> list[numeric.Span]:
    """The range of each earlier window, within the span of the reference where there is one."""
    known = pairs.earlier.points
    if pairs.reference is None or pairs.reference["kll"] is None:
        sds = pairs.earlier.table.column("stddev").to_pylist()
        return [numeric.span(one, _number(sd)) for one, sd in zip(known, sds, strict=True)]
    unit = numeric.span(read_kll(pairs.reference["kll"]), _number(pairs.reference["stddev"]))
    return [numeric.moved_to(unit, one) for one in known]


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _carried(
    names: Sequence[Sequence[str]], known: Sequence[Floats], counts: Sequence[Floats]
) -> list[list[dict[str, Any]]]:
    if len({len(one) for one in counts}) == 1:
        return carriers(names, np.stack(known), np.stack(counts))
    rows = enumerate(zip(known, counts, strict=True))
    return [carriers([names[i % len(names)]], p, q[None, :])[0] for i, (p, q) in rows]


def _binned(
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
    reason = ""
    figures: dict[str, Any] = {}
    for rows, p, q in _by_width(known, counts):
        width = q.shape[1]
        weights = None if shared is None else _narrowed(shared, width)
        order = np.arange(width) if hidden is None else None
        off = None if hidden is None else hidden.take(rows)
        varies = _varies(pairs, shared, order, width)
        of = Sides(p, q, weights, order, known_ks[rows], ks[rows])
        found = _figures(of, varies, effect_size, off)
        reason = reason or varies.reason
        for key, values in found.items():
            figures.setdefault(key, np.full(len(counts), np.nan))[rows] = values
    figures["caveat"] = [
        f"how much windows differ anyway is not known: {reason}" if reason else None
    ] * len(counts)
    return figures


def _varies(
    pairs: Pairs, shared: Bins | None, order: NDArray[np.intp] | None, width: int
) -> evidence.Benign:
    """How much the reference's windows differ in `width` bins, paired as `pairs.before` says."""
    cells = [] if shared is None else _cells(pairs, shared, width)
    if shared is None or not cells:
        reason = _NO_BINS if shared is None else evidence.NO_WINDOWS
        return evidence.Benign(0.0, 0.0, np.inf, 0.0, 0, reason)
    counts = floats([cell["counts"] for cell in cells])
    ks = floats([np.inf if cell["k"] is None else cell["k"] for cell in cells])
    rows = counts.sum(axis=1)
    smallest = rows[rows > 0].min() if (rows > 0).any() else 0.0
    # All pooled alike, as the smallest needs it, so that they stay comparable.
    joined = pool(_narrowed(shared, width), counts, np.full(len(rows), smallest), order=order)
    noise = noise_scale(rows, np.inf, joined.bins, ks)
    return evidence.pair_variation(joined.window, pairs.before, noise)


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
        if self.weights is not None:
            left, right = (
                pool(self.weights, one, smaller, order=self.order)
                for one in (self.known, self.seen)
            )
            return left.window, right.window, right.bins
        each = [
            pool(a, b[None], least[None], order=self.order)
            for a, b, least in zip(self.known, self.seen, smaller, strict=True)
        ]
        p, q, bins = ([getattr(one, side) for one in each] for side in _SIDES)
        return np.concatenate(p), np.concatenate(q), np.concatenate(bins)


def _figures(
    of: Sides, varies: evidence.Benign, effect_size: float, hidden: Unlisted | None
) -> dict[str, Floats]:
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
    usual = varies.tau2, varies.w_eff, varies.square
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
        "p_unusual": evidence.p_unusual(d, s, bins, *usual),
        "p_material": evidence.p_material(d, s, bins, limit),
        "tau2": np.full(len(d), varies.tau2),
        "square": np.full(len(d), varies.square),
        "w_eff": np.full(len(d), varies.w_eff),
    }
