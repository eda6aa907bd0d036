"""The way that a reference has come: the versions behind the next one, under whatever name."""

from __future__ import annotations

from collections.abc import Mapping

from sparkdrift.references.judging import judging
from sparkdrift.references.life import Name, chain, lineage
from sparkdrift.spark.gate_figures import judging_names
from sparkdrift.spark.reference_differences import Held
from sparkdrift.spark.reference_life import ROLE, Stored, read_references
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.kept import pruned


def way_so_far(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    stored: Stored,
    every: Mapping[Name, Stored] | None = None,
) -> list[Held]:
    """The versions along which a reference may have crept, oldest first, that in force last.

    Of a baseline those of all names that windows were judged by are part of it, in the order in
    which they were put in force: what is normal was said by them, and another name in the spec is
    no new beginning. So are names that were in force for windows whose verdicts were pruned or
    erased. Where none of these ever judged a window, they are those that are in force. A forced
    version is a new beginning. every: all references of the monitor, where they are known.
    """
    known = {name: stored}
    if name.role == ROLE:
        if every is None:
            every = read_references(context.spark, context.store, name.monitor)
        others = {
            one: other
            for one, other in every.items()
            if one.role == ROLE and one != name and lineage(other.events)
        }
        if others:
            told = judging_names(context.spark, context.store, name.monitor)
            gone = pruned(context, spec, spec.windows.grain)
            judged = judging({one: own.events for one, own in others.items()}, told, gone)
            known |= {one: others[one] for one in others if one in judged} or others
    found = chain({one: own.events for one, own in known.items()})
    return [(one, known[one].by_number[version]) for one, version in found]
