"""Assumptions: every stored window whose checks are missing or out of date, held against them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.spark.assumptions import (
    assumption_digests,
    assumption_rows,
    count_violated,
    write_assumptions,
)
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.references import Active, References, stored_references
from sparkdrift.spec.digests import assumption_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.windows import Window, window_at

STEP = "assumptions"
_BATCH_WINDOWS = 400


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
        due, dropped = _due(context, spec, options, active, policy)
        version = None
        if due or dropped:
            context.journal.started(record)
            read = stored_windows(context.spark, context.store, spec).values()
            version = max((one.source_version for one in read), default=None)
        zone, grain = spec.timestamp.zone, spec.windows.grain
        windows = [
            Window(start, window_at(start, grain, zone).end) for start in sorted([*due, *dropped])
        ]
        for first in range(0, len(windows), _BATCH_WINDOWS):
            batch = windows[first : first + _BATCH_WINDOWS]
            rows = assumption_rows(context.spark, context.store, spec, active, batch, policy)
            write_assumptions(
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
        chosen = set(due)
        checked = tuple(window for window in windows if window.start in chosen)
        if not checked:
            return Checked(())
        violated = count_violated(context.spark, context.store, spec, active, checked, policy)
        return Checked(checked, violated)


def due_windows(context: Context, spec: MonitorSpec, options: Options) -> int:
    """How many windows `check_assumptions` would check now; writes nothing."""
    active = _stored(context, spec).active
    return len(_due(context, spec, options, active, assumption_hash(spec))[0])


def _stored(context: Context, spec: MonitorSpec) -> References:
    if spec.reference is None:
        return References()
    return stored_references(context.spark, context.store, spec, spec.reference.name)


def _due(
    context: Context, spec: MonitorSpec, options: Options, active: Sequence[Active], policy: str
) -> tuple[list[datetime], list[datetime]]:
    """(windows to check, windows in `assumptions` that `profiles` no longer has)."""
    zone, grain = spec.timestamp.zone, spec.windows.grain
    wanted, have = assumption_digests(context.spark, context.store, spec, active, policy)
    due = [
        start
        for start, digest in sorted(wanted.items())
        if have.get(start) != digest
        or (options.backfill and options.selects(start, window_at(start, grain, zone).end))
    ]
    return due, sorted(set(have) - set(wanted))
