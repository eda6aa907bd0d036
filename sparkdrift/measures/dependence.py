"""Dependence of two numbers: one mergeable state per pair, and evidence that it changed.

The state is (n, mean x, mean y, sum of squared deviations of x, of y, sum of their cross
products), over the rows in which both are finite. Means and deviations instead of raw sums,
so that states merge exactly whatever offset each was summed with, and a small variance
survives beside a large mean (a timestamp in seconds). Correlations are compared as
z = atanh(r), whose sampling variance is 1 / (n - 3) whatever r is (Fisher 1915, 1921).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats

CELLS = 6
"""Numbers in a state: rows, two means, two sums of squares, one of cross products."""

EMPTY = np.zeros(CELLS)
LIMIT = 0.1  # statistics, section 4: the change of |r| that matters
LEAST_WINDOWS = 5
# Within this part of a sum of squares, a variance is rounding: the values are one.
_ROUNDING = 1e-12
# |r| = 1 has no finite z; nearer than this is as good as 1.
_NEAREST = 1.0 - 1e-12


def pair_states(values: ArrayLike, pairs: ArrayLike, offsets: ArrayLike) -> Floats:
    """States (P, 6) of `pairs` (P, 2), column numbers of `values` (N, D), by matrix products.

    Rows in which one of both is not finite don't count for that pair. `offsets` (D,) are any
    values near the columns' own, such as a mean: they are subtracted before anything is
    multiplied, and don't show in the result but for rounding.
    """
    return centred(pair_sums(values, pairs, offsets), pairs, offsets)


def pair_sums(values: ArrayLike, pairs: ArrayLike, offsets: ArrayLike) -> Floats:
    """Sums (P, 6) over the complete rows of each pair, which add: n, x, y, xx, yy, xy.

    Of values minus their offset; see `pair_states`.
    """
    seen = floats(values)
    present = np.isfinite(seen)
    x = np.where(present, seen - floats(offsets), 0.0)
    one = present.astype(np.float64)
    first, second = np.asarray(pairs, dtype=np.intp).reshape(-1, 2).T
    with np.errstate(over="ignore", invalid="ignore"):
        # Squares past the largest double: such a pair has no correlation.
        count, total, square, cross = one.T @ one, x.T @ one, (x * x).T @ one, x.T @ x
    return np.stack(
        [
            count[first, second],
            total[first, second],
            total[second, first],
            square[first, second],
            square[second, first],
            cross[first, second],
        ],
        axis=-1,
    )


def centred(sums: ArrayLike, pairs: ArrayLike, offsets: ArrayLike) -> Floats:
    """States (..., P, 6) of what `pair_sums` found; all 0 where a pair has no complete row."""
    n, x, y, xx, yy, xy = np.moveaxis(floats(sums), -1, 0)
    first, second = np.asarray(pairs, dtype=np.intp).reshape(-1, 2).T
    mean_x, mean_y = divide(x, n), divide(y, n)
    with np.errstate(over="ignore", invalid="ignore"):
        state = np.stack(
            [
                n,
                mean_x + floats(offsets)[first],
                mean_y + floats(offsets)[second],
                _squares(xx, xx - mean_x * x),
                _squares(yy, yy - mean_y * y),
                xy - mean_x * y,
            ],
            axis=-1,
        )
    return floats(np.where(n[..., None] > 0, state, 0.0))


def _squares(raw: Floats, left: Floats) -> Floats:
    """Sums of squared deviations; what rounding leaves of none is none."""
    return np.where(left <= _ROUNDING * raw, 0.0, left)


def merge_states(a: ArrayLike, b: ArrayLike) -> Floats:
    """The states of the rows of both, (..., 6); inputs unchanged. EMPTY is the identity.

    Source: Chan, Golub and LeVeque 1983; Bennett et al. 2009 for the cross products.
    """
    left, right = np.broadcast_arrays(floats(a), floats(b))
    n = left[..., 0] + right[..., 0]
    part = np.divide(right[..., 0], n, out=np.zeros(n.shape), where=n > 0)
    gap = right - left
    between = left[..., 0] * part
    merged = left + right
    for mean in (1, 2):
        merged[..., mean] = left[..., mean] + gap[..., mean] * part
    merged[..., 3] += gap[..., 1] ** 2 * between
    merged[..., 4] += gap[..., 2] ** 2 * between
    merged[..., 5] += gap[..., 1] * gap[..., 2] * between
    return floats(np.where((right[..., :1] > 0) & (left[..., :1] > 0), merged, left + right))


def remaining_states(whole: ArrayLike, part: ArrayLike) -> Floats:
    """The states of the rows of `whole` (..., 6) that are not in `part`: merging backwards.

    EMPTY where none is left; inputs unchanged. What rounding leaves of a variance that was all in
    `part` is none. Source: as of `merge_states`, solved for one of the two.
    """
    all_rows, gone = np.broadcast_arrays(floats(whole), floats(part))
    n = all_rows[..., 0] - gone[..., 0]
    share = np.divide(gone[..., 0], n, out=np.zeros(n.shape), where=n > 0)
    gap = all_rows - gone
    between = all_rows[..., 0] * share
    left = all_rows - gone
    for mean in (1, 2):
        left[..., mean] = all_rows[..., mean] + gap[..., mean] * share
    for squares, mean in ((3, 1), (4, 2)):
        raw = gap[..., squares] - gap[..., mean] ** 2 * between
        left[..., squares] = _squares(all_rows[..., squares], raw)
    left[..., 5] = gap[..., 5] - gap[..., 1] * gap[..., 2] * between
    found = np.where(gone[..., :1] > 0, left, all_rows)
    return floats(np.where(n[..., None] > 0, found, 0.0))


def correlation(states: ArrayLike) -> Floats:
    """Pearson's r of states (..., 6); NaN where a side is constant or there are under 2 rows."""
    n, _, _, xx, yy, xy = np.moveaxis(floats(states), -1, 0)
    usable = (n >= 2) & np.isfinite(xx) & np.isfinite(yy) & np.isfinite(xy)
    known = np.where(usable, np.sqrt(np.where(usable, xx, 0)) * np.sqrt(yy), 0.0)
    return floats(np.clip(divide(xy, known), -1.0, 1.0))


def fisher_interval(r: ArrayLike, n: ArrayLike, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """(low, high) of r over n rows; NaN below 4 rows. Source: Fisher 1921."""
    z, sd = _z(r), np.sqrt(divide(1.0, floats(n) - 3))
    reach = special.ndtri((1 + confidence) / 2) * sd
    return np.tanh(z - reach), np.tanh(z + reach)


@dataclass(frozen=True)
class Bond:
    """How two features went together in a reference.

    r, n: correlation over all its rows, and those. tau2: variance of atanh(r) between its
    windows beyond sampling. free: degrees of freedom tau2 is known with; infinite where
    nothing was estimated (fewer than LEAST_WINDOWS windows).
    """

    r: float
    n: float
    tau2: float = 0.0
    noise: float = 0.0
    free: float = np.inf
    windows: int = 0


def bond(state: ArrayLike, windows: ArrayLike) -> Bond:
    """The bond in a reference's merged `state` (6,) and its windows' own (W, 6), in time order.

    tau2 = max(0, variance of z over windows - mean of 1 / (n_w - 3)); windows of fewer than 4
    rows or without a correlation are left out. W_eff = W (1 - rho) / (1 + rho) as for D
    (Bartlett 1946), rho the lag-1 autocorrelation in [0, 0.9].
    """
    cells = floats(windows).reshape(-1, CELLS)
    n, r = cells[:, 0], correlation(cells)
    used = (n > 3) & np.isfinite(r)
    z, noise = _z(r[used]), divide(1.0, n[used] - 3)
    whole = floats(state)
    own, rows = float(correlation(whole)), float(whole[0])
    if len(z) < LEAST_WINDOWS:
        return Bond(own, rows, windows=len(z))
    apart = z - z.mean()
    power = float(apart @ apart)
    lag = float(apart[1:] @ apart[:-1]) / power if power > 0 else 0.0
    rho = float(np.clip(lag, 0.0, 0.9))
    w_eff = max(2.0, len(z) * (1 - rho) / (1 + rho))
    variance = power / (len(z) - 1)
    sampling = float(noise.mean())
    return Bond(own, rows, max(0.0, variance - sampling), sampling, w_eff - 1, len(z))


@dataclass(frozen=True)
class Change:
    """Of each window, (N,): `change` in r with its 95 % interval; the rest are chances."""

    change: Floats
    low: Floats
    high: Floats
    p_unusual: Floats
    p_material: Floats
    power: Floats


def correlation_change(
    r: ArrayLike, n: ArrayLike, known: Bond, limit: float = LIMIT, level: float = 0.01
) -> Change:
    """Hold windows' correlations r (N,) over n (N,) rows against a reference's.

    Unusual: |z - z_ref| against sqrt(1/(n-3) + 1/(m-3) + tau2 (1 + 1/W)), by Student's t with the
    degrees of freedom that match the variance of this estimate (Satterthwaite 1946).
    Material: the same if r had truly moved by `limit`, in the direction seen, towards 0 or
    away from it. power: chance that a move by twice the limit passes both at `level`; the
    smaller of both directions. NaN where r is, with fewer than 4 rows, or without a reference.
    """
    seen, rows = np.broadcast_arrays(floats(r), floats(n))
    base = float(_z(known.r))
    inverse = divide(1.0, rows - 3) + divide(1.0, known.n - 3)
    benign = known.tau2 * (1 + 1 / max(known.windows, 1))
    variance = inverse + benign
    # What is uncertain in the variance is tau2, and that by noise and itself.
    doubt = (known.tau2 + known.noise) ** 2 if known.tau2 > 0 else 0.0
    free = known.free * divide(variance**2, doubt) if doubt else np.full(seen.shape, np.inf)
    free = np.clip(free, 1.0, 1e9)
    sd = np.sqrt(variance)
    z = _z(seen)
    gap = z - base
    sign = np.where(gap < 0, -1.0, 1.0)
    beyond = np.abs(gap) - np.abs(_moved(known.r, sign * limit) - base)
    reach = special.stdtrit(free, 0.975) * sd
    need = special.stdtrit(free, 1 - level / 2) * sd
    powers = []
    for way in (-1.0, 1.0):
        least = np.abs(_moved(known.r, way * limit) - base)
        wanted = np.abs(_moved(known.r, way * 2 * limit) - base)
        needed = np.maximum(need, least + special.stdtrit(free, 1 - level) * sd)
        # Next to the end of the scale there is no such move, hence nothing to be missed.
        room = abs(known.r + way * 2 * limit) <= 1
        powers.append(np.where(room, special.stdtr(free, divide(wanted - needed, sd)), np.inf))
    power = np.minimum(*powers)
    return Change(
        change=seen - known.r,
        low=np.tanh(z - reach) - known.r,
        high=np.tanh(z + reach) - known.r,
        p_unusual=2 * special.stdtr(free, -divide(np.abs(gap), sd)),
        p_material=special.stdtr(free, -divide(beyond, sd)),
        power=np.where(np.isfinite(sd), power, np.nan),
    )


def _z(r: ArrayLike) -> Floats:
    return np.arctanh(np.clip(floats(r), -_NEAREST, _NEAREST))


def _moved(r: float, by: ArrayLike) -> Floats:
    return _z(r + floats(by))
