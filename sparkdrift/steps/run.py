"""A whole run: everything that is due for a monitor, step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from sparkdrift.errors import SourceError, SpecError, StoreError
from sparkdrift.health.judged import Judged
from sparkdrift.spark.catalog_views import add_monitor_views
from sparkdrift.spark.findings import Findings, count_statuses
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps import (
    assumptions,
    drift,
    evaluate,
    evaluation_sets,
    feature_debt,
    health,
    profile,
    snapshot,
    triggers,
)
from sparkdrift.steps.context import Context, Options


@dataclass(frozen=True)
class Outcome:
    """What one run did for one monitor; `findings` counts the statuses of the windows judged.

    `blocked`: why the gate left `reference`, a new version, a candidate. `unpublished`: why a
    catalog has no views of this monitor. `hooked`: how each hook ended that was told.
    """

    monitor: str
    profiled: profile.Plan
    reference: Snapshot | None
    judged: drift.Judged
    findings: Findings
    checked: assumptions.Checked
    blocked: tuple[str, ...] = ()
    evaluated: evaluate.Evaluated = field(default_factory=evaluate.Evaluated)
    assessed: feature_debt.Assessed = field(default_factory=feature_debt.Assessed)
    health: Judged = field(default_factory=Judged)
    unpublished: str | None = None
    hooked: tuple[triggers.Triggered, ...] = ()


def run_monitor(context: Context, spec: MonitorSpec, options: Options) -> Outcome:
    """Profile, freeze references, judge, check, evaluate and assess what is due for one monitor,
    and end with the verdict on its model, of which hooks are told.

    Raises SourceError or SpecError for a table that can't be read. Where that is one beside the
    watched table, such as importances, its own step alone is left out: the verdict stands by then.
    """
    profiled = profile.profile_windows(context, spec, options)
    frozen = snapshot.snapshot_reference(context, spec)
    # Before anything is compared with them.
    sets = evaluation_sets.freeze_sets(context, spec)
    judged = drift.compute_drift(context, spec, options, frozen.stored)
    with _verdict_all_the_same(context, spec):
        checked = assumptions.check_assumptions(context, spec, options, judged.stored)
        evaluated = evaluate.evaluate(context, spec, options, sets)
        assessed = feature_debt.assess_features(context, spec, options)
    judged_health = health.health_after_run(context, spec)
    context.journal.close()
    # Last: who may write rows need not be allowed to create views.
    unpublished = _publish(context, spec)
    findings = count_statuses(context.spark, context.store, spec, judged.active, judged.windows)
    # Whatever a hook does, everything is written by now.
    hooked = triggers.fire_hooks(context, spec)
    context.journal.close()
    return Outcome(
        spec.monitor,
        profiled,
        frozen.version,
        judged,
        findings,
        checked,
        frozen.blocked,
        evaluated,
        assessed,
        judged_health,
        unpublished,
        tuple(hooked),
    )


@contextmanager
def _verdict_all_the_same(context: Context, spec: MonitorSpec) -> Iterator[None]:
    """Where a table can't be read, judge the model by what is stored, and tell whoever is to know.

    Drift that was just found must not wait for a table that may stay away for weeks; what rests on
    that table counts as not measured.
    """
    try:
        yield
    except (SourceError, SpecError):
        health.health_after_run(context, spec)
        triggers.fire_hooks(context, spec)
        raise


def _publish(context: Context, spec: MonitorSpec) -> str | None:
    """Create the monitor's views where a catalog lacks them; why that failed, or None."""
    try:
        add_monitor_views(context.spark, context.store, spec.monitor)
    except StoreError as error:
        return str(error)
    return None
