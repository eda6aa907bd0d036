"""Numeric predictions: errors that targets show, and what prediction bins let expect."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from sparkdrift.kernels.performance_rules import Measured, Rules, blank, nothing, taken
from sparkdrift.kernels.performance_states import Positions
from sparkdrift.measures import regression_error
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.estimated_error import estimate
from sparkdrift.measures.intervals import Figure
from sparkdrift.measures.regression_error import COLUMNS

_SHOWN: dict[str, Callable[[Floats], Figure]] = {
    "mae": regression_error.mean_absolute_error,
    "rmse": regression_error.root_mean_squared_error,
    "mape": regression_error.mean_absolute_percentage_error,
    "bias": regression_error.bias,
}


def regression(
    window: Floats,
    known: Floats | None,
    own: Positions,
    by: Positions,
    ruled: Floats | None,
    rules: Rules,
) -> list[Measured]:
    """All metrics of a chunk; window (N, B, 9), known (S, B, 9), ruled (N, 9) of the baseline.

    own, by: positions in `known`, as in `binary_performance.Beside`. A window's rows per bin are
    those with a target and those without. The estimates are never relied upon.
    """
    size = len(window)
    total = window.sum(axis=1)
    estimated: dict[str, Figure] = {}
    if known is not None:
        rows = window[..., COLUMNS.index("rows")] + window[..., COLUMNS.index("unusable")]
        figures = estimate(known[by], rows)
        estimated = {name: blank(getattr(figures, name), by < 0) for name in _SHOWN}
    found = []
    for name, show in _SHOWN.items():
        if not rules.wants(name):
            continue
        evaluated = nothing(size)
        if known is not None:
            evaluated = blank(taken(show(floats(known.sum(axis=1))), own), own < 0)
        found.append(
            Measured(
                metric=name,
                realised=show(floats(total)),
                evaluated=evaluated,
                estimated=estimated.get(name),
                baseline=show(ruled).value if ruled is not None and name != "bias" else None,
                perfect=0.0 if name != "bias" else np.nan,
                lacking="no target differs from 0" if name == "mape" else "",
                sure=False,
            )
        )
    return found
