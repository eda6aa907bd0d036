"""One reference row against the windows of the same slice and feature: figures by name.

Every figure is float64 (W,) with NaN for what can't be measured; lists hold one entry
per window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkdrift.kernels.few_values import few_values, single_values
from sparkdrift.kernels.many_categories import (
    Unlisted,
    closed,
    growth,
    largest_changes,
    moved_most,
    old_counts,
    one_rest,
)
from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.states import States
from sparkdrift.kernels.strata import Baseline, by_stratum, explains, name, phrase
from sparkdrift.kernels.words import NAMED, OTHER, bin_names, changed, moved_ranks, moved_values
from sparkdrift.measures import binned, evidence, numeric
from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.bins import bin_counts, pool, rest_as_one
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
_BINNED = ("psi", "psi_error", "js_distance", "js_error")
_HIDDEN = "categories that are not listed could hide a shift: raise sketch.categories to know"


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


def benign(
    cells: Sequence[Mapping[str, Any]] | None,
    reference: Floats,
    order: NDArray[np.intp] | None = None,
) -> evidence.Benign:
    """How much the reference's own windows vary, from its stored `window_bins`.

    All are pooled alike, as the smallest needs it, so that they stay comparable.
    """
    bins = len(reference)
    used = [cell for cell in cells or [] if sum(cell["counts"]) > 0]
    if not used:
        return evidence.benign_variation(np.zeros((len(cells or []), bins)))
    counts, rows, ks = _of_cells(used)
    joined = pool(reference, counts, np.full(len(rows), rows.min()), order=order)
    return evidence.benign_variation(joined.window, noise_scale(rows, np.inf, joined.bins, ks))


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
    cells, order = reference["window_bins"] or [], joining(reference)
    varies = benign(cells, counts, order)
    whole = Baseline(counts, floats([counts.sum()]), floats([k]), varies, order=order)
    found: dict[int | None, Baseline] = {None: whole}
    if policy.season is None:
        return found
    for stratum, own in by_stratum(cells, reference["window_strata"] or []).items():
        of_windows, rows, ks = _of_cells(own)
        known = floats(of_windows.sum(axis=0))
        words = name(policy.season, stratum), phrase(policy.season, stratum, len(own))
        found[stratum] = Baseline(known, rows, ks, benign(own, known, order), *words, order)
    strata = [one.varies for stratum, one in found.items() if stratum is not None]
    if policy.season_shown and not explains(whole.varies, strata, effect_size):
        return {None: whole}
    return found


def joining(reference: Mapping[str, Any]) -> NDArray[np.intp] | None:
    """In which order small bins join: numbers with their neighbours, categories by size."""
    edges = (reference.get("bins") or {}).get("edges")
    return None if edges is None else np.arange(len(edges) + 1)


def _caveats(own: Sequence[Baseline], figures: Mapping[str, Any]) -> list[str | None]:
    """What D lacks where the reference has no windows of its own, or too few."""
    return [
        f"how much windows differ anyway is not known: {one.varies.reason}"
        if one.varies.reason and degrees >= 1
        else None
        for one, degrees in zip(own, figures["degrees"], strict=True)
    ]


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
        rows = np.array([one == stratum for one in own])
        found = _evidence(known[stratum], windows[rows], window_k[rows], effect_size, hidden[rows])
        for key, values in found.items():
            figures.setdefault(key, np.full(len(windows), np.nan))[rows] = values
    return figures


def _evidence(
    known: Baseline, windows: Floats, window_k: Floats, effect_size: float, hidden: Floats
) -> dict[str, Floats]:
    joined = pool(known.counts, windows, order=known.order)
    bins = joined.bins
    s = noise_scale(windows.sum(axis=1), np.inf, bins, window_k) + known.noise(bins) + hidden
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
        "carriers": carriers([names], own_counts, counts),
        "moved": [
            moved_values(points, one, within.unit)
            if baseline.stratum is None
            else moved_ranks(points, ranks)
            for points, one, ranks, baseline in zip(seen, tails, shift.tolist(), own, strict=True)
        ],
        "season": [one.label for one in own],
        "caveat": _caveats(own, figures),
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
    only = closed(known, items, bins.counts)
    counts = np.array([old_counts(known, one, items, len(bins.counts), only=only) for one in seen])
    many = len(bins.counts) > len(items) + 1 or not known.exact
    compared = baselines(reference, bins.counts, np.inf, policy, effect_size)
    strata = windows.table.column("stratum").to_pylist()
    figures = _category_distances(reference, known, seen, bins, counts, compared, strata, policy)
    few = few_values(
        bins.counts,
        counts,
        figures["degrees"] + 1,
        reference["window_bins"],
        [[*map(repr, items), *[OTHER] * (len(bins.counts) - len(items))]],
        policy.new_categories,
        sides=1,
    )
    # Where most of the noise is what truncation hides, more rows would not help.
    figures["lacking"] = [
        _HIDDEN if 2 * hidden > noise else lacking
        for hidden, noise, lacking in zip(
            figures["hidden"], figures["noise"], few.pop("lacking"), strict=True
        )
    ]
    single = [one.exact and len(one.items) == 1 for one in seen]
    own = [compared.get(one, compared[None]) for one in strata]
    return (
        figures
        | few
        | single_values(bins.counts, counts, reference["window_bins"], single)
        | category_figures([known] * len(seen), seen)
        | growth([known] * len(seen), seen, [items] * len(seen))
        | {
            "expected_new": unseen_share(known),
            "moved": [
                moved_most(known, state) if many else changed(items, one.counts, row)
                for one, row, state in zip(own, counts, seen, strict=True)
            ],
            "season": [one.label for one in own],
            "caveat": _caveats(own, figures),
            "stratum": [one.stratum for one in own],
            "carriers": [largest_changes(known, state) for state in seen]
            if many
            else carriers([[*items, OTHER]], np.stack([one.counts for one in own]), counts),
        }
    )


def _category_distances(
    reference: Mapping[str, Any],
    known: Categories,
    seen: Sequence[Categories],
    bins: Bins,
    counts: Floats,
    compared: Mapping[int | None, Baseline],
    strata: Sequence[int | None],
    policy: Policy,
) -> dict[str, Any]:
    """`binned_figures` of counts (W, B); of windows with unlisted rows the rest is one bin."""
    effect_size, _ = policy.thresholds(reference["column_name"])
    named = len(bins.items or ())
    listed = np.array([one.exact for one in seen]) | (len(bins.counts) == named + 1)
    figures: dict[str, Any] = {}
    for whole in dict.fromkeys(listed.tolist()):
        rows = np.flatnonzero(listed == whole)
        made, by = counts[rows], compared
        if not whole:
            made, rest = rest_as_one(made, named), rest_as_one(bins.counts, named)
            by = baselines(one_rest(reference, named), rest, np.inf, policy, effect_size)
        found = binned_figures(
            made,
            np.full(len(rows), np.inf),
            by,
            [strata[i] for i in rows.tolist()],
            effect_size,
            Unlisted.of([known] * len(rows), [seen[i] for i in rows.tolist()], [named] * len(rows)),
        )
        if made.shape[1] < 2:
            # All is one bin, which says nothing: that is not a distance of 0.
            found |= dict.fromkeys(_BINNED, np.full(len(rows), np.nan))
        for key, values in found.items():
            figures.setdefault(key, np.full(len(seen), np.nan))[rows] = values
    return figures


def category_figures(known: Sequence[Categories], seen: Sequence[Categories]) -> dict[str, Any]:
    """What needs no bins, of W states each against its own known one."""
    both = list(zip(known, seen, strict=True))
    fresh_shares = [new_share(*one) for one in both]
    gone = [vanished_share(*one) for one in both]
    # Of a reference that dropped categories it is not known which ones are new.
    fresh = [new_items(old, new) if old.exact else () for old, new in both]
    return {
        **_bounded("tv", [total_variation_bounds(*one) for one in both]),
        **_bounded("l_infinity", [l_infinity_bounds(*one) for one in both]),
        "new_category_share": np.array([one.value for one in fresh_shares]),
        "new_category_error": _widths(fresh_shares),
        "new_category_low": np.array([one.low for one in fresh_shares]),
        "new_category_high": np.array([one.high for one in fresh_shares]),
        "new_categories": [_listed(new) for new in fresh],
        "vanished_share": np.array([one.value for one in gone]),
        "vanished_error": _widths(gone),
        "variants": [_variants(*one) for one in both],
    }


def _bounded(name: str, bounds: list[Bounded]) -> dict[str, Floats]:
    return {
        f"{name}_distance": np.array([one.value for one in bounds]),
        f"{name}_error": _widths(bounds),
    }


def _widths(bounds: Sequence[Bounded]) -> Floats:
    return floats([max(one.high - one.value, one.value - one.low) for one in bounds])


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
