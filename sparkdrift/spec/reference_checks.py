"""What must hold inside `reference`, and between it and the windows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sparkdrift.spec.findings import Finding, bad_filter
from sparkdrift.spec.local_time import exists, is_skipped, window_start
from sparkdrift.spec.models import MonitorSpec, Reference


def place(spec: MonitorSpec) -> Iterator[Finding]:
    """Where the reference is: an interval, or another table, and not both."""
    reference = spec.reference
    if reference is None:
        return
    yield from bad_filter(reference, "reference")
    interval = reference.begin is not None or reference.end is not None
    if reference.table is not None and reference.path is not None:
        message = "the reference has both a table and a path"
        yield Finding(("reference",), message, accepted="either 'table' or 'path'")
    if reference.is_scanned and interval:
        yield Finding(
            ("reference", "begin" if reference.begin is not None else "end"),
            "an interval belongs to the monitored table, not to another one",
            accepted="for another table, a 'filter'",
        )
    elif not reference.is_scanned:
        yield from _interval(reference)


def _interval(reference: Reference) -> Iterator[Finding]:
    begin, end = reference.begin, reference.end
    if begin is None and end is None:
        accepted = "'begin' and 'end', or 'table', or 'path'"
        yield Finding(("reference",), "the reference says nowhere to look", accepted=accepted)
    elif begin is None or end is None:
        missing = "begin" if begin is None else "end"
        yield Finding(("reference",), f"'reference.{missing}' is missing", accepted="both ends")
    elif begin >= end:
        message = "the reference ends before it begins"
        yield Finding(("reference", "end"), message, end, f"a time after {begin}")
    if reference.filter is not None:
        message = "stored profiles can't be filtered any more"
        yield Finding(("reference", "filter"), message, accepted="a filter with 'table' or 'path'")


def whole_windows(spec: MonitorSpec) -> Iterator[Finding]:
    """An interval is merged from stored windows, so it can't cut one."""
    grain = spec.windows.grain
    for key, time in _ends(spec):
        before = window_start(time, grain)
        if before != time:
            message = f"the reference would cut a window of a {grain} in two"
            accepted = f"the start of a {grain}, such as {before}"
            yield Finding(("reference", key), message, time, accepted)


def _ends(spec: MonitorSpec) -> Iterator[tuple[str, datetime]]:
    if spec.reference is None or spec.reference.is_scanned:
        return
    for key in ("begin", "end"):
        time = getattr(spec.reference, key)
        if time is not None:
            yield key, time


def skipped_times(spec: MonitorSpec) -> Iterator[Finding]:
    """An end that clocks skip is no time."""
    zone = spec.timestamp.zone
    for key, time in _ends(spec) if exists(zone) else ():
        if time.hour and is_skipped(time, zone):
            message = f"clocks in {zone} skip this time"
            accepted = f"a time that exists, such as {time + timedelta(hours=1)}"
            yield Finding(("reference", key), message, time, accepted)
