"""Where judging goes on from what is stored: rows are gone, or another policy judged them.

Events say which debts were open then, the last verdict what they had cost, and the windows that are
still there, of before, how far each was from closing. So a verdict is the same whether the rows of
years before it are there or not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sparkdrift.health.events import Ends, Event, OpenDebts
from sparkdrift.health.evidence import Decision, WindowEvidence
from sparkdrift.health.ledger import Debt, Terms, keep


@dataclass(frozen=True)
class Past:
    """What the verdict of a window leaves to the next one; see `Health`."""

    verdict: str
    since: datetime
    due: datetime | None
    cost_so_far: float | None


@dataclass(frozen=True)
class Cost:
    """For how many windows a debt was open, and what they cost; None: not known in any."""

    windows: int
    interest: float | None
    interest_loss: float | None


@dataclass(frozen=True)
class Stood:
    """A stored verdict. start: of its window; digest: of all that it followed from; owed: its
    debts, by id."""

    start: datetime
    digest: str
    past: Past
    owed: Mapping[str, Cost] = field(default_factory=dict)


@dataclass(frozen=True)
class Begun:
    """Where judging begins: at window number `at`; those before it are only looked at. What they
    tell persists: of each thing the last measured windows are kept (`Terms.looks_back`).

    debts: that were open at `at`; stood: the verdict on the window before, None where there is
    none.
    """

    at: int = 0
    debts: Mapping[str, Debt] = field(default_factory=dict)
    stood: Stood | None = None


def debts_at(
    start: datetime,
    terms: Terms,
    windows: Sequence[WindowEvidence],
    decisions: Sequence[Decision],
    events: Sequence[Event],
    stood: Stood,
    ends: Ends,
) -> dict[str, Debt]:
    """The debts that were open when the window of `start` began.

    windows: those before it that are still there, in order of time; stood: the verdict of the last;
    ends: of windows. What nobody was given is whose it is now.
    """
    opened = OpenDebts(events, terms.due, ends)
    said = [one for one in decisions if one.window_start < start]
    seen: Mapping[str, Debt] = {}
    if windows:

        def as_stored(at: datetime, debts: Mapping[str, Debt]) -> dict[str, Debt]:
            return {name: debts.get(name, one) for name, one in opened.before(at).items()}

        *_, books = keep(windows, said, terms, None, as_stored)
        seen = books.debts
    found = {}
    for name, debt in opened.before(start).items():
        cost, now = stood.owed.get(name), seen.get(name)
        if now is not None:
            finding = replace(now.finding, severity=debt.severity)
            debt = replace(
                debt, finding=finding, last_seen=now.last_seen, gone=now.gone, milder=now.milder
            )
        if cost is not None:
            debt = replace(
                debt,
                windows=cost.windows,
                interest=cost.interest,
                interest_loss=cost.interest_loss,
            )
        found[name] = owned(debt, said, terms.owner)
    return found


def owned(debt: Debt, decisions: Sequence[Decision], owner: str) -> Debt:
    """The debt with whoever has it now: what was neither given nor escalated, the owner."""
    given = debt.escalated or any(
        one.debt == debt.name and one.action == "assigned" and one.window_start >= debt.opened
        for one in decisions
    )
    return debt if given else replace(debt, owner=debt.finding.owner or owner)
