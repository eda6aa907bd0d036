"""A table of decisions held against the watched one: what the condition reads of it, what lacks."""

from __future__ import annotations

from collections.abc import Mapping

from sparkdrift.errors import Problem
from sparkdrift.spec.columns import (
    ACCEPTED_ATOMIC,
    ACCEPTED_TIMESTAMP,
    Columns,
    base_type,
    is_atomic,
    is_numeric,
    is_text,
    is_timestamp,
)
from sparkdrift.spec.expressions import identifiers
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.selecting import missing

Schema = Mapping[str, str]
_DECISIONS: Loc = ("feedback", "decisions")
_CONDITION: Loc = ("feedback", "shaped")


def decision_keys(spec: MonitorSpec) -> tuple[tuple[str, str], ...]:
    """(column of the watched table, column of the table of decisions) for each part of the key."""
    decisions = spec.feedback and spec.feedback.decisions
    own = spec.prediction.key or ()
    return tuple(zip(own, (decisions and decisions.key) or own, strict=True))


def read_of_decisions(spec: MonitorSpec, watched: Schema, decisions: Schema) -> dict[str, str]:
    """The columns of decisions that the condition reads, as they are spelled there, with types.

    A column of the watched table is read from that; none where something is wrong.
    """
    if spec.feedback is None or decisions_problem(spec, watched, decisions) is not None:
        return {}
    return _read(spec.feedback.shaped, Columns(watched), decisions)


def decisions_problem(spec: MonitorSpec, watched: Schema, decisions: Schema) -> Problem | None:
    """The first of what keeps decisions from being joined, or the condition from being read."""
    own = spec.feedback and spec.feedback.decisions
    if spec.feedback is None or not own:
        return None
    here, there = Columns(watched), Columns(decisions)
    for one, other in decision_keys(spec):
        place: Loc = (*_DECISIONS, "key") if own.key else _DECISIONS
        problem = _unfit_key(spec, ("prediction", "key"), one, here)
        problem = problem or _unfit_key(spec, place, other, there)
        if problem is not None:
            return problem
        kinds = str(here.type_of(one)), str(there.type_of(other))
        if _family(kinds[0]) != _family(kinds[1]):
            message = f"the key {other!r} can't be joined with {one!r} of the watched table"
            accepted = f"a column of the same type, {kinds[0]}"
            return spec.origin.problem(place, message, given=kinds[1], accepted=accepted)
    if own.decided_at is not None:
        place, kind = (*_DECISIONS, "decided_at"), there.type_of(own.decided_at)
        if kind is None:
            return missing(spec, place, own.decided_at, there)
        if not is_timestamp(kind):
            message = f"the column {own.decided_at!r} can't be the time of a decision"
            return spec.origin.problem(place, message, given=kind, accepted=ACCEPTED_TIMESTAMP)
    for name in identifiers(own.filter) if own.filter is not None else ():
        if there.type_of(name) is None:
            return missing(spec, (*_DECISIONS, "filter"), name, there)
    return _unfit_condition(spec, here, there, decisions)


def _unfit_condition(
    spec: MonitorSpec, here: Columns, there: Columns, decisions: Schema
) -> Problem | None:
    """A column that neither table has, or both; or none of the table that is to be joined."""
    condition = spec.feedback.shaped if spec.feedback else ""
    keys = {name.lower() for name, _ in decision_keys(spec)}
    for name in identifiers(condition):
        known = here.type_of(name) is not None, there.type_of(name) is not None
        if known == (True, True) and name.lower() not in keys:
            message = f"both the watched table and that of decisions have a column {name!r}"
            accepted = "a name that one of them has; call it otherwise in a view"
            return spec.origin.problem(_CONDITION, message, given=name, accepted=accepted)
        if known == (False, False):
            return missing(spec, _CONDITION, name, Columns({**decisions, **dict(here.items())}))
    if not _read(condition, here, decisions):
        message = "the condition reads no column of the table of decisions"
        accepted = f"a condition on one of {', '.join(list(decisions)[:8])}; or no 'decisions'"
        return spec.origin.problem(_CONDITION, message, given=condition, accepted=accepted)
    return None


def _read(condition: str, here: Columns, decisions: Schema) -> dict[str, str]:
    asked = {name.lower() for name in identifiers(condition) if here.type_of(name) is None}
    return {name: kind for name, kind in decisions.items() if name.lower() in asked}


def _unfit_key(spec: MonitorSpec, loc: Loc, name: str, columns: Columns) -> Problem | None:
    kind = columns.type_of(name)
    if kind is None:
        return missing(spec, loc, name, columns)
    if is_atomic(kind):
        return None
    message = f"the column {name!r} can't be part of the key"
    return spec.origin.problem(loc, message, given=kind, accepted=ACCEPTED_ATOMIC)


def _family(data_type: str) -> str:
    """Types that Spark compares without a cast that could fail or go wrong."""
    if is_numeric(data_type):
        return "number"
    return "text" if is_text(data_type) else base_type(data_type)
