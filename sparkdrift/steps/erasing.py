"""Versions of references that held what was erased: made again where they can be, then deleted.

What happened to each is said in one commit of events, before any row goes: whoever looks next
finds by them what a crash left undone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sparkdrift.errors import NoRowsError, NoTableError, SpecError
from sparkdrift.references.life import ERASED, ERASURE, STANDS_IN, Name, with_substitutes
from sparkdrift.references.places import same_place
from sparkdrift.spark.erased_rows import (
    delete_invisible,
    delete_unsaid,
    delete_version,
    forget_instant,
)
from sparkdrift.spark.expressions import of_a_value, resolve_source
from sparkdrift.spark.failures import FAILURES
from sparkdrift.spark.reference_events import Planned, write_events
from sparkdrift.spark.reference_life import ALWAYS, Snapshot, Stored, read_references
from sparkdrift.spark.source import instant, open_source, source_of
from sparkdrift.spark.sql import timestamp
from sparkdrift.spec.columns import is_timestamp
from sparkdrift.spec.expressions import check_expression
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.evaluation_scores import timestamp_of
from sparkdrift.steps.freezing import Wanted, make_version, whole
from sparkdrift.steps.journal import Record
from sparkdrift.steps.promotion import settle
from sparkdrift.steps.verifying import location
from sparkdrift.windows import Window, day_of

# What will not change by itself: a table that can't be reached today may be there tomorrow.
_FAILING = (NoRowsError, NoTableError, SpecError)
_CAUGHT: tuple[type[Exception], ...] = (*_FAILING, *FAILURES)
_STEP = "forget"
_NOT_RUN = "its rows are told by a condition that is not run"


@dataclass(frozen=True)
class Erased:
    """A version whose rows were deleted. `instead`: the one that stands in for it; None: none
    does, and `why` says why. `digest`: what it had."""

    name: Name
    version: int
    digest: str
    instead: int | None = None
    why: str = ""

    @property
    def told(self) -> str:
        return f"version {self.instead} stands in for it" if self.instead else self.why


def erase_versions(
    context: Context,
    spec: MonitorSpec,
    touched: Sequence[Window],
    record: Record,
    by: str,
    roles: Collection[str],
) -> tuple[tuple[Erased, ...], tuple[str, ...]]:
    """Make versions again that held rows of the windows, and say that the old ones are erased.

    roles: of which those that were made of other tables are made again as well. Returns them, and
    what was not looked at: versions made of other tables.
    """
    erased: list[Erased] = []
    elsewhere: list[str] = []
    own = spec.source.table or spec.source.path
    for name, stored in read_references(context.spark, context.store, spec.monitor).items():
        held = []
        for one in stored.versions:
            if stored.states[one.version] == "erased":
                continue
            other = not same_place(one.source, own)
            if other and name.role not in roles:
                elsewhere.append(f"version {one.version} of {name} ({one.source})")
            elif other or _held(one, touched):
                held.append(one)
        stored, held = _without_unsaid(context, name, stored, held)
        made = _made_again(context, spec, name, stored, held, record, by)
        _say(context, spec, name, made, by)
        erased += made
    return tuple(erased), tuple(elsewhere)


def _held(one: Snapshot, touched: Sequence[Window]) -> bool:
    """Whether a version of the watched table may hold rows of the windows."""
    if one.interval is None:
        return bool(touched)
    return any(one.interval.meets(other) for other in touched)


def _without_unsaid(
    context: Context, name: Name, stored: Stored, held: Sequence[Snapshot]
) -> tuple[Stored, list[Snapshot]]:
    """The same without versions that no event speaks of, which are deleted.

    Somebody who made one ended too early, maybe an erasure that is now done again; nobody was
    told of it.
    """
    said = {event.version for event in stored.events}
    unsaid = {one.version for one in held} - said
    for version in sorted(unsaid):
        delete_unsaid(context.spark, context.store, name, version)
    left = tuple(one for one in stored.versions if one.version not in unsaid)
    return replace(stored, versions=left), [one for one in held if one.version not in unsaid]


def _made_again(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    stored: Stored,
    held: Sequence[Snapshot],
    record: Record,
    by: str,
) -> list[Erased]:
    """What is to be erased, with what stands in for it.

    A version that comes out as it is holds nothing that left the source, and stays. So does what
    an erasure made that ended too early, as long as its sketches are exact.
    """
    found = []
    for one in held:
        erased = Erased(name, one.version, one.digest)
        try:
            wanted = _wanted(context, spec, name, one, stored)
            if wanted is None:
                continue
            if isinstance(wanted, str):
                found.append(replace(erased, why=wanted))
                continue
            then = _with_filter_of(context, spec, one)
            # Windows under another filter were not profiled again: they hold what is to be erased.
            merged = one.interval if then is spec else None
            made = make_version(
                context,
                then,
                wanted,
                stored,
                record,
                windows=whole(context, spec, merged)[0] if merged else (),
                by=by,
                note=f"after an erasure, instead of version {one.version}",
            )
        except _CAUGHT as error:
            if not isinstance(error, _FAILING) and not of_a_value(error):
                raise
            # No more than its kind: an error of a row may quote what the row held.
            why = f"it can't be made again ({type(error).__name__})"
            found.append(replace(erased, why=why))
            continue
        if made.digest == one.digest:
            delete_unsaid(context.spark, context.store, name, made.version)
            continue
        stored = replace(stored, versions=(*stored.versions, made))
        found.append(replace(erased, instead=made.version))
    return found


def _wanted(
    context: Context, spec: MonitorSpec, name: Name, one: Snapshot, stored: Stored
) -> Wanted | str | None:
    """What a version that stands in for it is made of, or why none can be; None: it may stay.

    One of a whole table is made of the rows up to the day of the newest event that it had: it
    stands in for what was in force, and what came since was never held against it. It stays where
    nothing was written to its table. Raises NoTableError where that is gone.
    """
    if stored.states[one.version] == "rejected":
        return "it was rejected"
    if one.interval is not None and _of_watched(context, spec, one):
        if any(check_expression(one.source_filter or "true")):
            return _NOT_RUN
        return Wanted(name, one.interval)
    table, path = location(one.source)
    source = open_source(context.spark, table=table, path=path, row_filter=None)
    if (one.source_id, one.source_version) == (source.table_id, source.version):
        return None
    if one.interval is not None:
        return "it was made of an interval of another table: freeze another"
    column = timestamp_of(spec, name)
    kind = next((own for key, own in source.schema.items() if key.lower() == column.lower()), None)
    if kind is None or one.newest_event is None or not is_timestamp(kind):
        return "it was made of the whole table, and it is not known up to when: freeze another"
    at = instant(column, kind, spec.timestamp.zone)
    day = day_of(one.newest_event) + timedelta(days=1)
    until = f"({at} < {timestamp(day)} OR {at} IS NULL)"
    row_filter = f"({one.source_filter}) AND {until}" if one.source_filter else until
    # The condition may have come with a file from elsewhere.
    if any(check_expression(row_filter)):
        return _NOT_RUN
    return Wanted(name, table=table, path=path, row_filter=row_filter)


def _of_watched(context: Context, spec: MonitorSpec, one: Snapshot) -> bool:
    """Whether a version was made of the watched table, under whatever name."""
    if same_place(one.source, spec.source.table or spec.source.path):
        return True
    return one.source_id == source_of(context.spark, spec).table_id


def _with_filter_of(context: Context, spec: MonitorSpec, one: Snapshot) -> MonitorSpec:
    """The spec with the filter that the version was made by, where it is of the watched table; the
    spec itself where that is its filter. Raises SpecError where the table has outgrown it."""
    # As definitions take it: blanks around a condition mean nothing.
    same = (one.source_filter or "").strip() == (spec.source.filter or "").strip()
    if one.interval is None or same:
        return spec
    source = spec.source.model_copy(update={"filter": one.source_filter})
    then = spec.model_copy(update={"source": source})
    spark = context.spark
    resolution = resolve_source(spark, then, source_of(spark, then))
    if resolution.blocking:
        raise SpecError(resolution.blocking)
    return then


def _say(context: Context, spec: MonitorSpec, name: Name, made: Sequence[Erased], by: str) -> None:
    """One commit: the new versions in force when the old ones were, which are erased."""
    if not made:
        return
    stored = read_references(context.spark, context.store, name.monitor, [name])[name]
    instead = {one.version: one.instead for one in made if one.instead is not None}
    terms = with_substitutes(stored.events, instead)
    active = {term.version for term in terms}
    planned = [
        Planned("force" if term.forced else "activate", term.version, term.start, _STEP, ERASURE)
        for term in terms
    ]
    planned += [
        Planned("propose", number, ALWAYS, _STEP)
        for number in instead.values()
        if number not in active
    ]
    for one in made:
        planned.append(Planned(ERASED, one.version, ALWAYS, f"digest {one.digest}: {one.told}"))
    write_events(
        context.spark,
        context.store,
        name,
        stored.events,
        planned,
        by=by,
        run_id=context.journal.run_id,
    )


def delete_erased(context: Context, spec: MonitorSpec, stored: Mapping[Name, Stored]) -> None:
    """Of all versions that are said to be erased, and rows that are of no version.

    An earlier run may have ended before this. What a debt rests on is written before it goes.
    """
    for name, own in stored.items():
        settle(context, spec, name, own.events)
        for version, state in own.states.items():
            if state == "erased":
                delete_version(context.spark, context.store, name, version)
                # Earlier versions of sparkdrift kept the instant of one row.
                one = own.by_number[version]
                newest = None if one.interval else one.newest_event
                if newest is not None and newest != day_of(newest):
                    forget_instant(context.spark, context.store, name, version)
    delete_invisible(context.spark, context.store, spec.monitor)


def erased_since(stored: Mapping[Name, Stored], at: datetime) -> list[Erased]:
    """What erasures said from then on, read from their events."""
    found = []
    for name, own in stored.items():
        for event in own.events:
            if event.action != ERASED or event.at is None or event.at < at:
                continue
            why = event.reason.partition(": ")[2]
            number = STANDS_IN.fullmatch(why)
            one = Erased(name, event.version, own.by_number[event.version].digest, why=why)
            found.append(replace(one, instead=int(number[1]), why="") if number else one)
    return found


def exported(stored: Mapping[Name, Stored]) -> tuple[str, ...]:
    """The files that erased versions were written to, as their events name them."""
    return tuple(
        one.reason
        for own in stored.values()
        for one in own.events
        if one.action == "export" and own.states.get(one.version) == "erased"
    )
