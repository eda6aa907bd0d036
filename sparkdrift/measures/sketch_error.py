"""How far a stored sketch can be off, and what that adds to the noise of a comparison.

Everything takes the `error_k` of a sketch: its k, or infinity while it is not in
estimation mode, for which every formula here gives zero on its own.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, divide, floats

NOISE_ROWS = 2.7  # n_k B / k^2 in the worst phase


def rank_error(k: ArrayLike) -> Floats:
    """eps1: 99th percentile of the largest rank error of a KLL sketch, a share; same shape as k.

    2.296 / k^0.9723. Source: DataSketches `KllHelper.getNormalizedRankError`, single sided.
    NaN when k is not positive.
    """
    return divide(2.296, _positive(k) ** 0.9723)


def _positive(k: ArrayLike) -> Floats:
    sizes = floats(k)
    return np.where(sizes > 0, sizes, np.nan)


def mass_error(k: ArrayLike) -> Floats:
    """eps2: 99th percentile of the largest error of a bin's mass, a share; same shape as k.

    2.446 / k^0.9433. Source: DataSketches `KllHelper.getNormalizedRankError`, double sided.
    NaN when k is not positive.
    """
    return divide(2.446, _positive(k) ** 0.9433)


def equivalent_rows(k: ArrayLike, bins: ArrayLike) -> Floats:
    """n_k: the sample whose bin counts scatter as those of a sketch of size k over `bins` bins.

    2.7 k^2 / B. Measured over n / k from 4 to 2,000 the factor swings between 2.7 and 4.1 with
    the phase of the sketch's compactions, whatever k (a decile's mass has a standard
    deviation of 0.47 to 0.58 / k); it is 5.7 and more after merging [sim: tests/simulation].
    The least is taken, so noise is not understated. B between 5 and 50. Rows; infinite for
    k = infinity.
    """
    return divide(NOISE_ROWS * floats(k) ** 2, bins)


def supremum_rows(k: ArrayLike) -> Floats:
    """The sample whose Kolmogorov distance to the truth has the same 99th percentile as eps1.

    (1.628 / eps1)^2, 1.628 being that percentile of Kolmogorov's distribution. Smaller
    than `equivalent_rows`: a sketch errs independently from place to place, and the
    largest of many such errors is what KS sees. Rows; infinite for k = infinity.
    """
    eps = rank_error(k)
    with np.errstate(divide="ignore"):
        return (1.628 / eps) ** 2


def noise_scale(n: ArrayLike, m: ArrayLike, bins: ArrayLike, *ks: ArrayLike) -> Floats:
    """s = 1/n + 1/m + sum of 1/n_k: under no drift D / s ~ chi-square(B - 1).

    n, m: sketched (effective) rows of window and reference, see `effective_rows`;
    infinity for one that is known exactly. ks: `error_k` of every sketch compared.
    All broadcast, typically (W,). NaN when a side has no rows.
    Source: variance of a difference of multinomial shares; sketches, see `equivalent_rows`.
    """
    noise = divide(1.0, n) + divide(1.0, m)
    for k in ks:
        noise = noise + divide(1.0, equivalent_rows(k, bins))
    return noise


def effective_rows(weights: ArrayLike, rows: ArrayLike) -> Floats:
    """n_eff = (sum w n)^2 / sum w^2 n over the last axis: rows that weighted samples are worth.

    weights: source rows behind each sketched row; rows: sketched rows; same shape
    (..., parts). NaN where nothing was sketched. Source: Kish, Survey Sampling, 1965.
    """
    w, n = floats(weights), floats(rows)
    return divide((w * n).sum(axis=-1) ** 2, (w**2 * n).sum(axis=-1))


def frequent_items_error(total: ArrayLike, tracked: ArrayLike) -> Floats:
    """Largest upper minus lower bound of a frequent items sketch: 3.5 N / M, in rows.

    tracked: M, the size of its map. Exact below 0.75 M distinct items, for which the
    sketch itself reports an offset of 0. Source: DataSketches `ItemsSketch.getEpsilon`.
    """
    return divide(3.5 * floats(total), tracked)
