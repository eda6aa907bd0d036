"""Windows against earlier windows: the figures of `distributions`, without a reference's rows.

The bins are those of the reference in force, so that figures stay comparable with those against
it, else cut from the earlier window. `pair_evidence` says how sure a distance is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from functools import lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.kernels.baselines import Bins
from sparkdrift.kernels.category_distributions import category_figures
from sparkdrift.kernels.distributions import carriers
from sparkdrift.kernels.few_values import few_values
from sparkdrift.kernels.many_categories import Unlisted, growth, old_counts
from sparkdrift.kernels.pair_evidence import Pairs, binned_pairs, by_width, cells_in, narrowed
from sparkdrift.kernels.words import OTHER, bin_names, changed, moved_values
from sparkdrift.measures import numeric
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.bins import (
    bin_counts,
    categorical_bins,
    rest_as_one,
    rest_groups,
)
from sparkdrift.measures.categorical import EMPTY, unseen_share
from sparkdrift.measures.kll import Points, read_kll


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
        names = [bin_names(shared.edges)]
        counts, before = (
            list(side.counts_in(shared.edges)) for side in (pairs.windows, pairs.earlier)
        )
    else:
        own = pairs.earlier.cuts(pairs.bins)
        names = [one.names for one in own]
        shared = None
        counts = [bin_counts(one, cut.edges) for one, cut in zip(seen, own, strict=True)]
        before = [one.counts for one in own]
    ks, known_ks = _sizes(seen), _sizes(known)
    figures = binned_pairs(pairs, shared, before, counts, known_ks, ks, effect_size)
    within = _spans(pairs)
    ends = [numeric.ending_at(*one) for one in zip(within, known, strict=True)]
    tails = [numeric.tails(*one) for one in zip(seen, ends, strict=True)]
    gaps = [numeric.gap(*one) for one in zip(known, seen, strict=True)]
    n = floats([one.sum() for one in counts])
    m = floats([one.sum() for one in before])
    figures |= _few(pairs, shared, before, counts, figures, names, pairs.limits[0])
    some = (n > 0) & (m > 0)
    largest = np.array([numeric.ks(one) for one in gaps])
    error = np.where(some, numeric.ks_error(known_ks, ks), np.nan)
    moved_by = [numeric.wasserstein(*one) for one in zip(gaps, within, strict=True)]
    errors = zip(gaps, within, error.tolist(), moved_by, strict=True)
    return figures | {
        "ks_statistic": largest,
        "ks_error": error,
        "ks_pvalue": numeric.ks_pvalue(largest, n, m, known_ks, ks),
        "wasserstein_distance": np.array(moved_by),
        "wasserstein_error": floats([numeric.wasserstein_error(*one) for one in errors]),
        "out_of_range_share": np.array([one.out_of_range for one in tails]),
        "below_range_share": np.array([one.below for one in tails]),
        **numeric.tail_figures(tails),
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
    figures = binned_pairs(pairs, shared, before, counts, none, none, effect_size, hidden)
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


@lru_cache(maxsize=4096)
def label(start: int) -> str:
    """How a verdict calls an earlier window; start: microseconds since 1970."""
    began = datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=start)
    return f"the window that began {began:%Y-%m-%d %H:%M} UTC"


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
    for rows, p, q in by_width(known, counts):
        width = q.shape[1]
        weights = None if shared is None else narrowed(shared, width)
        cells = None if shared is None else cells_in(pairs, shared, width)
        groups = figures["degrees"][rows] + 1
        own = [names[i % len(names)] for i in rows.tolist()]
        some = few_values(p, q, groups, cells, own, limit, 2, weights)
        for i, why in zip(rows.tolist(), some.pop("lacking"), strict=True):
            found["lacking"][i] = why
        for key, values in some.items():
            found.setdefault(key, np.full(len(counts), np.nan))[rows] = values
    return found


def _sizes(points: Sequence[Points | None]) -> Floats:
    return floats([np.inf if one is None else one.error_k for one in points])


def _spans(pairs: Pairs) -> list[numeric.Span]:
    """The range of each earlier window, within the span of the reference where there is one."""
    if pairs.reference is None or pairs.reference["kll"] is None:
        return pairs.earlier.spans()
    sd = pairs.reference["stddev"]
    unit = numeric.span(read_kll(pairs.reference["kll"]), float("nan") if sd is None else sd)
    return [numeric.moved_to(unit, one) for one in pairs.earlier.points]


def _carried(
    names: Sequence[Sequence[str]], known: Sequence[Floats], counts: Sequence[Floats]
) -> pa.Array:
    if len({len(one) for one in counts}) == 1:
        return carriers(names, np.stack(known), np.stack(counts))
    rows = enumerate(zip(known, counts, strict=True))
    return pa.concat_arrays([carriers([names[i % len(names)]], p, q[None]) for i, (p, q) in rows])
