"""What windows are compared with: a reference's stored bins, and how much its windows vary in them.

One baseline for the whole reference, and one for each weekday or hour where the reference
shows such a pattern (`strata`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.strata import Baseline, by_stratum, explains, name, phrase
from sparkdrift.measures import variation
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.bins import pool
from sparkdrift.measures.sketch_error import noise_scale


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
) -> variation.Benign:
    """How much the reference's own windows vary, from its stored `window_bins`.

    All are pooled alike, as the smallest needs it, so that they stay comparable.
    """
    bins = len(reference)
    used = [cell for cell in cells or [] if sum(cell["counts"]) > 0]
    if not used:
        return variation.benign_variation(np.zeros((len(cells or []), bins)))
    counts, rows, ks = _of_cells(used)
    joined = pool(reference, counts, np.full(len(rows), rows.min()), order=order)
    return variation.benign_variation(joined.window, noise_scale(rows, np.inf, joined.bins, ks))


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


def caveats(own: Sequence[Baseline], figures: Mapping[str, Any]) -> list[str | None]:
    """What D lacks where the reference has no windows of its own, or too few."""
    return [
        f"how much windows differ anyway is not known: {one.varies.reason}"
        if one.varies.reason and degrees >= 1
        else None
        for one, degrees in zip(own, figures["degrees"], strict=True)
    ]
