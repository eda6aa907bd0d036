"""Recalibrate: which operating threshold restores its target now. It proposes, and changes nothing.

Read are stored score states only: of the newest windows whose labels have arrived, or, where no
labels arrive, of the newest windows with the evaluation set's rates.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any, Literal

import numpy as np

from sparkdrift.errors import SnapshotError, UsageError, nearest
from sparkdrift.kernels.performance_rules import NO_SET
from sparkdrift.measures.intervals import Figure
from sparkdrift.measures.operating_threshold import (
    Goal,
    Present,
    Proposed,
    estimated,
    propose,
    reaches,
    realised,
)
from sparkdrift.measures.score_bins import ScoreBins
from sparkdrift.spark.proposals import write_proposal
from sparkdrift.spark.score_totals import Counted, evaluation_scores, newest_scores
from sparkdrift.spec.evaluation import Target, Threshold
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.profile import complete_until
from sparkdrift.steps.snapshot import user
from sparkdrift.windows import Window

Basis = Literal["realised", "estimated"]
_GOALS: tuple[Goal, ...] = ("precision", "recall", "capacity")


@dataclass(frozen=True)
class Recalibrated:
    """One threshold: what is proposed for it. `seq`: number of the proposal; None: none is made.

    level: what the target asks for, None of a payoff; rows: what it rests on; reached_now,
    reached_then: of the target by the present threshold and by the proposed one, with intervals.
    NaN is not measured, and `reason` says why.
    """

    threshold: str
    goal: Goal
    level: float | None
    basis: Basis
    interval: Window
    evaluation_set: str
    evaluation_version: int
    rows: int
    present: float
    proposed: tuple[float, float, float]
    reached_now: tuple[float, float, float]
    reached_then: tuple[float, float, float]
    reason: str
    seq: int | None = None

    @property
    def target(self) -> str:
        """As the spec says it."""
        return f"{self.goal}: {'payoff' if self.level is None else f'{self.level:g}'}"


def recalibrate(
    context: Context, spec: MonitorSpec, windows: int, only: str | None = None
) -> tuple[Recalibrated, ...]:
    """Propose a threshold for each that declares a target, or for the one named `only`.

    A row of `proposals` is written for each that one is found for. Raises UsageError where the
    spec declares no such threshold or target, SnapshotError where no window is counted.
    """
    wanted = _wanted(spec, only)
    values = _payoff(spec)
    with context.journal.step(spec.monitor, "recalibrate") as record:
        counted, present, basis = _newest(context, spec, windows)
        record.windows = len(counted.windows)
        found = [_one(name, *one, counted, present, basis, values) for name, one in wanted.items()]
        if any(not math.isnan(one.proposed[0]) for one in found):
            context.journal.started(record)
        return tuple(_written(context, spec, one) for one in found)


def _wanted(spec: MonitorSpec, only: str | None) -> Mapping[str, tuple[Threshold, Target]]:
    evaluation = spec.evaluation
    declared = evaluation.thresholds if evaluation else {}
    if only is not None and only not in declared:
        close = nearest(only, list(declared))
        hint = f"; did you mean {close!r}?" if close else ""
        named = ", ".join(declared) or "none, the spec declares no evaluation.thresholds"
        raise UsageError(f"there is no threshold {only!r}; accepted: {named}{hint}")
    found = {
        name: (one, one.target)
        for name, one in declared.items()
        if one.target is not None and only in (None, name)
    }
    if not found:
        raise UsageError(
            f"no threshold of {spec.monitor} declares what it is for; write below "
            f"evaluation.thresholds.{only or 'NAME'} for example target: {{precision: 0.8}}, "
            "or recall, capacity, or cost: payoff"
        )
    return found


def _payoff(spec: MonitorSpec) -> tuple[float, ...] | None:
    payoff = spec.degraded.payoff if spec.degraded else None
    if payoff is None:
        return None
    positive = (payoff.true_positive, payoff.false_positive)
    return (*positive, payoff.false_negative, payoff.true_negative)


def _newest(context: Context, spec: MonitorSpec, windows: int) -> tuple[Counted, Present, Basis]:
    """The newest windows with their labels, else the newest with the evaluation set's rates."""
    found = scored(context, spec, windows, _matured(context, spec))
    if found is not None and found.state.total("labelled") > 0:
        return found, realised(found.state), "realised"
    newest = scored(context, spec, windows, None)
    if newest is None:
        raise SnapshotError(
            f"no window of {spec.monitor} has its scores counted yet: `sparkdrift run` or "
            "`sparkdrift eval` counts them"
        )
    known = (
        None
        if newest.name == NO_SET
        else evaluation_scores(context.spark, context.store, spec, newest.name, newest.version)
    )
    # Without a set, a state without labels lends no rates: only a capacity can be restored.
    return newest, estimated(known or _without_labels(newest), newest.state), "estimated"


def scored(
    context: Context, spec: MonitorSpec, windows: int, until: datetime | None
) -> Counted | None:
    """The newest windows that end by `until`, by the first evaluation set that has any."""
    evaluation = spec.evaluation
    for name in (*(evaluation.sets if evaluation else ()), NO_SET):
        found = newest_scores(context.spark, context.store, spec, name, windows, until)
        if found is not None:
            return found
    return None


def _without_labels(counted: Counted) -> ScoreBins:
    return replace(counted.state, cells=np.zeros_like(counted.state.cells))


def _matured(context: Context, spec: MonitorSpec) -> datetime | None:
    """Up to which end of a window all labels should have arrived; None: any."""
    delay = spec.prediction.label_delay
    complete = complete_until(context, spec, Options())
    return None if delay is None or complete is None else complete - delay


def _one(
    name: str,
    declared: Threshold,
    target: Target,
    counted: Counted,
    present: Present,
    basis: Basis,
    values: tuple[float, ...] | None,
) -> Recalibrated:
    goal, level = _goal(target)
    found = propose(present, goal, math.nan if level is None else level, values)
    return Recalibrated(
        threshold=name,
        goal=goal,
        level=level,
        basis=basis,
        interval=counted.interval,
        evaluation_set=counted.name,
        evaluation_version=counted.version,
        rows=round(present.rows),
        present=declared.value,
        proposed=_numbers(found.threshold),
        reached_now=_numbers(reaches(present, goal, declared.value, values)),
        reached_then=_numbers(found.reached),
        reason=_reason(found, basis, counted.name),
    )


def _goal(target: Target) -> tuple[Goal, float | None]:
    for goal in _GOALS:
        level = getattr(target, goal)
        if level is not None:
            return goal, float(level)
    return "cost", None


def _numbers(figure: Figure) -> tuple[float, float, float]:
    return float(figure.value), float(figure.low), float(figure.high)


def _reason(found: Proposed, basis: Basis, set_name: str) -> str:
    resting = (
        "by the labels of these windows"
        if basis == "realised"
        else "these windows have no labels, and no evaluation set stands in for them"
        if set_name == NO_SET
        else f"without labels: what a score means is taken from the evaluation set {set_name}"
    )
    return "; ".join(one for one in (found.reason, resting) if one)


def _written(context: Context, spec: MonitorSpec, one: Recalibrated) -> Recalibrated:
    if math.isnan(one.proposed[0]):
        return one
    row: dict[str, Any] = {
        "monitor": spec.monitor,
        "kind": "threshold",
        "name": one.threshold,
        "evaluation_version": one.evaluation_version,
        "window_start": one.interval.start,
        "window_end": one.interval.end,
        "target": one.target,
        "present": one.present,
        "rows": one.rows,
        "at": datetime.now(timezone.utc),
        "by": user(),
        "reason": one.reason,
    }
    row |= dict(zip(("proposed", "low", "high"), one.proposed, strict=True))
    row |= {name: _or_null(getattr(one, name)[0]) for name in ("reached_now", "reached_then")}
    run_id = context.journal.run_id
    return replace(one, seq=write_proposal(context.spark, context.store, row, run_id=run_id))


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value
