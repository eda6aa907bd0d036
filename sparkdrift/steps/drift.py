"""Drift: every stored window whose verdict is missing or out of date, judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from sparkdrift.spark.comparison import drift_digests, drift_rows, write_drift
from sparkdrift.spark.references import (
    TRAINING,
    InForce,
    References,
    in_force,
    stored_references,
)
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.outdated import batches, outdated
from sparkdrift.windows import Window

STEP = "drift"


@dataclass(frozen=True)
class Judged:
    """What the drift step did: windows judged, and windows that had none of their own any more.

    `active`: the references in force, by comparison; `stored`: all that is stored of them.
    """

    windows: tuple[Window, ...] = ()
    dropped: int = 0
    active: InForce = field(default_factory=dict)
    stored: References = field(default_factory=References)


def compute_drift(
    context: Context, spec: MonitorSpec, options: Options, stored: References | None = None
) -> Judged:
    """Judge what is due for one monitor and write it; reads stored rows only.

    `stored` is what the snapshot step just read of the reference; None: it is read here.
    """
    with context.journal.step(spec.monitor, STEP) as record:
        policy = policy_hash(spec)
        record.policy_hash = policy
        known = stored or _stored(context, spec)
        active = in_force(spec, known)
        digests = drift_digests(context.spark, context.store, spec, active, policy)
        found = outdated(spec, options, digests.wanted, digests.have)
        for batch, version in batches(context, spec, record, found):
            back = {one for window in batch for one in digests.earlier.get(window.start, ())}
            rows = drift_rows(
                context.spark, context.store, spec, active, batch, policy, sorted(back)
            )
            write_drift(
                context.store,
                spec,
                rows,
                active,
                batch,
                policy=policy,
                source_version=version,
                run_id=context.journal.run_id,
            )
        return Judged(found.due, len(found.dropped), active, known)


def due_windows(context: Context, spec: MonitorSpec, options: Options) -> int:
    """How many windows `compute_drift` would judge now; writes nothing."""
    active = in_force(spec, _stored(context, spec))
    digests = drift_digests(context.spark, context.store, spec, active, policy_hash(spec))
    return len(outdated(spec, options, digests.wanted, digests.have).due)


def _stored(context: Context, spec: MonitorSpec) -> References:
    if spec.reference is None and TRAINING not in spec.drift.comparisons:
        return References()
    name = spec.reference.name if spec.reference else None
    return stored_references(context.spark, context.store, spec, name)
