"""Windows against earlier windows: the figures of `distributions`, without a reference's rows.

The bins are those of the reference in force, so that figures stay comparable with those against
it, else cut from the earlier window. How much two windows differ anyway is known from the
reference's own windows, paired as these are; where there are none only noise counts, and
`caveat` says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkdrift.kernels.distributions import Bins, carriers, category_figures
from sparkdrift.kernels.states import States
from sparkdrift.kernels.words import OTHER, bin_names, changed, moved_values
from sparkdrift.measures import binned, evidence, numeric
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.bins import (
    bin_counts,
    categorical_bins,
    category_counts,
    numeric_bins,
    pool,
)
from sparkdrift.measures.categorical import EMPTY, Categories, new_items, unseen_share
from sparkdrift.measures.kll import Points, read_kll
from sparkdrift.measures.sketch_error import noise_scale

_NO_BINS = "no reference of this feature was in force"


@dataclass(frozen=True)
class Pairs:
    """W windows, and the earlier one that each is held against.

    reference: the row of the reference in force, None where there is none of this definition.
    before (V,): for each of its window_bins the position of the one that it would be held
    against, negative for none. bins: how many to cut where there is no reference.
    """

    windows: States
    earlier: States
    reference: Mapping[str, Any] | None
    before: NDArray[np.intp]
    bins: int

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
    else:
        items = [categorical_bins(one.items, one.counts) for one in known]
        shared = None
    fresh = [new_items(*one) for one in zip(known, seen, strict=True)]
    counts = [_old(*one) for one in zip(known, seen, items, strict=True)]
    before = [
        category_counts(one.count_of, one.total, names)
        for one, names in zip(known, items, strict=True)
    ]
    none = np.full(len(seen), np.inf)
    figures = _binned(pairs, shared, before, counts, none, none, effect_size)
    del figures["shift"]  # categories have no order
    return {
        **figures,
        **category_figures(known, seen, fresh),
        "expected_new": floats([unseen_share(one) for one in known]),
        "moved": [changed(*one) for one in zip(items, before, counts, strict=True)],
        "carriers": _carried([[*names, OTHER] for names in items], before, counts),
    }


def labels(starts: Sequence[datetime]) -> list[str]:
    """How a verdict calls the earlier windows."""
    return [f"the window that began {start:%Y-%m-%d %H:%M} UTC" for start in starts]


def _old(known: Categories, seen: Categories, items: Sequence[str]) -> Floats:
    """Rows in the bins, without new categories: these are judged apart."""
    if not known.exact:
        return category_counts(seen.count_of, seen.total, items)
    held = {item: rows for item, rows in seen.count_of.items() if item in known.count_of}
    new = sum(seen.count_of.values()) - sum(held.values())
    return category_counts(held, seen.total - new, items)


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
) -> dict[str, Any]:
    """Distances and evidence of each pair; pairs with as many bins are computed at once."""
    varies = _varies(pairs, shared)
    widths = np.array([len(one) for one in counts])
    figures: dict[str, Any] = {}
    for width in dict.fromkeys(widths.tolist()):
        rows = np.flatnonzero(widths == width)
        p, q = (np.stack([one[i] for i in rows.tolist()]) for one in (known, counts))
        weights = None if shared is None else shared.counts
        found = _figures(p, q, weights, known_ks[rows], ks[rows], varies, effect_size)
        for key, values in found.items():
            figures.setdefault(key, np.full(len(widths), np.nan))[rows] = values
    figures["caveat"] = [
        f"how much windows differ anyway is not known: {varies.reason}" if varies.reason else None
    ] * len(widths)
    return figures


def _varies(pairs: Pairs, shared: Bins | None) -> evidence.Benign:
    """How much the reference's windows differ, paired as `pairs.before` says."""
    cells = [] if pairs.reference is None else pairs.reference["window_bins"] or []
    if shared is None or not cells:
        reason = _NO_BINS if shared is None else evidence.NO_WINDOWS
        return evidence.Benign(0.0, 0.0, np.inf, 0.0, 0, reason)
    counts = floats([cell["counts"] for cell in cells])
    ks = floats([np.inf if cell["k"] is None else cell["k"] for cell in cells])
    rows = counts.sum(axis=1)
    smallest = rows[rows > 0].min() if (rows > 0).any() else 0.0
    # All pooled alike, as the smallest needs it, so that they stay comparable.
    pooled, left = _pooled(shared.counts, counts, np.full(len(rows), smallest))
    return evidence.pair_variation(pooled, pairs.before, noise_scale(rows, np.inf, left, ks))


def _pooled(weights: Floats, counts: Floats, rows: Floats) -> tuple[Floats, Floats]:
    """(counts with bins joined that are small by `weights` and `rows`, bins left)."""
    if (weights > 0).sum() > 1:
        pooled = pool(weights, counts, rows)
        return pooled.window, pooled.bins
    return counts, np.full(len(counts), float(len(weights)))


def _figures(
    known: Floats,
    seen: Floats,
    weights: Floats | None,
    known_k: Floats,
    k: Floats,
    varies: evidence.Benign,
    effect_size: float,
) -> dict[str, Floats]:
    """known, seen (W, B); weights (B,) say which bins are small, without them `known` does."""
    n, m = seen.sum(axis=1), known.sum(axis=1)
    smaller = np.minimum(n, m)
    if weights is not None:
        (p, bins), (q, _) = (_pooled(weights, one, smaller) for one in (known, seen))
    else:
        each = [
            (*_pooled(a, a[None], s[None]), _pooled(a, b[None], s[None])[0])
            for a, b, s in zip(known, seen, smaller, strict=True)
        ]
        p, bins, q = (np.concatenate(part) for part in zip(*each, strict=True))
    s = noise_scale(n, m, bins, known_k, k)
    chi2, chi2_p = binned.chi2(p, q, s)
    d = binned.d_statistic(p, q)
    size, low, high = evidence.effect(d, s, bins)
    limit = evidence.material_limit(effect_size)
    usual = varies.tau2, varies.w_eff, varies.square
    return {
        "psi": binned.psi(known, seen),
        "psi_error": binned.psi_error(known, seen, known_k, k),
        "js_distance": binned.js_distance(known, seen),
        "shift": binned.rank_shift(known, seen),
        "chi2_statistic": chi2,
        "chi2_pvalue": chi2_p,
        "d_statistic": d,
        "effect": size,
        "effect_low": low,
        "effect_high": high,
        "n_eff": divide(1.0, s),
        "p_unusual": evidence.p_unusual(d, s, bins, *usual),
        "p_material": evidence.p_material(d, s, bins, limit),
        "degrees": bins - 1,
        "tau2": np.full(len(d), varies.tau2),
        "square": np.full(len(d), varies.square),
        "w_eff": np.full(len(d), varies.w_eff),
    }
