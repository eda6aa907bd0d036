"""Performance: every window with states whose rows are missing or out of date, measured."""

from __future__ import annotations

from dataclasses import dataclass

from sparkdrift.spark.evaluation_tables import PERFORMANCE
from sparkdrift.spark.performance import (
    Due,
    count_findings,
    performance_digests,
    performance_rows,
)
from sparkdrift.spark.performance_inputs import grains, sets_in_force
from sparkdrift.spark.stamping import replace_windows
from sparkdrift.spec.digests import performance_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.outdated import Outdated, batches_of_grains, outdated
from sparkdrift.steps.profile import complete_until
from sparkdrift.windows import Window

STEP = "performance"
_METRICS = 16
"""About so many metrics a window and slice has."""


@dataclass(frozen=True)
class Performed:
    """What the step did: `windows` measured, None where the spec has no section `evaluation`.

    `merged`: windows of coarser grains beside them; `dropped`: windows that have no states any
    more. `degraded`, `concept_drift`: rows of `windows` that say so.
    """

    windows: tuple[Window, ...] | None = None
    merged: int = 0
    dropped: int = 0
    degraded: int = 0
    concept_drift: int = 0


def measure_performance(context: Context, spec: MonitorSpec, options: Options) -> Performed:
    """Measure what is due for one monitor and write it, a commit per batch; reads states only.

    A window becomes due when its states, the evaluation set, the limits, or its maturity changed.
    """
    if spec.evaluation is None:
        return Performed()
    with context.journal.step(spec.monitor, STEP) as record:
        policy, as_of = performance_hash(spec), complete_until(context, spec, options)
        record.policy_hash, record.as_of = policy, as_of
        sets = sets_in_force(context.spark, context.store, spec)
        digests = performance_digests(context.spark, context.store, spec, sets, policy, as_of)
        due = _outdated(spec, options, digests)
        for grain, batch in batches_of_grains(context, record, due):
            replace_windows(
                context.store,
                PERFORMANCE,
                spec,
                performance_rows(
                    context.spark,
                    context.store,
                    spec,
                    sets,
                    grain,
                    batch,
                    digests.wanted.get(grain, {}),
                    as_of,
                ),
                grain,
                batch,
                policy=policy,
                run_id=context.journal.run_id,
                kinds=_METRICS,
            )
        own = due[spec.windows.grain]
        degraded = drifted = 0
        if own.due:
            degraded, drifted = count_findings(context.spark, context.store, spec, own.due)
        merged = sum(len(one.due) for grain, one in due.items() if grain != spec.windows.grain)
        return Performed(own.due, merged, len(own.dropped), degraded, drifted)


def due_windows(context: Context, spec: MonitorSpec, options: Options) -> int:
    """How many windows `measure_performance` would measure now; writes nothing."""
    if spec.evaluation is None:
        return 0
    sets = sets_in_force(context.spark, context.store, spec)
    as_of = complete_until(context, spec, options)
    policy = performance_hash(spec)
    digests = performance_digests(context.spark, context.store, spec, sets, policy, as_of)
    due = _outdated(spec, options, digests)
    return len(due[spec.windows.grain].due)


def _outdated(spec: MonitorSpec, options: Options, digests: Due) -> dict[str, Outdated]:
    return {
        grain: outdated(
            spec, options, digests.wanted.get(grain, {}), digests.have.get(grain, {}), grain
        )
        for grain in grains(spec)
    }
