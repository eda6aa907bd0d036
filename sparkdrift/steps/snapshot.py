"""Snapshot: freeze a reference, once, and put it in force.

What the spec asks for is frozen by the first run that finds it complete. What a person did
since by `sparkdrift reference` is left as it is: a run brings in what no version holds yet,
and makes good what a run left half done, nothing else.
"""

from __future__ import annotations

import getpass
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import IN_FORCE, Event, Name
from sparkdrift.spark.profiles import StoredWindow, stored_windows
from sparkdrift.spark.reference_life import (
    ALWAYS,
    References,
    Snapshot,
    Stored,
    own_name,
    stored_references,
)
from sparkdrift.spec.models import MonitorSpec, Reference
from sparkdrift.steps.context import Context
from sparkdrift.steps.freezing import Wanted, holds, make_version, stored_for
from sparkdrift.steps.freezing_inputs import Known, inputs_of
from sparkdrift.steps.journal import Record
from sparkdrift.steps.promotion import Decision, enter, record_event, settle
from sparkdrift.windows import Window, local_instant

STEP = "snapshot"


@dataclass(frozen=True)
class Freeze:
    """What to freeze beyond what the spec says: `force` makes a new version in any case.

    candidate: it is not put in force.
    """

    force: bool = False
    note: str | None = None
    effective_from: datetime | None = None
    candidate: bool = False


@dataclass(frozen=True)
class Due:
    """What the snapshot step finds: a version to make, one to put in force, or nothing.

    `stored`: all that is stored of the reference. `found`: the newest version that was made of
    what the spec asks for. `make`: whether another one is due. `missing`: why it can't be made
    yet, or None. `windows`: stored ones it would be merged from.
    """

    stored: References
    found: Snapshot | None = None
    make: bool = False
    missing: str | None = None
    windows: Sequence[StoredWindow] = ()

    @property
    def waits(self) -> bool:
        """Whether a run ended between the two rows: a version exists, and no event says so."""
        return not self.make and self.found is not None and not self.found.known


@dataclass(frozen=True)
class Frozen:
    """What the snapshot step did: the version it made or put in force, or None.

    `stored`: what is stored of the reference, for the next step; None where this one
    changed it or had none to look for. `blocked`: why the gate left the version a candidate.
    `event`: what happened to the version last.
    """

    version: Snapshot | None = None
    stored: References | None = None
    blocked: tuple[str, ...] = ()
    event: Event | None = None

    @property
    def forced(self) -> tuple[Snapshot, Event]:
        """The version and its event, of a freeze that was asked for: it makes one or raises."""
        if self.version is None or self.event is None:
            raise ValueError("no version was made: only what was asked for always makes one")
        return self.version, self.event


def due_reference(context: Context, spec: MonitorSpec, *, force: bool = False) -> Due:
    """Whether the spec's reference must be frozen, asked of what is stored; writes nothing."""
    if spec.reference is None:
        return Due(References(), missing="the spec has no reference section")
    wanted = wanted_of(spec, spec.reference)
    known = stored_references(context.spark, context.store, spec, spec.reference.name)
    same = [one for one in known.versions if holds(one, spec, wanted)]
    if same and not force:
        return Due(known, _meant(known, same))
    if wanted.interval is None:
        return Due(known, make=True)
    windows, missing = stored_for(context, spec, wanted.interval)
    return Due(known, make=True, missing=missing, windows=windows)


def _meant(known: References, same: Sequence[Snapshot]) -> Snapshot:
    """Of versions made of the same: one that was left half done, that in force, or the newest."""
    states = known.own.states
    active = [one for one in same if states[one.version] in IN_FORCE]
    return active[0] if active and same[-1].known else same[-1]


def wanted_of(spec: MonitorSpec, reference: Reference) -> Wanted:
    """What the spec asks to be frozen."""
    zone, interval = spec.timestamp.zone, None
    if not reference.is_scanned and reference.begin is not None and reference.end is not None:
        interval = Window(local_instant(reference.begin, zone), local_instant(reference.end, zone))
    return Wanted(
        own_name(spec),
        interval,
        reference.table,
        reference.path,
        reference.filter,
        declared_at=("reference",),
    )


def snapshot_reference(context: Context, spec: MonitorSpec, freeze: Freeze | None = None) -> Frozen:
    """Freeze the spec's reference where that is due; returns what was done.

    Due is a reference that no version holds yet (another interval, table or filter), once
    its interval has been profiled. The first version is put in force; a later one if the gate
    lets it pass, else it stays a candidate, and a person decides. Raises SnapshotError where a
    forced one is impossible.
    """
    asked = freeze or Freeze()
    with context.journal.step(spec.monitor, STEP) as record:
        reference = spec.reference
        due = due_reference(context, spec, force=asked.force)
        settle(context, spec, own_name(spec), due.stored.own.events)
        if reference is None or due.missing:
            _refuse(asked, record, str(due.missing))
            return Frozen(stored=None if reference is None else due.stored)
        if due.make:
            context.journal.started(record)
            wanted = wanted_of(spec, reference)
            made = make_version(
                context,
                spec,
                wanted,
                due.stored.own,
                record,
                windows=due.windows,
                by=user(),
                note=asked.note,
            )
            record.windows = made.windows
            return put_in_force(context, spec, wanted.name, due.stored.own, made, asked, record)
        if due.found is None or not due.waits:
            _say_otherwise(due, record)
            return Frozen(stored=due.stored)
        context.journal.started(record)
        return put_in_force(context, spec, own_name(spec), due.stored.own, due.found, asked, record)


def snapshot_by_hand(
    context: Context,
    spec: MonitorSpec,
    wanted: Wanted,
    asked: Freeze,
    known: Known | None = None,
) -> Frozen:
    """Freeze a version of what a person wants, of whatever role and name.

    An interval of the watched table is merged from its stored windows, where all of them are
    stored under the present definitions; else it is read in one scan, and the run says why.
    known: what `known_by_ask` says, where the store is as it was then.
    """
    with context.journal.step(spec.monitor, STEP) as record:
        with context.journal.starting(record):
            stored, held = inputs_of(context, spec, wanted, known)
        windows, missing = held.windows, held.missing
        own = stored.get(wanted.name, Stored())
        if missing:
            record.warnings.append(f"read in one scan: {missing}")
        made = make_version(
            context,
            spec,
            wanted,
            own,
            record,
            windows=windows,
            by=user(),
            note=asked.note,
            watched=held.source,
        )
        record.windows = made.windows
        return put_in_force(context, spec, wanted.name, own, made, asked, record, stored)


def put_in_force(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    stored: Stored,
    made: Snapshot,
    asked: Freeze,
    record: Record,
    every: Mapping[Name, Stored] | None = None,
) -> Frozen:
    """Put a version in force; it stays a candidate where that is asked for or the gate blocks.

    every: all references of the monitor, where they are known.
    """
    reason = asked.note or ("asked for by hand" if asked.force else "the spec asks for it")
    if not stored.active and not asked.note:
        reason = "the first version"
    known = (
        replace(stored, versions=(*stored.versions, made))
        if made.version not in (stored.by_number)
        else stored
    )
    decision = Decision(user(), reason)
    gate, why = None, list[str]()
    since = asked.effective_from or effective_from(context, spec, made)
    if not asked.candidate:
        entered = enter(context, spec, name, known, made, decision, since, every=every)
        if entered.event is not None:
            return Frozen(made, event=entered.event)
        gate, why = "blocked", entered.why
    event = record_event(context, name, stored, "propose", made.version, since, decision, gate)
    record.warnings += [
        f"version {made.version} of {name} is a candidate, the gate blocks it: {line}"
        for line in why
    ]
    return Frozen(made, blocked=tuple(why), event=event)


def effective_from(context: Context, spec: MonitorSpec, made: Snapshot) -> datetime:
    """After its own interval, so that a version never judges itself.

    The first one taken from another table judges everything; a later one what comes after
    the stored windows: those were judged by the table that was in force.
    """
    if made.interval:
        return made.interval.end
    return ALWAYS if made.version == 1 else newest_end(context, spec)


def newest_end(context: Context, spec: MonitorSpec) -> datetime:
    """Where the newest stored window ends."""
    stored = stored_windows(context.spark, context.store, spec).values()
    return max((one.window.end for one in stored), default=ALWAYS)


def user() -> str:
    """Who runs this; a container may have a user without a name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def _say_otherwise(due: Due, record: Record) -> None:
    """Say where what the spec asks for is frozen, but another version is in force."""
    found, present = due.found, due.stored.own.present
    if found is None:
        return
    state = due.stored.own.states[found.version]
    if state not in IN_FORCE:
        instead = f"version {present.version}" if present else "none"
        step = (
            "let the spec ask for another interval or table"
            if state in ("rejected", "erased")
            else f"`sparkdrift reference promote SPEC {found.version} --reason ...` changes that"
        )
        record.warnings.append(
            f"what the spec asks for is version {found.version} of the reference, which is "
            f"{state}; in force is {instead}: {step}"
        )


def _refuse(asked: Freeze, record: Record, reason: str) -> None:
    """Say why nothing is frozen: an error where it was asked for, else a warning."""
    if asked.force:
        raise SnapshotError(f"no reference was frozen: {reason}")
    record.warnings.append(f"no reference yet: {reason}")
