"""References as the store has them: their versions, their events, and what is in force when."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, TypeAlias

from pyspark.sql import SparkSession

from sparkdrift.explain.signals import UNSHAPED
from sparkdrift.references.life import (
    NOTED,
    PUTTING,
    Event,
    Name,
    State,
    covering,
    ordered,
    states,
    terms,
)
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.reference_tables import REFERENCE_EVENTS, REFERENCE_SNAPSHOTS
from sparkdrift.spark.sql import string
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store
from sparkdrift.windows import Window

Row: TypeAlias = Mapping[str, Any]

ROLE = "baseline"
TRAINING = "training"
"""The role, and the name, of the reference that the comparison `training` is with."""
EVALUATION = "evaluation"
"""The role of evaluation sets."""
ALWAYS = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Snapshot:
    """One row of `reference_snapshots`.

    `known`: whether an event says anything of it; one without any was left by a run that ended too
    early. `since`: from which window start on its first promotion put it in force. `declared`: of
    an evaluation set, what the spec said when it was frozen, as JSON. `newest_event`: the day
    (UTC) of its newest row, of an interval its end; None: not known.
    """

    version: int
    run_id: str
    source: str
    source_filter: str | None
    interval: Window | None
    windows: int
    rows: int
    digest: str
    known: bool = False
    since: datetime | None = None
    source_id: str | None = None
    source_version: int | None = None
    k: int | None = None
    parent: int | None = None
    created_at: datetime | None = None
    created_by: str | None = None
    note: str | None = None
    declared: str | None = None
    newest_event: datetime | None = None


@dataclass(frozen=True)
class Active:
    """A version in force for windows that start in [start, end); end None: still."""

    snapshot: Snapshot
    start: datetime
    end: datetime | None


@dataclass(frozen=True)
class Stored:
    """One reference: its versions, oldest first, and its events, in order of their numbers."""

    versions: tuple[Snapshot, ...] = ()
    events: tuple[Event, ...] = ()

    @cached_property
    def active(self) -> tuple[Active, ...]:
        """Which version is in force from when, in order of time.

        After the first there are no gaps, but where a version was erased that none stands in for.
        """
        known = self.by_number
        return tuple(
            Active(known[term.version], term.start, term.end)
            for term in terms(self.events)
            if term.version in known and self.states[term.version] != "erased"
        )

    @cached_property
    def by_number(self) -> dict[int, Snapshot]:
        return {one.version: one for one in self.versions}

    @cached_property
    def states(self) -> dict[int, State]:
        return states(self.events, self.by_number)

    @property
    def next_number(self) -> int:
        """Of the version to come: none that an event speaks of, whose rows were not written."""
        spoken = (event.version for event in self.events)
        return max((*spoken, *self.by_number), default=0) + 1

    @property
    def newest(self) -> Snapshot | None:
        return self.versions[-1] if self.versions else None

    @property
    def present(self) -> Snapshot | None:
        """The version in force for the windows to come."""
        last = self.active[-1] if self.active else None
        return last.snapshot if last and last.end is None else None


@dataclass(frozen=True)
class References:
    """All that is stored of the reference that the spec asks for.

    `versions`, `events`: of it. `active`: which version is in force from when. `training`: the
    same of the reference of that role, where the spec compares with it. `evaluation`: of each
    evaluation set that the spec declares and that was frozen, by its name.
    """

    own: Stored = Stored()
    training: tuple[Active, ...] = ()
    evaluation: Mapping[str, tuple[Active, ...]] = field(default_factory=dict)

    @property
    def versions(self) -> tuple[Snapshot, ...]:
        return self.own.versions

    @property
    def active(self) -> tuple[Active, ...]:
        return self.own.active


InForce = Mapping[str, tuple[Active, ...]]
"""By comparison: which version of which reference it reads, from when on."""


def in_force(spec: MonitorSpec, stored: References) -> InForce:
    """What each comparison of the spec reads, and that with each of its evaluation sets.

    `origin` stays with version 1 from where that first came into force, until it is erased;
    comparisons of two windows take the bins and the usual variation of the reference in force.
    `unshaped` reads none: both its sides are of the window itself.
    """
    states = stored.own.states
    first = [one for one in stored.versions if one.version == 1 and states[1] != "erased"]
    origin = tuple(Active(one, one.since, None) for one in first if one.since is not None)
    other = {"origin": origin, "training": stored.training}
    made: dict[str, tuple[Active, ...]] = {
        name: other.get(name, stored.active) for name in spec.drift.comparisons
    }
    made |= {with_set(name): active for name, active in stored.evaluation.items()}
    # Asked for or not: rows that are not wanted any more are then dropped.
    return made | ({UNSHAPED: ()} if spec.feedback is not None else {})


def everywhere(snapshot: Snapshot) -> tuple[Active, ...]:
    """A version as if it were in force for all windows but those that it was made of."""
    inside = snapshot.interval
    if inside is None:
        return (Active(snapshot, ALWAYS, None),)
    return (Active(snapshot, ALWAYS, inside.start), Active(snapshot, inside.end, None))


def version_at(active: Sequence[Active], start: datetime) -> int:
    """The version in force for a window that begins at `start`; 0 where none is."""
    found = covering(active, start)
    return 0 if found is None else found.snapshot.version


def with_set(name: str) -> str:
    """The comparison with the evaluation set `name`: sets number their versions each for itself."""
    return f"{EVALUATION}:{name}"


def set_of(comparison: str) -> str | None:
    """The evaluation set that a comparison is with, or None."""
    role, _, name = comparison.partition(":")
    return name if role == EVALUATION and name else None


def role_of(comparison: str) -> str:
    """The role of the reference that a comparison reads."""
    if set_of(comparison) is not None:
        return EVALUATION
    return TRAINING if comparison == TRAINING else ROLE


def read_by(spec: MonitorSpec, comparison: str) -> Name:
    """The reference that a comparison reads; that of a role alone is called after it."""
    role = role_of(comparison)
    return Name(spec.monitor, role, set_of(comparison) or name_of(spec, role).name)


def own_name(spec: MonitorSpec) -> Name:
    """The reference that the spec asks for, also where it asks for none."""
    return Name(spec.monitor, ROLE, spec.reference.name if spec.reference else ROLE)


def name_of(spec: MonitorSpec, role: str) -> Name:
    """The reference of a role that is read for the spec; but for its own the role is the name."""
    return own_name(spec) if role == ROLE else Name(spec.monitor, role, role)


def stored_references(
    spark: SparkSession, store: Store, spec: MonitorSpec, name: str | None
) -> References:
    """The spec's reference, its evaluation sets, and that of the role `training` if the spec
    compares with it.

    `name` None: without the first.
    """
    own = Name(spec.monitor, ROLE, name or ROLE)
    training = name_of(spec, TRAINING)
    wanted = [own] if name is not None else []
    if TRAINING in spec.drift.comparisons:
        wanted.append(training)
    sets = {one: Name(spec.monitor, EVALUATION, one) for one in evaluation_sets(spec)}
    wanted += sets.values()
    found = read_references(spark, store, spec.monitor, wanted)
    return References(
        found.get(own, Stored()) if name is not None else Stored(),
        found.get(training, Stored()).active if training in wanted else (),
        {one: found[of].active for one, of in sets.items() if of in found and found[of].active},
    )


def evaluation_sets(spec: MonitorSpec) -> tuple[str, ...]:
    """The names of the evaluation sets that the spec declares."""
    return tuple(spec.evaluation.sets) if spec.evaluation else ()


def read_references(
    spark: SparkSession, store: Store, monitor: str, names: Collection[Name] | None = None
) -> dict[Name, Stored]:
    """Versions and events of references in one query: each query costs half a second.

    `names` None: all of the monitor.
    """
    query = references_query(store.table, monitor, names)
    with few_rows(spark):
        return references_of(monitor, [row.asDict() for row in spark.sql(query).collect()])


def references_query(
    table: Callable[[str], str], monitor: str, names: Collection[Name] | None = None
) -> str:
    """The query of `read_references`; table: what a table is called in it."""
    where = f"monitor = {string(monitor)}"
    if names is not None:
        cases = " OR ".join(f"({same(one)})" for one in names)
        where += f" AND ({cases or 'false'})"
    columns = {
        **dict.fromkeys(
            ("run_id", "source", "source_filter", "source_id", "digest", "declared"), "STRING"
        ),
        **dict.fromkeys(("windows", "k_effective", "parent"), "INT"),
        **dict.fromkeys(("rows", "source_version"), "BIGINT"),
    }
    nulls = ", ".join(f"CAST(NULL AS {kind})" for kind in columns.values())
    return (
        f"SELECT role, name, version, {', '.join(columns)}, unix_micros(interval_start) AS start,"
        " unix_micros(interval_end) AS end, unix_micros(newest_event) AS newest,"
        " CAST(NULL AS BIGINT) AS seq,"
        " CAST(NULL AS STRING) AS action, unix_micros(created_at) AS at, created_by AS by,"
        " note AS reason, CAST(NULL AS STRING) AS gate"
        f" FROM {table(REFERENCE_SNAPSHOTS.name)} WHERE {where}"
        f" UNION ALL SELECT role, name, version, {nulls}, unix_micros(effective_from), NULL, NULL,"
        " seq, action, unix_micros(created_at), created_by, reason, gate"
        f" FROM {table(REFERENCE_EVENTS.name)} WHERE {where}"
    )


def references_of(monitor: str, rows: Iterable[Row]) -> dict[Name, Stored]:
    """What `references_query` answers of a monitor, by reference."""
    by_name: dict[Name, list[Row]] = {}
    for row in rows:
        by_name.setdefault(Name(monitor, row["role"], row["name"]), []).append(row)
    return {name: _stored(own) for name, own in by_name.items()}


def chosen(every: Mapping[Name, Stored], role: str | None, name: str | None) -> dict[Name, Stored]:
    """Those of a role and a name, None: of any, in order of both."""
    return {
        one: every[one]
        for one in sorted(every, key=lambda one: (one.role, one.name))
        if role in (None, one.role) and name in (None, one.name)
    }


def same(name: Name) -> str:
    """A predicate: the row is of this reference."""
    return (
        f"monitor = {string(name.monitor)} AND role = {string(name.role)}"
        f" AND name = {string(name.name)}"
    )


def _stored(rows: Sequence[Row]) -> Stored:
    events = ordered(
        Event(
            seq=row["seq"],
            version=row["version"],
            action=row["action"],
            effective_from=from_micros(row["start"]),
            at=_instant(row["at"]),
            by=row["by"] or "",
            reason=row["reason"] or "",
            gate=row["gate"],
        )
        for row in rows
        if row["seq"] is not None
    )
    by_version: dict[int, list[Event]] = {}
    for event in events:
        by_version.setdefault(event.version, []).append(event)
    versions = (
        _snapshot(row, by_version.get(row["version"], ())) for row in rows if row["seq"] is None
    )
    return Stored(tuple(sorted(versions, key=lambda one: one.version)), tuple(events))


def _snapshot(row: Row, own: Sequence[Event]) -> Snapshot:
    """own: the events of this version."""
    begun = None if row["start"] is None else from_micros(row["start"])
    return Snapshot(
        version=row["version"],
        run_id=row["run_id"],
        source=row["source"],
        source_filter=row["source_filter"],
        interval=None if begun is None else Window(begun, from_micros(row["end"])),
        windows=row["windows"],
        rows=row["rows"],
        digest=row["digest"],
        known=any(one.action not in NOTED for one in own),
        since=next((one.effective_from for one in own if one.action in PUTTING), None),
        source_id=row["source_id"],
        source_version=row["source_version"],
        k=row["k_effective"],
        parent=row["parent"],
        created_at=_instant(row["at"]),
        created_by=row["by"],
        note=row["reason"],
        declared=row["declared"],
        newest_event=_instant(row["newest"]),
    )


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)
