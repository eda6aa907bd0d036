"""Calibration of one window held against what it was: figures with intervals that can be judged."""

from __future__ import annotations

import numpy as np

from sparkdrift.measures.arrays import divide, floats
from sparkdrift.measures.calibration_quality import expected_calibration_error
from sparkdrift.measures.intervals import Figure, Z
from sparkdrift.measures.representation import neighbours
from sparkdrift.measures.score_bins import ScoreBins, mean_score

# As many as calibration errors are usually told by.
GROUPS = 15


def grouped(state: ScoreBins) -> ScoreBins:
    """Neighbouring bins of one state (B, 12) as about GROUPS, of as many labelled rows each.

    Edges are of no use afterwards. Fine bins would show little but chance: of 1,000 rows in 128
    bins a calibrated score has an error of 0.1.
    """
    at = neighbours(state.column("labelled"), 1 / GROUPS)
    cells = np.zeros((int(at.max()) + 1, state.cells.shape[-1]))
    np.add.at(cells, at, state.cells)
    return ScoreBins(floats(np.arange(1, len(cells))), cells, state.unusable)


def calibration_error(state: ScoreBins) -> Figure:
    """Expected calibration error of a labelled state (B, 12) by GROUPS, with an interval, ().

    Chance makes it larger, by nothing where calibration is far off and by all of what
    `expected_calibration_error` expects where it is perfect: the interval leaves room for both.
    NaN without labelled rows.
    """
    few = grouped(state)
    error, chance = expected_calibration_error(few)
    n = few.column("labelled")
    s = np.nan_to_num(mean_score(few, labelled=True))
    rows = n.sum(axis=-1)
    around = Z * divide(np.sqrt((n * s * (1 - s)).sum(axis=-1)), rows)
    # Scores of nearly 0 or 1 leave chance no room, where few rows leave much: at least the width
    # of a share of as many rows (Agresti and Coull 1998).
    share = divide((n * s).sum(axis=-1) + Z**2 / 2, rows + Z**2)
    above = np.maximum(around, Z * np.sqrt(divide(share * (1 - share), rows + Z**2)))
    return Figure(error, floats(np.maximum(error - chance - around, 0.0)), floats(error + above))


def difference(now: Figure, then: Figure) -> Figure:
    """now - then, of separate rows; their intervals being normal ones. NaN where either is."""
    down = np.hypot(now.value - now.low, then.high - then.value)
    up = np.hypot(now.high - now.value, then.value - then.low)
    gap = now.value - then.value
    return Figure(floats(gap), floats(gap - down), floats(gap + up))
