"""debt: the ledger of what is owed: list, show, ack, waive, assign."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparkdrift.cli.arguments import point_of_time
from sparkdrift.cli.commands.deciding import By, Reason
from sparkdrift.cli.commands.reference import Spec
from sparkdrift.cli.commands.steps import Specs
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.cli.owed import OfModel, debts_of_model, life_of_model_debt, say_of_model_debt
from sparkdrift.errors import UsageError
from sparkdrift.report.plain import aligned, day, named

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.answering_debts import Said
    from sparkdrift.steps.context import Context

DebtId = Annotated[
    str, typer.Argument(metavar="DEBT", help="The id of the debt, as `debt list` shows it.")
]


def list_debts(common: Common, specs: Specs, model: OfModel = None) -> int:
    """The open debts of each model, with age, owner, due date and what they cost so far.

    Example: sparkdrift debt list monitors/
    """
    if model is not None:
        return debts_of_model(common, specs, model)

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.report.health import LISTED, booked_line, by_interest, debt_facts, debt_line
        from sparkdrift.steps.health import judge_monitors

        bars.begin(f"{spec.monitor}: debts")
        found = judge_monitors(context, [spec])[spec.monitor]
        newest = found.newest
        zone, currency = spec.timestamp.zone, spec.degraded.currency if spec.degraded else None
        if newest is None and found.booked:
            booked = by_interest(found.booked)
            lines = [booked_line(one, zone) for one in booked]
            told = "\n  ".join([named(len(lines), "open debt"), *lines])
            return Answer(told, {"debts": debt_facts(booked), "currency": currency})
        if newest is None or not newest.debts:
            return Answer("no open debt", {"debts": []})
        ordered = by_interest(newest.debts)
        lines = aligned([LISTED, *(debt_line(one, newest, currency, zone) for one in ordered)])
        facts = debt_facts(ordered)
        told = "\n  ".join([named(len(ordered), "open debt"), *lines])
        return Answer(told, {"debts": facts, "currency": currency})

    return each_monitor(common, specs, one, asked=True, stored=True)


def show(common: Common, spec: Spec, debt: DebtId, model: OfModel = None) -> int:
    """The life of one debt: all of its events, what was taken back included, and how it moves.

    Example: sparkdrift debt show monitors/credit.yml "drift of income"
    """
    if model is not None:
        return life_of_model_debt(common, spec, model, debt)

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.report.health import (
            course_facts,
            course_line,
            debt_event_facts,
            event_line,
        )
        from sparkdrift.steps.answering_debts import life_of

        bars.begin(f"{loaded.monitor}: {debt}")
        events, course = life_of(context, loaded, debt)
        lines = [event_line(one, loaded.timestamp.zone) for one in events]
        facts = {"debt": debt, "events": debt_event_facts(events), "course": course_facts(course)}
        return Answer("\n  ".join([debt, *lines, course_line(course)]), facts)

    return each_monitor(common, [spec], one, asked=True, stored=True)


def ack(
    common: Common,
    spec: Spec,
    debt: DebtId,
    reason: Reason,
    by: By = None,
    model: OfModel = None,
) -> int:
    """Say that a debt was seen; it stays open and due.

    Example: sparkdrift debt ack monitors/credit.yml "drift of income" --reason "looked at"
    """
    return _said(common, spec, debt, "acknowledged", by, reason, model)


def waive(
    common: Common,
    spec: Spec,
    debt: DebtId,
    reason: Reason,
    until: Annotated[
        str, typer.Option("--until", metavar="TIME", help="Up to when, in event time.")
    ],
    by: By = None,
    model: OfModel = None,
) -> int:
    """Let a debt be for a time: it counts as minor, does not escalate, and then opens again.

    Example: sparkdrift debt waive monitors/credit.yml "drift of income" --until 2025-12-01
    --reason "a campaign"
    """
    return _said(common, spec, debt, "waived", by, reason, model, until=until)


def assign(
    common: Common,
    spec: Spec,
    debt: DebtId,
    reason: Reason,
    to: Annotated[str, typer.Option("--to", metavar="WHO", help="Who answers for it from now on.")],
    by: By = None,
    model: OfModel = None,
) -> int:
    """Give a debt to somebody else.

    Example: sparkdrift debt assign monitors/credit.yml "drift of income" --to data-platform
    --reason "it is their feed"
    """
    if not to.strip():
        raise UsageError("--to is empty; accepted is a person or a team")
    return _said(common, spec, debt, "assigned", by, reason, model, owner=to.strip())


def _said(
    common: Common,
    spec: Path,
    debt: str,
    action: Any,
    by: str | None,
    reason: str,
    model: str | None,
    *,
    until: str | None = None,
    owner: str | None = None,
) -> int:
    time = point_of_time("--until", until)
    if model is not None:
        from sparkdrift.steps.snapshot import user
        from sparkdrift.windows import local_instant

        ends = None if time is None else local_instant(time, "UTC")
        given = {"action": action, "by": by or user(), "reason": reason}
        return say_of_model_debt(common, spec, model, debt, **given, until=ends, owner=owner)

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.report.health import verdict_line
        from sparkdrift.steps.answering_debts import Said, answer_debt
        from sparkdrift.steps.snapshot import user
        from sparkdrift.windows import local_instant

        bars.begin(f"{loaded.monitor}: {action}")
        zone = loaded.timestamp.zone
        ends = None if time is None else local_instant(time, zone)
        said = Said(action, by or user(), reason, ends, owner)
        done = answer_debt(context, loaded, debt, said)
        text = f"{debt} is {action} by {said.by}{_further(said, zone)}"
        newest = done.judged.newest
        if newest is not None:
            text += f"; {verdict_line(newest.standing, zone)}"
        facts = {"debt": debt, "action": action, "by": said.by, "until": ends, "owner": owner}
        return Answer(text, facts)

    return each_monitor(common, [spec], one, asked=True, stored=True)


def _further(said: Said, zone: str) -> str:
    if said.until is not None:
        return f" until {day(said.until, zone)}"
    return "" if said.owner is None else f" to {said.owner}"
