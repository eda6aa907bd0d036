"""The spec's evaluation section, and the age of what it rests on, as executors need them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import numpy as np

from sparkdrift.kernels.performance_rules import BETTER, DEFAULT_LOSS
from sparkdrift.kernels.stale_rows import Accepted, Operating, StalePolicy, Terms
from sparkdrift.spark.reference_life import EVALUATION, TRAINING
from sparkdrift.spark.slicing import combination, slice_name
from sparkdrift.spec.evaluation import Evaluation, Reported
from sparkdrift.spec.evaluation_checks import METRICS
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import local_instant

if TYPE_CHECKING:
    from sparkdrift.spark.outside_tables import Told
    from sparkdrift.spark.stale_inputs import Held

_DAY = timedelta(days=1)


def stale_policy(spec: MonitorSpec, held: Held, told: Sequence[Told] = ()) -> StalePolicy:
    """told: rows of the dashboard's table. Raises ValueError without the section `evaluation`."""
    evaluation, default = spec.evaluation, spec.drift.thresholds
    if evaluation is None:
        raise ValueError(f"monitor {spec.monitor} declares no evaluation")
    limits, thresholds = evaluation.limits, spec.all_thresholds()
    return StalePolicy(
        age=limits.age / _DAY,
        training_age=limits.training_age / _DAY,
        outside=limits.outside,
        thin=limits.thin,
        ess_ratio=limits.ess_ratio,
        distrust_ess_ratio=limits.distrust_ess_ratio,
        decision_rate=limits.decision_rate,
        threshold_age=limits.threshold_age / _DAY,
        prior=limits.prior,
        calibration_error=limits.calibration_error,
        missing_slices=limits.missing_slices,
        effect=default.effect_size,
        warn=default.warn_at,
        task=evaluation.task,
        overrides={n: (t.effect_size, t.warn_at) for n, t in thresholds.items() if t != default},
        left_out=left_out(spec),
        thresholds=_operating(spec, evaluation),
        recorded=bool(spec.prediction.decision or evaluation.positive.decision),
        accepted=tuple(
            Accepted(metric, _limit(metric, shown)) for metric, shown in accepted(spec).items()
        ),
        reported=reported(spec, told),
        metrics=_metrics(evaluation, _payoff(spec) is not None),
        metric=spec.degraded.metric if spec.degraded else None,
        tolerated=spec.degraded.tolerated_loss if spec.degraded else DEFAULT_LOSS,
        payoff=_payoff(spec),
        slices={slice_name(columns): tuple(columns) for columns in spec.slices},
        combined=slice_name(combination(spec.slices)),
        sets=_newest(held, EVALUATION),
        training=tuple(
            Terms(
                one.start,
                one.end,
                held.newest.get((TRAINING, TRAINING, one.snapshot.version), (0, None))[1],
            )
            for one in held.training
        ),
    )


def left_out(spec: MonitorSpec) -> frozenset[str]:
    """Columns that are neither inputs nor the score: label and decision, unless declared."""
    declared = {feature.name.lower() for _, _, feature in spec.features.declared()}
    return frozenset(
        column
        for role, column in spec.prediction.columns()
        if role != "score" and column.lower() not in declared
    )


def accepted(spec: MonitorSpec) -> Mapping[str, Reported]:
    """The metrics of the dashboard; where it declares none, that of `degraded`."""
    dashboard = spec.dashboard
    if dashboard is not None and dashboard.metrics:
        return {str(metric): shown for metric, shown in dashboard.metrics.items()}
    return {spec.degraded.metric: Reported()} if spec.degraded else {}


def _metrics(evaluation: Evaluation, priced: bool) -> tuple[str, ...]:
    """Of the task, as far as they are asked for; a business value where it is by a payoff."""
    wanted = evaluation.metrics or METRICS[evaluation.task]
    return tuple(one for one in wanted if one != "business_value" or priced)


def reported(
    spec: MonitorSpec, told: Sequence[Told]
) -> dict[str, tuple[tuple[datetime, float], ...]]:
    """By metric of the model's task, in order of time: from when on the dashboard's table has
    which limit; without one that which the spec declares, else the value shown. NaN: neither.

    What the evaluation set can't give, such as a latency, has no limit to recompute.
    """
    task = spec.evaluation.task if spec.evaluation else "binary"
    declared = accepted(spec)
    found: dict[str, list[tuple[datetime, float]]] = {}
    for one in sorted(told, key=lambda row: row.at):
        if one.metric not in METRICS[task]:
            continue
        own = _limit(one.metric, declared.get(one.metric, Reported()))
        known = [x for x in (one.limit, own, one.value) if x is not None and np.isfinite(x)]
        found.setdefault(one.metric, []).append((one.at, known[0] if known else np.nan))
    return {metric: tuple(rows) for metric, rows in found.items()}


def _limit(metric: str, shown: Reported) -> float:
    """The end of the band on the side of the worse, else what was accepted, else none."""
    sides = (
        (shown.at_most, shown.at_least)
        if BETTER.get(metric) == -1
        else (shown.at_least, shown.at_most)
    )
    known = [one for one in (*sides, shown.value) if one is not None]
    return known[0] if known else float("nan")


def _operating(spec: MonitorSpec, evaluation: Evaluation) -> tuple[Operating, ...]:
    zone = spec.timestamp.zone
    return tuple(
        Operating(
            name,
            one.value,
            None if one.calibrated_at is None else local_instant(one.calibrated_at, zone),
        )
        for name, one in evaluation.thresholds.items()
    )


def _payoff(spec: MonitorSpec) -> tuple[float, float, float, float] | None:
    one = spec.degraded.payoff if spec.degraded else None
    if one is None:
        return None
    return (one.true_positive, one.false_positive, one.false_negative, one.true_negative)


def _newest(held: Held, role: str) -> dict[tuple[str, int], tuple[int, datetime | None]]:
    return {
        (name, version): found for (of, name, version), found in held.newest.items() if of == role
    }
