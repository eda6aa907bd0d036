"""Custom metrics in kernels: one number per window, held against the reference's windows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import column
from sparkdrift.measures.arrays import divide, floats
from sparkdrift.measures.window_evidence import (
    LARGEST_EFFECT,
    LEAST_WINDOWS,
    Usual,
    effect_interval,
    usual_variation,
    window_evidence,
)

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
    found = window_evidence(values, usual, effect_size, noise)
    low, high = effect_interval(values, usual, noise)
    return {
        "effect": found.effect,
        "effect_low": low,
        "effect_high": high,
        "shift": np.clip(divide(values - usual.mean, usual.sd), -LARGEST_EFFECT, LARGEST_EFFECT),
        "p_unusual": found.p_unusual,
        "p_material": found.p_material,
        "power": found.power,
        "n_eff": np.full(size, usual.w_eff),
        "missing": [None if np.isfinite(value) else NO_VALUE for value in values],
        "moved": [_moved(value, usual) for value in values],
        "scarce": ["reference windows, or rows"] * size,
    }


def _moved(value: float, usual: Usual) -> str:
    """'it is 812, and was 1204 with an sd of 31 in the 60 windows of the reference'."""
    return (
        f"it is {value:.6g}, and was {usual.mean:.6g} with an sd of {usual.sd:.3g} "
        f"in the {usual.windows} windows of the reference"
    )
