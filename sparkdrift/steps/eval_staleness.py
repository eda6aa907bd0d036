"""Staleness: every window whose figures are missing or out of date, then what all of them tell."""

from __future__ import annotations

from dataclasses import dataclass

from sparkdrift.kernels.eval_figures import FIGURES
from sparkdrift.spark.eval_staleness import staleness_digests, staleness_rows, write_staleness
from sparkdrift.spark.outside_tables import read_dashboard
from sparkdrift.spark.stale_inputs import held_against
from sparkdrift.spec.digests import staleness_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.blind_spots import tell_blind_spots
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.outdated import batches, outdated
from sparkdrift.steps.profile import complete_until
from sparkdrift.windows import Window

STEP = "eval_staleness"


@dataclass(frozen=True)
class Stale:
    """What the step did: `windows` whose figures were written, None without `evaluation`.

    `told`: windows whose blind spot was written.
    """

    windows: tuple[Window, ...] | None = None
    told: int = 0


def measure_staleness(context: Context, spec: MonitorSpec, options: Options) -> Stale:
    """Measure what is due for one monitor and write it; reads stored rows, dashboard and outcome.

    A window becomes due when its states, its drift from the evaluation sets, a reference, the
    limits, the dashboard's too, or the maturity of its labels changed.
    """
    if spec.evaluation is None:
        return Stale()
    with context.journal.step(spec.monitor, STEP) as record:
        policy, as_of = staleness_hash(spec), complete_until(context, spec, options)
        record.policy_hash, record.as_of = policy, as_of
        spark, store = context.spark, context.store
        held = held_against(spark, store, spec)
        dashboard = read_dashboard(spark, spec)
        limits = () if dashboard is None else dashboard.rows
        digests = staleness_digests(spark, store, spec, held, policy, as_of, limits)
        found = outdated(spec, options, *digests)
        for batch, version in batches(context, spec, record, found):
            write_staleness(
                store,
                spec,
                staleness_rows(spark, store, spec, held, batch, digests[0], as_of, limits),
                FIGURES,
                batch,
                policy=policy,
                source_version=version,
                run_id=context.journal.run_id,
            )
        told = tell_blind_spots(context, spec, policy, record, dashboard)
        return Stale(found.due, told)


def due_windows(context: Context, spec: MonitorSpec, options: Options) -> int:
    """How many windows `measure_staleness` would measure now; writes nothing."""
    if spec.evaluation is None:
        return 0
    policy, as_of = staleness_hash(spec), complete_until(context, spec, options)
    spark, store = context.spark, context.store
    held, dashboard = held_against(spark, store, spec), read_dashboard(spark, spec)
    limits = () if dashboard is None else dashboard.rows
    digests = staleness_digests(spark, store, spec, held, policy, as_of, limits)
    return len(outdated(spec, options, *digests).due)
