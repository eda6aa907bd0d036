"""What is said of categories: one reference row, or earlier windows, against windows.

Every figure is float64 (W,) with NaN for what can't be measured; lists hold one entry
per window.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sparkdrift.kernels.baselines import Bins, baselines, caveats
from sparkdrift.kernels.distributions import binned_figures, carriers
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
from sparkdrift.kernels.strata import Baseline
from sparkdrift.kernels.words import NAMED, OTHER, changed
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.bins import rest_as_one
from sparkdrift.measures.categorical import (
    EMPTY,
    Bounded,
    Categories,
    distance_bounds,
    look_alikes,
    new_items,
    new_share,
    unseen_share,
    vanished_share,
)

SHOWN = 20
_BINNED = ("psi", "psi_error", "js_distance", "js_error")
_HIDDEN = "categories that are not listed could hide a shift: raise sketch.categories to know"


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
            "caveat": caveats(own, figures),
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
    distances = [distance_bounds(*one) for one in both]
    fresh_shares = [new_share(*one) for one in both]
    gone = [vanished_share(*one) for one in both]
    # Of a reference that dropped categories it is not known which ones are new.
    fresh = [new_items(old, new) if old.exact else () for old, new in both]
    return {
        **_bounded("tv", [one for one, _ in distances]),
        **_bounded("l_infinity", [one for _, one in distances]),
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
