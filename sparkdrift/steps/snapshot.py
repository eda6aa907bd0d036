"""Snapshot: freeze a reference, once, and put it in force."""

from __future__ import annotations

import getpass
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from sparkdrift.errors import SnapshotError, SpecError
from sparkdrift.spark.profiles import StoredWindow, stored_windows
from sparkdrift.spark.references import (
    ALWAYS,
    Snapshot,
    activate,
    merged_reference,
    scanned_reference,
    snapshots,
    write_reference,
)
from sparkdrift.spark.source import open_source
from sparkdrift.spec.digests import definition_hash
from sparkdrift.spec.models import MonitorSpec, Reference
from sparkdrift.spec.resolving import resolve, resolve_reference
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


def snapshot_reference(
    context: Context, spec: MonitorSpec, freeze: Freeze | None = None
) -> Snapshot | None:
    """Freeze the spec's reference where that is due; returns the new version, or None.

    Due is a reference that no version holds yet (another interval, another table), once
    its interval has been profiled. Raises SnapshotError where a forced one is impossible.
    """
    asked = freeze or Freeze()
    with context.journal.step(spec.monitor, STEP) as record:
        if spec.reference is None:
            _refuse(asked, record, "the spec has no reference section")
            return None
        interval = _interval(spec, spec.reference)
        known = snapshots(context.spark, context.store, spec, spec.reference.name)
        newest = known[-1] if known else None
        if newest and not asked.force and _same(newest, spec, spec.reference, interval):
            if newest.activated:
                return None
            # A run ended between the two rows: the version exists and waits for its event.
            context.journal.started(record)
            _activate(context, spec, newest, asked)
            return newest
        stored: dict[datetime, StoredWindow] = {}
        if not spec.reference.is_scanned:
            stored = stored_windows(context.spark, context.store, spec)
            missing = _missing(stored, interval)
            if missing:
                _refuse(asked, record, missing)
                return None
        context.journal.started(record)
        rows, about = (
            _scanned(context, spec, spec.reference, record)
            if spec.reference.is_scanned
            else _merged(context, spec, interval, stored)
        )
        about |= {
            "name": spec.reference.name,
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
                f"reference {spec.reference.name} of {spec.monitor}: another run made version "
                f"{about['version']} at the same time; look at it before making a new one"
            )
        _activate(context, spec, made, asked)
        record.windows = made.windows
        return made


def _activate(context: Context, spec: MonitorSpec, made: Snapshot, asked: Freeze) -> None:
    """Put a version in force: after its own interval, so that it never judges itself."""
    assert spec.reference is not None  # noqa: S101
    activate(
        context.spark,
        context.store,
        spec,
        spec.reference.name,
        made.version,
        asked.effective_from or (made.interval.end if made.interval else ALWAYS),
        by=_user(),
        reason=asked.note or ("the first version" if made.version == 1 else "asked for anew"),
        run_id=context.journal.run_id,
    )


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
        return newest.source == (reference.table or reference.path)
    return newest.interval == interval and newest.source == (spec.source.table or spec.source.path)


def _missing(stored: Mapping[datetime, StoredWindow], interval: Window) -> str | None:
    """Why the interval can't be frozen from what is stored, or None."""
    if not stored:
        return "nothing is profiled yet"
    last = max(window.window.end for window in stored.values())
    inside = [w for w in stored.values() if interval.start <= w.window.start < interval.end]
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
    return None


def _merged(
    context: Context,
    spec: MonitorSpec,
    interval: Window,
    stored: Mapping[datetime, StoredWindow],
) -> tuple[Any, dict[str, Any]]:
    source = open_source(
        context.spark, table=spec.source.table, path=spec.source.path, row_filter=None
    )
    resolution = resolve(spec, source.schema)
    hashes = [definition_hash(spec, one.feature) for one in resolution.watched]
    hashes.append(definition_hash(spec, None))
    rows = merged_reference(context.spark, context.store, spec, interval, hashes)
    inside = [start for start in stored if interval.start <= start < interval.end]
    return rows.drop("merged_windows", "input_digest"), {
        "source": spec.source.table or spec.source.path,
        "source_id": source.table_id,
        "source_version": source.version,
        "interval_start": interval.start,
        "interval_end": interval.end,
        "granularity": spec.windows.grain,
        "windows": len(inside),
        "k_effective": spec.sketch.k,
    }


def _scanned(
    context: Context, spec: MonitorSpec, reference: Reference, record: Record
) -> tuple[Any, dict[str, Any]]:
    monitored = open_source(
        context.spark, table=spec.source.table, path=spec.source.path, row_filter=None
    )
    source = open_source(
        context.spark, table=reference.table, path=reference.path, row_filter=reference.filter
    )
    record.inputs.append(("reference", source.table_id, source.version))
    watched = resolve(spec, monitored.schema).watched
    resolution = resolve_reference(spec, [one.feature for one in watched], source.schema)
    if resolution.blocking:
        raise SpecError(resolution.blocking)
    record.warnings += [
        f"{one.feature.name}: {one.problem.message} (reference)"
        for one in resolution.features
        if one.problem is not None
    ]
    return scanned_reference(context.spark, spec, source, resolution), {
        "source": reference.table or reference.path,
        "source_id": source.table_id,
        "source_version": source.version,
        "granularity": None,
        "windows": 0,
        "k_effective": spec.sketch.reference_k,
    }
