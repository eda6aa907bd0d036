"""What a stored verdict still says, where the rows that it was told from are gone, or it stands.

Its row is a `Told` of the part HEALTH: name, the version of the model; subject, what was owed;
status, the verdict; grade, by what it was told; since, end, when it began and when it is due; cost,
what it cost since; words, the digest of what it follows from.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from sparkdrift.health.findings import Severity
from sparkdrift.health.ownership import stage_of
from sparkdrift.health.resuming import Cost, Past, Stood
from sparkdrift.health.told import Told
from sparkdrift.spec.model import IN_USE, Stage
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window

HEALTH = "health"
"""A part that is no evidence: the digest of a stored verdict, and by what it was told."""


TellingBy = tuple[str | None, str | None, str | None, Stage | None]


def told_by(row: Told) -> TellingBy:
    """By which policy a stored verdict is, who answers for it, who does once it is overdue, and the
    stage of the model."""
    policy, owner, escalation, stage = json.loads(row.grade or "[null, null, null, null]")
    return policy, owner, escalation, stage


def stage_in(spec: MonitorSpec, window: Window, stored: Told | None) -> Stage:
    """The stage of the model in a window. stored: the verdict of an earlier one.

    That a model is deprecated has no date, so it tells of windows to come; what has one, holds.
    """
    declared = stage_of(spec, window.end)
    known = told_by(stored)[3] if stored is not None else None
    if known is None or declared not in IN_USE or known not in IN_USE:
        return declared
    return known


class Owed(NamedTuple):
    """A debt of a stored verdict. declared: it was owed by declaration in that window."""

    debt: str
    severity: Severity
    evidence: str
    declared: bool
    cost: Cost


def owed_then(row: Told) -> list[Owed]:
    """What was on the books at the end of its window."""

    def number(text: str | None) -> float | None:
        return None if text is None else float(text)

    return [
        Owed(
            debt, severity, evidence, said == "true", Cost(int(windows), number(cost), number(loss))
        )
        for debt, severity, evidence, said, windows, cost, loss in json.loads(row.subject or "[]")
    ]


def _past_of(row: Told) -> Past:
    """What the verdict leaves to the window after it."""
    return Past(row.status or "", row.since or row.start, row.end, row.cost)


def stood(row: Told) -> Stood:
    """The verdict as what later windows go on from."""
    owed = {one.debt: one.cost for one in owed_then(row)}
    return Stood(row.start, row.words or "", _past_of(row), owed)
