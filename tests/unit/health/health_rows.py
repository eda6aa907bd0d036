"""Windows and findings by hand, for tests of the ledger and the verdict."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta, timezone

from sparkdrift.health.events import Event
from sparkdrift.health.evidence import Coverage, Decision, WindowEvidence, evidence_of
from sparkdrift.health.findings import KINDS, Finding
from sparkdrift.health.judged import Judged
from sparkdrift.health.ledger import LEDGER, RETIRED, Debt, Terms
from sparkdrift.health.told import Told
from sparkdrift.spec.digests import health_hash
from sparkdrift.spec.health_policy import EVIDENCE, Due
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window

FIRST = datetime(2025, 1, 6, tzinfo=timezone.utc)
WEEK = timedelta(days=7)
DEBT_OF = {
    "data": "drift of amount",
    "feature": "feature amount",
    "evaluation": "evaluation: ess_ratio",
    "feedback": "feedback: share of shaped rows",
    "ownership": "ownership: no evaluation set",
}
"""A debt of each kind."""


def start(week: int) -> datetime:
    return FIRST + week * WEEK


def window(week: int) -> Window:
    return Window(start(week), start(week + 1))


def finding(debt: str, kind, week: int, severity="major", since: int | None = None, **more):
    return Finding(
        debt,
        kind,
        severity,
        start(week),
        start(week if since is None else since),
        f"{debt} in week {week}",
        (f"rows of week {week}",),
        **more,
    )


def evidence(
    week: int,
    *findings: Finding,
    unmeasured: Collection[str] = (),
    lost: Collection[str] = (),
    **more,
) -> WindowEvidence:
    """A window in which all is measured but `unmeasured`, and the subjects of the debts `lost`, of
    which no row tells."""
    coverage: Mapping[str, Coverage] = {
        one: Coverage(0.0, "no label has come") if one in unmeasured else Coverage(1.0)
        for one in EVIDENCE
    }
    return WindowEvidence(window(week), findings, coverage, AllBut(lost, unmeasured), **more)


class AllBut(dict[str, bool]):
    """Subjects of debts: all were measured but these, and those of the kinds `unmeasured`."""

    def __init__(self, lost: Collection[str] = (), unmeasured: Collection[str] = ()) -> None:
        super().__init__(dict.fromkeys(lost, False))
        self.unmeasured = frozenset(unmeasured)

    def get(self, debt: str, default: object = None) -> bool:
        return debt not in self and evidence_of(of_kind(debt)) not in self.unmeasured


def of_kind(debt: str) -> Finding:
    """A finding of a debt as these tests call it."""
    kinds = {"drift": "data", "assumption": "data", "features": "feature"}
    kind = kinds.get(debt.split(" ")[0].rstrip(":"), debt.split(" ")[0].rstrip(":"))
    return Finding(debt, kind if kind in KINDS else "data", "minor", FIRST, FIRST, "")


AMOUNT = '[["amount","baseline","+"]]'
"""The subjects of a window in which the one input was compared."""


def compared_window(week: int) -> list[Told]:
    """A window as the store tells it in which the one input was compared, and nothing found."""
    about = {"name": "data", "count": 1, "of": 1, "subject": AMOUNT}
    return [
        Told("m", "window", start(week), end=start(week + 1), count=5),
        Told("m", "coverage", start(week), **about),
    ]


def waived(debt: str, week: int, until: int, seq: int = 90) -> Decision:
    """Until the end of week `until` - 1."""
    return Decision(debt, seq, "waived", start(week), "tests", "known", start(until))


def terms(counted: tuple[int, int] = (1, 1), **more) -> Terms:
    settings = {"owner": "owner", "closes_after": 2, "due": Due(), "escalation": "second"} | more
    return Terms(**settings, persistence=dict.fromkeys(EVIDENCE, counted))


def declared(debt: Debt, at: datetime) -> bool:
    return (
        debt.finding.kind == "ownership" and debt.last_seen == at and debt.finding.debt != RETIRED
    )


def stored_of(found: Judged, spec: MonitorSpec) -> list[Told]:
    """What the store has of it afterwards."""
    return [
        Told(
            "m",
            "health",
            one.window.start,
            end=one.due,
            subject=json.dumps(
                [
                    (
                        debt.name,
                        debt.severity,
                        debt.finding.evidence,
                        "true" if declared(debt, one.window.start) else "false",
                        str(debt.windows),
                        None if debt.interest is None else str(debt.interest),
                        None if debt.interest_loss is None else str(debt.interest_loss),
                    )
                    for debt in one.debts
                ]
            ),
            status=one.judgement.verdict,
            grade=json.dumps(
                [health_hash(spec), one.owner, one.escalation, found.stages[one.window.start]]
            ),
            since=one.since,
            cost=one.cost_so_far,
            words=one.digest,
        )
        for one in found.assessed.health
    ]


def events_of(found: Judged) -> list[Event]:
    return [
        *found.events,
        *(
            Event(
                one.name,
                seq,
                one.finding.kind,
                one.action,
                one.window_start,
                one.owner,
                one.finding.severity,
                by=LEDGER,
                evidence=one.finding.evidence,
                cost=one.finding.cost,
            )
            for seq, one in enumerate(found.entries, 1 + len(found.events))
        ),
    ]
