"""Rows for what several features show together: all inputs, and the directions of a vector.

Both take what is stored of one slice and answer with the columns of `comparing.COMPARED`, so
that `judging` treats them as it treats a feature. Neither reads a row of the source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from sparkdrift.kernels.distributions import Bins, pooled
from sparkdrift.measures import multivariate, numeric
from sparkdrift.measures import sliced_wasserstein as sw
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.bins import bin_counts
from sparkdrift.measures.kll import Points, read_kll
from sparkdrift.measures.multivariate import Terms
from sparkdrift.measures.sketch_error import noise_scale

INPUTS = ":inputs"
NAMED = 3
BINS_OF_NOISE = 10


@dataclass(frozen=True, eq=False)
class Correlations:
    """Pearson's r and its rows (both present) of P pairs of features, by window.

    known_r, known_n (V, P): in the reference's windows, in time order at known_starts (V,);
    r, n (W, P): in windows. NaN where a pair was not measured. pairs: their names.
    """

    pairs: tuple[tuple[str, str], ...]
    known_starts: tuple[datetime, ...]
    known_r: Floats
    known_n: Floats
    r: Floats
    n: Floats


def inputs_rows(
    references: Sequence[Mapping[str, Any]],
    windows: Sequence[Sequence[Mapping[str, Any]]],
    effect_size: float,
    correlations: Correlations | None = None,
) -> list[dict[str, Any]]:
    """The row ':inputs' of each window of one slice, under one reference; (W,) rows.

    references: the reference's row of each input, with column_name, bins and window_bins (a
    vector's projections are inputs, metrics are not). windows: for each window its compared
    rows, with column_name, d_statistic, n_eff, degrees and p_unusual; those of other columns
    are ignored, and a missing or unmeasured one (NULL) counts as not measured.
    correlations: rows (W,) in the order of `windows`.
    The keys of a row are those of `comparing.FIGURES` and `comparing.TESTS` that apply.
    """
    held = [one for one in references if Bins.read(one["bins"]) is not None]
    if not held:
        return [_unmeasured("no input has bins in the reference") for _ in windows]
    names = [one["column_name"] for one in held]
    starts = sorted(
        {cell["window_start"] for one in held for cell in one["window_bins"] or []}
        | set(correlations.known_starts if correlations is not None else ())
    )
    own = [multivariate.together([_own(one, starts) for one in held])]
    seen = [_seen(names, windows)]
    if correlations is not None and correlations.pairs:
        known, new = multivariate.correlation_terms(
            _at(correlations.known_r, correlations.known_starts, starts),
            _at(correlations.known_n, correlations.known_starts, starts),
            correlations.r,
            correlations.n,
        )
        own.append(known)
        seen.append(new)
        names += [f"{a} with {b}" for a, b in correlations.pairs]
    found = multivariate.joint_shift(own, seen, effect_size)
    if found.own.reason:
        return [_unmeasured(found.own.reason) for _ in windows]
    terms = multivariate.together(seen)
    return [_inputs_row(found, terms, names, i) for i in range(len(windows))]


def _own(reference: Mapping[str, Any], starts: Sequence[datetime]) -> Terms:
    """One feature of the reference's windows, each against the others, at `starts`: (V, 1)."""
    bins = Bins.read(reference["bins"])
    size = len(bins.counts) if bins is not None else 0
    counts, ks = np.zeros((len(starts), size)), np.full(len(starts), np.inf)
    place = {start: i for i, start in enumerate(starts)}
    for cell in reference["window_bins"] or []:
        counts[place[cell["window_start"]]] = cell["counts"]
        ks[place[cell["window_start"]]] = np.inf if cell["k"] is None else cell["k"]
    rows = counts.sum(axis=1)
    if bins is not None and rows.any():
        # Joined alike, as the smallest needs it, so that they stay comparable.
        least = np.full(len(rows), rows[rows > 0].min())
        (_, counts), left = pooled(bins.counts, counts, least)
        return multivariate.marginal_terms(counts, noise_scale(rows, np.inf, left, ks))
    return multivariate.marginal_terms(counts)


def _seen(names: Sequence[str], windows: Sequence[Sequence[Mapping[str, Any]]]) -> Terms:
    columns = ("d_statistic", "n_eff", "degrees", "p_unusual")
    values = np.full((4, len(windows), len(names)), np.nan)
    place = {name: j for j, name in enumerate(names)}
    for i, rows in enumerate(windows):
        for row in rows:
            j = place.get(row["column_name"])
            if j is not None and all(row[name] is not None for name in columns):
                values[:, i, j] = [row[name] for name in columns]
    d, rows_worth, free, p = values
    return Terms(d, divide(1.0, rows_worth), free, p)


def _at(values: Floats, known: Sequence[datetime], starts: Sequence[datetime]) -> Floats:
    """Rows of `values` at `known`, placed at `starts`; NaN between."""
    placed = np.full((len(starts), values.shape[1]), np.nan)
    placed[[starts.index(one) for one in known]] = values
    return placed


def _inputs_row(
    found: multivariate.Joint, terms: Terms, names: Sequence[str], i: int
) -> dict[str, Any]:
    if not np.isfinite(found.joint[i]):
        part = f"{int(found.used[i])} of {len(names)} features and pairs were measured"
        return _unmeasured(f"too few inputs to judge them together: {part}")
    excess = np.nan_to_num(terms.d[i] - terms.free[i] * terms.s[i])
    largest = [j for j in np.argsort(-excess, kind="stable")[:NAMED] if excess[j] > 0]
    named = ", ".join(f"{names[j]} ({np.sqrt(excess[j]):.2f})" for j in largest)
    return {
        "column_name": INPUTS,
        "d_statistic": float(found.distance[i]),
        "effect": float(found.effect[i]),
        "effect_low": float(found.low[i]),
        "effect_high": float(found.high[i]),
        "n_eff": float(1 / found.noise[i]),
        "p_unusual": float(found.p_unusual[i]),
        "p_material": float(found.p_material[i]),
        "power": float(found.power[i]),
        "joint": float(found.joint[i]),
        "unmeasured": None,
        "unmeasured_reason": None,
        "moved": f"all inputs together, most of it {named}" if named else "all inputs together",
        "scarce": "reference windows, or rows",
    }


def _unmeasured(reason: str, name: str = INPUTS) -> dict[str, Any]:
    return {
        "column_name": name,
        "unmeasured": "insufficient_data",
        "unmeasured_reason": reason,
    }


def vector_rows(
    name: str,
    references: Sequence[Mapping[str, Any]],
    windows: Sequence[Sequence[bytes | None]],
    effect_size: float,
) -> list[dict[str, Any]]:
    """The row of a vector, under its own name, for each window of one slice; (W,) rows.

    references: the reference's rows of its K projections, with bins, window_bins, kll and
    stddev. windows: for each window the sketches (`kll`) of the projections in the same
    order. A window that lacks a projection is not measured.
    """
    parts = [_Direction.read(one) for one in references]
    directions = [one for one in parts if one is not None]
    if not directions or len(directions) < len(references):
        return [_unmeasured("the reference has no values in a projection", name) for _ in windows]
    scales = [one.within.scale for one in directions]
    if not all(scale > 0 for scale in scales):
        reason = "a projection is constant in the reference"
        return [_unmeasured(reason, name) for _ in windows]
    points = [[read_kll(blob) for blob in row] for row in windows]
    first = directions[0]
    noise, own_noise = first.noise([row[0] for row in points])
    columns = list(zip(*points, strict=True))
    seen = [one.binned(column) for one, column in zip(directions, columns, strict=True)]
    exact = [one.exact(column) for one, column in zip(directions, columns, strict=True)]
    units = [sw.expected_noise(one.points, one.within) for one in directions]
    found = sw.judge_sliced(
        sw.sliced(np.stack([one.own for one in directions], axis=1), scales),
        own_noise,
        sw.sliced(np.stack(seen, axis=1), scales),
        noise,
        unit=float(sw.sliced(units, scales)),
        directions=len(directions),
        distance=sw.sliced(np.stack(exact, axis=1), scales),
        effect_size=effect_size,
    )
    if found.own.reason:
        return [_unmeasured(found.own.reason, name) for _ in windows]
    return [_vector_row(name, found, noise, i) for i in range(len(windows))]


def _vector_row(name: str, found: sw.Sliced, noise: Floats, i: int) -> dict[str, Any]:
    if not np.isfinite(found.distance[i]):
        return _unmeasured("a projection has no values in the window", name)
    return {
        "column_name": name,
        "wasserstein_distance": float(found.distance[i]),
        "effect": float(found.effect[i]),
        "effect_low": float(found.low[i]),
        "effect_high": float(found.high[i]),
        "n_eff": float(1 / noise[i]),
        "p_unusual": float(found.p_unusual[i]),
        "p_material": float(found.p_material[i]),
        "power": float(found.power[i]),
        "unmeasured": None,
        "unmeasured_reason": None,
        "moved": "averaged over its projections",
        "scarce": "reference windows, or rows",
    }


@dataclass(frozen=True, eq=False)
class _Direction:
    """One projection of a reference. own (V,): W1 of each of its windows against the others."""

    points: Points
    within: numeric.Span
    bins: Bins
    rows: Floats
    ks: Floats
    own: Floats

    @classmethod
    def read(cls, reference: Mapping[str, Any]) -> _Direction | None:
        bins, points = Bins.read(reference["bins"]), read_kll(reference["kll"])
        if bins is None or bins.edges is None or points is None:
            return None
        sd = reference["stddev"]
        within = numeric.span(points, float("nan") if sd is None else sd)
        cells = reference["window_bins"] or []
        counts = floats([cell["counts"] for cell in cells]).reshape(-1, len(bins.counts))
        ks = floats([np.inf if cell["k"] is None else cell["k"] for cell in cells])
        rest = counts.sum(axis=0) - counts
        own = sw.binned_wasserstein(bins.edges, rest, counts, within)
        return cls(points, within, bins, counts.sum(axis=1), ks, own)

    def binned(self, windows: Sequence[Points | None]) -> Floats:
        assert self.bins.edges is not None  # noqa: S101 - `read` made sure
        counts = np.array([bin_counts(one, self.bins.edges) for one in windows])
        return sw.binned_wasserstein(self.bins.edges, self.bins.counts, counts, self.within)

    def exact(self, windows: Sequence[Points | None]) -> Floats:
        gaps = [numeric.gap(self.points, one) for one in windows]
        return floats([numeric.wasserstein(one, self.within) for one in gaps])

    def noise(self, windows: Sequence[Points | None]) -> tuple[Floats, Floats]:
        """s of the windows (W,), and of the reference's own (V,), each against the others."""
        n = floats([0 if one is None else one.n for one in windows])
        k = floats([np.inf if one is None else one.error_k for one in windows])
        m = self.bins.counts.sum()
        seen = noise_scale(n, m, BINS_OF_NOISE, self.points.error_k, k)
        alone = noise_scale(self.rows, np.inf, BINS_OF_NOISE, self.ks)
        weighted = np.where(self.rows > 0, self.rows**2 * alone, 0.0)
        rest = self.rows.sum() - self.rows
        return seen, alone + divide(weighted.sum() - weighted, rest**2)
