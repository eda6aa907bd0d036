"""Seasonal strata: a Sunday against the reference's Sundays, where there are enough of them.

What a window is compared with is a `Baseline`: bin counts, their noise, and how much the
windows behind them vary. It is the whole reference, or those of its windows that share the
new window's stratum (its weekday or hour).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkdrift.measures import variation
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.sketch_error import noise_scale

LEAST = 8
"""Reference windows that a stratum needs to stand for itself (statistics, section 4)."""

# A season is taken for one where it explains most of what the reference's windows vary by, and
# is no smaller than this part of the D that effect_size causes: 0.1 sd for the default 0.32.
_EXPLAINED = 0.5
_WORTH = 0.1
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class Baseline:
    """counts (B,): rows in the bins; rows, ks (V,): of the windows or the one sketch behind them.

    stratum: its name, None for the whole reference; label: the same in words, "" for the whole.
    order: in which small bins join, as `bins.pool` takes it.
    """

    counts: Floats
    rows: Floats
    ks: Floats
    varies: variation.Benign
    stratum: str | None = None
    label: str = ""
    order: NDArray[np.intp] | None = None

    def noise(self, bins: Floats) -> Floats:
        """1/m plus 1/n_k of the counts, (W,), for `bins` (W,) bins left."""
        alone = noise_scale(self.rows, np.inf, floats(bins)[:, None], self.ks)
        return floats((self.rows**2 * alone).sum(axis=1) / self.rows.sum() ** 2)


def name(season: str, stratum: int) -> str:
    """'Sunday' for weekday 6, '07:00' for hour 7."""
    return _WEEKDAYS[stratum] if season == "weekday" else f"{stratum:02d}:00"


def phrase(season: str, stratum: int, windows: int) -> str:
    """'the reference's 9 Sundays', 'the reference's 30 windows of 07:00'."""
    told = name(season, stratum)
    kind = f"{told}s" if season == "weekday" else f"windows of {told}"
    return f"the reference's {windows} {kind}"


def by_stratum(
    cells: Sequence[Mapping[str, Any]], strata: Sequence[int | None]
) -> dict[int, list[Mapping[str, Any]]]:
    """The windows of a reference by stratum, where LEAST or more of them have rows."""
    found: dict[int, list[Mapping[str, Any]]] = {}
    for cell, stratum in zip(cells, strata, strict=True):
        if stratum is not None and sum(cell["counts"]) > 0:
            found.setdefault(stratum, []).append(cell)
    return {stratum: own for stratum, own in found.items() if len(own) >= LEAST}


def explains(
    whole: variation.Benign, strata: Sequence[variation.Benign], effect_size: float
) -> bool:
    """Whether the season is what the reference's windows mostly vary by, and worth the windows.

    Strata know their variation from a seventh of the windows, or fewer: without a season
    that only costs power.
    """
    if not strata:
        return False
    windows = [one.windows for one in strata]
    within = float(np.average([one.tau2 for one in strata], weights=windows))
    large = whole.tau2 - within >= _WORTH * effect_size**2
    return large and within <= _EXPLAINED * whole.tau2
