"""Evaluation sets that the spec declares: frozen once, by the first run that finds them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sparkdrift.errors import SourceError, SparkdriftError
from sparkdrift.references.life import IN_FORCE, Name
from sparkdrift.spark.reference_life import Active, Snapshot, Stored, read_references
from sparkdrift.spec.digests import set_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.scoring import evaluation_of
from sparkdrift.steps.context import Context
from sparkdrift.steps.evaluation_scores import ROLE, definition_in
from sparkdrift.steps.freezing import Wanted, make_version, same_rows
from sparkdrift.steps.promotion import settle
from sparkdrift.steps.snapshot import Freeze, put_in_force, user

STEP = "evaluation sets"
_NONE = "no evaluation set"


@dataclass(frozen=True)
class Sets:
    """The evaluation sets of a spec, by name: what is stored, and what was made just now.

    missing: why a set could not be frozen. remarks: what of those that are there is left out or
    can't be measured, or that none of them is in force, in words.
    """

    stored: Mapping[str, Stored] = field(default_factory=dict)
    made: Mapping[str, Snapshot] = field(default_factory=dict)
    missing: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def active(self) -> dict[str, tuple[Active, ...]]:
        """Which version of which set is in force from when."""
        return {name: one.active for name, one in self.stored.items() if one.active}


def name_of_set(spec: MonitorSpec, name: str) -> Name:
    return Name(spec.monitor, ROLE, name)


def wanted_set(spec: MonitorSpec, name: str) -> Wanted:
    """What the spec says an evaluation set is made of."""
    one = evaluation_of(spec).sets[name]
    return Wanted(
        name_of_set(spec, name),
        table=one.table,
        path=one.path,
        row_filter=one.filter,
        version=one.version,
        declared_at=("evaluation", "sets", name),
    )


def stored_sets(context: Context, spec: MonitorSpec) -> dict[str, Stored]:
    """What is stored of the sets that the spec declares, by name; writes nothing."""
    if spec.evaluation is None or not spec.evaluation.sets:
        return {}
    names = {name: name_of_set(spec, name) for name in spec.evaluation.sets}
    found = read_references(context.spark, context.store, spec.monitor, list(names.values()))
    return {name: found.get(one, Stored()) for name, one in names.items()}


def due_sets(spec: MonitorSpec, stored: Mapping[str, Stored]) -> list[str]:
    """The sets of which no version holds what the spec asks for."""
    return [name for name, own in stored.items() if not _holding(spec, name, own)]


def freeze_sets(context: Context, spec: MonitorSpec) -> Sets:
    """Freeze each declared set of which no version holds what is asked for.

    One that can't be frozen is said in the run's warnings, and does not keep the others, or the
    counting of scores, from going on. A set of the same table whose columns or thresholds mean
    something else now stands in for the one before it, from where that was in force.
    """
    stored = stored_sets(context, spec)
    if not stored:
        return Sets()
    made: dict[str, Snapshot] = {}
    missing: dict[str, str] = {}
    with context.journal.step(spec.monitor, STEP) as record:
        for name, own in stored.items():
            which = name_of_set(spec, name)
            settle(context, spec, which, own.events)
            held = _holding(spec, name, own)
            if held is not None and held.known:
                record.warnings += _not_in_force(name, held, own)
                continue
            context.journal.started(record)
            try:
                if held is None:
                    held = make_version(
                        context,
                        spec,
                        wanted_set(spec, name),
                        own,
                        record,
                        windows=(),
                        by=user(),
                        note=None,
                    )
                since = _since(spec, name, own)
                put_in_force(context, spec, which, own, held, Freeze(effective_from=since), record)
            except SparkdriftError as error:
                missing[name] = str(error)
                record.warnings.append(f"{_NONE} {name}: {_first(error)}")
                continue
            made[name] = held
        remarks = tuple(one for one in record.warnings if not one.startswith(_NONE))
    if made:
        stored = stored_sets(context, spec)
    return Sets(stored, made, missing, remarks)


def _not_in_force(name: str, held: Snapshot, stored: Stored) -> list[str]:
    """What to do where what the spec asks for is frozen, but not used."""
    state = stored.states[held.version]
    if state in IN_FORCE or (state == "erased" and stored.present is not None):
        return []
    if state == "erased":
        why = "the rows of the version that the spec asks for were erased"
        return [f"evaluation set {name}: {why}; let it ask for a later version of the table"]
    promote = f"sparkdrift reference promote SPEC {held.version} --role {ROLE} --name {name}"
    which = f"evaluation set {name}: what the spec asks for is version {held.version}"
    return [f"{which}, which is {state}: `{promote} --reason ...` puts it in force"]


def _first(error: SparkdriftError) -> str:
    text = str(error.problem if isinstance(error, SourceError) else error)
    return text.splitlines()[0]


def _holding(spec: MonitorSpec, name: str, stored: Stored) -> Snapshot | None:
    """The version that holds what is wanted; that in force, if it does, else the newest."""
    same = [one for one in stored.versions if _holds(spec, name, one, stored)]
    active = [one for one in same if stored.states[one.version] in IN_FORCE]
    return next(reversed(active or same), None)


def _holds(spec: MonitorSpec, name: str, one: Snapshot, stored: Stored) -> bool:
    wanted = wanted_set(spec, name)
    if wanted.version is not None and one.source_version != wanted.version:
        return False
    if not same_rows(one, wanted) or definition_in(one.declared) != set_hash(spec, name):
        return False
    if stored.states[one.version] != "erased":
        return True
    # Frozen again it would bring back what was erased, or take the place of what stands in for it.
    return wanted.version is not None or stored.present is not None


def _since(spec: MonitorSpec, name: str, stored: Stored) -> datetime | None:
    """From where on the next version is in force, where it only means something else; else None."""
    last = stored.active[-1] if stored.active else None
    if last is None or not same_rows(last.snapshot, wanted_set(spec, name)):
        return None
    return last.start
