"""The gate on a promotion: what is asked of a version, and that it is stored.

What the figures mean: references/gate.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sparkdrift.references.gate import Check, blocking, verdict
from sparkdrift.references.life import Name
from sparkdrift.spark.gate_figures import write_checks
from sparkdrift.spark.reference_life import ROLE, Snapshot, Stored
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.gate_columns import column_checks
from sparkdrift.steps.gate_rows import contamination_checks, label_checks, shaped_checks
from sparkdrift.steps.overlap import overlap_checks
from sparkdrift.steps.way import way_so_far


@dataclass(frozen=True)
class Examined:
    """What the gate says of a version: passed or blocked, and why."""

    verdict: str
    checks: tuple[Check, ...]

    @property
    def why(self) -> list[str]:
        return blocking(self.checks)


def examine(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    stored: Stored,
    candidate: Snapshot,
    every: Mapping[Name, Stored] | None = None,
) -> Examined | None:
    """Hold a version against those before it, and store what is found.

    Of a first one, under whatever name, there is nothing that it could be worse than. If it is a
    baseline, without which nothing is watched, no check is asked, and None is returned; of other
    roles those checks that need no other version. every: as of `way_so_far`.
    """
    way = way_so_far(context, spec, name, stored, every)
    if not way and name.role == ROLE:
        return None
    checks = [
        *column_checks(context, spec, way, (name, candidate)),
        *contamination_checks(context, spec, name, candidate),
        *label_checks(context, spec, name, candidate),
        *shaped_checks(context, spec, name, candidate),
        *overlap_checks(context, spec, name, candidate),
    ]
    write_checks(
        context.spark, context.store, name, candidate.version, checks, context.journal.run_id
    )
    return Examined(verdict(checks), tuple(checks))
