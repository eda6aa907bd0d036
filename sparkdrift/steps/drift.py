"""Drift: every stored window whose verdict is missing or out of date, judged."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from sparkdrift.spark.comparison import Digests, drift_digests, drift_rows, write_drift
from sparkdrift.spark.profiles import stored_windows
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
from sparkdrift.windows import Window, window_at

STEP = "drift"
_BATCH_WINDOWS = 400


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
        due, dropped = _due(spec, options, digests)
        version = None
        if due or dropped:
            context.journal.started(record)
            version = _source_version(context, spec)
        zone, grain = spec.timestamp.zone, spec.windows.grain
        # A window stored under another zone keeps its own start, by which its rows are known.
        windows = [
            Window(start, window_at(start, grain, zone).end) for start in sorted([*due, *dropped])
        ]
        for first in range(0, len(windows), _BATCH_WINDOWS):
            batch = windows[first : first + _BATCH_WINDOWS]
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
            record.windows += len(batch)
            context.progress.advance(STEP, windows=record.windows, of=len(windows), rows=0)
        judged = tuple(window for window in windows if window.start in set(due))
        return Judged(judged, len(dropped), active, known)


def due_windows(context: Context, spec: MonitorSpec, options: Options) -> int:
    """How many windows `compute_drift` would judge now; writes nothing."""
    active = in_force(spec, _stored(context, spec))
    found = drift_digests(context.spark, context.store, spec, active, policy_hash(spec))
    return len(_due(spec, options, found)[0])


def _source_version(context: Context, spec: MonitorSpec) -> int | None:
    """The newest version of the source that the stored windows were read at."""
    stored = stored_windows(context.spark, context.store, spec).values()
    return max((one.source_version for one in stored), default=None)


def _stored(context: Context, spec: MonitorSpec) -> References:
    if spec.reference is None and TRAINING not in spec.drift.comparisons:
        return References()
    name = spec.reference.name if spec.reference else None
    return stored_references(context.spark, context.store, spec, name)


def _due(
    spec: MonitorSpec, options: Options, digests: Digests
) -> tuple[list[datetime], list[datetime]]:
    """(windows to judge, windows in `drift` that `profiles` no longer has).

    A backfill judges what it is asked for besides what is due: were only a part judged by
    new thresholds, `current_drift` would lose the rest.
    """
    zone, grain = spec.timestamp.zone, spec.windows.grain
    wanted, have = digests.wanted, digests.have
    due = [
        start
        for start, digest in sorted(wanted.items())
        if have.get(start) != digest
        or (options.backfill and options.selects(start, window_at(start, grain, zone).end))
    ]
    return due, sorted(set(have) - set(wanted))
