"""Evidence on a single share: nulls, NaN, new categories, out of range, decision rate.

The same two questions as in `evidence`, for two proportions: is the change unusual, and
is it larger than a limit in share points? Tests are signed roots of the likelihood
ratio, which stay finite and near their level where a z test breaks down (0 or all rows). In
few rows they are too small: for one NULL in one row, where the reference has 4 %, the root gives
0.009 to "more than 6 %", which is 0.06. There the binomial tail is asked as well.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats

_STEPS = 60
# Windows of so few rows get the binomial tail, if the reference is as good as known: it has at
# least this many rows for each of the window's. From there on the root is near its level [sim].
_FEW = 300.0
_KNOWN = 10.0
# The share that a limit of 0 is to be told from.
_OF_NONE = 0.01


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
    A reference without the property (x_ref = 0) is no special case. In up to 300 rows against
    ten times as many, p_unusual is at least the binomial mid-p value, p_material at least the
    binomial tail: one row alone shows no change to be larger than a limit of 1 % or more.
    Source: likelihood ratio, Wilks 1938; signed root for a one-sided limit, Barndorff-Nielsen
    1986; the restricted maximum as in Miettinen and Nurminen 1985; mid-p, Lancaster 1961.
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
    none, shift = np.zeros(delta.shape), np.where(delta < 0, -size, size)
    same, moved = _restricted(x, n, y, m, none), _restricted(x, n, y, m, shift)
    equal, at_limit = _root(x, n, y, m, none, same), _root(x, n, y, m, shift, moved)
    beyond = np.where(np.abs(delta) >= size, at_limit, -at_limit)
    unusual, material = 2 * special.ndtr(-equal), special.ndtr(-beyond)
    few, up = (n <= _FEW) & (n * _KNOWN <= m), delta >= 0
    middle = sum(_tail(x + more, n, same, up) for more in (0.0, np.where(up, 1.0, -1.0)))
    unusual = np.where(few, np.maximum(unusual, np.minimum(middle, 1.0)), unusual)
    material = np.where(few, np.maximum(material, _tail(x, n, moved + shift, up)), material)
    figures = (delta, unusual, material)
    unknown = np.where(valid, 0.0, np.nan)
    return figures[0] + unknown, figures[1] + unknown, figures[2] + unknown


def noticing_power(n_window: ArrayLike, limit: ArrayLike) -> Floats:
    """Chance that more than `limit` of n rows have the property if truly 2 `limit` do; broadcast.

    So 1 - power is how often a window with twice the limit looks as if it kept to it. Of a limit
    of half or more, all rows are meant, of 0, 1 % of them. 0 without rows; NaN where the limit is
    outside [0, 1].
    Source: the binomial distribution.
    """
    n, size = np.broadcast_arrays(floats(n_window), floats(limit))
    valid = (size >= 0) & (size <= 1) & (n >= 0)
    rows, share = np.where(valid, n, 0.0), np.where(valid, size, 0.0)
    # 0.29 * 100 is 28.999..., and 29 of 100 rows are not more than 29 %.
    most = np.floor(rows * share + 1e-9)
    more = np.clip(most + 1, 1.0, np.maximum(rows, 1.0))
    true = np.where(share > 0, np.minimum(2 * share, 1.0), _OF_NONE)
    chance = special.betainc(more, np.maximum(rows - more + 1, 1.0), true)
    return np.where(valid, np.where(most >= rows, 0.0, chance), np.nan)


def change_power(
    n_window: ArrayLike,
    x_ref: ArrayLike,
    m_ref: ArrayLike,
    limit: ArrayLike,
    wander: ArrayLike = 0.0,
) -> Floats:
    """Chance that a share changed by twice `limit` is seen to change by more than it; broadcast.

    So 1 - power is how often such a change looks as if it kept to the limit. The less likely of
    up and down, as far as shares go: never below 0 or above 1. wander: how far the difference of
    the two shares varies beyond chance, as a standard deviation. Of a limit of 0, 1 % is meant.
    NaN where a side has no rows, x is outside [0, m], or the limit outside [0, 1].
    Source: the lesser of the binomial distribution, which takes the reference's share for known,
    and its normal approximation with the reference's error and `wander`.
    """
    n, y, m, size, apart = np.broadcast_arrays(
        *(floats(part) for part in (n_window, x_ref, m_ref, limit, wander))
    )
    with np.errstate(invalid="ignore"):
        valid = (n > 0) & (m > 0) & (y >= 0) & (y <= m) & (size >= 0) & (size <= 1)
    n, y, m = np.where(valid, n, 1.0), np.where(valid, y, 0.0), np.where(valid, m, 1.0)
    share, size = y / m, np.where(valid, size, 0.0)
    # Downwards is upwards of the rows that have it not.
    both = [_rise_power(n, m, part, size, apart) for part in (share, 1 - share)]
    return floats(np.where(valid, np.minimum(*both), np.nan))


def _rise_power(n: Floats, m: Floats, share: Floats, limit: Floats, wander: Floats) -> Floats:
    """`change_power` upwards; 1 where the share can't rise by more than the limit."""
    true = np.minimum(share + np.where(limit > 0, 2 * limit, _OF_NONE), 1.0)
    room = true - share - limit
    least = np.floor(n * (share + limit) + 1e-9) + 1
    inside = np.clip(least, 1.0, n)
    exact = np.where(least > n, 0.0, special.betainc(inside, n - inside + 1, true))
    sd = np.sqrt(true * (1 - true) / n + share * (1 - share) / m + wander**2)
    normal = np.where(sd > 0, special.ndtr(divide(room, sd)), 1.0)
    return floats(np.where(room > 1e-12, np.minimum(exact, normal), 1.0))


def beyond_range(k_window: ArrayLike, n_window: ArrayLike, m_ref: ArrayLike) -> Floats:
    """P(k or more of n rows lie outside the range of m others, all from one distribution).

    Broadcast; NaN where m < 2, n < 1 or k is outside [0, n]. The range is the m rows' own, so
    none of them is outside, and that says little: of n = 1,000 rows after m = 30,000, one is
    outside in 6 % of windows, where a test of 0 in 30,000 would say 0.9 %. Exact for continuous
    distributions, whatever they are; less for ties.
    Source: exceedances, Wilks 1942; Gumbel and von Schelling 1950. k are outside if, going from
    the ends inwards, at most one of the first k + 1 rows is one of the m.
    """
    k, n, m = np.broadcast_arrays(floats(k_window), floats(n_window), floats(m_ref))
    with np.errstate(invalid="ignore"):
        valid = (m >= 2) & (n >= 1) & (k >= 0) & (k <= n)
    k, n, m = np.where(valid, k, 0.0), np.where(valid, n, 1.0), np.where(valid, m, 2.0)
    total = n + m
    # C(n, k) / C(n + m, k + 1), by logarithms
    one = special.gammaln(n + 1) - special.gammaln(n - k + 1) - special.gammaln(total + 1)
    one = one + special.gammaln(total - k) + np.log(k + 1)
    # none of the first k + 1 is one of the m, or one of them is: C(n, k + 1) + m C(n, k)
    chance = np.exp(one) * (m + (n - k) / (k + 1))
    return floats(np.where(valid, np.minimum(chance, 1.0), np.nan))


def _tail(x: Floats, n: Floats, p: Floats, up: NDArray[np.bool_]) -> Floats:
    """P(x or more of n) for the share p, or P(x or fewer) where `up` is false."""
    seen, share = np.where(up, x, n - x), np.clip(np.where(up, p, 1 - p), 0.0, 1.0)
    inside = np.clip(seen, 1.0, n)
    reached = special.betainc(inside, n - inside + 1, share)
    return floats(np.where(seen <= 0, 1.0, np.where(seen > n, 0.0, reached)))


def _root(x: Floats, n: Floats, y: Floats, m: Floats, shift: Floats, p: Floats) -> Floats:
    """sqrt(2 (best log likelihood - best with window share - reference share = shift)), >= 0.

    p: the best reference share with that shift, `_restricted`.
    """
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
