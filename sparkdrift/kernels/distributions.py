"""One reference row against the windows of the same slice and feature: figures by name.

Every figure is float64 (W,) with NaN for what can't be measured; lists hold one entry
per window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.states import States
from sparkdrift.kernels.strata import Baseline, by_stratum, explains, name, phrase
from sparkdrift.kernels.words import NAMED, OTHER, bin_names, changed, moved_ranks, moved_values
from sparkdrift.measures import binned, evidence, numeric
from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.bins import bin_counts, category_counts, pool
from sparkdrift.measures.categorical import (
    EMPTY,
    Bounded,
    Categories,
    l_infinity_bounds,
    look_alikes,
    new_items,
    new_share,
    total_variation_bounds,
    unseen_share,
    vanished_share,
)
from sparkdrift.measures.kll import read_kll
from sparkdrift.measures.sketch_error import noise_scale

SHOWN = 20
CARRIERS = 10


@dataclass(frozen=True)
class Bins:
    """A reference's stored bins: inner upper edges or items, and its rows in each."""

    edges: Floats | None
    items: tuple[str, ...] | None
    counts: Floats

    @classmethod
    def read(cls, cell: Mapping[str, Any] | None) -> Bins | None:
        if cell is None or cell["counts"] is None:
            return None
        return cls(
            edges=None if cell["edges"] is None else floats(cell["edges"]),
            items=None if cell["items"] is None else tuple(cell["items"]),
            counts=floats(cell["counts"]),
        )


def benign(cells: Sequence[Mapping[str, Any]] | None, reference: Floats) -> evidence.Benign:
    """How much the reference's own windows vary, from its stored `window_bins`.

    All are pooled alike, as the smallest needs it, so that they stay comparable.
    """
    bins = len(reference)
    used = [cell for cell in cells or [] if sum(cell["counts"]) > 0]
    if not used:
        return evidence.benign_variation(np.zeros((len(cells or []), bins)))
    counts, rows, ks = _of_cells(used)
    (_, joined), left = pooled(reference, counts, np.full(len(rows), rows.min()))
    return evidence.benign_variation(joined, noise_scale(rows, np.inf, left, ks))


def _of_cells(cells: Sequence[Mapping[str, Any]]) -> tuple[Floats, Floats, Floats]:
    """(counts (V, B), rows (V,), k (V,)) of a reference's windows."""
    counts = np.array([cell["counts"] for cell in cells])
    ks = np.array([np.inf if cell["k"] is None else cell["k"] for cell in cells])
    return counts, counts.sum(axis=1), ks


def baselines(
    reference: Mapping[str, Any], counts: Floats, k: float, policy: Policy, effect_size: float
) -> dict[int | None, Baseline]:
    """What windows are compared with: by stratum, None for the whole reference.

    counts (B,) and k: the reference's rows in its bins, and its sketch.
    """
    cells = reference["window_bins"] or []
    whole = Baseline(counts, floats([counts.sum()]), floats([k]), benign(cells, counts))
    found: dict[int | None, Baseline] = {None: whole}
    if policy.season is None:
        return found
    for stratum, own in by_stratum(cells, reference["window_strata"] or []).items():
        of_windows, rows, ks = _of_cells(own)
        known = floats(of_windows.sum(axis=0))
        words = name(policy.season, stratum), phrase(policy.season, stratum, len(own))
        found[stratum] = Baseline(known, rows, ks, benign(own, known), *words)
    strata = [one.varies for stratum, one in found.items() if stratum is not None]
    if policy.season_shown and not explains(whole.varies, strata, effect_size):
        return {None: whole}
    return found


def _caveat(known: Baseline) -> str | None:
    """What is lost where the reference has no windows of its own, or too few."""
    reason = known.varies.reason
    return f"how much windows differ anyway is not known: {reason}" if reason else None


def binned_figures(
    windows: Floats,
    window_k: Floats,
    known: Mapping[int | None, Baseline],
    strata: Sequence[int | None],
    effect_size: float,
) -> dict[str, Floats]:
    """Distances from the whole reference, and evidence against each window's own stratum.

    windows (W, B), window_k (W,); strata (W,): keys of `known`, the whole where one is none.
    """
    whole = known[None]
    reference, k = whole.counts, whole.ks[0]
    n, m = windows.sum(axis=1), reference.sum()
    (expected, seen), bins = pooled(reference, windows)
    s = noise_scale(n, m, bins, k, window_k)
    chi2, chi2_p = binned.chi2(expected, seen, s)
    figures = {
        "psi": binned.psi(reference, windows),
        "psi_error": binned.psi_error(reference, windows, k, window_k),
        "js_distance": binned.js_distance(reference, windows),
        "chi2_statistic": chi2,
        "chi2_pvalue": chi2_p,
    }
    own = [stratum if stratum in known else None for stratum in strata]
    for stratum in dict.fromkeys(own):
        rows = np.array([one == stratum for one in own])
        found = _evidence(known[stratum], windows[rows], window_k[rows], effect_size)
        for key, values in found.items():
            figures.setdefault(key, np.full(len(windows), np.nan))[rows] = values
    return figures


def _evidence(
    known: Baseline, windows: Floats, window_k: Floats, effect_size: float
) -> dict[str, Floats]:
    (expected, seen), bins = pooled(known.counts, windows)
    s = noise_scale(windows.sum(axis=1), np.inf, bins, window_k) + known.noise(bins)
    d = binned.d_statistic(expected, seen)
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
        "degrees": bins - 1,
        "p_unusual": evidence.p_unusual(d, s, bins, tau2, w_eff, square),
        "p_material": evidence.p_material(d, s, bins, limit),
        "tau2": np.full(len(d), tau2),
        "square": np.full(len(d), square),
        "w_eff": np.full(len(d), w_eff),
    }


def pooled(
    reference: Floats, windows: Floats, rows: Floats | None = None
) -> tuple[tuple[Floats, Floats], Floats]:
    """((reference, windows) with small bins joined, bins left per window).

    A reference that holds one value stays as it is: its empty bins are what shows a
    window that leaves the constant.
    """
    if (reference > 0).sum() > 1:
        left = pool(reference, windows, rows)
        return (left.reference, left.window), left.bins
    return (np.broadcast_to(reference, windows.shape), windows), np.full(
        len(windows), float(len(reference))
    )


def numeric_figures(
    reference: Mapping[str, Any], windows: States, bins: Bins, policy: Policy, effect_size: float
) -> dict[str, Any]:
    """Everything about the finite values; `out` counts rows outside the reference's range."""
    assert bins.edges is not None  # noqa: S101 - a numeric reference has edges
    known = read_kll(reference["kll"])
    seen = windows.points
    counts = np.array([bin_counts(points, bins.edges) for points in seen])
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
    n = counts.sum(axis=1)
    largest = np.array([numeric.ks(one) for one in gaps])
    error = numeric.ks_error(known_k, ks)
    return figures | {
        "ks_statistic": largest,
        "ks_error": np.where(n > 0, error, np.nan),
        "ks_pvalue": numeric.ks_pvalue(largest, n, bins.counts.sum(), known_k, ks),
        "wasserstein_distance": np.array([numeric.wasserstein(one, within) for one in gaps]),
        "wasserstein_error": np.array(
            [
                numeric.wasserstein_error(one, within, eps)
                for one, eps in zip(gaps, error.tolist(), strict=True)
            ]
        ),
        "out_of_range_share": np.array([one.out_of_range for one in tails]),
        "below_range_share": np.array([one.below for one in tails]),
        "outside_weight": np.array([one.weight for one in tails]),
        "sketched_rows": n,
        "known_sketched": bins.counts.sum(),
        "shift": shift,
        "carriers": carriers([bin_names(bins.edges)], own_counts, counts),
        "moved": [
            moved_values(points, one, within.unit)
            if baseline.stratum is None
            else moved_ranks(points, ranks)
            for points, one, ranks, baseline in zip(seen, tails, shift.tolist(), own, strict=True)
        ],
        "season": [one.label for one in own],
        "caveat": [_caveat(one) for one in own],
        "stratum": [one.stratum for one in own],
    }


def carriers(
    named: Sequence[Sequence[str]], known: Floats, windows: Floats
) -> list[list[dict[str, Any]]]:
    """The bins whose share changed most, at most CARRIERS, gains before losses of one size.

    windows (W, B), known (B,) or (W, B); named: the names of the bins, once or for each window.
    """
    found = []
    ps, qs = np.broadcast_arrays(shares(known), shares(windows))
    for i, (p, q) in enumerate(zip(ps, qs, strict=True)):
        names, gap = named[i % len(named)], q - p
        # Rounded, so that what one bin gained from one other is told as a gain.
        order = np.lexsort((-gap, -np.round(np.abs(gap), 9)))[:CARRIERS]
        found.append(
            [{"item": names[j], "reference": float(p[j]), "share": float(q[j])} for j in order]
            if np.isfinite(gap).all()
            else []
        )
    return found


def categorical_figures(
    reference: Mapping[str, Any],
    known: Categories,
    windows: States,
    bins: Bins,
    policy: Policy,
    effect_size: float,
) -> dict[str, Any]:
    """Everything about the categories that are not NULL."""
    items = bins.items or ()
    seen = [state or EMPTY for state in windows.counted]
    fresh = [new_items(known, state) for state in seen]
    # New categories are judged apart; in a bin that the reference leaves empty they
    # would swamp every distance.
    old = np.array(
        [
            state.total - (sum(rows for _, rows in new) if known.exact else 0)
            for state, new in zip(seen, fresh, strict=True)
        ]
    )
    counts = np.array(
        [
            category_counts(state.count_of, int(total), items)
            for state, total in zip(seen, old, strict=True)
        ]
    )
    none = np.full(len(seen), np.inf)
    compared = baselines(reference, bins.counts, np.inf, policy, effect_size)
    strata = windows.table.column("stratum").to_pylist()
    figures: dict[str, Any] = dict(binned_figures(counts, none, compared, strata, effect_size))
    own = [compared.get(one, compared[None]) for one in strata]
    return (
        figures
        | category_figures([known] * len(seen), seen, fresh)
        | {
            "expected_new": unseen_share(known),
            "moved": [
                changed(items, one.counts, row) for one, row in zip(own, counts, strict=True)
            ],
            "season": [one.label for one in own],
            "caveat": [_caveat(one) for one in own],
            "stratum": [one.stratum for one in own],
            "carriers": carriers([[*items, OTHER]], np.stack([one.counts for one in own]), counts),
        }
    )


def category_figures(
    known: Sequence[Categories],
    seen: Sequence[Categories],
    fresh: Sequence[tuple[tuple[str, int], ...]],
) -> dict[str, Any]:
    """What needs no bins, of W states each against its own known one; fresh: `new_items`."""
    both = list(zip(known, seen, strict=True))
    fresh_shares = [new_share(*one) for one in both]
    return {
        **_bounded("tv", [total_variation_bounds(*one) for one in both]),
        **_bounded("l_infinity", [l_infinity_bounds(*one) for one in both]),
        "new_category_share": np.array([one.value for one in fresh_shares]),
        "new_category_low": np.array([one.low for one in fresh_shares]),
        "new_category_high": np.array([one.high for one in fresh_shares]),
        "new_categories": [_listed(new) for new in fresh],
        "vanished_share": np.array([vanished_share(*one).value for one in both]),
        "variants": [_variants(*one) for one in both],
    }


def _bounded(name: str, bounds: list[Bounded]) -> dict[str, Floats]:
    return {
        f"{name}_distance": np.array([one.value for one in bounds]),
        f"{name}_error": np.array(
            [max(one.high - one.value, one.value - one.low) for one in bounds]
        ),
    }


def _listed(items: tuple[tuple[str, int], ...]) -> list[dict[str, Any]]:
    return [{"item": item, "count": rows} for item, rows in items[:SHOWN]]


def _variants(known: Categories, state: Categories) -> str | None:
    """The new categories that look like a known one: often a fault of writing, not a new kind."""
    found = look_alikes(known, state)
    parts = [
        f"{item!r} ({rows:,} row{'s' if rows > 1 else ''}) looks like {like!r}"
        for item, rows, like in found[:NAMED]
    ]
    more = [f"{len(found) - NAMED} more look like known ones"] if len(found) > NAMED else []
    return ", ".join([*parts, *more]) or None
