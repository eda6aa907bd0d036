"""Recalibrate: which operating threshold restores its target now. It proposes, and changes nothing.

Read are stored score states only: of the newest windows whose labels have arrived, or, where too
few do, of the newest windows with the evaluation set's rates. A capacity needs no labels and rests
on the newest windows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any, Literal, TypeAlias

import numpy as np

from sparkdrift.errors import SnapshotError, UsageError, nearest
from sparkdrift.explain.blind_spots import local_day
from sparkdrift.kernels.performance_rules import NO_SET
from sparkdrift.measures.intervals import Figure
from sparkdrift.measures.operating_threshold import (
    COMPLETE,
    Goal,
    Present,
    Proposed,
    estimated,
    lacking_labels,
    propose,
    reaches,
    realised,
    traded,
)
from sparkdrift.measures.score_bins import ScoreBins
from sparkdrift.spark.performance import drifting_metrics
from sparkdrift.spark.proposals import write_proposal
from sparkdrift.spark.score_totals import Counted, evaluation_scores, newest_scores
from sparkdrift.spec.evaluation import Target, Threshold
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.profile import complete_until
from sparkdrift.steps.snapshot import user
from sparkdrift.windows import Window

Basis = Literal["realised", "estimated"]
Triple: TypeAlias = tuple[float, float, float]
"""A figure and the ends of its interval."""
_GOALS: tuple[Goal, ...] = ("precision", "recall", "capacity")


@dataclass(frozen=True)
class Recalibrated:
    """One threshold: what is proposed for it. `seq`: number of the proposal; None: none is made.

    level: what the target asks for, None of a payoff; rows: what it rests on, labelled or
    not; reached_now,
    reached_then: of the target by the present threshold and by the proposed one, with intervals.
    NaN is not measured, and `reason` says why. traded: by metric what the present and the proposed
    threshold reach of all others; empty where none is proposed. doubt: why it can't be trusted.
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
    proposed: Triple
    reached_now: Triple
    reached_then: Triple
    reason: str
    seq: int | None = None
    traded: Mapping[str, tuple[Triple, Triple]] = field(default_factory=dict)
    doubt: str = ""

    @property
    def target(self) -> str:
        """As the spec says it."""
        return f"{self.goal}: {'payoff' if self.level is None else f'{self.level:g}'}"


@dataclass(frozen=True)
class _Resting:
    """What a proposal rests on. without: why not on labels, '' where on these."""

    counted: Counted
    present: Present
    basis: Basis
    without: str = ""


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
        labelled = _by_labels(context, spec, windows)
        newest: _Resting | None = None
        resting: dict[str, _Resting] = {}
        for name, (_, target) in wanted.items():
            if isinstance(labelled, _Resting) and target.capacity is None:
                resting[name] = labelled
                continue
            # How many rows a threshold decides needs no label: the newest windows tell it.
            newest = newest or _newest(context, spec, windows, labelled)
            resting[name] = newest
        record.windows = max(len(one.counted.windows) for one in resting.values())
        doubts = {
            one.basis: _doubt(context, spec, one.counted, one.basis) for one in resting.values()
        }
        found = [
            replace(_one(name, *one, resting[name], values), doubt=doubts[resting[name].basis])
            for name, one in wanted.items()
        ]
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


def _by_labels(context: Context, spec: MonitorSpec, windows: int) -> _Resting | str:
    """The newest windows whose labels have arrived; where these are too few, the reason."""
    found = scored(context, spec, windows, _matured(context, spec))
    if found is None or found.state.total("labelled") == 0:
        return ""
    reason = lacking_labels(found.state)
    return reason or _Resting(found, realised(found.state), "realised")


def _newest(
    context: Context, spec: MonitorSpec, windows: int, labelled: _Resting | str
) -> _Resting:
    """The newest windows, with the evaluation set's rates where their labels don't tell them."""
    newest = scored(context, spec, windows, None)
    if newest is None:
        raise SnapshotError(
            f"no window of {spec.monitor} has its scores counted yet: `sparkdrift run` or "
            "`sparkdrift eval` counts them"
        )
    if isinstance(labelled, _Resting) and labelled.counted.windows == newest.windows:
        return labelled
    known = (
        None
        if newest.name == NO_SET
        else evaluation_scores(context.spark, context.store, spec, newest.name, newest.version)
    )
    # Without a set, a state without labels lends no rates: only a capacity can be restored.
    present = estimated(known or _without_labels(newest), newest.state)
    without = labelled if isinstance(labelled, str) else ""
    return _Resting(newest, present, "estimated", without)


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
    resting: _Resting,
    values: tuple[float, ...] | None,
) -> Recalibrated:
    counted, present = resting.counted, resting.present
    goal, level = _goal(target)
    found = propose(present, goal, math.nan if level is None else level, values)
    to = float(found.threshold.value)
    others = {} if math.isnan(to) else traded(present, goal, declared.value, to, values)
    return Recalibrated(
        threshold=name,
        goal=goal,
        level=level,
        basis=resting.basis,
        interval=counted.interval,
        evaluation_set=counted.name,
        evaluation_version=counted.version,
        rows=round(present.rows),
        present=declared.value,
        proposed=_numbers(found.threshold),
        reached_now=_numbers(reaches(present, goal, declared.value, values)),
        reached_then=_numbers(found.reached),
        reason=_reason(found, resting, goal),
        traded={name: (_numbers(now), _numbers(then)) for name, (now, then) in others.items()},
    )


def _goal(target: Target) -> tuple[Goal, float | None]:
    for goal in _GOALS:
        level = getattr(target, goal)
        if level is not None:
            return goal, float(level)
    return "cost", None


def _numbers(figure: Figure) -> Triple:
    return float(figure.value), float(figure.low), float(figure.high)


def _doubt(context: Context, spec: MonitorSpec, counted: Counted, basis: Basis) -> str:
    """What concept drift says of these windows; '' where none is flagged.

    It is told by labels. So of windows without them the newest ones count that have been held
    against the set.
    """
    until = counted.interval.end
    since = counted.interval.start if basis == "realised" else None
    found = drifting_metrics(context.spark, context.store, spec, counted.name, since, until)
    if found is None:
        return ""
    start, metrics = found
    where = f"concept drift ({', '.join(metrics)}) in the window of "
    where += local_day(start, spec.timestamp.zone)
    if basis == "realised":
        return f"{where}: what a score means is changing, so look again when newer labels arrive"
    return (
        f"{where}, the newest one that labels have told of: scores do not mean any more what they "
        "meant in the evaluation set, so a threshold by its rates can't be trusted"
    )


def _reason(found: Proposed, resting: _Resting, goal: Goal) -> str:
    own = resting.counted.state
    every, labelled = own.total("rows"), own.total("labelled")
    if resting.basis == "realised":
        text = "by the labels of these windows"
        if labelled < COMPLETE * every:
            text += f", of {100 * labelled / every:.0f} % of the rows"
    elif goal == "capacity":
        text = "by the scores of these windows, whose share decided positive needs no label"
    elif resting.counted.name == NO_SET:
        text = "these windows have no labels, and no evaluation set stands in for them"
    else:
        text = "without labels: what a score means is taken from the evaluation set "
        text += resting.counted.name
    few = resting.without if goal != "capacity" else ""
    few = f"labels are not relied upon: {few}" if few else ""
    return "; ".join(one for one in (found.reason, few, text) if one)


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
        "reason": "; ".join(part for part in (one.reason, _trade(one), one.doubt) if part),
    }
    row |= dict(zip(("proposed", "low", "high"), one.proposed, strict=True))
    row |= {name: _or_null(getattr(one, name)[0]) for name in ("reached_now", "reached_then")}
    run_id = context.journal.run_id
    return replace(one, seq=write_proposal(context.spark, context.store, row, run_id=run_id))


def _trade(one: Recalibrated) -> str:
    """'recall 0.62 before, 0.48 after', of each metric that is measured."""
    return ", ".join(
        f"{name} {now[0]:.3g} before, {then[0]:.3g} after"
        for name, (now, then) in one.traded.items()
        if not (math.isnan(now[0]) or math.isnan(then[0]))
    )


def _or_null(value: float) -> float | None:
    return None if math.isnan(value) else value
