"""One reference row against the windows of the same slice and feature: figures by name.

Every figure is float64 (W,) with NaN for what can't be measured; lists hold one entry
per window. Here binned distances, which numbers and categories share, and all that is said of
numbers; of categories: `category_distributions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.baselines import Bins, baselines, caveats
from sparkdrift.kernels.few_values import few_values, single_values
from sparkdrift.kernels.many_categories import Unlisted
from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.states import States
from sparkdrift.kernels.strata import Baseline
from sparkdrift.kernels.words import bin_names, moved_ranks, moved_values
from sparkdrift.measures import binned, evidence, numeric
from sparkdrift.measures.arrays import Floats, divide, shares
from sparkdrift.measures.bins import Pooled, pool
from sparkdrift.measures.kll import read_kll
from sparkdrift.measures.sketch_error import noise_scale

CARRIERS = 10


def binned_figures(
    windows: Floats,
    window_k: Floats,
    known: Mapping[int | None, Baseline],
    strata: Sequence[int | None],
    effect_size: float,
    unlisted: Unlisted | None = None,
) -> dict[str, Floats]:
    """Distances from the whole reference, and evidence against each window's own stratum.

    windows (W, B), window_k (W,); strata (W,): keys of `known`, the whole where one is none.
    unlisted: by how much truncation may have made bins of categories too small.
    """
    whole = known[None]
    reference, k = whole.counts, whole.ks[0]
    n, m = windows.sum(axis=1), reference.sum()
    joined = pool(reference, windows, order=whole.order)
    s, bins = noise_scale(n, m, joined.bins, k, window_k), joined.bins
    hidden = np.zeros(len(windows)) if unlisted is None else unlisted.noise(reference, bins)
    chi2, chi2_p = binned.chi2(joined.reference, joined.window, s)
    figures = {
        "psi": binned.psi(reference, windows),
        "psi_error": binned.psi_error(reference, windows, k, window_k)
        + (0.0 if unlisted is None else unlisted.psi_error(reference, windows)),
        "js_distance": binned.js_distance(reference, windows),
        # Sketches of numbers, or truncated states of categories: there is never both.
        "js_error": binned.js_error(reference, windows, k, window_k)
        if unlisted is None
        else unlisted.js_error(reference, windows),
        "chi2_statistic": chi2,
        "chi2_pvalue": chi2_p,
    }
    own = [stratum if stratum in known else None for stratum in strata]
    for stratum in dict.fromkeys(own):
        rows = np.flatnonzero([one == stratum for one in own])
        held = known[stratum]
        # Pooled by their own stratum; those of the whole have been.
        left = (
            joined.take(rows)
            if held is whole
            else pool(held.counts, windows[rows], order=held.order)
        )
        found = _evidence(held, left, n[rows], window_k[rows], effect_size, hidden[rows])
        for key, values in found.items():
            figures.setdefault(key, np.full(len(windows), np.nan))[rows] = values
    return figures


def _evidence(
    known: Baseline, joined: Pooled, n: Floats, window_k: Floats, effect_size: float, hidden: Floats
) -> dict[str, Floats]:
    bins = joined.bins
    s = noise_scale(n, np.inf, bins, window_k) + known.noise(bins) + hidden
    # Of one group there is no distance, which is not a distance of 0.
    d = np.where(bins >= 2, binned.d_statistic(joined.reference, joined.window), np.nan)
    size, low, high = evidence.effect(d, s, bins)
    limit = evidence.material_limit(effect_size)
    tau2, w_eff, square = known.varies.tau2, known.varies.w_eff, known.varies.square
    return {
        "d_statistic": d,
        "effect": size,
        "effect_low": low,
        "effect_high": high,
        "n_eff": divide(1.0, s),
        "noise": s,
        "hidden": hidden,
        "degrees": bins - 1,
        "p_unusual": evidence.p_unusual(d, s, bins, tau2, w_eff, square),
        "p_material": evidence.p_material(d, s, bins, limit),
        "tau2": np.full(len(d), tau2),
        "square": np.full(len(d), square),
        "w_eff": np.full(len(d), w_eff),
    }


def numeric_figures(
    reference: Mapping[str, Any], windows: States, bins: Bins, policy: Policy, effect_size: float
) -> dict[str, Any]:
    """Everything about the finite values; `out` counts rows outside the reference's range."""
    assert bins.edges is not None  # noqa: S101 - a numeric reference has edges
    known = read_kll(reference["kll"])
    seen = windows.points
    counts = windows.counts_in(bins.edges)
    ks = np.array([points.error_k if points is not None else np.inf for points in seen])
    known_k = known.error_k if known is not None else np.inf
    compared = baselines(reference, bins.counts, known_k, policy, effect_size)
    strata = windows.table.column("stratum").to_pylist()
    figures: dict[str, Any] = dict(binned_figures(counts, ks, compared, strata, effect_size))
    own = [compared.get(one, compared[None]) for one in strata]
    own_counts = np.stack([one.counts for one in own])
    shift = binned.rank_shift(own_counts, counts)
    sd = reference["stddev"]
    within = numeric.span(known, float("nan") if sd is None else sd)
    tails = [numeric.tails(points, within) for points in seen]
    gaps = [numeric.gap(known, points) for points in seen]
    n, names = counts.sum(axis=1), bin_names(bins.edges)
    few = few_values(
        bins.counts,
        counts,
        figures["degrees"] + 1,
        reference["window_bins"],
        [names],
        policy.out_of_range,
        sides=1,
    )
    single = [one is not None and one.minimum == one.maximum for one in seen]
    figures |= few | single_values(bins.counts, counts, reference["window_bins"], single)
    largest = np.array([numeric.ks(one) for one in gaps])
    error = numeric.ks_error(known_k, ks)
    moved_by = [numeric.wasserstein(one, within) for one in gaps]
    return figures | {
        "ks_statistic": largest,
        "ks_error": np.where(n > 0, error, np.nan),
        "ks_pvalue": numeric.ks_pvalue(largest, n, bins.counts.sum(), known_k, ks),
        "wasserstein_distance": np.array(moved_by),
        "wasserstein_error": np.array(
            [
                numeric.wasserstein_error(one, within, eps, distance)
                for one, eps, distance in zip(gaps, error.tolist(), moved_by, strict=True)
            ]
        ),
        "out_of_range_share": np.array([one.out_of_range for one in tails]),
        "below_range_share": np.array([one.below for one in tails]),
        **numeric.tail_figures(tails),
        "outside_weight": np.array([one.weight for one in tails]),
        "sketched_rows": n,
        "known_sketched": bins.counts.sum(),
        "shift": shift,
        "carriers": carriers([names], own_counts, counts),
        "moved": [
            moved_values(points, one, within.unit)
            if baseline.stratum is None
            else moved_ranks(points, ranks)
            for points, one, ranks, baseline in zip(seen, tails, shift.tolist(), own, strict=True)
        ],
        "season": [one.label for one in own],
        "caveat": caveats(own, figures),
        "stratum": [one.stratum for one in own],
    }


def carriers(named: Sequence[Sequence[str]], known: Floats, windows: Floats) -> pa.Array:
    """The bins whose share changed most, at most CARRIERS, gains before losses of one size: (W,).

    windows (W, B), known (B,) or (W, B); named: the names of the bins, once or for each window.
    An empty list where a side has no rows. Made as Arrow holds them: as objects they took longer
    than the distances.
    """
    p, q = np.broadcast_arrays(shares(known), shares(windows))
    gap = q - p
    # Rounded, so that what one bin gained from one other is told as a gain.
    order = np.lexsort((-gap, -np.round(np.abs(gap), 9)), axis=-1)[:, :CARRIERS]
    rows = np.flatnonzero(np.isfinite(gap).all(axis=1))
    at = rows[:, None], order[rows]
    first = np.cumsum([0, *map(len, named)])[rows % len(named)]
    names = pa.array([name for own in named for name in own], pa.string())
    fields = {
        "item": names.take(pa.array((first[:, None] + at[1]).ravel())),
        "reference": pa.array(p[at].ravel()),
        "share": pa.array(q[at].ravel()),
    }
    lengths = np.zeros(len(gap), dtype=np.int32)
    lengths[rows] = order.shape[1]
    ends = np.concatenate([[0], lengths.cumsum(dtype=np.int32)])
    entries = pa.StructArray.from_arrays(list(fields.values()), list(fields))
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), entries)
