"""Snapshot: freeze a reference, once, and put it in force."""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sparkdrift.errors import SnapshotError, SpecError
from sparkdrift.spark.cardinality import crowded, crowds
from sparkdrift.spark.expressions import failing, resolve_reference_source, resolve_source
from sparkdrift.spark.metrics import checked
from sparkdrift.spark.pairs import watched_pairs
from sparkdrift.spark.profiles import StoredWindow, stored_windows
from sparkdrift.spark.references import (
    ALWAYS,
    References,
    Snapshot,
    activate,
    merged_reference,
    reference_rows,
    scanned_reference,
    stored_references,
    write_reference,
)
from sparkdrift.spark.slicing import slices_of
from sparkdrift.spark.source import open_source, source_of
from sparkdrift.spark.states import merged_pairs, scanned_pairs
from sparkdrift.spec.digests import definition_hash
from sparkdrift.spec.models import MonitorSpec, Reference
from sparkdrift.steps.context import Context
from sparkdrift.steps.journal import Record
from sparkdrift.windows import Window, local_instant

STEP = "snapshot"


@dataclass(frozen=True)
class Freeze:
    """What to freeze beyond what the spec says: `force` makes a new version in any case."""

    force: bool = False
    note: str | None = None
    effective_from: datetime | None = None


@dataclass(frozen=True)
class Due:
    """What the snapshot step finds: a version to make, one to put in force, or nothing.

    `stored`: all versions there are. `make`: whether another one is due.
    `missing`: why it can't be made yet, or None. `windows`: stored ones it would be merged from.
    """

    stored: References
    make: bool = False
    missing: str | None = None
    windows: int = 0

    @property
    def newest(self) -> Snapshot | None:
        return self.stored.versions[-1] if self.stored.versions else None


@dataclass(frozen=True)
class Frozen:
    """What the snapshot step did: the version it made or put in force, or None.

    `stored`: what is stored of the reference, for the next step; None where this one
    changed it or had none to look for.
    """

    version: Snapshot | None = None
    stored: References | None = None


def due_reference(context: Context, spec: MonitorSpec, *, force: bool = False) -> Due:
    """Whether the spec's reference must be frozen, asked of what is stored; writes nothing."""
    if spec.reference is None:
        return Due(References(), missing="the spec has no reference section")
    interval = _interval(spec, spec.reference)
    known = stored_references(context.spark, context.store, spec, spec.reference.name)
    newest = known.versions[-1] if known.versions else None
    if newest and not force and _same(newest, spec, spec.reference, interval):
        return Due(known)
    if spec.reference.is_scanned:
        return Due(known, make=True)
    stored = stored_windows(context.spark, context.store, spec)
    inside = [w for w in stored.values() if interval.start <= w.window.start < interval.end]
    present = [one for one in inside if one.definition == definition_hash(spec, None)]
    missing = _missing(stored, inside, present, interval)
    return Due(known, make=True, missing=missing, windows=len(present))


def snapshot_reference(context: Context, spec: MonitorSpec, freeze: Freeze | None = None) -> Frozen:
    """Freeze the spec's reference where that is due; returns what was done.

    Due is a reference that no version holds yet (another interval, table or filter), once
    its interval has been profiled. Raises SnapshotError where a forced one is impossible.
    """
    asked = freeze or Freeze()
    with context.journal.step(spec.monitor, STEP) as record:
        reference = spec.reference
        due = due_reference(context, spec, force=asked.force)
        if reference is None or due.missing:
            _refuse(asked, record, str(due.missing))
            return Frozen(stored=None if reference is None else due.stored)
        if due.make:
            return Frozen(_freeze(context, spec, reference, asked, due, record))
        if due.newest is None or due.newest.activated:
            return Frozen(stored=due.stored)
        # A run ended between the two rows: the version exists and waits for its event.
        context.journal.started(record)
        _activate(context, spec, reference.name, due.newest, asked)
        return Frozen(due.newest)


def _freeze(
    context: Context,
    spec: MonitorSpec,
    reference: Reference,
    asked: Freeze,
    due: Due,
    record: Record,
) -> Snapshot:
    context.journal.started(record)
    newest = due.newest
    rows, about = (
        _scanned(context, spec, reference, record)
        if reference.is_scanned
        else _merged(context, spec, _interval(spec, reference), due.windows)
    )
    about |= {
        "name": reference.name,
        "version": newest.version + 1 if newest else 1,
        "parent": newest.version if newest else None,
        "run_id": context.journal.run_id,
        "created_at": datetime.now(timezone.utc),
        "created_by": _user(),
        "note": asked.note,
    }
    made = write_reference(context.spark, context.store, spec, rows, about)
    if made is None:
        raise SnapshotError(
            f"reference {reference.name} of {spec.monitor}: another run made version "
            f"{about['version']} at the same time; look at it before making a new one"
        )
    _activate(context, spec, reference.name, made, asked)
    record.windows = made.windows
    return made


def _activate(
    context: Context, spec: MonitorSpec, name: str, made: Snapshot, asked: Freeze
) -> None:
    """Put a version in force."""
    activate(
        context.spark,
        context.store,
        spec,
        name,
        made.version,
        asked.effective_from or _from(context, spec, made),
        by=_user(),
        reason=asked.note or ("the first version" if made.version == 1 else "asked for anew"),
        run_id=context.journal.run_id,
    )


def _from(context: Context, spec: MonitorSpec, made: Snapshot) -> datetime:
    """After its own interval, so that a version never judges itself.

    The first one taken from another table judges everything; a later one what comes after
    the stored windows: those were judged by the table that was in force.
    """
    if made.interval:
        return made.interval.end
    if made.version == 1:
        return ALWAYS
    stored = stored_windows(context.spark, context.store, spec).values()
    return max((one.window.end for one in stored), default=ALWAYS)


def _user() -> str:
    """Who runs this; a container may have a user without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _refuse(asked: Freeze, record: Record, reason: str) -> None:
    """Say why nothing is frozen: an error where it was asked for, else a warning."""
    if asked.force:
        raise SnapshotError(f"no reference was frozen: {reason}")
    record.warnings.append(f"no reference yet: {reason}")


def _interval(spec: MonitorSpec, reference: Reference) -> Window:
    zone = spec.timestamp.zone
    if reference.begin is None or reference.end is None:
        return Window(ALWAYS, ALWAYS)
    return Window(local_instant(reference.begin, zone), local_instant(reference.end, zone))


def _same(newest: Snapshot, spec: MonitorSpec, reference: Reference, interval: Window) -> bool:
    if reference.is_scanned:
        wanted = (reference.table or reference.path, reference.filter)
        return (newest.source, newest.source_filter) == wanted
    return newest.interval == interval and newest.source == (spec.source.table or spec.source.path)


def _missing(
    stored: Mapping[datetime, StoredWindow],
    inside: Sequence[StoredWindow],
    present: Sequence[StoredWindow],
    interval: Window,
) -> str | None:
    """Why the interval can't be frozen from what is stored, or None.

    `inside`: the stored windows of the interval; `present`: those of the present definition.
    """
    if not stored:
        return "nothing is profiled yet"
    last = max(window.window.end for window in stored.values())
    if not sum(window.rows for window in inside):
        first = min(stored)
        return (
            f"no stored window with rows lies between {interval.start:%Y-%m-%d %H:%M} and "
            f"{interval.end:%Y-%m-%d %H:%M} UTC; stored are {first:%Y-%m-%d} to {last:%Y-%m-%d}"
        )
    if last < interval.end:
        return (
            f"its interval ends {interval.end:%Y-%m-%d %H:%M} UTC, and windows are closed "
            f"only up to {last:%Y-%m-%d %H:%M}"
        )
    if not sum(window.rows for window in present):
        return (
            "the windows of its interval are stored under another definition of the source or "
            "its sketches; profile them again: sparkdrift run SPEC --begin "
            f"{interval.start:%Y-%m-%d} --end {interval.end:%Y-%m-%d}"
        )
    return None


def _merged(
    context: Context, spec: MonitorSpec, interval: Window, windows: int
) -> tuple[Any, dict[str, Any]]:
    source = source_of(context.spark, spec)
    resolution = resolve_source(context.spark, spec, source)
    hashes = [definition_hash(spec, None)]
    hashes += [definition_hash(spec, one.feature) for one in resolution.watched]
    rows = merged_reference(context.spark, context.store, spec, interval, hashes)
    rows = rows.drop("merged_windows", "input_digest")
    pairs, _ = watched_pairs(spec, resolution)
    if pairs:
        own = merged_pairs(context.spark, context.store, spec, interval, pairs)
        rows = rows.unionByName(own, allowMissingColumns=True)
    return rows, {
        "source": spec.source.table or spec.source.path,
        "source_filter": spec.source.filter,
        "source_id": source.table_id,
        "source_version": source.version,
        "interval_start": interval.start,
        "interval_end": interval.end,
        "granularity": spec.windows.grain,
        "windows": windows,
        "k_effective": spec.sketch.k,
    }


def _scanned(
    context: Context, spec: MonitorSpec, reference: Reference, record: Record
) -> tuple[Any, dict[str, Any]]:
    monitored = source_of(context.spark, spec)
    source = open_source(
        context.spark, table=reference.table, path=reference.path, row_filter=reference.filter
    )
    record.inputs.append(("reference", source.table_id, source.version))
    watched = resolve_source(context.spark, spec, monitored).watched
    resolution = resolve_reference_source(
        context.spark, spec, [one.feature for one in watched], source
    )
    resolution = checked(context.spark, source, spec, resolution)
    if resolution.blocking:
        raise SpecError(resolution.blocking)
    found = crowded(
        reference_rows(context.spark, source), slices_of(spec, resolution.usable_slices)
    )
    record.warnings += crowds(found)
    resolution = resolution.without_slices(found)
    resolution = resolution.without(failing(spec, resolution, source.rows(context.spark)))
    record.warnings += [
        f"{one.feature.name}: {one.problem.message} (reference)"
        for one in resolution.watched
        if one.problem is not None
    ]
    rows = scanned_reference(context.spark, spec, source, resolution)
    pairs, _ = watched_pairs(spec, resolution)
    if pairs:
        own = scanned_pairs(context.spark, spec, source, pairs)
        rows = rows.unionByName(own, allowMissingColumns=True)
    return rows, {
        "source": reference.table or reference.path,
        "source_filter": reference.filter,
        "source_id": source.table_id,
        "source_version": source.version,
        "granularity": None,
        "windows": 0,
        "k_effective": spec.sketch.reference_k,
    }
