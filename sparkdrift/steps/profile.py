"""Profile: every closed window whose source rows changed, scanned once into sketches."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from sparkdrift.errors import SpecError
from sparkdrift.spark.cardinality import crowded, crowds
from sparkdrift.spark.changes import EMPTY, Fingerprint
from sparkdrift.spark.expressions import failing, resolve_source
from sparkdrift.spark.failures import FAILURES
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.metrics import checked
from sparkdrift.spark.pairs import watched_pairs
from sparkdrift.spark.profiles import (
    empty_rows,
    profiled_rows,
    unavailable_rows,
    window_rows,
    write_profiles,
)
from sparkdrift.spark.runs import Success
from sparkdrift.spark.slicing import slices_of
from sparkdrift.spark.source import Source, source_of
from sparkdrift.spark.states import write_pairs
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Resolution
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.decisions import ROLE as DECISIONS
from sparkdrift.steps.due import STEP, Plan, plan_windows
from sparkdrift.steps.journal import Record
from sparkdrift.steps.rollup import declared, due, merged_from, roll_up
from sparkdrift.windows import Window

__all__ = ["STEP", "Plan", "merge_windows", "plan_merge", "plan_profile", "profile_windows"]

# One batch is one commit: what an interruption can cost, and what is in flight at once.
_BATCH_ROWS = 20_000_000
_BATCH_WINDOWS = 1_000


def profile_windows(context: Context, spec: MonitorSpec, options: Options) -> Plan:
    """Profile what is due for one monitor and write it; returns what was done.

    Raises SourceError or SpecError, with nothing written, where the table does not fit.
    """
    with context.journal.step(spec.monitor, STEP) as record:
        source, resolution, last = _open_and_recall(context, spec, record)
        plan = plan_windows(context, spec, options, source, resolution, last, record)
        if plan.due or plan.vanished:
            context.journal.started(record)
        if plan.due:
            resolution = _without_crowds(context, spec, source, resolution, plan.due, record)
            record.warnings += watched_pairs(spec, resolution)[1]
        done = 0
        for batch in _batches(plan.due):
            record.begin([one.window for one in batch])
            try:
                _profile_batch(context, spec, source, resolution, batch)
            except FAILURES:
                # One bad row of an expression must not keep the other features from a verdict.
                seen = window_rows(context.spark, source, spec, [one.window for one in batch])
                problems = failing(spec, resolution, seen)
                if not problems:
                    raise
                found = (problem.message for problem in problems.values())
                record.warnings += [one for one in found if one not in record.warnings]
                without = resolution.without(problems)
                _profile_batch(context, spec, source, without, batch)
            done += len(batch)
            record.windows = done
            record.rows_scanned += sum(one.rows for one in batch)
            context.progress.advance(STEP, windows=done, of=len(plan.due), rows=record.rows_scanned)
        if plan.vanished:
            gone = [Fingerprint(window, 0, EMPTY) for window in plan.vanished]
            rows = unavailable_rows(context.spark, context.store, spec, plan.vanished)
            write_profiles(
                context.store, spec, source, rows, gone, context.journal.run_id, derived=True
            )
            record.windows += len(gone)
            record.vanished = len(gone)
        # Also where nothing was due: a run may have ended between the windows and their roll-ups.
        for granularity in declared(spec):
            until = Options(as_of=record.as_of)
            roll_up(context, spec, resolution, granularity, until, record)
        return plan


def complete_until(context: Context, spec: MonitorSpec, options: Options) -> datetime | None:
    """Up to when the data is complete, as asked for, else by the last time it was profiled.

    By it is told which labels should have arrived. None: nothing was profiled yet.
    """
    if options.as_of is not None:
        return options.as_of
    last = context.journal.last_success(spec.monitor, STEP)
    return last.as_of if last else None


def _without_crowds(
    context: Context,
    spec: MonitorSpec,
    source: Source,
    resolution: Resolution,
    due: Sequence[Fingerprint],
    record: Record,
) -> Resolution:
    """The same without slices that have too many values in one of the windows."""
    slices = slices_of(spec, resolution.usable_slices)
    if not slices.keys:
        return resolution
    rows = window_rows(context.spark, source, spec, [one.window for one in due])
    found = crowded(rows, slices)
    record.warnings += crowds(found)
    return resolution.without_slices(found)


def _profile_batch(
    context: Context,
    spec: MonitorSpec,
    source: Source,
    resolution: Resolution,
    batch: Sequence[Fingerprint],
) -> None:
    """Scan the windows of one batch and write their profiles, in one commit.

    The state of pairs has a commit of its own, before that: profiles make a window done.
    """
    pairs, _ = watched_pairs(spec, resolution)
    if pairs:
        run_id = context.journal.run_id
        write_pairs(context.spark, context.store, spec, source, pairs, batch, run_id)
    quiet = [one for one in batch if one.rows == 0]
    parts = []
    if len(quiet) < len(batch):
        parts.append(profiled_rows(context.spark, source, spec, resolution, batch))
    if quiet:
        parts.append(empty_rows(context.spark, source, spec, resolution, quiet))
    rows = parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])
    write_profiles(context.store, spec, source, rows, batch, context.journal.run_id)


def merge_windows(
    context: Context, spec: MonitorSpec, granularity: str, options: Options
) -> Sequence[Window]:
    """Merge stored windows into `granularity`, declared as a roll-up or not; returns what was due.

    No source row is read: of the source only its schema, which says what is watched. With
    `options.begin` or `end` the windows between are merged again.
    """
    with context.journal.step(spec.monitor, STEP) as record:
        finer = merged_from(spec, granularity)
        _, resolution = _open(context, spec, record)
        if finer != spec.windows.grain:
            roll_up(context, spec, resolution, finer, Options(as_of=options.as_of), record)
        return roll_up(context, spec, resolution, granularity, options, record)


def plan_merge(
    context: Context, spec: MonitorSpec, granularity: str, options: Options
) -> Sequence[Window]:
    """What `merge_windows` would do now, days that are merged first left out; writes nothing."""
    merged_from(spec, granularity)
    _, resolution = _open(context, spec, Record(spec.monitor, STEP))
    return due(context, spec, resolution, granularity, options)


def plan_profile(context: Context, spec: MonitorSpec, options: Options) -> Plan:
    """What `profile_windows` would do now; writes nothing."""
    record = Record(spec.monitor, STEP)
    source, resolution, last = _open_and_recall(context, spec, record)
    return plan_windows(context, spec, options, source, resolution, last, record)


def _open_and_recall(
    context: Context, spec: MonitorSpec, record: Record
) -> tuple[Source, Resolution, Success | None]:
    """The source, what of it is watched, and the last time that this step succeeded.

    Source and store are asked at the same time: in a new Java each first answer takes seconds.
    """
    with few_rows(context.spark), ThreadPoolExecutor(1) as beside:
        last = beside.submit(context.journal.last_success, spec.monitor, STEP)
        return *_open(context, spec, record), last.result()


def _open(context: Context, spec: MonitorSpec, record: Record) -> tuple[Source, Resolution]:
    with few_rows(context.spark):
        source = source_of(context.spark, spec)
        record.inputs.append(("source", source.table_id, source.version))
        if source.decided is not None:
            decisions = source.decided.table
            record.inputs.append((DECISIONS, decisions.table_id, decisions.version))
        resolution = resolve_source(context.spark, spec, source)
        if resolution.blocking:
            raise SpecError(resolution.blocking)
        resolution = checked(context.spark, source, spec, resolution)
    record.warnings += [problem.message for problem in resolution.problems]
    return source, resolution


def _batches(due: Sequence[Fingerprint]) -> list[list[Fingerprint]]:
    batches: list[list[Fingerprint]] = []
    rows = 0
    for one in due:
        full = not batches or rows + one.rows > _BATCH_ROWS or len(batches[-1]) >= _BATCH_WINDOWS
        if full:
            batches.append([])
            rows = 0
        batches[-1].append(one)
        rows += one.rows
    return batches
