"""What must be known of the source to say what is due: as little of it as can be proved enough."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from sparkdrift.spark.changed.found import Found, UnprovenError
from sparkdrift.spark.changed.proofs import changed_windows
from sparkdrift.spark.changes import EMPTY, Fingerprint, Seen, fingerprints
from sparkdrift.spark.history import History
from sparkdrift.spark.profiles import StoredWindow
from sparkdrift.spark.source import Source
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.kept import is_within
from sparkdrift.windows import Window, window_at, windows_between

_FOREVER = datetime(9999, 12, 30, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Known:
    """Windows that the last success left up to date, in order, and up to when it looked.

    `pruned`: windows of this interval that are missing are so on purpose.
    """

    windows: Mapping[Window, StoredWindow]
    until: datetime
    pruned: Window | None = None

    def __bool__(self) -> bool:
        return bool(self.windows)


@dataclass(frozen=True)
class Look:
    """The windows of the source, and which of them are proved to be what they were.

    Every other window is judged by its own fingerprint. `proof` says how it was found out.
    """

    seen: Seen
    proof: str
    unchanged: frozenset[datetime] = frozenset()


def known_windows(
    spec: MonitorSpec,
    stored: Mapping[datetime, StoredWindow],
    until: datetime,
    pruned: Window | None = None,
) -> Known:
    """The stored windows that were closed at `until`, when all of them were looked at."""
    lateness = spec.windows.lateness
    closed = (one for _, one in sorted(stored.items()) if one.window.end + lateness <= until)
    return Known({one.window: one for one in closed}, until, pruned)


def look(
    context: Context,
    source: Source,
    spec: MonitorSpec,
    history: History,
    known: Known | None,
    as_of: datetime | None,
) -> Look:
    """Find the changed windows, read their times, and those of windows that were open.

    `history` begins where `known` ends; None: nothing is known, so all times are read.
    `as_of` as the run was asked for it.
    """
    spark = context.spark
    if not known:
        return Look(fingerprints(spark, source, spec), "fingerprints of all windows")
    try:
        found = Found(frozenset(), history.reason, 0)
        if history.segments:
            digests = {window: _digest(one) for window, one in known.windows.items()}
            found = changed_windows(spark, source, spec, history.segments, digests)
    except UnprovenError as error:
        proof = f"fingerprints of all windows, moved rows count as changed: {error}"
        return Look(fingerprints(spark, source, spec), proof)
    seen = found.seen or _partly_seen(context, source, spec, known, found, as_of)
    proof = found.proof
    if seen is None:
        seen = fingerprints(spark, source, spec)
        proof += "; all times were read, since the newest rows are gone"
    unchanged = {window.start for window in known.windows} - found.windows
    return Look(seen, proof, frozenset(unchanged))


def _partly_seen(
    context: Context,
    source: Source,
    spec: MonitorSpec,
    known: Known,
    found: Found,
    as_of: datetime | None,
) -> Seen | None:
    """Changed and open windows as they are, the others as they are stored.

    None where that doesn't tell the newest event, which decides what is closed.
    """
    grain, zone = spec.windows.grain, spec.timestamp.zone
    tail = window_at(known.until - spec.windows.lateness, grain, zone)
    starts = {window.start for window in known.windows}
    # Windows have rows or are stored as empty; one that is missing was taken away by hand.
    holes = [
        window
        for window in windows_between(min(starts), tail.start, grain, zone)
        if window.start < tail.start
        and window.start not in starts
        and not is_within(window, known.pruned)
    ]
    changed = [window_at(start, grain, zone) for start in found.windows]
    only = [one for one in changed if one.start < tail.start]
    only += [*holes, Window(tail.start, _FOREVER)]
    scanned = fingerprints(context.spark, source, spec, only=only)
    if as_of is None and not any(start >= tail.start for start in scanned.windows):
        return None
    carried = {
        window.start: Fingerprint(window, one.rows, one.fingerprint)
        for window, one in known.windows.items()
        if window.start not in found.windows and one.rows and one.status != "source_unavailable"
    }
    return replace(scanned, windows={**carried, **scanned.windows}, undated=found.undated)


def _digest(one: StoredWindow) -> str:
    """The fingerprint that the source had; a window that lost its rows keeps its older one."""
    return EMPTY if one.status == "source_unavailable" else one.fingerprint
