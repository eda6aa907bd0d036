"""Rows of `performance`: has the metric become worse, may the estimate be trusted, and why.

Concept drift: the realised value lies outside what the evaluation set lets expect of the labelled
rows, by an interval for which chance is shared out among the metrics (Bonferroni): of windows and
slices without concept drift CHANCE or less have any such metric. What few events show is skew, so
their intervals are those of counts (`intervals.widened_share`). Simulated: see docs/statistics.md.
Asked only of mature windows with LEAST_FOR_DRIFT labels
or more, whose estimate may be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sparkdrift.kernels.performance_rules import (
    ALL,
    BETTER,
    FAIRNESS,
    SHARES,
    WITHOUT_LABELS,
    Measured,
    Rules,
    nothing,
)
from sparkdrift.kernels.performance_words import About, Words
from sparkdrift.measures import degradation
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.confusion import skill
from sparkdrift.measures.estimated_performance import concept_drift
from sparkdrift.measures.intervals import Figure, Z, widened, widened_share

CHANCE = 0.01
LEAST_FOR_DRIFT = 100
Columns = dict[str, Any]
_BASES = ("estimated", "realised")


def verdicts(found: Sequence[Measured], about: About, rules: Rules) -> Iterator[Columns]:
    """Columns of the rows of each metric, in the order of `found`."""
    told = sum(_drifts(one) for one in found)
    factor = float(special.ndtri(1 - CHANCE / (2 * max(told, 1)))) / Z
    for one in found:
        yield _columns(one, about if one.at is None else about.at(one.at), rules, factor)


def _drifts(one: Measured) -> bool:
    return one.expected is not None and one.sure and one.metric not in FAIRNESS


def _columns(one: Measured, about: About, rules: Rules, factor: float) -> Columns:
    size = len(about.rows)
    estimated = one.estimated if one.estimated is not None else nothing(size)
    trusted = _trusted(one, about, rules)
    wide = _expected_range(one, factor)
    drift = np.full(size, np.nan)
    if wide is not None:
        asked = about.mature & trusted & (about.labelled >= LEAST_FOR_DRIFT)
        drift = floats(np.where(asked, concept_drift(wide, one.realised), np.nan))
    tolerated = rules.tolerance(one.metric, one.evaluated.value)
    by_labels = np.isfinite(one.realised.value) & (about.mature | (one.metric in WITHOUT_LABELS))
    now = Figure(*(np.where(by_labels, r, e) for r, e in zip(one.realised, estimated, strict=True)))
    better = BETTER.get(one.metric)
    loss = nothing(size)
    if better is not None:
        loss = degradation.lost(one.evaluated, now, better)
    verdict = degradation.judge(loss, tolerated)
    baseline = np.full(size, np.nan) if one.baseline is None else one.baseline
    power = degradation.power(loss, tolerated)
    by_default = "" if rules.declares(one.metric) else " by default"
    words = Words(one, about, rules, estimated, wide, loss, tolerated, power, by_default)
    judged = [
        words.judged(i, bool(by_labels[i]), bool(trusted[i]), float(verdict[i]), bool(drift[i] > 0))
        for i in range(size)
    ]
    has = np.isfinite(now.value)
    return {
        **{name: [name_] * size for name, name_ in _named(one)},
        "rows": about.rows,
        "labelled": about.labelled,
        "unusable": about.unusable,
        "mature": about.mature,
        **_figure("estimated", estimated),
        **_figure("realised", one.realised),
        **_figure("evaluated", one.evaluated),
        "baseline": baseline,
        "skill": skill(one.realised.value, baseline, one.perfect),
        "ess_ratio": about.ess_ratio,
        "outside": about.outside,
        "concept_drift": [None if np.isnan(value) else bool(value) for value in drift],
        "basis": [
            _BASES[int(by)] if shown else None for by, shown in zip(by_labels, has, strict=True)
        ],
        **_losses(one, loss, by_labels, trusted, about, rules),
        "status": [status for status, _ in judged],
        "reason": [reason for _, reason in judged],
    }


def _losses(
    one: Measured,
    loss: Figure,
    by_labels: NDArray[np.bool_],
    trusted: NDArray[np.bool_],
    about: About,
    rules: Rules,
) -> Columns:
    """The loss that labels show, else the one that is estimated: never both in one column.

    An estimate that may not be relied upon has no price.
    """
    priced = _priced(one, loss.value, about, rules)
    estimated = Figure(*(floats(np.where(by_labels, np.nan, part)) for part in loss))
    return {
        "loss": np.where(by_labels, loss.value, np.nan),
        "loss_value": np.where(by_labels, priced, np.nan),
        **_figure("estimated_loss", estimated),
        "estimated_loss_value": np.where(~by_labels & trusted, priced, np.nan),
    }


def _named(one: Measured) -> tuple[tuple[str, str], ...]:
    return ("metric", one.metric), ("class_name", one.class_name)


def _figure(name: str, figure: Figure) -> Columns:
    return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}


def _trusted(one: Measured, about: About, rules: Rules) -> NDArray[np.bool_]:
    with np.errstate(invalid="ignore"):
        covered = (about.ess_ratio >= rules.distrust_ess) & (about.outside <= rules.outside)
    return np.asarray(covered & one.sure)


def _expected_range(one: Measured, factor: float) -> Figure | None:
    """Where the realised value should lie, chance shared out among all metrics; None: not asked."""
    if not _drifts(one) or one.expected is None:
        return None
    wider = widened_share if one.metric in SHARES else widened
    return wider(one.expected, factor)


def _priced(one: Measured, loss: Floats, about: About, rules: Rules) -> Floats:
    """The loss of a window in business units; NaN where the spec does not price it.

    A payoff is per row, so a slice has its own; a price per point is of the whole table alone.
    """
    if one.metric == "business_value":
        return floats(loss * about.rows)
    if one.metric == rules.metric and one.class_name == ALL and rules.worth is not None:
        return floats(np.where(about.whole, loss * rules.worth, np.nan))
    return np.full(len(loss), np.nan)
