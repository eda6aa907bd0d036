"""What one window says of a model: findings, and how much of what was asked for was measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sparkdrift.health.findings import Finding, Severity
from sparkdrift.spec.health_policy import Evidence
from sparkdrift.windows import Window

FORCED = "forced reference "
"""How the debts begin that versions of references leave."""
PERSISTING: frozenset[Evidence] = frozenset(
    {"performance", "calibration", "evaluation", "feature", "operations"}
)
"""Evidence of which a single window is not enough. Alerts, of drift and of the model's
share, and a blind dashboard have been found in several windows already, and what is declared is so
at once."""

_OF_DEBT: tuple[tuple[str, Evidence], ...] = (
    ("performance of ", "performance"),
    ("calibration of ", "calibration"),
    ("blind dashboard", "dashboard"),
    ("operations of ", "operations"),
)


def evidence_of(finding: Finding) -> Evidence:
    """The kind of evidence that a finding is: that of its debt, told apart where it has several."""
    for prefix, name in _OF_DEBT:
        if finding.debt.startswith(prefix):
            return name
    return finding.kind


@dataclass(frozen=True)
class Coverage:
    """measured: part of what was asked for that was measured, 0 to 1. why: why not all of it, or
    why it counts less. weight: what it counts for in the confidence, 0 to 1."""

    measured: float
    why: str = ""
    weight: float = 1.0


@dataclass(frozen=True)
class WindowEvidence:
    """Everything that stored rows say of one window.

    coverage: by kind of evidence; one that is not there was not measured. subjects: by id of each
    debt that rows tell of whether they can say that it is gone: its own subject was measured, and
    nothing of it is suppressed. Of one that is not there nothing is known (`says_gone`). ended:
    debts of what is not in force any more. closed: those that events alone tell of, and have
    closed. sliced: whether slices are looked at. compared: by id of a debt its comparisons, and
    whether each was measured; asked: those that the spec asks for.
    loss, cost: of the whole model in this window, in the unit of the degraded metric and in
    business units; None: not known.
    dashboard_status, blind_spot: green, amber, red; None: no row says.
    """

    window: Window
    findings: tuple[Finding, ...] = ()
    coverage: Mapping[str, Coverage] = field(default_factory=dict)
    subjects: Mapping[str, bool] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    sliced: bool = True
    compared: Mapping[str, Mapping[str, bool]] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    dashboard_status: str | None = None
    blind_spot: str | None = None
    loss: float | None = None
    cost: float | None = None

    def says_gone(self, last: Finding) -> bool:
        """Whether that it was not found here means that it is gone; `last`: how it was found.

        What is declared is always told. A finding says of its own debt that it is there, and of no
        other one that it is not.
        """
        evidence = evidence_of(last)
        over = last.debt in self.ended or last.debt in self.closed
        if over or evidence == "ownership" or last.debt.startswith(FORCED):
            return True
        if last.sliced and not self.sliced:
            return False
        # What was found against one reference is not gone because another one shows nothing.
        needed = self.asked.intersection(last.comparisons)
        return self.subjects.get(last.debt, False) and needed <= self.measured_by(last.debt)

    def measured_by(self, debt: str) -> set[str]:
        """The comparisons of a debt's subject that were measured."""
        return {name for name, measured in self.compared.get(debt, {}).items() if measured}


@dataclass(frozen=True)
class Decision:
    """What somebody said of a debt. window_start: of the window from which on it counts.

    action: acknowledged, waived (until: an instant of event time) or assigned (owner). severity:
    of the debt when it was said; None: not known.
    """

    debt: str
    seq: int
    action: str
    window_start: datetime
    by: str = ""
    reason: str = ""
    until: datetime | None = None
    owner: str | None = None
    severity: Severity | None = None
