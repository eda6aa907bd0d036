"""Forget: what was erased from the source leaves the store as well.

After rows were deleted from the source, their windows are profiled again, and all that was made
of them goes: roll-ups, states, verdicts, and versions of references, which are made again where
the source still has their rows. VACUUM then removes the files. What is written down of it names
windows, versions and files, never a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

from sparkdrift.spark.erased_rows import delete_derived, vacuum
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.proposals import destinations
from sparkdrift.spark.reference_life import read_references
from sparkdrift.spark.runs import Begun
from sparkdrift.spec.local_time import ROLLUPS
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.assumptions import check_assumptions
from sparkdrift.steps.by_hand import require_role
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.drift import compute_drift
from sparkdrift.steps.erasing import (
    Erased,
    delete_erased,
    erase_versions,
    erased_since,
    exported,
)
from sparkdrift.steps.evaluate import evaluate
from sparkdrift.steps.feature_debt import assess_features
from sparkdrift.steps.health import health_after_run
from sparkdrift.steps.kept import pruned
from sparkdrift.steps.profile import plan_profile, profile_windows
from sparkdrift.windows import Window, contiguous, windows_meeting

__all__ = ["STEP", "Erased", "Forgotten", "forget"]

STEP = "forget"
_AGAIN = re.compile(r"to be profiled again: (\S+ \S+) to (\S+ \S+) UTC")
_ROLE = "to be made again of other tables: versions of the role "


@dataclass(frozen=True)
class Forgotten:
    """What was done, and what is left to the caller.

    windows: profiled again. elsewhere: versions made of other tables, which were not looked at.
    files: where erased versions had been exported to. queues: tables of rows to label, which were
    not looked at either. unseen: pruned windows that roll-ups hold the rows of, where none were
    asked for: whether rows of them left can't be found.
    """

    windows: tuple[Window, ...] = ()
    erased: tuple[Erased, ...] = ()
    elsewhere: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    queues: tuple[str, ...] = ()
    unseen: Window | None = None


def forget(
    context: Context,
    spec: MonitorSpec,
    options: Options,
    *,
    by: str,
    retain_hours: int,
    role: str | None = None,
) -> Forgotten:
    """Rebuild what holds values of the windows asked for, or of those that changed.

    role: versions of it that were made of other tables, whose rows no window tells of, are made
    again as well.

    Changed is what `run` would profile again; had it run since rows were deleted, nothing would
    be found, and the windows are to be given. So are windows that were pruned but are part of a
    roll-up: they come back, for it to be merged again, until the next pruning. Windows that lost
    all rows are stored as empty, whatever `on_vanished` says. What an earlier one was asked for,
    began and did not end, as its row in `runs` says, is done in any case.
    """
    require_role(role)
    # The value that a row could not be read by may be the one that was erased.
    with context.journal.naming_kinds():
        return _forget(context, spec, options, by, retain_hours, role)


def _forget(
    context: Context,
    spec: MonitorSpec,
    options: Options,
    by: str,
    retain_hours: int,
    role: str | None,
) -> Forgotten:
    # What lost its rows is to go, not to be marked.
    asked = replace(options, emptying=True)
    with context.journal.step(spec.monitor, STEP) as record:
        unfinished = context.journal.begun(spec.monitor, STEP)
        left = _windows_of(spec, unfinished)
        roles = roles_of(unfinished) | ({role} if role else set())
        touched = sorted({*_touched(context, spec, asked), *left})
        record.windows = len(touched)
        record.warnings += [_again(one) for one in contiguous(touched)]
        record.warnings += [f"{_ROLE}{one}" for one in sorted(roles)]
        if unfinished:
            record.warnings.append("an earlier erasure ended too early: this one completes it")
        if left:
            asked = replace(asked, begin=touched[0].start, end=touched[-1].end)
        context.journal.started(record)
        erased: Sequence[Erased] = ()
        elsewhere: tuple[str, ...] = ()
        if touched:
            rebuilding = _widened(context, spec, asked, touched)
            delete_derived(context.spark, context.store, spec, touched)
            profile_windows(context, spec, rebuilding)
        if touched or roles:
            erased, elsewhere = erase_versions(context, spec, touched, record, by, roles)
        stored = read_references(context.spark, context.store, spec.monitor)
        if unfinished:
            erased = erased_since(stored, unfinished[0].at)
        delete_erased(context, spec, stored)
        compute_drift(context, spec, Options())
        check_assumptions(context, spec, Options())
        evaluate(context, spec, Options())
        assess_features(context, spec, Options())
        queues = (
            tuple(destinations(context.spark, context.store, spec.monitor))
            if touched or roles
            else ()
        )
        unseen = None if options.backfill else _unseen(context, spec)
        files = exported(stored)
        done = Forgotten(tuple(touched), tuple(erased), elsewhere, files, queues, unseen)
        record.warnings += told(done)
    # A step of its own: where it is refused, all else is done, and said to be.
    with context.journal.step(spec.monitor, "vacuum") as record:
        context.journal.started(record)
        vacuum(context.spark, context.store, retain_hours)
        record.warnings.append(f"left: files in use in the last {retain_hours} hours")
    # Its rows hold no value; but what they say may rest on windows that are others now.
    health_after_run(context, spec)
    return done


def _again(one: Window) -> str:
    return f"to be profiled again: {one.in_utc}"


def _windows_of(spec: MonitorSpec, begun: Iterable[Begun]) -> set[Window]:
    """The windows that erasures which did not end were about, as `_again` told them."""
    found: set[Window] = set()
    for match in (_AGAIN.fullmatch(line) for one in begun for line in one.told):
        if match:
            start, end = (datetime.fromisoformat(text) for text in match.groups())
            interval = Window(start.replace(tzinfo=timezone.utc), end.replace(tzinfo=timezone.utc))
            found |= set(windows_meeting(interval, spec.windows.grain, spec.timestamp.zone))
    return found


def roles_of(begun: Iterable[Begun]) -> set[str]:
    """The roles that erasures which did not end were asked for, as their rows tell."""
    lines = (line for one in begun for line in one.told if line.startswith(_ROLE))
    return {line.removeprefix(_ROLE) for line in lines}


def told(done: Forgotten) -> list[str]:
    """The same in words, for the journal: versions, tables and files."""
    lines = []
    for one in done.erased:
        lines.append(f"erased: version {one.version} of {one.name} ({one.digest}): {one.told}")
    lines += [f"not looked at, made of another table: {one}" for one in done.elsewhere]
    lines += [f"not looked at, rows to label: {one}" for one in done.queues]
    if done.unseen is not None:
        lines.append(f"not looked at, pruned: {done.unseen.in_utc}")
    return lines + [f"exported to, and still there unless deleted: {one}" for one in done.files]


def _touched(context: Context, spec: MonitorSpec, options: Options) -> list[Window]:
    """Windows that hold, or whose roll-ups and references hold, what is to be erased.

    Of windows that are given, also those that are not stored: they may be part of a roll-up.
    """
    if options.begin is not None and options.end is not None:
        given = Window(options.begin, options.end)
        inside = windows_meeting(given, spec.windows.grain, spec.timestamp.zone)
        return [one for one in inside if options.selects(one.start, one.end)]
    stored = stored_windows(context.spark, context.store, spec)
    due = plan_profile(context, spec, options).due
    return [one.window for one in due if one.window.start in stored]


def _widened(
    context: Context, spec: MonitorSpec, options: Options, touched: Sequence[Window]
) -> Options:
    """With all that roll-ups of them lack by now: else they could not be merged again."""
    gone = pruned(context, spec, spec.windows.grain)
    if gone is None:
        return options
    lacking = [
        one for one in _merged_of(context, spec, gone) if any(one.meets(other) for other in touched)
    ]
    if not lacking and not options.backfill:
        return options
    # Also of windows that were found to have changed: a month of which days are gone would be lost.
    every = [*touched, *lacking]
    first, last = min(one.start for one in every), max(one.end for one in every)
    return replace(options, begin=first, end=last)


def _unseen(context: Context, spec: MonitorSpec) -> Window | None:
    """The pruned windows that roll-ups still hold the rows of, from the first to the last."""
    gone = pruned(context, spec, spec.windows.grain)
    if gone is None or not (held := _merged_of(context, spec, gone)):
        return None
    first, last = min(one.start for one in held), max(one.end for one in held)
    return Window(max(first, gone.start), min(last, gone.end))


def _merged_of(context: Context, spec: MonitorSpec, gone: Window) -> list[Window]:
    """The stored roll-ups that windows of an interval are part of."""
    return [
        one.window
        for grain in ROLLUPS[spec.windows.grain]
        for one in stored_windows(context.spark, context.store, spec, grain).values()
        if one.window.meets(gone)
    ]
