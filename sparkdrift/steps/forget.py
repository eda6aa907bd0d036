"""Forget: what was erased from the source leaves the store as well.

After rows were deleted from the source, their windows are profiled again, and all that was made
of them goes: roll-ups, states, verdicts, and versions of references, which are made again where
the source still has their rows. VACUUM then removes the files. What is written down of it names
windows, versions and files, never a value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sparkdrift.errors import SnapshotError, SourceError, SpecError
from sparkdrift.references.life import ERASED, ERASURE, Name, with_substitutes
from sparkdrift.spark.erased_rows import delete_derived, delete_version, vacuum
from sparkdrift.spark.failures import FAILURES
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.reference_events import Planned, write_events
from sparkdrift.spark.reference_life import ALWAYS, Snapshot, Stored, read_references
from sparkdrift.spec.local_time import ROLLUPS
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.assumptions import check_assumptions
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.drift import compute_drift
from sparkdrift.steps.evaluate import evaluate
from sparkdrift.steps.freezing import Wanted, make_version, whole
from sparkdrift.steps.journal import Record
from sparkdrift.steps.kept import pruned
from sparkdrift.steps.profile import plan_profile, profile_windows
from sparkdrift.steps.promotion import settle
from sparkdrift.windows import Window, contiguous, windows_meeting

STEP = "forget"
_FAILING: tuple[type[Exception], ...] = (SnapshotError, SourceError, SpecError, *FAILURES)


@dataclass(frozen=True)
class Erased:
    """A version whose rows were deleted. `instead`: the one that stands in for it; None: none
    does, and `why` says why. `digest`: what it had."""

    name: Name
    version: int
    digest: str
    instead: int | None = None
    why: str = ""


@dataclass(frozen=True)
class Forgotten:
    """What was done, and what is left to the caller.

    windows: profiled again. elsewhere: versions made of other tables, which were not looked at.
    files: where erased versions had been exported to.
    """

    windows: tuple[Window, ...] = ()
    erased: tuple[Erased, ...] = ()
    elsewhere: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


def forget(
    context: Context, spec: MonitorSpec, options: Options, *, by: str, retain_hours: int
) -> Forgotten:
    """Rebuild what holds values of the windows asked for, or of those that changed.

    Changed is what `run` would profile again; had it run since rows were deleted, nothing would
    be found, and the windows are to be given. So are windows that were pruned but are part of a
    roll-up: they come back, for it to be merged again, until the next pruning. Windows that lost
    all rows are stored as empty, whatever `on_vanished` says. Run again after a crash, with the
    windows that its row in `runs` names, it ends the work.
    """
    # What lost its rows is to go, not to be marked.
    asked = replace(options, emptying=True)
    with context.journal.step(spec.monitor, STEP) as record:
        touched = _touched(context, spec, asked)
        record.windows = len(touched)
        record.warnings += [
            f"to be profiled again: {one.start:%Y-%m-%d %H:%M} to {one.end:%Y-%m-%d %H:%M} UTC"
            for one in contiguous(touched)
        ]
        context.journal.started(record)
        found = Forgotten()
        if touched:
            rebuilding = _widened(context, spec, asked, touched)
            delete_derived(context.spark, context.store, spec, touched)
            profile_windows(context, spec, rebuilding)
            found = _of_references(context, spec, touched, record, by)
        stored = read_references(context.spark, context.store, spec.monitor)
        _delete_erased(context, stored)
        compute_drift(context, spec, Options())
        check_assumptions(context, spec, Options())
        evaluate(context, spec, Options())
        vacuum(context.spark, context.store, retain_hours)
        done = replace(found, windows=tuple(touched), files=_exported(stored))
        record.warnings += told(done)
        return done


def told(done: Forgotten) -> list[str]:
    """The same in words, for the journal: versions and files."""
    lines = []
    for one in done.erased:
        instead = f"version {one.instead} stands in for it" if one.instead else one.why
        lines.append(f"erased: version {one.version} of {one.name} ({one.digest}): {instead}")
    lines += [f"not looked at, made of another table: {one}" for one in done.elsewhere]
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
    if gone is None or not options.backfill:
        return options
    first, last = touched[0].start, touched[-1].end
    for grain in ROLLUPS[spec.windows.grain]:
        for one in stored_windows(context.spark, context.store, spec, grain).values():
            if one.window.meets(gone) and any(one.window.meets(other) for other in touched):
                first, last = min(first, one.window.start), max(last, one.window.end)
    return replace(options, begin=first, end=last)


def _of_references(
    context: Context, spec: MonitorSpec, touched: Sequence[Window], record: Record, by: str
) -> Forgotten:
    """Make versions again that held rows of the windows, and say that the old ones are erased."""
    erased: list[Erased] = []
    elsewhere: list[str] = []
    own = spec.source.table or spec.source.path
    for name, stored in read_references(context.spark, context.store, spec.monitor).items():
        held = []
        for one in stored.versions:
            if stored.states[one.version] == "erased":
                continue
            if one.source != own:
                elsewhere.append(f"version {one.version} of {name} ({one.source})")
            elif one.interval is None or any(one.interval.meets(other) for other in touched):
                held.append(one)
        made = _made_again(context, spec, name, stored, held, record, by)
        _say(context, spec, name, made, by)
        erased += made
    return Forgotten(erased=tuple(erased), elsewhere=tuple(elsewhere))


def _made_again(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    stored: Stored,
    held: Sequence[Snapshot],
    record: Record,
    by: str,
) -> list[Erased]:
    found = []
    newest = stored.versions[-1] if stored.versions else None
    for one in held:
        erased = Erased(name, one.version, one.digest)
        why = _unreadable(spec, one, stored)
        if why is None and one.interval is not None:
            try:
                newest = make_version(
                    context,
                    spec,
                    Wanted(name, one.interval),
                    newest,
                    record,
                    windows=whole(context, spec, one.interval)[0],
                    by=by,
                    note=f"after an erasure, instead of version {one.version}",
                )
                erased = replace(erased, instead=newest.version)
            except _FAILING as error:
                # No more than its kind: an error of a row may quote what the row held.
                why = f"it can't be made again ({type(error).__name__})"
        found.append(erased if why is None else replace(erased, why=why))
    return found


def _unreadable(spec: MonitorSpec, one: Snapshot, stored: Stored) -> str | None:
    """Why no version can be made of the same rows, or None."""
    if stored.states[one.version] == "rejected":
        return "it was rejected"
    if one.interval is None:
        return "it was made of the whole table: freeze another"
    if one.source_filter != spec.source.filter:
        return "it was made by another filter than the spec's"
    return None


def _say(context: Context, spec: MonitorSpec, name: Name, made: Sequence[Erased], by: str) -> None:
    """One commit: the new versions in force when the old ones were, which are erased."""
    if not made:
        return
    stored = read_references(context.spark, context.store, name.monitor, [name])[name]
    instead = {one.version: one.instead for one in made if one.instead is not None}
    terms = with_substitutes(stored.events, instead)
    active = {term.version for term in terms}
    planned = [
        Planned("force" if term.forced else "activate", term.version, term.start, STEP, ERASURE)
        for term in terms
    ]
    planned += [
        Planned("propose", number, ALWAYS, STEP)
        for number in instead.values()
        if number not in active
    ]
    for one in made:
        what = f"version {one.instead} stands in for it" if one.instead else one.why
        planned.append(Planned(ERASED, one.version, ALWAYS, f"digest {one.digest}: {what}"))
    written = write_events(
        context.spark,
        context.store,
        name,
        stored.events,
        planned,
        by=by,
        run_id=context.journal.run_id,
    )
    settle(context, spec, name, (*stored.events, *written))


def _delete_erased(context: Context, stored: Mapping[Name, Stored]) -> None:
    """Of all versions that are said to be erased: an earlier run may have ended before this."""
    for name, own in stored.items():
        for version, state in own.states.items():
            if state == "erased":
                delete_version(context.spark, context.store, name, version)


def _exported(stored: Mapping[Name, Stored]) -> tuple[str, ...]:
    """The files that erased versions were written to, as their events name them."""
    return tuple(
        one.reason
        for own in stored.values()
        for one in own.events
        if one.action == "export" and own.states.get(one.version) == "erased"
    )
