"""Prune: windows that are older than the spec keeps them leave the store, but for what is cited.

With a window go all rows about it: its profiles and states, and the verdicts on it, which can't
be explained or computed again without them. References, events, checks, debts,
the health of the model and `runs` stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sparkdrift.health.judged import model_of
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.pruned_rows import count_rows, delete_windows, last_measured, open_debts
from sparkdrift.spark.reference_life import read_references
from sparkdrift.spec.local_time import ROLLUPS
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.kept import Aged, aged, pruned, step_of
from sparkdrift.steps.snapshot import wanted_of
from sparkdrift.windows import Window, contiguous, window_at


@dataclass(frozen=True)
class Pruned:
    """One grain: what the policy says of its windows, and rows by table: deleted, or to be."""

    aged: Aged
    rows: Mapping[str, int] = field(default_factory=dict)


def plan_prune(context: Context, spec: MonitorSpec) -> tuple[Pruned, ...]:
    """What `prune` would delete now, grain by grain; writes nothing."""
    return tuple(
        Pruned(one, count_rows(context.spark, context.store, spec, one.granularity, one.due))
        for one in _aged(context, spec)
    )


def prune(context: Context, spec: MonitorSpec) -> tuple[Pruned, ...]:
    """Delete what is older than the policy of the spec allows, the finest grain first.

    The rows are out of sight at once; the files that held them go with VACUUM. A run does not
    profile the windows again, unless it is asked to by --begin.
    """
    found = []
    for one in _aged(context, spec):
        with context.journal.step(spec.monitor, step_of(one.granularity)) as record:
            record.as_of = one.until
            if one.due:
                before = pruned(context, spec, one.granularity)
                first = min([one.due[0].start, *([before.start] if before else [])])
                # Where nothing went the row says nothing, and the one before it goes on counting.
                record.scope_digest = first.isoformat()
                context.journal.started(record)
            rows = delete_windows(context.spark, context.store, spec, one.granularity, one.due)
            record.windows = len(one.due)
            record.warnings += [
                f"deleted from {name}: {count:,} rows" for name, count in rows.items()
            ]
            record.warnings += [f"from {part.in_utc}" for part in contiguous(one.due)]
            found.append(Pruned(one, rows))
    return tuple(found)


def _aged(context: Context, spec: MonitorSpec) -> list[Aged]:
    own = spec.windows.grain
    grains = (own, *ROLLUPS[own])
    if not any(spec.retention.of(grain) for grain in grains):
        return []
    stored = {
        grain: [one.window for one in windows.values()]
        for grain in grains
        for windows in [stored_windows(context.spark, context.store, spec, grain)]
    }
    cited = _cited(context, spec)
    # Only the monitor's own windows are what references and debts are made of.
    found = (aged(spec, grain, stored, cited if grain == own else ()) for grain in grains)
    return [one for one in found if one is not None]


def _cited(context: Context, spec: MonitorSpec) -> list[Window]:
    """Intervals that some version of a reference was merged from, or that the spec asks to be
    frozen, windows of open debts, and the last ones of what was measured once."""
    spark, store = context.spark, context.store
    every = read_references(spark, store, spec.monitor)
    intervals = [
        one.interval
        for stored in every.values()
        for one in stored.versions
        if one.interval is not None and one.windows
    ]
    if spec.reference is not None:
        asked = wanted_of(spec, spec.reference).interval
        intervals += [asked] if asked else []
    zone, grain = spec.timestamp.zone, spec.windows.grain
    starts = {
        *open_debts(spark, store, spec.monitor),
        *last_measured(spark, store, spec, model_of(spec).terms.looks_back),
    }
    return [*intervals, *(window_at(start, grain, zone) for start in sorted(starts))]
