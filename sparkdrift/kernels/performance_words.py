"""Rows of `performance`: the status of each, and why, in words."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparkdrift.kernels.performance_rules import (
    BETTER,
    ERRORS,
    LEAST_LABELLED,
    WITHOUT_LABELS,
    Measured,
    Rules,
)
from sparkdrift.measures import degradation
from sparkdrift.measures.arrays import Floats
from sparkdrift.measures.intervals import Figure
from sparkdrift.measures.label_selection import COMPLETE

SELECTED = "the labelled rows have other scores than all"
"""In the reason of each figure by labels that don't stand for all rows of their window."""
# Metrics of the rows that are decided positive alone.
_OF_DECIDED = ("precision", "predictive_parity")


@dataclass(frozen=True)
class About:
    """What is known of the N rows of a chunk, (N,) each.

    whole: whether they are of the whole table;
    in_force: whether there is an evaluation set; present: whether it has their slice; borrowed:
    estimated by the whole set, because it has too few rows of their slice; apart, apart_decided:
    what part of the labelled rows lies at other scores than all rows do, 0 where they are alike,
    and the same of the rows that are decided positive.
    """

    rows: Floats
    labelled: Floats
    unusable: Floats
    whole: NDArray[np.bool_]
    mature: NDArray[np.bool_]
    ess_ratio: Floats
    outside: Floats
    in_force: bool
    present: NDArray[np.bool_]
    borrowed: NDArray[np.bool_]
    apart: Floats
    apart_decided: Floats

    def at(self, rows: NDArray[np.intp]) -> About:
        arrays = {
            name: value[rows] for name, value in vars(self).items() if isinstance(value, np.ndarray)
        }
        return About(in_force=self.in_force, **arrays)


@dataclass(frozen=True)
class Words:
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
            # Of a verdict by labels nothing is taken back by it.
            what = "" if not by_labels else "the estimate is "
            notes.append(f"{what}not to be relied upon: {self._distrust(i)}")
        if self.one.metric in ERRORS and not self.rules.ruled:
            notes.append(
                "no skill is measured: evaluation.baseline.value declares no baseline, such as the "
                "last value or a constant"
            )
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
        if self._apart(i) > 0:
            return "undetermined", f"by labels of some rows {compared}"
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
        apart = self._apart(i)
        if labelled >= COMPLETE * rows and not apart > 0:
            return []
        told = [f"by labels of {100 * labelled / rows:.0f} % of the rows"]
        if apart > 0:
            told.append(
                f"{SELECTED}: {100 * apart:.0f} % of them lie where others should, so they don't "
                "show the whole window"
            )
        if not self.rules.delayed:
            told.append("prediction.label_delay is not declared, so they are taken for all to come")
        return told

    def _apart(self, i: int) -> float:
        """What part of the labelled rows is of other scores than those that the metric is of."""
        about = self.about
        of = about.apart_decided if self.one.metric in _OF_DECIDED else about.apart
        return 0.0 if self.one.metric in WITHOUT_LABELS else float(of[i])

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
            if self.one.metric == "business_value":
                return "bins of the score alone don't see what else moves the value of a row"
            return (
                "no errors by feature are kept, and bins of the prediction alone don't see what "
                "else moves the error"
            )
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
