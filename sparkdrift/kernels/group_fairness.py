"""Fairness between groups: a slice against all other rows of its window.

Of decision rates: statistical parity; of recalls: equal opportunity; of precisions: predictive
parity. 0 is fair, above 0 the slice has more of it.
Sources: Hardt, Price and Srebro 2016; Chouldechova 2017; intervals by Newcombe 1998.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from sparkdrift.kernels.binary_performance import (
    Beside,
    decision_rate,
    estimates,
    shown,
    shown_with_decisions,
)
from sparkdrift.kernels.performance_rules import ALL, Measured, Rules, blank, nothing
from sparkdrift.kernels.performance_states import Positions, calibrated_by
from sparkdrift.measures.confusion import share_difference
from sparkdrift.measures.intervals import Figure
from sparkdrift.measures.score_bins import ScoreBins

_OF = {"equal_opportunity": "recall", "predictive_parity": "precision"}


def fairness(
    beside: Beside,
    at: Positions,
    whole: Positions,
    entire: int,
    rules: Rules,
    class_name: str = ALL,
) -> list[Measured]:
    """The rows at `at` (M,) against the others of their window.

    whole (M,): positions of their windows' rows of the whole table, which must be there; entire:
    position of the whole evaluation set, -1 for none.
    """
    window = _taken(beside.window, at)
    others = _without(_taken(beside.window, whole), window)
    realised = _gaps(shown(window, rules), shown(others, rules))
    realised["statistical_parity"] = share_difference(
        decision_rate(window, rules), decision_rate(others, rules)
    )
    evaluated: Mapping[str, Figure] = {}
    estimated: Mapping[str, Figure] = {}
    known, own = beside.known, beside.own[at]
    if known is not None and entire >= 0:
        slices = _taken(known, np.maximum(own, 0))
        rest = _without(_taken(known, np.full(len(own), entire)), slices)
        mine, theirs = (shown_with_decisions(one, rules) for one in (slices, rest))
        evaluated = _gaps(mine, theirs) | {
            "statistical_parity": share_difference(mine["decision_rate"], theirs["decision_rate"])
        }
        evaluated = {name: blank(one, own < 0) for name, one in evaluated.items()}
        estimated = _estimated(beside, known, at, window, others, rest, entire, rules)
    return [
        Measured(
            metric=name,
            class_name=class_name,
            realised=figure,
            evaluated=evaluated.get(name, nothing(len(at))),
            estimated=estimated.get(name),
            perfect=np.nan,
            at=at,
        )
        for name, figure in realised.items()
    ]


def _estimated(
    beside: Beside,
    known: ScoreBins,
    at: Positions,
    window: ScoreBins,
    others: ScoreBins,
    rest: ScoreBins,
    entire: int,
    rules: Rules,
) -> dict[str, Figure]:
    """Either side by its own calibration, or by that of the whole set where it is thin there."""
    mine = estimates(window, known, beside.by[at], rules, labelled=False)
    # The others of each slice in the evaluation set, and the whole set behind them.
    both = ScoreBins(
        known.edges,
        np.concatenate([rest.cells, known.cells[entire : entire + 1]]),
        np.concatenate([rest.unusable, known.unusable[entire : entire + 1]]),
    )
    size = len(at)
    own = np.where(beside.own[at] < 0, -1, np.arange(size))
    by = calibrated_by(both.total("labelled"), own, size, len(known.edges) + 1)
    return _gaps(mine, estimates(others, both, by, rules, labelled=False))


def _gaps(mine: Mapping[str, Figure], theirs: Mapping[str, Figure]) -> dict[str, Figure]:
    return {
        name: share_difference(mine[of], theirs[of])
        for name, of in _OF.items()
        if of in mine and of in theirs
    }


def _taken(state: ScoreBins, at: Positions) -> ScoreBins:
    return ScoreBins(state.edges, state.cells[at], state.unusable[at])


def _without(whole: ScoreBins, part: ScoreBins) -> ScoreBins:
    """The rows of the whole that are not in the part; never below 0, where the two don't fit."""
    return ScoreBins(
        whole.edges,
        np.maximum(whole.cells - part.cells, 0.0),
        np.maximum(whole.unusable - part.unusable, 0.0),
    )
