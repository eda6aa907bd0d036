"""Assumptions: every stored window whose checks are missing or out of date, held against them."""

from __future__ import annotations

from dataclasses import dataclass

from sparkdrift.spark.assumption_rows import assumption_rows
from sparkdrift.spark.assumptions import (
    assumption_digests,
    count_violated,
    in_force_checks,
    write_assumptions,
)
from sparkdrift.spark.dating import around
from sparkdrift.spark.reference_life import References, stored_references
from sparkdrift.spec.digests import assumption_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.outdated import batches, outdated
from sparkdrift.windows import Window

STEP = "assumptions"


@dataclass(frozen=True)
class Checked:
    """What the step did: windows whose checks were written; None where nothing is assumed.

    `violated`: how many of these checks are violated.
    """

    windows: tuple[Window, ...] | None = None
    violated: int = 0


def asked_for(spec: MonitorSpec) -> bool:
    """Whether the spec assumes anything: without its sections nothing is asked or written."""
    if spec.dependence is not None:
        return True
    assumed = spec.assumptions
    if assumed is None:
        return False
    rules = (rule for one in assumed.features.values() for rule in (one.range, one.domain))
    declared = any(rule not in (None, False) for rule in rules)
    declared |= any(one.not_null for one in assumed.features.values())
    return declared or bool(assumed.learned or assumed.monotone or assumed.independent)


def check_assumptions(
    context: Context, spec: MonitorSpec, options: Options, stored: References | None = None
) -> Checked:
    """Check what is due for one monitor and write it; reads stored rows only.

    `stored` is what an earlier step of this run read of the reference; None: it is read here.
    """
    if not asked_for(spec):
        return Checked()
    with context.journal.step(spec.monitor, STEP) as record:
        policy = assumption_hash(spec)
        record.policy_hash = policy
        active = (stored or _stored(context, spec)).active
        wanted, have = assumption_digests(context.spark, context.store, spec, active, policy)
        due = outdated(spec, options, wanted, have)
        for batch, version in batches(context, spec, record, due):
            rows = assumption_rows(context.spark, context.store, spec, active, batch, policy)
            write_assumptions(
                context.store,
                spec,
                rows,
                active,
                batch,
                in_force_checks(context.spark, context.store, spec, active, policy),
                around(spec, batch, have),
                policy=policy,
                source_version=version,
                run_id=context.journal.run_id,
            )
        if not due.due:
            return Checked(())
        violated = count_violated(context.spark, context.store, spec, active, due.due, policy)
        return Checked(due.due, violated)


def due_windows(context: Context, spec: MonitorSpec, options: Options) -> int:
    """How many windows `check_assumptions` would check now; writes nothing."""
    active = _stored(context, spec).active
    digests = assumption_digests(context.spark, context.store, spec, active, assumption_hash(spec))
    return len(outdated(spec, options, *digests).due)


def _stored(context: Context, spec: MonitorSpec) -> References:
    if spec.reference is None:
        return References()
    return stored_references(context.spark, context.store, spec, spec.reference.name)
