"""How many positives a window holds, if only the mix of classes has changed (label shift).

The second answer beside `estimated_performance`: there the meaning of a score stays, here what
either class looks like. The gap between the two is how much depends on the assumption.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, floats, shares
from sparkdrift.measures.intervals import Figure, logit_interval

# Bins are joined until each holds this many labelled rows: ratios of a few rows are noise.
LEAST_ROWS = 50.0
_STEPS = 100


def em_prior(labelled: ArrayLike, positives: ArrayLike, rows: ArrayLike) -> Figure:
    """Share of positives in a window of (B,) rows per score bin, with its 95 % interval, ().

    labelled, positives: the evaluation set's, (B,). The limit of Saerens' EM iteration is the
    maximum of sum rows_b log(t f1_b + (1 - t) f0_b), f1 and f0 being the classes' shares per bin;
    that is concave in t and bisected, which needs no starting value and no number of iterations.
    The interval holds the chance in the window and in the evaluation set's f1 and f0. NaN without
    rows, with one class in the evaluation set, or where the scores don't tell the classes apart.
    Source: Saerens, Latinne and Decaestecker 2002; mixture proportions as in McLachlan 1992.
    """
    n, k, seen = (_joined(part, labelled) for part in (labelled, positives, rows))
    yes, no, total = k.sum(), (n - k).sum(), seen.sum()
    nothing = Figure(*(floats(np.nan) for _ in range(3)))
    if len(n) < 2 or min(yes, no, total) <= 0:
        return nothing
    f1, f0 = shares(k + 0.5), shares(n - k + 0.5)
    w = seen / total
    t = _root(w, f1, f0)
    mixed = t * f1 + (1 - t) * f0
    information = (w * ((f1 - f0) / mixed) ** 2).sum()
    if not information > 1e-9:
        return nothing
    of_f1 = _variance(w * f0 / mixed**2, f1) / yes
    of_f0 = _variance(w * f1 / mixed**2, f0) / no
    se = np.sqrt(information / total + of_f1 + of_f0) / information
    return logit_interval(t, se)


def _joined(counts: ArrayLike, labelled: ArrayLike) -> Floats:
    """Neighbouring bins as one until each holds LEAST_ROWS labelled rows; what is left, too."""
    groups = np.floor((floats(labelled).cumsum() - floats(labelled)) / LEAST_ROWS).astype(int)
    _, at = np.unique(groups, return_inverse=True)
    return floats(np.bincount(at, weights=floats(counts)))


def _root(w: Floats, f1: Floats, f0: Floats) -> Floats:
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        t = (low + high) / 2
        rising = (w * (f1 - f0) / (t * f1 + (1 - t) * f0)).sum() > 0
        low, high = (t, high) if rising else (low, t)
    return floats((low + high) / 2)


def _variance(slope: Floats, share: Floats) -> float:
    """Variance of sum slope * share for one multinomial row."""
    return float((slope**2 * share).sum() - (slope * share).sum() ** 2)


def reweighted_probability(pi: ArrayLike, prior: ArrayLike, now: ArrayLike) -> Floats:
    """P(positive) per bin once the prior is `now` instead of `prior`, (..., B); priors (...).

    Bayes: the odds are multiplied by the ratio of the priors' odds. NaN for a prior of 0 or 1.
    Source: Saerens, Latinne and Decaestecker 2002, equation 4.
    """
    before, after = floats(prior), floats(now)
    inside = (before > 0) & (before < 1) & (after > 0) & (after < 1)
    shift = special.logit(np.where(inside, after, np.nan))
    shift = shift - special.logit(np.where(inside, before, np.nan))
    return floats(special.expit(special.logit(floats(pi)) + shift[..., None]))
