"""Which windows must be profiled, and which lost their rows: the question before the work."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.errors import SourceError
from sparkdrift.spark.changes import EMPTY, Fingerprint, Seen, closed_windows
from sparkdrift.spark.history import History, since
from sparkdrift.spark.profiles import StoredWindow, stored_windows
from sparkdrift.spark.runs import Success
from sparkdrift.spark.source import Source
from sparkdrift.spec.digests import definition_hash, shaped_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Resolution
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.decisions import redecided, remember, undecided
from sparkdrift.steps.journal import Record
from sparkdrift.steps.kept import is_within, pruned
from sparkdrift.steps.looking import Look, known_windows, look
from sparkdrift.windows import Window, local_instant, window_at

STEP = "profile"


@dataclass(frozen=True)
class Plan:
    """What profiling would do: windows to scan, and windows that lost their rows.

    `settled`: the last run left nothing to do, and nothing happened since. `remarks`: what of
    the spec the table does not have, so that it can't be measured or has no effect.
    """

    due: tuple[Fingerprint, ...] = ()
    vanished: tuple[Window, ...] = ()
    open_windows: int = 0
    closed_windows: int = 0
    as_of: datetime | None = None
    reason: str = ""
    settled: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        return sum(window.rows for window in self.due)


def plan_windows(
    context: Context,
    spec: MonitorSpec,
    options: Options,
    source: Source,
    resolution: Resolution,
    last: Success | None,
    record: Record,
) -> Plan:
    """What is due for one monitor after its `last` success; tells `record` what to log of it.

    Raises SourceError for a source that has no rows, or no closed window yet.
    """
    # A backfill looks at its own windows only, so it proves nothing about the others.
    record.scope_digest = None if options.backfill else _scope(spec, resolution, options)
    history = _history(context, source, last)
    settled = _settled(record, last, history, options)
    if settled and not undecided(context, source, last):
        record.as_of = last.as_of if last else None
        record.warnings.append(f"changed windows: none ({history.reason})")
        return Plan(
            as_of=record.as_of, reason=history.reason, settled=True, remarks=_remarks(resolution)
        )
    stored = stored_windows(context.spark, context.store, spec)
    # Without a policy what was pruned comes back, where the source still has it.
    kept = spec.retention.of(spec.windows.grain) is None
    gone = None if kept else pruned(context, spec, spec.windows.grain)
    known = None
    if last is not None and not history.known:
        record.warnings.append(f"full refresh: {history.reason}")
    elif last is not None and last.as_of is not None and _covers(last, record):
        known = known_windows(spec, stored, last.as_of, gone)
    found = look(context, source, spec, history, known, options.as_of)
    record.warnings.append(f"changed windows: {found.proof}")
    seen = found.seen
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
    told = frozenset[datetime]()
    if not options.backfill:
        told = redecided(context, spec, source, last, stored, record)
    empties = options.emptying or spec.windows.on_vanished == "empty"
    due = [
        one
        for one in closed
        if options.selects(one.window.start, one.window.end)
        and (options.backfill or one.window.start in told or _changed(one, found, stored))
        and (empties or not _kept(one, stored))
        and (options.backfill or one.window.start in stored or not is_within(one.window, gone))
    ]
    due += [
        one
        for one in (_emptied(spec, seen, closed, stored) if empties else ())
        if options.selects(one.window.start, one.window.end)
    ]
    remember(record, last, told, {one.window.start for one in due})
    lost = () if empties else _vanished(spec, seen, stored)
    vanished = (one for one in lost if options.selects(one.start, one.end))
    still_open = sum(1 for start in seen.windows if start <= as_of) - sum(
        1 for one in closed if one.rows
    )
    return Plan(
        due=tuple(due),
        vanished=tuple(vanished),
        open_windows=max(still_open, 0),
        closed_windows=len(closed),
        as_of=as_of,
        reason=history.reason,
        remarks=_remarks(resolution),
    )


def _remarks(resolution: Resolution) -> tuple[str, ...]:
    return (
        *(f"not measured: {problem.message}" for problem in resolution.unmeasured),
        *(problem.message for problem in resolution.remarks),
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


def _history(context: Context, source: Source, last: Success | None) -> History:
    """What happened to the source since the last run that covered everything due."""
    if last is None or last.source_id is None or last.source_version is None:
        return History(False, "first run")
    return since(context.spark, source, last.source_version, last.source_id)


def _settled(record: Record, last: Success | None, history: History, options: Options) -> bool:
    """Whether neither data nor spec changed since, and no later window can have closed."""
    again = options.backfill or options.emptying
    if last is None or last.as_of is None or again or not history.unchanged:
        return False
    if last.scope_digest != record.scope_digest:
        return False
    return options.as_of is None or options.as_of <= last.as_of


def _covers(last: Success, record: Record) -> bool:
    """Whether the last success looked at the windows of the present spec, by the same rows."""
    scopes = (last.scope_digest, record.scope_digest)
    before, now = (scope.partition(".")[0] if scope else None for scope in scopes)
    return now is not None and now == before


def _changed(one: Fingerprint, found: Look, stored: dict[datetime, StoredWindow]) -> bool:
    known = stored.get(one.window.start)
    if known is None:
        return True
    if known.status == "source_unavailable" and one.rows:
        return True
    return one.window.start not in found.unchanged and known.fingerprint != one.digest


def _kept(one: Fingerprint, stored: dict[datetime, StoredWindow]) -> bool:
    """Whether the window lost its rows, so that its profile is worth keeping."""
    known = stored.get(one.window.start)
    return one.rows == 0 and known is not None and known.rows > 0


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
    return [one.window for one in _gone(spec, seen, stored) if one.status != "source_unavailable"]


def _emptied(
    spec: MonitorSpec,
    seen: Seen,
    closed: Sequence[Fingerprint],
    stored: dict[datetime, StoredWindow],
) -> list[Fingerprint]:
    """Windows outside the range of the data that is left, to be stored as empty."""
    inside = {one.window.start for one in closed}
    gone = [one.window for one in _gone(spec, seen, stored) if one.window.start not in inside]
    return [Fingerprint(window, 0, EMPTY) for window in gone]


def _scope(spec: MonitorSpec, resolution: Resolution, options: Options) -> str:
    """Digest of everything but the data that decides which rows profiling writes.

    Two parts: which windows of which rows, and what is computed of them. A run up to a given
    time says nothing about what is due up to the newest event.
    """
    rows = {
        "table": definition_hash(spec, None),
        "windows": spec.windows.model_dump(mode="json"),
        "until": "newest" if options.as_of is None else "given",
    }
    figures = {
        "features": [definition_hash(spec, one.feature) for one in resolution.watched],
        "slices": [list(one.keys) for one in resolution.slices],
    }
    if spec.feedback is not None and spec.feedback.compare:
        figures["shaped"] = [shaped_hash(spec, definition_hash(spec, None))]
    return f"{_digest(rows)}.{_digest(figures)}"


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
