"""How likely all rows of a window are one value, where a reference is not constant."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.share_variation import share_variation

# A window of the reference that was so unlikely to be one value by chance, and was, says that
# the feature does that.
_BY_CHANCE = 0.01


def p_single(
    reference_counts: ArrayLike, window_counts: ArrayLike, own: ArrayLike | None = None
) -> Floats:
    """How often all rows of a window fall into one bin as they do, (W,), without drift.

    reference_counts (B,); window_counts (W, B), each row in one bin; own (V, B): the reference's
    windows in time order. Beta-binomial: of the reference's rows with Jeffreys' prior, or with
    the variance that the bin's share has between its windows, if that is more; times B, as any
    bin might have been the one. NaN for windows with more bins or none, a reference in
    one bin, or one that had such a window itself, which chance does not explain.
    Source: Skellam 1948 (beta-binomial); Jeffreys 1946.
    """
    reference, windows = floats(reference_counts), np.atleast_2d(floats(window_counts))
    live, total = int((reference > 0).sum()), reference.sum()
    cells = np.zeros((0, len(reference))) if own is None else np.atleast_2d(floats(own))
    found = np.full(len(windows), np.nan)
    alone = (windows > 0).sum(axis=1) == 1
    if live < 2 or not alone.any():
        return found
    rows = cells.sum(axis=1)
    for bin_ in np.unique(windows[alone].argmax(axis=1)).tolist():
        a, b = reference[bin_] + 0.5, total - reference[bin_] + 0.5
        varies = share_variation(cells[:, bin_], rows) if len(cells) else None
        if varies is not None:
            p, spread = a / (a + b), varies.sd**2 - varies.noise
            # A standard error of caution: few windows know their variance badly.
            spread *= 1 + np.sqrt(2 / varies.w_eff)
            precision = max(float(divide(p * (1 - p), spread)) - 1, 1e-6)
            shrunk = min(1.0, precision / (a + b))
            a, b = a * shrunk, b * shrunk
        here = alone & (windows.argmax(axis=1) == bin_)
        found[here] = _all_of(windows[here].sum(axis=1), a, b, live)
    return np.where(_was_single(cells, reference, live), np.nan, found)


def _all_of(n: Floats, a: float, b: float, bins: int) -> Floats:
    chance = np.exp(special.betaln(a + n, b) - special.betaln(a, b))
    return floats(np.minimum(bins * chance, 1.0))


def _was_single(cells: Floats, reference: Floats, live: int) -> bool:
    alone = cells[(cells > 0).sum(axis=1) == 1]
    if not len(alone):
        return False
    held = reference[alone.argmax(axis=1)]
    return bool((live * (held / reference.sum()) ** alone.sum(axis=1) < _BY_CHANCE).any())
