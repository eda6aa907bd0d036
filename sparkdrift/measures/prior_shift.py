"""How many positives a window holds, if only the mix of classes has changed (label shift).

The second answer beside `estimated_performance`: there the meaning of a score stays, here what
either class looks like. The gap between the two is how much depends on the assumption.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from sparkdrift.measures.arrays import Floats, floats, shares
from sparkdrift.measures.intervals import Figure, logit_interval

# Bins are joined until each group holds so many labelled rows, so many of either class, and such a
# part of the rarer one: ratios of a few rows are noise. Of a class that is too rare for three such
# groups fewer will do.
LEAST_ROWS = 50.0
LEAST_OF_CLASS = 20.0
FEWEST = 10.0
GROUPS = 20
# A window whose scores are no mix of both classes': so often by chance, so much at least.
MISFIT_LEVEL = 0.01
LEAST_MISFIT = 0.02
_STEPS = 100


def em_prior(labelled: ArrayLike, positives: ArrayLike, rows: ArrayLike) -> Figure:
    """Share of positives in a window of (B,) rows per score bin, with its 95 % interval, ().

    labelled, positives: the evaluation set's, (B,). The limit of Saerens' EM iteration is the
    maximum of sum rows_b log(t f1_b + (1 - t) f0_b), f1 and f0 being the classes' shares per bin;
    that is concave in t and bisected, which needs no starting value and no number of iterations.
    Half a row more of either class is shared out among the groups of bins, so that no share is 0.
    The interval holds the chance in the window and in the evaluation set's f1 and f0. NaN without
    rows, with one class in the evaluation set, with too few of it for two groups, or where the
    scores don't tell the classes apart.
    Source: Saerens, Latinne and Decaestecker 2002; mixture proportions as in McLachlan 1992.
    """
    found = _mixture(floats(labelled), floats(positives), floats(rows))
    nothing = Figure(*(floats(np.nan) for _ in range(3)))
    if found is None:
        return nothing
    w, f1, f0, t, yes, no, total = found
    mixed = t * f1 + (1 - t) * f0
    information = (w * ((f1 - f0) / mixed) ** 2).sum()
    if not information > 1e-9:
        return nothing
    of_f1 = _variance(w * f0 / mixed**2, f1) / yes
    of_f0 = _variance(w * f1 / mixed**2, f0) / no
    se = np.sqrt(information / total + of_f1 + of_f0) / information
    return logit_interval(t, se)


def misfit(labelled: ArrayLike, positives: ArrayLike, rows: ArrayLike) -> float:
    """What part of the window's rows lies where no mix of the two classes would have them, or 0.

    Arguments as of `em_prior`. The total variation distance of the window's groups of bins from
    the nearest mix. 0 below LEAST_MISFIT, where chance would tell them apart as often as
    MISFIT_LEVEL (Pearson's chi-square, the error of f1 and f0 in its variances), and with fewer
    than three groups, which some mix always fits. Above 0 more than the mix of classes has changed,
    and the prior by it means nothing.
    Source: Pearson 1900; label shift as in Lipton, Wang and Smola 2018.
    """
    found = _mixture(floats(labelled), floats(positives), floats(rows))
    if found is None or len(found[0]) < 3:
        return 0.0
    w, f1, f0, t, yes, no, total = found
    mixed = t * f1 + (1 - t) * f0
    variance = mixed / total + t**2 * f1 / yes + (1 - t) ** 2 * f0 / no
    chi_square = float(((w - mixed) ** 2 / variance).sum())
    apart = float(np.abs(w - mixed).sum() / 2)
    told = special.chdtrc(len(w) - 2, chi_square) < MISFIT_LEVEL
    return apart if told and apart >= LEAST_MISFIT else 0.0


def _mixture(
    labelled: Floats, positives: Floats, rows: Floats
) -> tuple[Floats, Floats, Floats, Floats, float, float, float] | None:
    """(w, f1, f0 by group of bins; t; positives and negatives of the set, rows of the window);
    None: nothing to tell them by."""
    at = _groups(labelled, positives)
    n, k, seen = (np.bincount(at, weights=one) for one in (labelled, positives, rows))
    yes, no, total = float(k.sum()), float((n - k).sum()), float(seen.sum())
    if len(n) < 2 or min(yes, no, total) <= 0:
        return None
    f1, f0 = shares(k + 0.5 / len(n)), shares(n - k + 0.5 / len(n))
    w = floats(seen / total)
    return w, f1, f0, _root(w, f1, f0), yes, no, total


def _groups(labelled: Floats, positives: Floats) -> NDArray[np.intp]:
    """The group (B,), from 0, of each bin: neighbours, until a group holds LEAST_ROWS labelled
    rows, LEAST_OF_CLASS of either class and one of GROUPS parts of the rarer, or FEWEST of that
    where there would be no three groups else; what is left goes to the last.
    """
    both = positives, labelled - positives
    rare, other = both if both[0].sum() <= both[1].sum() else both[::-1]
    total = float(rare.sum())
    part = max(min(LEAST_OF_CLASS, max(FEWEST, total / 3)), total / GROUPS)
    least = np.array([LEAST_ROWS, part, LEAST_OF_CLASS])
    at = np.zeros(len(labelled), dtype=np.intp)
    group, held = 0, np.zeros(3)
    for b, own in enumerate(np.stack([labelled, rare, other], axis=1)):
        at[b] = group
        held = held + own
        if (held >= least).all():
            group, held = group + 1, np.zeros(3)
    # What follows the last whole group is no group of its own.
    return np.minimum(at, max(group - 1, 0))


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
