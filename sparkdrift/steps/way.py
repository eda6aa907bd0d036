"""The way that a reference has come: the versions behind the next one, under whatever name."""

from __future__ import annotations

from datetime import datetime, timezone

from sparkdrift.references.life import Name, chain, lineage
from sparkdrift.spark.gate_figures import judging_names
from sparkdrift.spark.reference_differences import Held
from sparkdrift.spark.reference_life import ROLE, Stored, read_references
from sparkdrift.steps.context import Context

_NEVER = datetime.max.replace(tzinfo=timezone.utc)


def way_so_far(context: Context, name: Name, stored: Stored) -> list[Held]:
    """The versions along which a reference may have crept, oldest first, that in force last.

    Of a baseline they begin with those of the names that windows were judged by before: what is
    normal was said by them, and another name in the spec is no new beginning. Where none of these
    ever judged a window, they are those that are in force. A forced version is a new beginning.
    """
    own = _chain(name, stored)
    if name.role != ROLE or _forced(stored):
        return own
    every = read_references(context.spark, context.store, name.monitor)
    others = {
        one: other
        for one, other in every.items()
        if one.role == ROLE and one != name and _first(other) < _first(stored)
    }
    if not others:
        return own
    judging = judging_names(context.spark, context.store, name.monitor)
    known = {one for one in others if one.name in judging} or set(others)
    way: list[Held] = []
    for one in sorted(known, key=lambda one: (_first(others[one]), one.name)):
        begun = [] if _forced(others[one]) else way
        way = [*begun, *_chain(one, others[one])]
    return [*way, *own]


def _chain(name: Name, stored: Stored) -> list[Held]:
    return [(name, stored.by_number[one]) for one in chain(stored.events)]


def _forced(stored: Stored) -> bool:
    return any(event.action == "force" for event in lineage(stored.events))


def _first(stored: Stored) -> datetime:
    """When a version of it was put in force for the first time."""
    return min(
        (event.at or event.effective_from for event in lineage(stored.events)), default=_NEVER
    )
