"""Do the rows that have a label stand for all rows? By score bins, from counts alone.

Labels often come for some rows only: for loans that were granted, claims that were inspected. What
they show is then a figure of those rows, and may be better or worse than that of all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.representation import GROUP_SHARE, neighbours

# Labels of so many rows are those of all.
COMPLETE = 0.95
# How often labels that are drawn by lot are taken for selected ones.
LEVEL = 0.01
# A mean over rows of losses up to 1 moves by less than this with such a part of the rows elsewhere.
LEAST_APART = 0.02
_LEAST_EXPECTED = 5.0


def apart(labelled: ArrayLike, rows: ArrayLike) -> Floats:
    """What part of the labelled rows lies at other scores than all rows do, (...); 0: alike.

    labelled, rows (..., B): counts per score bin. The total variation distance of the two mixes,
    by groups of neighbouring bins with GROUP_SHARE of the rows or five expected rows of either
    kind. 0 where it is below LEAST_APART, where Pearson's chi-square of homogeneity does not tell
    labelled from other rows at LEVEL, where COMPLETE of the rows have a label, and without labels.
    Selection by what the score does not show is not seen. Source: Pearson 1900.
    """
    n, every = np.broadcast_arrays(floats(labelled), floats(rows))
    pairs = zip(*(one.reshape(-1, one.shape[-1]) for one in (n, every)), strict=True)
    return floats([_apart(*pair) for pair in pairs]).reshape(n.shape[:-1])


def _apart(n: Floats, rows: Floats) -> float:
    known, total = float(n.sum()), float(rows.sum())
    fewer = min(known, total - known)
    if known >= COMPLETE * total or fewer < 2 * _LEAST_EXPECTED:
        return 0.0
    at = neighbours(rows, max(GROUP_SHARE, _LEAST_EXPECTED / fewer))
    own, of_all = (np.bincount(at, weights=part) for part in (n, rows))
    own, of_all = own[of_all > 0], of_all[of_all > 0]
    share = known / total
    chi_square = float(((own - of_all * share) ** 2 / (of_all * share * (1 - share))).sum())
    distance = float(np.abs(own / known - of_all / total).sum() / 2)
    told = special.chdtrc(len(own) - 1, chi_square) < LEVEL if len(own) > 1 else False
    return distance if told and distance >= LEAST_APART else 0.0
