"""More than two classes: each against the rest, their plain means, and accuracy by decisions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from sparkdrift.kernels.binary_performance import Beside, estimates, measured, prior_of
from sparkdrift.kernels.performance_rules import Measured, Rules, blank, nothing, taken
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.intervals import Figure, Z, standard_error, wilson
from sparkdrift.measures.score_bins import ScoreBins

AVERAGED = ("precision", "recall", "f1", "specificity", "roc_auc", "average_precision", "brier")
_OF_A_CLASS = (*AVERAGED, "prevalence", "decision_rate")
_SHARE_OF_TP = (1.0, 0.0, 0.0, 0.0)


def multiclass(by_class: Mapping[str, Beside], rules: Rules) -> list[Measured]:
    """Rows of each class, and of all ('*'): accuracy, and the averages over classes.

    Decisions are those recorded. The constant baseline is the evaluation set's most frequent class.
    """
    own = replace(rules, recorded=True, threshold=None, payoff=None)
    priors = np.stack([prior_of(one) for one in by_class.values()])
    most = np.nan_to_num(priors, nan=-1.0).argmax(axis=0)
    beside = {
        name: replace(one, constant=floats(most == i))
        for i, (name, one) in enumerate(by_class.items())
    }
    found = [
        one
        for name, of_class in beside.items()
        for one in measured(of_class, own, name)
        if one.metric in _OF_A_CLASS
    ]
    accuracy = [_accuracy(beside, most, own)] if rules.wants("accuracy") else []
    averages = [
        _average([one for one in found if one.metric == metric])
        for metric in AVERAGED
        if rules.wants(metric)
    ]
    return [*accuracy, *averages, *found]


def _average(parts: Sequence[Measured]) -> Measured:
    """The mean over the classes, not measured where it is not of one of them.

    Its interval has the mean of the ends: right if the classes err together, too wide else.
    """

    def mean(figures: Sequence[Figure | None]) -> Figure | None:
        known = [one for one in figures if one is not None]
        if len(known) < len(figures):
            return None
        return Figure(*(floats(np.mean(part, axis=0)) for part in zip(*known, strict=True)))

    size = len(parts[0].realised.value)
    base = [one.baseline for one in parts if one.baseline is not None]
    return Measured(
        metric=parts[0].metric,
        realised=mean([one.realised for one in parts]) or nothing(size),
        evaluated=mean([one.evaluated for one in parts]) or nothing(size),
        estimated=mean([one.estimated for one in parts]),
        expected=mean([one.expected for one in parts]),
        baseline=floats(np.mean(base, axis=0)) if len(base) == len(parts) else None,
        perfect=parts[0].perfect,
        lacking="it is not known of every class",
    )


def _accuracy(by_class: Mapping[str, Beside], most: Floats, rules: Rules) -> Measured:
    parts = list(by_class.values())
    first = parts[0]
    size = len(first.window.cells)
    evaluated = nothing(size)
    estimated = expected = None
    if all(one.known is not None for one in parts):
        known = [one.known for one in parts if one.known is not None]
        evaluated = blank(taken(_share_right(known), first.own), first.own < 0)
        estimated, expected = (_expected(parts, rules, labelled=one) for one in (False, True))
    n = _decided(first.window)
    of_class = np.stack([one.window.total("tp") + one.window.total("fn") for one in parts])
    frequent = np.take_along_axis(of_class, most[None].astype(np.intp), axis=0)[0]
    base = divide(np.where(np.isnan(prior_of(first)), np.nan, frequent), n)
    return Measured(
        metric="accuracy",
        realised=_share_right([one.window for one in parts]),
        evaluated=evaluated,
        estimated=estimated,
        expected=expected,
        baseline=base,
        lacking="of no labelled row a decision was recorded",
    )


def _share_right(states: Sequence[ScoreBins]) -> Figure:
    """Rows whose class was decided, of those with label and decision; Wilson's interval."""
    return wilson(sum(one.total("tp") for one in states), _decided(states[0]))


def _decided(state: ScoreBins) -> Floats:
    return floats(sum(state.total(name) for name in ("tp", "fp", "fn", "tn")))


def _expected(parts: Sequence[Beside], rules: Rules, *, labelled: bool) -> Figure:
    """Sum over classes of the expected share of rows rightly decided to be of it.

    A row is decided to be of one class, so these shares err independently, but for the rates.
    """
    own = replace(rules, payoff=_SHARE_OF_TP)
    each = [
        estimates(one.window, one.known, one.by, own, labelled=labelled)["business_value"]
        for one in parts
        if one.known is not None
    ]
    value = floats(sum(one.value for one in each))
    se = np.sqrt(sum(standard_error(one) ** 2 for one in each))
    low, high = (np.clip(value + sign * Z * se, 0.0, 1.0) for sign in (-1, 1))
    return Figure(value, floats(low), floats(high))
