"""The row of a vector under its own name: the sliced distance over its stored projections.

The comparison of features reads the sketches of each projection once and leaves two numbers
more (`direction_figures`); what the reference's own windows show is computed once per reference
(`vector_known`); the row is made where all projections of a window meet (`vector_row`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from sparkdrift.kernels.baselines import Bins
from sparkdrift.kernels.multivariate import Known, unmeasured
from sparkdrift.measures import numeric
from sparkdrift.measures import sliced_wasserstein as sw
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.bins import bin_counts
from sparkdrift.measures.evidence import MATERIAL_LEVEL
from sparkdrift.measures.kll import Points, read_kll
from sparkdrift.measures.sketch_error import noise_scale

BINS_OF_NOISE = 10
LEAST_PROJECTIONS = 2
"""Of fewer there is nothing to average: the one projection has a row of its own."""


def direction_figures(
    reference: Mapping[str, Any], windows: Sequence[Points | None], bins: Bins
) -> dict[str, Floats]:
    """What a projection's rows leave for its vector: W1 from bins on both sides, and noise (W,).

    From bins, because that is how the reference's own windows are known.
    """
    points = read_kll(reference["kll"])
    within = _span(reference, points)
    if bins.edges is None or points is None or not within.scale > 0:
        nothing = np.full(len(windows), np.nan)
        return {"binned_distance": nothing, "binned_noise": nothing}
    counts = np.array([bin_counts(one, bins.edges) for one in windows])
    ks = floats([np.inf if one is None else one.error_k for one in windows])
    n, m = counts.sum(axis=1), bins.counts.sum()
    return {
        "binned_distance": sw.binned_wasserstein(bins.edges, bins.counts, counts, within),
        "binned_noise": noise_scale(n, m, BINS_OF_NOISE, points.error_k, ks),
    }


def vector_known(name: str, references: Sequence[Mapping[str, Any]]) -> Known:
    """Of the K projections of a vector; values: unit, then K scales, then (2, V) of the
    reference's windows: sliced distance of each from the others, and its noise.

    references: the reference's row of each, with bins, window_bins, kll and stddev.
    """
    read = [_Direction.read(one) for one in references]
    parts = [one for one in read if one is not None]
    if not parts or len(parts) < len(references):
        return Known(name, reason="the reference has no values in a projection")
    scales = [one.within.scale for one in parts]
    if not all(scale > 0 for scale in scales):
        return Known(name, reason="a projection is constant in the reference")
    starts = sorted({start for one in parts for start in one.starts})
    own = np.stack([one.placed(one.own, starts) for one in parts], axis=1)
    unit = float(sw.sliced([sw.expected_noise(one.points, one.within) for one in parts], scales))
    noise = parts[0].placed(parts[0].noise, starts)
    values = np.concatenate([[unit], scales, sw.sliced(own, scales), noise])
    return Known(name, tuple(one["column_name"] for one in references), tuple(values.tolist()))


def vector_row(
    known: Known,
    rows: Sequence[Mapping[str, Any]],
    effect_size: float,
    level: float = MATERIAL_LEVEL,
) -> dict[str, Any]:
    """The row of a vector in one window, under its own name.

    rows: compared rows with column_name, wasserstein_distance and _error, binned_distance and
    binned_noise, NULL or NaN where not measured; those of other columns are ignored. level: at
    which the window's family asks the only test that is unusual.
    """
    if known.reason is not None:
        return unmeasured(known.name, known.reason)
    size = len(known.columns)
    unit, scales = known.values[0], floats(known.values[1 : 1 + size])
    own, own_noise = floats(known.values[1 + size :]).reshape(2, -1)
    by_name = {row["column_name"]: row for row in rows}
    parts = [by_name.get(name) for name in known.columns]
    binned, exact = (_figures(parts, one) for one in ("binned_distance", "wasserstein_distance"))
    off = _figures(parts, "wasserstein_error")
    noise = _figures(parts[:1], "binned_noise")
    found = sw.judge_sliced(
        own,
        own_noise,
        sw.sliced(binned[None], scales),
        noise,
        unit=unit,
        directions=size,
        distance=sw.sliced(exact[None], scales),
        effect_size=effect_size,
        level=level,
    )
    if found.own.reason:
        return unmeasured(known.name, found.own.reason)
    if not np.isfinite(found.distance[0]):
        return unmeasured(known.name, "a projection has no values in the window")
    return {
        "column_name": known.name,
        "wasserstein_distance": float(found.distance[0]),
        # Each direction's distance is off by its error at most, so their average by the average.
        "wasserstein_error": float(sw.sliced(off[None], scales)[0]),
        "effect": float(found.effect[0]),
        "effect_low": float(found.low[0]),
        "effect_high": float(found.high[0]),
        "n_eff": float(1 / noise[0]),
        "p_unusual": float(found.p_unusual[0]),
        "p_material": float(found.p_material[0]),
        "power": float(found.power[0]),
        "unmeasured": None,
        "unmeasured_reason": None,
        "moved": "averaged over its projections",
        "scarce": "reference windows, or rows",
    }


def _figures(parts: Sequence[Mapping[str, Any] | None], name: str) -> Floats:
    held = [None if one is None else one[name] for one in parts]
    return floats([np.nan if one is None else one for one in held])


def _span(reference: Mapping[str, Any], points: Points | None) -> numeric.Span:
    sd = reference["stddev"]
    return numeric.span(points, float("nan") if sd is None else sd)


@dataclass(frozen=True, eq=False)
class _Direction:
    """One projection of a reference, and its windows, at starts (V,): W1 of each against the
    others from their bins, and the noise of that."""

    points: Points
    within: numeric.Span
    starts: tuple[datetime, ...]
    own: Floats
    noise: Floats

    @classmethod
    def read(cls, reference: Mapping[str, Any]) -> _Direction | None:
        bins, points = Bins.read(reference["bins"]), read_kll(reference["kll"])
        if bins is None or bins.edges is None or points is None:
            return None
        within = _span(reference, points)
        cells = reference["window_bins"] or []
        counts = floats([cell["counts"] for cell in cells]).reshape(-1, len(bins.counts))
        ks = floats([np.inf if cell["k"] is None else cell["k"] for cell in cells])
        total = counts.sum(axis=0)
        own = np.full(len(cells), np.nan)
        if within.scale > 0 and len(cells):
            own = sw.binned_wasserstein(bins.edges, total - counts, counts, within)
        rows = counts.sum(axis=1)
        alone = noise_scale(rows, np.inf, BINS_OF_NOISE, ks)
        weighted = np.where(rows > 0, rows**2 * alone, 0.0)
        noise = alone + divide(weighted.sum() - weighted, (rows.sum() - rows) ** 2)
        return cls(points, within, tuple(cell["window_start"] for cell in cells), own, noise)

    def placed(self, values: Floats, starts: Sequence[datetime]) -> Floats:
        """`values` at `starts`; NaN where this projection has no window, as one added later."""
        held = dict(zip(self.starts, values.tolist(), strict=True))
        return floats([held.get(start, np.nan) for start in starts])
