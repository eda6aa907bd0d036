"""What declared models owe, as lines of text and as facts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sparkdrift.health.declared import Owed
from sparkdrift.health.ledger import Debt
from sparkdrift.report.health import debt_facts
from sparkdrift.report.plain import day, plain


def owed_lines(found: Iterable[Owed]) -> list[str]:
    """A line for each open debt of a model."""
    return [
        f"model {plain(one.model)}: {debt.name} ({debt.severity}, {status(debt)}) since "
        f"{day(debt.opened, 'UTC')}, owner {plain(debt.owner)}, due {day(debt.due, 'UTC')}: "
        f"{plain(debt.finding.evidence)}"
        for one in found
        for debt in one.debts
    ]


def owed_facts(found: Iterable[Owed]) -> list[dict[str, Any]]:
    """The same for --json."""
    return [
        {"model_id": one.model, "day": one.day.start, **fact}
        for one in found
        for fact in debt_facts(one.debts)
    ]


def status(debt: Debt) -> str:
    """open, acknowledged, or waived with its end."""
    return debt.status if debt.until is None else f"{debt.status} until {day(debt.until, 'UTC')}"
