"""The section `policy`: what turns findings into one verdict, a due date, and a ledger.

The rules are a table of what must be so and what follows from it. They can only grow worse
together: a rule holds from the level that it names on, and of all rules that hold the weightiest
verdict counts. So worse evidence never improves a verdict, whatever rules somebody writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal, get_args

from pydantic import Field

from sparkdrift.spec.policy import Persistence
from sparkdrift.spec.values import Duration, Section, Text

Evidence = Literal[
    "performance",
    "calibration",
    "evaluation",
    "dashboard",
    "data",
    "feature",
    "feedback",
    "operations",
    "ownership",
]
"""What a verdict rests on, each at a level: ok, minor, major, critical, or not measured."""
EVIDENCE: tuple[Evidence, ...] = get_args(Evidence)

Verdict = Literal[
    "healthy", "watch", "blind", "recalibrate", "refresh_evaluation", "retrain", "retire"
]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
"""From the least to the weightiest."""

Level = Literal["minor", "major", "critical"]
LEVELS: tuple[Level, ...] = get_args(Level)

_ACCEPTED_WHEN = f"a mapping from some of {', '.join(EVIDENCE)} to minor, major or critical"


class Rule(Section):
    """When all that `when` names is at least as bad as it says, the verdict is `verdict`."""

    when: Mapping[Evidence, Level] = Field(description=_ACCEPTED_WHEN)
    verdict: Literal["watch", "recalibrate", "refresh_evaluation", "retrain", "retire"] = Field(
        description="watch, recalibrate, refresh_evaluation, retrain or retire"
    )


BLIND_DASHBOARD = "blind dashboard"
DEBTS = (
    *("drift of ", "assumption ", "evaluation of ", "calibration of ", "operations of "),
    *("performance of ", "features: ", "feedback: ", BLIND_DASHBOARD),
)
"""How the ids of debts begin that rows tell of."""

DEFAULT_RULES = (
    Rule(when={"performance": "critical"}, verdict="retire"),
    Rule(when={"performance": "major"}, verdict="retrain"),
    Rule(when={"dashboard": "major", "data": "major"}, verdict="retrain"),
    Rule(when={"data": "major", "feature": "critical"}, verdict="retrain"),
    Rule(when={"evaluation": "major"}, verdict="refresh_evaluation"),
    Rule(when={"dashboard": "major"}, verdict="refresh_evaluation"),
    Rule(when={"calibration": "major"}, verdict="recalibrate"),
)
"""Sound for a model of whose owner nothing else is known. Source: the project's own."""


class Due(Section):
    """How long after the verdict began something must have been done, by its severity."""

    minor: Duration = timedelta(days=90)
    major: Duration = timedelta(days=30)
    critical: Duration = timedelta(days=7)

    def of(self, severity: str) -> timedelta:
        found: timedelta = getattr(self, severity)
        return found


class Ages(Section):
    """How long what was measured counts for later windows in which it was not.

    Counted from the end of the window in which it was measured to that of the later one.
    """

    performance: Duration = timedelta(days=62)
    calibration: Duration = timedelta(days=62)
    evaluation: Duration = timedelta(days=62)
    dashboard: Duration = timedelta(days=31)
    data: Duration = timedelta(days=31)
    feature: Duration = timedelta(days=62)
    feedback: Duration = timedelta(days=31)
    operations: Duration = timedelta(days=31)

    def of(self, evidence: str) -> timedelta:
        found: timedelta = getattr(self, evidence, timedelta(0))
        return found


Count = Annotated[int, Field(ge=1, le=1000, description="a whole number from 1 to 1000")]


class Policy(Section):
    """needs: without which of the evidence a model is blind, and with less than the part `least` of
    it, 0 to 1. persistence: in how many windows of
    the last ones something is found before it counts as more than minor, and is a debt; alerts of
    drift, performance and the dashboard have their own. not_expected: what was measured once
    and is not watched any more: evidence of which the spec has no section either, or the id of a
    debt, such as 'drift of amount'; else it is missed, and its debts stay open. closes_after:
    after how many measured windows without it a debt is closed. escalation: who answers once it is
    overdue.
    """

    rules: tuple[Rule, ...] = Field(
        default=DEFAULT_RULES,
        description="a list of mappings with 'when' and 'verdict'",
    )
    needs: tuple[Evidence, ...] = Field(
        default=("performance", "evaluation", "data"),
        description="a list of some of the evidence",
    )
    not_expected: tuple[Text, ...] = Field(
        default=(), description="a list of some of the evidence, or of ids of debts"
    )
    least: float = Field(default=0.5, ge=0, le=1, description="a number from 0 to 1")
    persistence: Persistence = Persistence()
    closes_after: Count = 2
    due: Due = Due()
    ages: Ages = Ages()
    escalation: Text | None = None
