"""How many rows a window needs for a shift to be found in it, before any window is profiled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import optimize

from sparkdrift.measures import evidence
from sparkdrift.measures.sketch_error import noise_scale

_MOST = 1e9  # rows; of more a sketch's own error is all that is left


def rows_needed(
    effect_size: float,
    bins: int,
    ks: Sequence[float] = (),
    windows: float = np.inf,
    features: int = 1,
) -> float:
    """Rows of a window in which a shift of `effect_size` sd is found with `evidence.LEAST_POWER`.

    bins: of each feature. ks: of every sketch that is compared; none, or infinite ones, where all
    is exact. windows: what is compared with, each with as many rows; 1 for an earlier window,
    infinite for a reference of which all is known. features: how many are judged together, by the
    sum of their distances.
    infinity where the sketches' error alone hides such a shift. The least: windows are taken to
    differ by chance alone, and the window to have few tests. With twice as many rows, 20 windows
    of a reference that do are enough in nearly every case, while a feature may well ask for more
    that has a mean which wanders [sim]. Source: `evidence.power` solved for the rows.
    """
    limit, degrees = evidence.material_limit(effect_size), features * (bins - 1)
    level = evidence.family_level(1)

    def lacking(log_rows: float) -> float:
        rows = float(np.exp(log_rows))
        noise = noise_scale(rows, rows * windows, bins, *ks)
        found = evidence.power(noise, degrees + 1, effect_size, limit, w_eff=windows, level=level)
        return float(found) - evidence.LEAST_POWER

    least, most = float(np.log(bins)), float(np.log(_MOST))
    if lacking(most) < 0:
        return np.inf
    if lacking(least) >= 0:
        return float(bins)
    return float(np.exp(optimize.brentq(lacking, least, most, xtol=1e-4)))
