"""The spec's evaluation as the kernels of performance need it."""

from __future__ import annotations

from sparkdrift.kernels.performance_rules import DEFAULT_LOSS, Rules
from sparkdrift.measures.score_bins import plain_edges
from sparkdrift.spec.models import MonitorSpec


def rules_of(spec: MonitorSpec, granularity: str) -> Rules:
    """The spec's evaluation as executors need it. Raises ValueError without that section."""
    evaluation, degraded = spec.evaluation, spec.degraded
    if evaluation is None:
        raise ValueError(f"monitor {spec.monitor} declares no evaluation")
    thresholds = [one.value for one in evaluation.thresholds.values()]
    payoff = degraded.payoff if degraded else None
    cells = None
    if payoff is not None and evaluation.value is None:
        cells = (
            payoff.true_positive,
            payoff.false_positive,
            payoff.false_negative,
            payoff.true_negative,
        )
    base = evaluation.baseline
    return Rules(
        task=evaluation.task,
        metrics=frozenset(evaluation.metrics),
        recorded=spec.prediction.decision is not None or evaluation.positive.decision is not None,
        threshold=thresholds[0] if thresholds else None,
        edges=tuple(plain_edges(thresholds).tolist()),
        groups=frozenset(evaluation.groups),
        metric=degraded.metric if degraded else None,
        tolerated=degraded.tolerated_loss if degraded else DEFAULT_LOSS,
        worth=_worth(spec, granularity),
        payoff=cells,
        ruled=base.rule is not None or base.value is not None,
        valued=evaluation.value is not None,
        delayed=spec.prediction.label_delay is not None,
        distrust_ess=evaluation.limits.distrust_ess_ratio,
        outside=evaluation.limits.outside,
    )


def _worth(spec: MonitorSpec, granularity: str) -> float | None:
    """Business units per 1 of the metric: a price is of a window of the spec's own grain."""
    degraded = spec.degraded
    if degraded is None or degraded.value_per_point is None:
        return None
    return degraded.value_per_point / degraded.point if granularity == spec.windows.grain else None
