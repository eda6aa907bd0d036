"""Rows of `performance`: has the metric become worse, may the estimate be trusted, and why.

Concept drift: the realised value lies outside what the evaluation set lets expect of the labelled
rows, by an interval for which chance is shared out among the metrics (Bonferroni): of windows and
slices without concept drift about CHANCE have any such metric (simulated: 0.4 to 1.6 % for 100 to
20,000 rows and sets of 2,000 to 50,000). Asked only of mature windows with LEAST_FOR_DRIFT labels
or more, whose estimate may be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import special

from sparkdrift.kernels.performance_rules import (
    BETTER,
    FAIRNESS,
    SHARES,
    WITHOUT_LABELS,
    Measured,
    Rules,
    nothing,
)
from sparkdrift.measures import degradation
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.confusion import skill
from sparkdrift.measures.estimated_performance import concept_drift
from sparkdrift.measures.intervals import Figure, Z, widened, widened_share

CHANCE = 0.01
LEAST_FOR_DRIFT = 100
LEAST_LABELLED = 30
"""With fewer labels no metric is judged: intervals of few rows are not what they are called."""
_COMPLETE = 0.95


@dataclass(frozen=True)
class About:
    """What is known of the N rows of a chunk, (N,) each.

    in_force: whether there is an evaluation set; present: whether it has their slice; borrowed:
    estimated by the whole set, because it has too few rows of their slice.
    """

    rows: Floats
    labelled: Floats
    unusable: Floats
    mature: NDArray[np.bool_]
    ess_ratio: Floats
    outside: Floats
    in_force: bool
    present: NDArray[np.bool_]
    borrowed: NDArray[np.bool_]

    def at(self, rows: NDArray[np.intp]) -> About:
        arrays = {
            name: value[rows] for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        return About(in_force=self.in_force, **arrays)


Columns = dict[str, Any]


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
    words = _Words(one, about, rules, estimated, wide, loss, tolerated, power, by_default)
    judged = [
        words.judged(i, bool(by_labels[i]), bool(trusted[i]), float(verdict[i]), bool(drift[i] > 0))
        for i in range(size)
    ]
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
        "loss": loss.value,
        "loss_value": _priced(one.metric, loss.value, about, rules),
        "status": [status for status, _ in judged],
        "reason": [reason for _, reason in judged],
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


def _priced(metric: str, loss: Floats, about: About, rules: Rules) -> Floats:
    """The loss of a window in business units; NaN where the spec does not price it."""
    if metric == "business_value":
        return floats(loss * about.rows)
    if metric == rules.metric and rules.value_per_point is not None:
        return floats(loss * rules.value_per_point)
    return np.full(len(loss), np.nan)


@dataclass(frozen=True)
class _Words:
    one: Measured
    about: About
    rules: Rules
    estimated: Figure
    wide: Figure | None
    loss: Figure
    tolerated: Floats
    power: Floats
    by_default: str

    def judged(
        self, i: int, by_labels: bool, trusted: bool, verdict: float, drifted: bool
    ) -> tuple[str | None, str]:
        """(status, reason) of row i."""
        status, reason = self._status(i, by_labels, trusted, verdict)
        notes = [reason]
        if drifted and self.wide is not None:
            notes.append(
                f"concept drift: realised {_short(self.one.realised.value[i])}, "
                f"{_between(self.wide, i)} expected of these scores"
            )
        if by_labels and self.one.metric not in WITHOUT_LABELS:
            notes += self._incomplete(i)
        if self.about.borrowed[i] and np.isfinite(self.estimated.value[i]):
            notes.append(
                "estimated by the whole evaluation set, which has too few rows of this slice"
            )
        if np.isfinite(self.estimated.value[i]) and not trusted:
            notes.append(f"not to be relied upon: {self._distrust(i)}")
        return status, "; ".join(notes)

    def _status(
        self, i: int, by_labels: bool, trusted: bool, verdict: float
    ) -> tuple[str | None, str]:
        one, about = self.one, self.about
        if one.metric not in BETTER:
            shown = np.isfinite(one.realised.value[i]) or np.isfinite(self.estimated.value[i])
            if not shown:
                return "insufficient_data", self._lacking(i)
            return None, f"not judged: neither more nor less {one.metric} is better by itself"
        known = np.isfinite(one.evaluated.value[i])
        if not by_labels and not np.isfinite(self.estimated.value[i]):
            status = "insufficient_data" if about.in_force else "no_reference"
            return status, self._waiting(i)
        if not known:
            return "no_reference", self._unknown(i)
        if by_labels:
            return self._by_labels(i, verdict)
        if not trusted:
            return "undetermined", f"estimated only: {self._compared(i)}"
        if verdict == degradation.DEGRADED:
            return "degraded", f"estimated, {self._share(i)}: {self._compared(i)}"
        return (
            "insufficient_data",
            f"{self._waiting(i)}; estimated: {self._compared(i)}, which only labels can confirm",
        )

    def _by_labels(self, i: int, verdict: float) -> tuple[str, str]:
        few = self.about.labelled[i] < LEAST_LABELLED
        if few and self.one.metric not in WITHOUT_LABELS:
            rows = f"{self.about.labelled[i]:,.0f} labelled rows"
            return "insufficient_data", f"{rows}, at least {LEAST_LABELLED} are needed to judge"
        compared = self._compared(i)
        if verdict == degradation.DEGRADED:
            return "degraded", compared
        if verdict == degradation.OK:
            return "ok", compared
        if np.isnan(verdict):
            return "insufficient_data", f"{compared}: too few rows for an interval"
        seen = (
            f"twice the tolerated loss would be seen in {100 * self.power[i]:.0f} % of such windows"
        )
        return "undetermined", f"{compared}; {seen}"

    def _compared(self, i: int) -> str:
        value, tolerated = self.loss.value[i], self.tolerated[i]
        way = "worse" if value >= 0 else "better"
        evaluated = _short(self.one.evaluated.value[i])
        return (
            f"{_short(abs(value))} {way} than the {evaluated} of the evaluation set "
            f"({_between(self.loss, i)} lost; {_short(tolerated)} tolerated{self.by_default})"
        )

    def _share(self, i: int) -> str:
        rows, labelled = self.about.rows[i], self.about.labelled[i]
        if labelled <= 0:
            return "no labels yet" if not self.about.mature[i] else "no labels"
        return f"labels of {100 * labelled / rows:.0f} % of the rows so far"

    def _incomplete(self, i: int) -> list[str]:
        """What is to be known of a window that is judged by labels of some rows only."""
        rows, labelled = self.about.rows[i], self.about.labelled[i]
        if labelled >= _COMPLETE * rows:
            return []
        told = [f"by labels of {100 * labelled / rows:.0f} % of the rows"]
        if not self.rules.delayed:
            told.append("prediction.label_delay is not declared, so they are taken for all to come")
        return told

    def _waiting(self, i: int) -> str:
        """Why the labels don't say yet."""
        if self.about.mature[i] or self.one.metric in WITHOUT_LABELS:
            return self._lacking(i)
        return f"label_delay is not over, {self._share(i)}"

    def _lacking(self, i: int) -> str:
        if self.about.rows[i] <= 0:
            return "no row has a usable score"
        if self.about.labelled[i] <= 0 and self.one.metric not in WITHOUT_LABELS:
            return "no label is known"
        return f"not measured: {self.one.lacking or 'no row that it is a share of'}"

    def _unknown(self, i: int) -> str:
        if not self.about.in_force:
            return "no evaluation set was in force when the window began"
        if not self.about.present[i]:
            return "the evaluation set has no row of this slice to compare with"
        return f"the evaluation set does not show it: {self.one.lacking or 'too few rows'}"

    def _distrust(self, i: int) -> str:
        if not self.one.sure:
            return "prediction bins alone don't see what else moves the error"
        ess, outside = self.about.ess_ratio[i], self.about.outside[i]
        if ess < self.rules.distrust_ess:
            return (
                f"the evaluation set counts as {100 * ess:.0f} % of its rows on these scores, "
                f"{100 * self.rules.distrust_ess:.0f} % needed"
            )
        if outside > self.rules.outside:
            return (
                f"{100 * outside:.1f} % of the rows have scores that the evaluation set lacks, "
                f"{100 * self.rules.outside:g} % allowed"
            )
        return "how well the evaluation set covers these scores is not known"


def _short(value: float) -> str:
    return "not known" if np.isnan(value) else f"{value:.3g}"


def _between(figure: Figure, i: int) -> str:
    return f"{_short(figure.low[i])} to {_short(figure.high[i])}"
