"""Which windows must be profiled, and which lost their rows: the question before the work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.errors import SourceError
from sparkdrift.spark.changes import EMPTY, Fingerprint, Seen, closed_windows, fingerprints
from sparkdrift.spark.profiles import StoredWindow, stored_windows
from sparkdrift.spark.runs import Success
from sparkdrift.spark.source import Source, since
from sparkdrift.spec.digests import definition_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Resolution
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.journal import Record
from sparkdrift.windows import Window, local_instant, window_at

STEP = "profile"


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


def plan_windows(
    context: Context,
    spec: MonitorSpec,
    options: Options,
    source: Source,
    resolution: Resolution,
    record: Record,
) -> Plan:
    """What is due for one monitor; says in `record` what a reader of `runs` should know.

    Raises SourceError for a source that has no rows, or no closed window yet.
    """
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
    as_of = (
        options.as_of or seen.newest or max((w.window.end for w in stored.values()), default=None)
    )
    record.as_of = as_of
    if as_of is None:
        raise SourceError(
            f"source {source.name} has no rows with a {spec.timestamp.column}"
            + (" that its filter admits" if spec.source.filter else "")
            + ": nothing can be profiled yet"
        )
    closed = closed_windows(spec, seen, as_of)
    if not closed and not stored:
        raise SourceError(_too_wide(spec, source, seen, as_of))
    due = [
        one
        for one in closed
        if options.selects(one.window.start, one.window.end)
        and (options.backfill or not comparable or _differs(one, stored))
        and not _kept(spec, one, stored)
    ]
    due += [
        one
        for one in _emptied(spec, seen, closed, stored)
        if options.selects(one.window.start, one.window.end)
    ]
    vanished = (one for one in _vanished(spec, seen, stored) if options.selects(one.start, one.end))
    still_open = sum(1 for start in seen.windows if start <= as_of) - sum(
        1 for one in closed if one.rows
    )
    return Plan(
        due=tuple(due),
        vanished=tuple(vanished),
        open_windows=max(still_open, 0),
        closed_windows=len(closed),
        as_of=as_of,
        reason=reason,
    )


def _too_wide(spec: MonitorSpec, source: Source, seen: Seen, as_of: datetime) -> str:
    """Why no window is closed yet, and when the first one will be."""
    grain, zone = spec.windows.grain, spec.timestamp.zone
    first = min(seen.windows, default=as_of)
    closes = window_at(first, grain, zone).end + spec.windows.lateness
    return (
        f"source {source.name}: no {grain} is closed yet. Its events begin {first:%Y-%m-%d %H:%M} "
        f"and are complete up to {as_of:%Y-%m-%d %H:%M} UTC; the first {grain} closes at "
        f"{closes:%Y-%m-%d %H:%M}. Choose a smaller windows.grain, or say by --as-of up to when "
        "the data is complete"
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
