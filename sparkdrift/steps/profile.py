"""Profile: every closed window whose source rows changed, scanned once into sketches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.errors import SpecError
from sparkdrift.spark.changes import (
    EMPTY,
    Fingerprint,
    Seen,
    closed_windows,
    fingerprints,
    timestamp_type,
)
from sparkdrift.spark.profiles import (
    StoredWindow,
    empty_rows,
    profiled_rows,
    stored_windows,
    unavailable_rows,
    write_profiles,
)
from sparkdrift.spark.rollups import due_rollups, write_rollups
from sparkdrift.spark.runs import Success
from sparkdrift.spark.source import Source, open_source, since
from sparkdrift.spec.digests import definition_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Resolution, resolve
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.journal import Record
from sparkdrift.windows import Window, local_instant

STEP = "profile"
# One batch is one commit: what an interruption can cost, and what is in flight at once.
_BATCH_ROWS = 20_000_000
_BATCH_WINDOWS = 1_000


@dataclass(frozen=True)
class Plan:
    """What profiling would do: windows to scan, and windows that lost their rows.

    `settled`: the last run left nothing to do, and nothing happened since.
    """

    due: tuple[Fingerprint, ...] = ()
    vanished: tuple[Window, ...] = ()
    open_windows: int = 0
    closed_windows: int = 0
    as_of: datetime | None = None
    reason: str = ""
    settled: bool = False

    @property
    def rows(self) -> int:
        return sum(window.rows for window in self.due)


def profile_windows(context: Context, spec: MonitorSpec, options: Options) -> Plan:
    """Profile what is due for one monitor and write it; returns what was done.

    Raises SourceError or SpecError, with nothing written, where the table does not fit.
    """
    with context.journal.step(spec.monitor, STEP) as record:
        source, resolution = _open(context, spec, record)
        plan = _plan(context, spec, options, source, resolution, record)
        if plan.due or plan.vanished:
            context.journal.started(record)
        done = 0
        for batch in _batches(plan.due):
            rows = profiled_rows(context.spark, source, spec, resolution, batch)
            quiet = [one for one in batch if one.rows == 0]
            if quiet:
                empty = empty_rows(context.spark, source, spec, resolution, quiet)
                rows = empty if len(quiet) == len(batch) else rows.unionByName(empty)
            write_profiles(context.store, spec, source, rows, batch, context.journal.run_id)
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
        for granularity in () if plan.settled else spec.windows.rollups:
            record.windows += _roll_up(context, spec, source, resolution, granularity, record)
        return plan


def _roll_up(
    context: Context,
    spec: MonitorSpec,
    source: Source,
    resolution: Resolution,
    granularity: str,
    record: Record,
) -> int:
    """Merge stored windows into the longer ones that are due; reads no source row."""
    if record.as_of is None:
        return 0
    windows = due_rollups(context.spark, context.store, spec, granularity, record.as_of)
    if windows:
        context.journal.started(record)
        write_rollups(
            context.spark,
            context.store,
            spec,
            granularity,
            windows,
            [definition_hash(spec, None)]
            + [definition_hash(spec, one.feature) for one in resolution.watched],
            source_version=source.version,
            run_id=context.journal.run_id,
        )
    return len(windows)


def plan_profile(context: Context, spec: MonitorSpec, options: Options) -> Plan:
    """What `profile_windows` would do now; writes nothing."""
    record = Record(spec.monitor, STEP)
    source, resolution = _open(context, spec, record)
    return _plan(context, spec, options, source, resolution, record)


def _open(context: Context, spec: MonitorSpec, record: Record) -> tuple[Source, Resolution]:
    source = open_source(
        context.spark,
        table=spec.source.table,
        path=spec.source.path,
        row_filter=spec.source.filter,
    )
    record.inputs.append(("source", source.table_id, source.version))
    timestamp_type(source, spec.timestamp.column)
    resolution = resolve(spec, source.schema)
    if resolution.blocking:
        raise SpecError(resolution.blocking)
    record.warnings += [problem.message for problem in resolution.problems]
    return source, resolution


def _plan(
    context: Context,
    spec: MonitorSpec,
    options: Options,
    source: Source,
    resolution: Resolution,
    record: Record,
) -> Plan:
    # A backfill looks at its own windows only, so it proves nothing about the others.
    record.scope_digest = None if options.backfill else _scope(spec, resolution, options)
    last = context.journal.last_success(spec.monitor, STEP)
    if not options.backfill and last is not None and _unchanged(record, last, options):
        history = since(context.spark, source, last.source_version or 0, last.source_id or "")
        if not history.changed:
            record.as_of = last.as_of
            return Plan(as_of=last.as_of, reason=history.reason, settled=True)
    stored = stored_windows(context.spark, context.store, spec)
    comparable, reason = _comparable(context, source, last, stored)
    if not comparable:
        record.warnings.append(f"full refresh: {reason}")
    seen = fingerprints(context.spark, source, spec)
    if seen.undated:
        record.warnings.append(
            f"{seen.undated:,} rows have no {spec.timestamp.column}: they are in no window"
        )
    as_of = options.as_of or seen.newest
    record.as_of = as_of
    if as_of is None:
        record.warnings.append("the source has no rows with a timestamp")
        return Plan(reason="the source is empty")
    closed = closed_windows(spec, seen, as_of)
    due = [
        one
        for one in closed
        if options.selects(one.window.start, one.window.end)
        and (options.backfill or not comparable or _differs(one, stored))
        and not _kept(spec, one, stored)
    ]
    due += _emptied(spec, seen, closed, stored)
    still_open = sum(1 for start in seen.windows if start <= as_of) - sum(
        1 for one in closed if one.rows
    )
    return Plan(
        due=tuple(due),
        vanished=tuple(_vanished(spec, seen, stored)),
        open_windows=max(still_open, 0),
        closed_windows=len(closed),
        as_of=as_of,
        reason=reason,
    )


def _unchanged(record: Record, last: Success, options: Options) -> bool:
    """Whether the spec is the same and no later window can have closed."""
    if last.scope_digest != record.scope_digest or last.as_of is None:
        return False
    return options.as_of is None or options.as_of <= last.as_of


def _comparable(
    context: Context, source: Source, last: Success | None, stored: dict[datetime, StoredWindow]
) -> tuple[bool, str]:
    """Whether stored fingerprints still prove anything, and what happened since."""
    if last is not None and last.source_id is not None and last.source_version is not None:
        history = since(context.spark, source, last.source_version, last.source_id)
        return history.comparable, history.reason
    if stored:
        # A run wrote windows but did not end: trust them back to the oldest one.
        oldest = min(window.source_version for window in stored.values())
        history = since(context.spark, source, oldest, source.table_id)
        return history.comparable, history.reason
    return True, "first run"


def _differs(one: Fingerprint, stored: dict[datetime, StoredWindow]) -> bool:
    known = stored.get(one.window.start)
    return known is None or known.fingerprint != one.digest


def _kept(spec: MonitorSpec, one: Fingerprint, stored: dict[datetime, StoredWindow]) -> bool:
    """Whether the window lost its rows but its profile is to stay."""
    known = stored.get(one.window.start)
    return (
        one.rows == 0
        and spec.windows.on_vanished == "keep"
        and known is not None
        and known.rows > 0
    )


def _gone(
    spec: MonitorSpec, seen: Seen, stored: dict[datetime, StoredWindow]
) -> list[StoredWindow]:
    """Stored windows with rows, of which the source has none any more."""
    begin = spec.windows.begin
    earliest = local_instant(begin, spec.timestamp.zone) if begin else None
    return [
        window
        for start, window in sorted(stored.items())
        if start not in seen.windows and window.rows > 0 and (earliest is None or start >= earliest)
    ]


def _vanished(spec: MonitorSpec, seen: Seen, stored: dict[datetime, StoredWindow]) -> list[Window]:
    """Windows whose stored profile stays, to be marked."""
    if spec.windows.on_vanished == "empty":
        return []
    return [one.window for one in _gone(spec, seen, stored) if one.status != "source_unavailable"]


def _emptied(
    spec: MonitorSpec,
    seen: Seen,
    closed: Sequence[Fingerprint],
    stored: dict[datetime, StoredWindow],
) -> list[Fingerprint]:
    """Windows outside the range of the data that is left, to be stored as empty."""
    if spec.windows.on_vanished == "keep":
        return []
    inside = {one.window.start for one in closed}
    gone = [one.window for one in _gone(spec, seen, stored) if one.window.start not in inside]
    return [Fingerprint(window, 0, EMPTY) for window in gone]


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


def _scope(spec: MonitorSpec, resolution: Resolution, options: Options) -> str:
    """Digest of everything but the data that decides which rows profiling writes.

    A run up to a given time says nothing about what is due up to the newest event.
    """
    content = {
        "table": definition_hash(spec, None),
        "features": [definition_hash(spec, one.feature) for one in resolution.watched],
        "slices": [list(one.keys) for one in resolution.slices],
        "windows": spec.windows.model_dump(mode="json"),
        "until": "newest" if options.as_of is None else "given",
    }
    text = json.dumps(content, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
