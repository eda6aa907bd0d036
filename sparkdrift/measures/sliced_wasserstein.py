"""How far a cloud of vectors moved: W1 averaged over the stored random projections.

Each projection is a number per row with a sketch and bins of its own. The sliced distance is
the mean over the K directions of W1 between reference and window, in units of the reference's
spread over the directions; K stored directions estimate the mean over the whole sphere, off by
about its spread over the directions / sqrt(K). One vector's projections depend on each other,
so no formula gives the distribution: it is taken from the reference's own windows, each
against the others. Source: Rabin et al. 2012; Bonneel et al. 2015.

What it can't see: a shift by d in one of D coordinates moves the average by d sqrt(2 / (pi D)),
less than a tenth of d from D = 64 on; and what happens at right angles to all K directions
moves nothing. A changed norm has a feature of its own.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures import evidence, own_windows
from sparkdrift.measures.arrays import Floats, divide, floats, shares
from sparkdrift.measures.kll import Points, finite
from sparkdrift.measures.numeric import Span
from sparkdrift.measures.own_windows import OwnWindows

# Of one direction: W1 without drift is the area under a Brownian bridge, with mean sqrt(pi / 32)
# and variance 7/60 - pi/32 (Shepp 1982; uniform values), hence 2 mean^2 / variance.
MOST_FREE = 2 * (np.pi / 32) / (7 / 60 - np.pi / 32)
_Z95 = 1.959964


@dataclass(frozen=True, eq=False)
class Sliced:
    """Windows against the reference, float64 (W,) each; NaN where nothing could be measured.

    distance: in units of the reference's spread; noise: what sampling alone shows on average.
    p_unusual: from the reference's own windows. effect: distance without noise, with a 95 %
    interval; it, p_material and power take the directions to err together, which is cautious.
    """

    distance: Floats
    noise: Floats
    p_unusual: Floats
    effect: Floats
    low: Floats
    high: Floats
    p_material: Floats
    power: Floats
    own: OwnWindows


def common_scale(scales: ArrayLike) -> float:
    """The reference's spread over the directions: root mean square of `Span.scale`, (K,)."""
    return float(np.sqrt((floats(scales) ** 2).mean()))


def sliced(distances: ArrayLike, scales: ArrayLike) -> Floats:
    """The sliced distance (W,) of `numeric.wasserstein` by direction (W, K).

    scales (K,): the `Span.scale` by which each was divided; the average is taken before, in
    the unit of the vectors. NaN where a direction is.
    """
    unit = floats(scales)
    return floats((floats(distances) * unit).mean(axis=-1) / common_scale(unit))


def binned_wasserstein(
    edges: ArrayLike, reference: ArrayLike, windows: ArrayLike, within: Span
) -> Floats:
    """W1 from bins alone, (W,), for the reference's windows, of which only bins are stored.

    edges (B - 1,), reference (B,) or (W, B), windows (W, B): F - G is known at the edges, taken as
    linear between them and 0 at the ends of `within`; in units of its scale. About a tenth
    above `numeric.wasserstein` for deciles, so compare it only with itself. NaN without rows.
    """
    inner = np.clip(floats(edges), within.low, within.high)
    at = np.concatenate([[within.low], inner, [within.high]])
    steps = shares(floats(reference)) - shares(floats(windows))
    heights = np.concatenate([np.zeros((len(steps), 1)), steps.cumsum(axis=-1)], axis=-1)
    heights[:, -1] = 0.0
    heights = np.where(np.isnan(steps).any(axis=-1, keepdims=True), np.nan, heights)
    left, right = np.abs(heights[:, :-1]), np.abs(heights[:, 1:])
    crossing = heights[:, :-1] * heights[:, 1:] < 0
    area = np.where(crossing, divide(left**2 + right**2, left + right), left + right) / 2
    return floats((area @ np.diff(at)) / within.scale)


def expected_noise(reference: Points | None, within: Span) -> float:
    """Mean of W1 without drift for a noise scale s of 1, in units of `within.scale`.

    sqrt(2 / pi) times the integral of sqrt(F (1 - F)) over `within`: at each value F - G is
    normal with variance F (1 - F) s. Times sqrt(s). 1.26 for a normal distribution.
    """
    known = finite(reference)
    if known is None or not within.scale > 0:
        return float("nan")
    share = known.cumulative / known.n
    at = np.clip(known.values, within.low, within.high)
    heights = np.sqrt(share * (1 - share))[:-1]
    return float(np.sqrt(2 / np.pi) * (heights @ np.diff(at)) / within.scale)


def judge_sliced(
    own: ArrayLike,
    own_noise: ArrayLike,
    seen: ArrayLike,
    noise: ArrayLike,
    *,
    unit: float,
    directions: int,
    distance: ArrayLike | None = None,
    effect_size: float = evidence.DELTA_STAR,
    level: float = evidence.MATERIAL_LEVEL,
) -> Sliced:
    """The sliced distances of windows, judged by those of the reference's own windows.

    own (V,): `sliced` of each reference window against the others; own_noise (V,) and noise
    (W,): s of `sketch_error.noise_scale`; seen (W,): of the windows, measured in the same way
    as `own`. distance (W,): where that way is rough, the distance to report. unit: `sliced` of
    `expected_noise` over the directions. level: at which p_unusual is asked, for the power.

    Without drift a window is expected at sqrt(unit^2 s + tau^2), tau^2 being what the
    reference's windows show beyond noise; the ratio to it is judged by `own_windows`, of which
    at least LEAST_WINDOWS are needed, else all is NaN and `own.reason` says why.
    """
    known, own_s = floats(own), floats(own_noise)
    found, s = floats(seen), floats(noise)
    usable = np.isfinite(known) & np.isfinite(own_s)
    known, own_s = known[usable], own_s[usable]
    ratios = known / np.sqrt(unit**2 * own_s + _without_own(known, own_s, unit))
    varies = own_windows.own_windows(ratios, MOST_FREE * directions)
    if varies.reason:
        found = np.full(found.shape, np.nan)
    size = floats(found if distance is None else distance)
    size = np.where(np.isnan(found), np.nan, size)
    tau2 = max(0.0, known.mean() ** 2 - unit**2 * own_s.mean()) if len(known) else np.nan
    usual = np.sqrt(unit**2 * s + tau2)
    quiet, sd = unit * np.sqrt(s), np.sqrt(s)
    effect = np.sqrt(np.maximum(0.0, size**2 - quiet**2))
    limit = effect_size / np.sqrt(2)
    material = np.hypot(limit + special.ndtri(1 - evidence.MATERIAL_LEVEL) * sd, quiet)
    needed = np.maximum(own_windows.critical(varies, level) * usual, material)
    # A window that moved wanders as the others do.
    power = special.ndtr(divide(np.hypot(effect_size, usual) - needed, np.sqrt(s + tau2)))
    return Sliced(
        distance=size,
        noise=quiet,
        p_unusual=own_windows.p_unusual(found / usual, varies),
        effect=effect,
        low=np.maximum(0.0, effect - _Z95 * sd),
        high=effect + _Z95 * sd,
        p_material=special.ndtr(divide(limit - effect, sd)),
        power=np.where(np.isnan(found), np.nan, power),
        own=varies,
    )


def _without_own(known: Floats, noise: Floats, unit: float) -> Floats:
    """tau^2 for each of the reference's windows, from the others, (V,)."""
    if len(known) < 2:
        return np.zeros(len(known))
    others = len(known) - 1
    mean, s = (known.sum() - known) / others, (noise.sum() - noise) / others
    return floats(np.maximum(0.0, mean**2 - unit**2 * s))
