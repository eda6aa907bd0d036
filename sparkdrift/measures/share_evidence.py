"""Evidence on a single share: nulls, NaN, new categories, out of range, decision rate.

The same two questions as in `evidence`, for two proportions: is the change unusual, and
is it larger than a limit in share points? Tests are signed roots of the likelihood
ratio, which stay finite and near their level where a z test breaks down (0 or all rows).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats

_STEPS = 60


def share_test(
    x_window: ArrayLike,
    n_window: ArrayLike,
    x_ref: ArrayLike,
    m_ref: ArrayLike,
    limit: ArrayLike = 0.02,
) -> tuple[Floats, Floats, Floats]:
    """(delta, p_unusual, p_material), each broadcast; delta = window share - reference share.

    x of n rows have the property in the window, x of m in the reference. p_unusual: equal
    shares, two-sided. p_material: a true change of `limit` in the direction seen, one-sided
    (0.5 where |delta| equals the limit; upwards where delta is 0). NaN when a side has no
    rows or x is outside [0, n].
    A reference without the property (x_ref = 0) is no special case.
    Source: likelihood ratio, Wilks 1938; signed root for a one-sided limit, Barndorff-Nielsen
    1986; the restricted maximum as in Miettinen and Nurminen 1985.
    """
    x, n, y, m, size = np.broadcast_arrays(
        *(floats(part) for part in (x_window, n_window, x_ref, m_ref, limit))
    )
    with np.errstate(invalid="ignore"):
        valid = (n > 0) & (m > 0) & (x >= 0) & (x <= n) & (y >= 0) & (y <= m)
        valid &= (size >= 0) & (size <= 1)
    x, n, y, m, size = (
        np.where(valid, part, safe)
        for part, safe in ((x, 0.0), (n, 1.0), (y, 0.0), (m, 1.0), (size, 0.0))
    )
    delta = divide(x, n) - divide(y, m)
    equal = _root(x, n, y, m, np.zeros(delta.shape))
    at_limit = _root(x, n, y, m, np.where(delta < 0, -size, size))
    beyond = np.where(np.abs(delta) >= size, at_limit, -at_limit)
    figures = (delta, 2 * special.ndtr(-equal), special.ndtr(-beyond))
    unknown = np.where(valid, 0.0, np.nan)
    return figures[0] + unknown, figures[1] + unknown, figures[2] + unknown


def _root(x: Floats, n: Floats, y: Floats, m: Floats, shift: Floats) -> Floats:
    """sqrt(2 (best log likelihood - best with window share - reference share = shift)), >= 0."""
    p = _restricted(x, n, y, m, shift)
    free = _likelihood(x, n, x / n) + _likelihood(y, m, y / m)
    bound = _likelihood(x, n, p + shift) + _likelihood(y, m, p)
    ratio = np.sqrt(np.maximum(0.0, 2 * (free - bound)))
    # Rounding of large likelihoods alone would leave 1e-5 here.
    return np.where(x / n - y / m == shift, 0.0, ratio)


def _likelihood(x: Floats, n: Floats, p: Floats) -> Floats:
    share = np.clip(p, 1e-300, 1.0)
    rest = np.clip(1.0 - p, 1e-300, 1.0)
    return floats(special.xlogy(x, share) + special.xlogy(n - x, rest))


def _restricted(x: Floats, n: Floats, y: Floats, m: Floats, shift: Floats) -> Floats:
    """The reference share that fits best when the window's is that plus `shift`.

    The log likelihood is concave in it, so its slope is bisected.
    """
    low, high = np.maximum(0.0, -shift), np.minimum(1.0, 1.0 - shift)
    for _ in range(_STEPS):
        p = (low + high) / 2
        q = p + shift
        with np.errstate(divide="ignore", invalid="ignore"):
            slope = _slope(x, n, q) + _slope(y, m, p)
        rising = slope > 0
        low, high = np.where(rising, p, low), np.where(rising, high, p)
    return (low + high) / 2


def _slope(x: Floats, n: Floats, p: Floats) -> Floats:
    up = np.divide(x, p, out=np.zeros(p.shape), where=x > 0)
    down = np.divide(n - x, 1.0 - p, out=np.zeros(p.shape), where=n > x)
    return up - down
