"""What declared models owe, which no monitor can tell: for `health` and the group `debt`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import work
from sparkdrift.report.plain import aligned, day, named, plain
from sparkdrift.store import open_store

if TYPE_CHECKING:
    from sparkdrift.spec.registry import DeclaredModel
    from sparkdrift.steps.context import Context

Models = Annotated[
    Path | None,
    typer.Option(
        "--models",
        metavar="FILE",
        help="The registry of models: what those owe that no monitor watches is judged as well.",
        show_default=False,
    ),
]
OfModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="ID",
        help="A debt of the declared model itself, such as 'no monitor'; SPEC is then the registry "
        "of models, or a spec that declares it.",
        show_default=False,
    ),
]


def of_model(
    common: Common,
    specs: Sequence[Path],
    name: str,
    step: Callable[[Context, dict[str, DeclaredModel], datetime], tuple[list[str], dict[str, Any]]],
) -> int:
    """Do something about what one declared model owes: `step` gives lines and facts."""
    from sparkdrift.spec.loading import load_models

    models = {one: model for file in specs for one, model in load_models(file).items()}
    with work(common, open_store(common.store), brief=True) as (context, _):
        lines, facts = step(context, models, datetime.now(timezone.utc))
        context.journal.close()
    if common.as_json:
        screen.print_json({"model": name, **facts})
    else:
        screen.say(f"model {name}: " + "\n  ".join(lines))
    return 0


def debts_of_model(common: Common, specs: Sequence[Path], name: str) -> int:
    """The open debts of one declared model."""

    def step(
        context: Context, models: dict[str, DeclaredModel], at: datetime
    ) -> tuple[list[str], dict[str, Any]]:
        from sparkdrift.report.owed import owed_facts, status
        from sparkdrift.steps.declared_models import books_of

        owed = books_of(context, models, name, at, write=False)
        head = named(len(owed.debts), "open debt") if owed.debts else "no open debt"
        rows = [
            [one.name, one.severity, status(one), plain(one.owner), day(one.opened, "UTC"),
             day(one.due, "UTC"), plain(one.finding.evidence)]
            for one in owed.debts
        ]  # fmt: skip
        columns = ["debt", "severity", "status", "owner", "since", "due", "evidence"]
        return [head, *(aligned([columns, *rows]) if rows else ())], {"debts": owed_facts([owed])}

    return of_model(common, specs, name, step)


def life_of_model_debt(common: Common, spec: Path, name: str, debt: str) -> int:
    """The events of a debt of a declared model."""

    def step(
        context: Context, models: dict[str, DeclaredModel], at: datetime
    ) -> tuple[list[str], dict[str, Any]]:
        from sparkdrift.report.health import debt_event_facts, event_line
        from sparkdrift.steps.declared_models import life_of_model

        events = life_of_model(context, models, name, debt, at)
        lines = [event_line(one, "UTC") for one in events]
        return [debt, *lines], {"debt": debt, "events": debt_event_facts(events)}

    return of_model(common, [spec], name, step)


def say_of_model_debt(common: Common, spec: Path, name: str, debt: str, **given: Any) -> int:
    """Acknowledge, waive or assign it; `given`: action, by, reason, and until or owner."""

    def step(
        context: Context, models: dict[str, DeclaredModel], at: datetime
    ) -> tuple[list[str], dict[str, Any]]:
        from sparkdrift.report.owed import owed_facts
        from sparkdrift.steps.answering_debts import Said
        from sparkdrift.steps.declared_models import answer_model_debt

        said = Said(**given)
        owed = answer_model_debt(context, models, name, debt, said, at)
        text = f"{debt} is {said.action} by {said.by}"
        text += "" if said.until is None else f" until {day(said.until, 'UTC')}"
        text += "" if said.owner is None else f" to {said.owner}"
        return [text], {"debt": debt, "action": said.action, "debts": owed_facts([owed])}

    return of_model(common, [spec], name, step)
