"""Drift: every stored window whose verdict is missing or out of date, judged."""

from __future__ import annotations

from dataclasses import dataclass, field

from sparkdrift.spark.comparison import Digests, drift_digests, drift_rows
from sparkdrift.spark.dating import around
from sparkdrift.spark.drift_rows import in_force_rows, write_drift
from sparkdrift.spark.reference_life import (
    TRAINING,
    InForce,
    References,
    evaluation_sets,
    everywhere,
    in_force,
    stored_references,
    version_at,
)
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.journal import Record
from sparkdrift.steps.outdated import Outdated, batches, outdated
from sparkdrift.windows import Window

STEP = "drift"
# What is held against the reference in force: the others don't change with a promotion.
_OF_REFERENCES = ("baseline", "training")


@dataclass(frozen=True)
class Judged:
    """What the drift step did: windows judged, and windows that had none of their own any more.

    `active`: the references in force, by comparison; `stored`: all that is stored of them.
    `beside`: windows that were held against a reference that was not in force for them.
    """

    windows: tuple[Window, ...] = ()
    dropped: int = 0
    active: InForce = field(default_factory=dict)
    stored: References = field(default_factory=References)
    beside: int = 0


def compute_drift(
    context: Context, spec: MonitorSpec, options: Options, stored: References | None = None
) -> Judged:
    """Judge what is due for one monitor and write it; reads stored rows only.

    `stored` is what the snapshot step just read of the reference; None: it is read here.
    """
    with context.journal.step(spec.monitor, STEP) as record:
        policy = policy_hash(spec)
        record.policy_hash = policy
        # Evaluation sets may have been frozen since an earlier step read what there is.
        known = _stored(context, spec) if stored is None or evaluation_sets(spec) else stored
        active = in_force(spec, known)
        digests = drift_digests(context.spark, context.store, spec, active, policy)
        found = outdated(spec, options, digests.wanted, digests.have)
        _judge(context, spec, active, found, digests, policy, record)
        beside = 0
        if options.recompute:
            beside = _judge_beside(context, spec, options, active, policy, record)
        return Judged(found.due, len(found.dropped), active, known, beside)


def _judge(
    context: Context,
    spec: MonitorSpec,
    active: InForce,
    found: Outdated,
    digests: Digests,
    policy: str,
    record: Record,
    *,
    date_later: bool = True,
) -> None:
    """Judge the windows in `found` by the references in `active`, a commit for each batch.

    date_later: whether an alert of later windows may begin with them.
    """
    for batch, version in batches(context, spec, record, found):
        back = {one for window in batch for one in digests.earlier.get(window.start, ())}
        rows = drift_rows(context.spark, context.store, spec, active, batch, policy, sorted(back))
        write_drift(
            context.store,
            spec,
            rows,
            active,
            batch,
            in_force_rows(context.spark, context.store, spec, active, policy),
            around(spec, batch, digests.have, again=date_later),
            policy=policy,
            source_version=version,
            run_id=context.journal.run_id,
        )


def _judge_beside(
    context: Context,
    spec: MonitorSpec,
    options: Options,
    active: InForce,
    policy: str,
    record: Record,
) -> int:
    """Hold windows of earlier references against the present ones; returns how many.

    The rows come beside those of the references that were in force, which count. A version does
    not judge the windows that it was made of.
    """
    written = 0
    for comparison in _OF_REFERENCES:
        own = active.get(comparison, ())
        if not own:
            continue
        present = own[-1].snapshot
        always = {comparison: everywhere(present)}
        digests = drift_digests(context.spark, context.store, spec, always, policy)
        elsewhere = tuple(
            one
            for one in outdated(spec, options, digests.wanted, digests.have).due
            if version_at(always[comparison], one.start) == present.version
            and version_at(own, one.start) != present.version
            and options.selects(one.start, one.end)
        )
        # Later windows have the alerts of the references in force for them.
        due = Outdated(elsewhere, ())
        _judge(context, spec, always, due, digests, policy, record, date_later=False)
        written += len(elsewhere)
    return written


def due_windows(context: Context, spec: MonitorSpec, options: Options) -> int:
    """How many windows `compute_drift` would judge now; writes nothing."""
    active = in_force(spec, _stored(context, spec))
    digests = drift_digests(context.spark, context.store, spec, active, policy_hash(spec))
    return len(outdated(spec, options, digests.wanted, digests.have).due)


def _stored(context: Context, spec: MonitorSpec) -> References:
    asked = TRAINING in spec.drift.comparisons or evaluation_sets(spec)
    if spec.reference is None and not asked:
        return References()
    name = spec.reference.name if spec.reference else None
    return stored_references(context.spark, context.store, spec, name)
