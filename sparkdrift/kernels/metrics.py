"""Custom metrics in kernels: one number per window, held against the reference's windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.kernels.batches import column
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.window_evidence import (
    LARGEST_EFFECT,
    LEAST_WINDOWS,
    Usual,
    effect_interval,
    usual_variation,
    window_evidence,
)

_ROUNDING = 1e-9
NO_VALUE = "the metric has no value in this window"


def metric_windows(group: pa.Table) -> list[dict[str, Any]]:
    """`window_bins` of a metric: per window with a value, counts = [value, noise of its rows]."""
    cells = zip(
        group.column("window_start").to_pylist(),
        column(group, "comparable"),
        np.nan_to_num(column(group, "row_noise")),
        strict=True,
    )
    return [
        {"window_start": start, "k": None, "counts": [float(value), float(noise)]}
        for start, value, noise in cells
        if np.isfinite(value)
    ]


def metric_figures(
    reference: Mapping[str, Any], windows: pa.Table, effect_size: float
) -> dict[str, Any]:
    """Figures of a metric's windows; `missing` says what keeps one from being measured."""
    size = windows.num_rows
    values = column(windows, "comparable")
    known = floats([cell["counts"] for cell in reference["window_bins"] or []]).reshape(-1, 2)
    if len(known) < LEAST_WINDOWS:
        reason = (
            f"the reference has {len(known)} windows with a value, and {LEAST_WINDOWS} are needed "
            "to know what is usual: freeze a longer interval of stored windows"
        )
        return {"missing": [reason] * size}
    per_row = reference["row_variance"] or 0.0
    usual = usual_variation(known[:, 0], per_row * known[:, 1])
    noise = per_row * np.nan_to_num(column(windows, "row_noise"))
    return _evidence(values, usual, effect_size, noise) | {
        "missing": [None if np.isfinite(value) else NO_VALUE for value in values],
        "moved": [_moved(value, usual) for value in values],
        "scarce": ["reference windows, or rows"] * size,
    }


def metric_pairs(
    reference: Mapping[str, Any] | None,
    before: NDArray[np.intp],
    earlier: pa.Table,
    windows: pa.Table,
    effect_size: float,
) -> dict[str, Any]:
    """Figures of windows against earlier ones (W,): the difference is what is judged.

    What is usual are the differences between the reference's windows, paired by `before` (V,):
    the position of each one's earlier window, negative for none.
    """
    size = windows.num_rows
    if reference is None:
        reason = "no reference of this metric was in force to know what differences are usual"
        return {"missing": [reason] * size}
    known = floats([cell["counts"] for cell in reference["window_bins"] or []]).reshape(-1, 2)
    later = np.flatnonzero(before >= 0)
    if len(later) < LEAST_WINDOWS:
        reason = (
            f"the reference has {len(later)} pairs of windows like this, and {LEAST_WINDOWS} are "
            "needed to know what differences are usual: freeze a longer interval"
        )
        return {"missing": [reason] * size}
    first = before[later]
    per_row = reference["row_variance"] or 0.0
    usual = usual_variation(
        _difference(known[first, 0], known[later, 0]),
        per_row * (known[first, 1] + known[later, 1]),
    )
    value, old = column(windows, "comparable"), column(earlier, "comparable")
    noises = (np.nan_to_num(column(one, "row_noise")) for one in (windows, earlier))
    noise = per_row * sum(noises, start=np.zeros(size))
    moved = _difference(old, value)
    missing = np.where(np.isfinite(old), NO_VALUE, "the metric has no value in the earlier window")
    return _evidence(moved, usual, effect_size, noise) | {
        "missing": [
            None if np.isfinite(one) else str(why) for one, why in zip(moved, missing, strict=True)
        ],
        "moved": [
            f"it is {now:.6g}, and was {then:.6g}; such differences have an sd of {usual.sd:.3g} "
            f"between {usual.windows} pairs of the reference's windows"
            for now, then in zip(value, old, strict=True)
        ],
        "scarce": ["pairs of reference windows, or rows"] * size,
    }


def _evidence(seen: Floats, usual: Usual, effect_size: float, noise: Floats) -> dict[str, Floats]:
    found = window_evidence(seen, usual, effect_size, noise)
    low, high = effect_interval(seen, usual, noise)
    return {
        "effect": found.effect,
        "effect_low": low,
        "effect_high": high,
        "shift": np.clip(divide(seen - usual.mean, usual.sd), -LARGEST_EFFECT, LARGEST_EFFECT),
        "p_unusual": found.p_unusual,
        "p_material": found.p_material,
        "unit": found.unit,
        "w_eff": np.full(len(seen), usual.w_eff),
        "n_eff": np.full(len(seen), usual.w_eff),
    }


def _difference(old: Floats, new: Floats) -> Floats:
    """new - old, exactly 0 where they differ by no more than a sum of doubles is rounded."""
    moved = new - old
    same = np.abs(moved) <= _ROUNDING * np.maximum(np.abs(old), np.abs(new))
    return np.where(same, 0.0, moved)


def _moved(value: float, usual: Usual) -> str:
    """'it is 812, and was 1204 with an sd of 31 in the 60 windows of the reference'."""
    return (
        f"it is {value:.6g}, and was {usual.mean:.6g} with an sd of {usual.sd:.3g} "
        f"in the {usual.windows} windows of the reference"
    )
