"""health: the verdict on each model, why, and who is to do what by when."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparkdrift.cli.commands.steps import FINDING, Specs
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.cli.hooked import hook_facts, hook_remarks
from sparkdrift.cli.judged import health_facts
from sparkdrift.cli.owed import Models
from sparkdrift.embedded.ahead import Ahead
from sparkdrift.errors import UsageError, nearest
from sparkdrift.report.plain import day

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.health.assessing import Health
    from sparkdrift.health.declared import Owed
    from sparkdrift.health.judged import Judged
    from sparkdrift.spark.answers import Ask
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.health import Known

FailOn = Annotated[
    list[str] | None,
    typer.Option(
        "--fail-on",
        metavar="VERDICT",
        help="End with exit code 3 where the verdict on the newest window is this one or a "
        "weightier one, or a declared model is blind: watch, blind, recalibrate, "
        "refresh_evaluation, retrain, retire. Repeatable, the lightest counts.",
        show_default=False,
    ),
]


def show(
    common: Common,
    specs: Specs,
    why: Annotated[
        bool, typer.Option("--why", help="Show the path from rows to the verdict.")
    ] = False,
    fail_on: FailOn = None,
    models: Models = None,
) -> int:
    """Judge the health of models from what is stored; no source is read.

    Writes the verdict of each window that is due, and brings the ledger of debts up to date: of
    monitors, and of declared models that have no monitor, no owner or no fresh verdict. Hooks that
    were not told of a verdict yet are, as at the end of a run.

    Example: sparkdrift health monitors/ --why --fail-on retrain
    """
    asked = _asked(fail_on or [])
    judged: dict[str, Judged] = {}
    if models is not None:
        from sparkdrift.spec.loading import load_registry

        # What is wrong with it is said before anything starts.
        load_registry(models)

    def known(ask: Ask, loaded: Sequence[MonitorSpec]) -> Known:
        from sparkdrift.steps.health import known_by_ask

        return known_by_ask(ask, loaded, common.run_id)

    ahead = Ahead(known)

    def all_of_them(context: Context, loaded: Sequence[MonitorSpec]) -> Answer:
        from sparkdrift.report.owed import owed_facts, owed_lines
        from sparkdrift.spec.loading import models_of
        from sparkdrift.steps.declared_models import assess_models
        from sparkdrift.steps.health import assess_health

        judged.update(assess_health(context, loaded, known=ahead.taken()))
        # Whether verdicts are fresh is known once they are written.
        context.journal.close()
        declared = models_of(loaded, *([] if models is None else [models]))
        owed = assess_models(context, declared, datetime.now(timezone.utc)).values()
        alarms = alarms_of_models(owed, asked)
        code = FINDING if alarms else 0
        return Answer("\n".join(owed_lines(owed)), {"models": owed_facts(owed)}, code, alarms)

    def one(context: Context, spec: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.health.versions import version_marks
        from sparkdrift.report.health import (
            BLIND_WITHOUT_ROWS,
            MOST_REASONS,
            health_lines,
            why_lines,
        )
        from sparkdrift.steps.triggers import fire_hooks

        bars.begin(f"{spec.monitor}: health")
        found = judged[spec.monitor]
        newest = found.newest
        alarm = alarm_of(newest, asked)
        remarks = [alarm] if alarm else []
        if newest is None:
            facts: dict[str, Any] = {"verdict": "blind", "reasons": [], "windows_judged": 0}
            return Answer(BLIND_WITHOUT_ROWS, facts, FINDING if alarm else 0, remarks)
        fired = fire_hooks(context, spec)
        remarks += hook_remarks(fired)
        currency = spec.degraded.currency if spec.degraded else None
        zone, most = spec.timestamp.zone, None if why else MOST_REASONS
        lines = health_lines(newest, currency, zone, most)
        marks = version_marks(found.versions.items())
        # One history of several versions: where the last of them begins.
        lines += [f"{day(one.start, spec.timestamp.zone)}: {one}" for one in marks[-1:]]
        lines += why_lines(newest) if why else []
        facts = health_facts(found, currency) | hook_facts(fired)
        facts["versions"] = [
            {"start": one.start, "version": one.version, "before": one.before} for one in marks
        ]
        return Answer("\n  ".join(lines), facts, FINDING if alarm else 0, remarks)

    return each_monitor(common, specs, one, asked=True, stored=True, first=all_of_them, ahead=ahead)


def _asked(given: Sequence[str]) -> int | None:
    """The place of the lightest verdict that is asked for."""
    from sparkdrift.spec.health_policy import VERDICTS

    accepted = VERDICTS[1:]
    for word in given:
        if word not in accepted:
            close = nearest(word, accepted)
            hint = f"; did you mean {close!r}?" if close else ""
            raise UsageError(
                f"--fail-on {word!r} does not exist; accepted: {', '.join(accepted)}{hint}"
            )
    return min((VERDICTS.index(word) for word in given), default=None)


def alarms_of_models(owed: Iterable[Owed], asked: int | None) -> list[str]:
    """The same of declared models that nobody sees: no monitor, or no fresh verdict.

    What is waived calls nobody for as long as that holds.
    """
    from sparkdrift.health.ownership import UNSEEN
    from sparkdrift.spec.health_policy import VERDICTS

    if asked is None or VERDICTS.index("blind") < asked:
        return []
    return [
        f"--fail-on: the model {one.model} is blind: {debt.name}"
        for one in owed
        for debt in one.debts
        if debt.name in UNSEEN and debt.status != "waived"
    ]


def alarm_of(newest: Health | None, asked: int | None) -> str | None:
    """Why the command ends with exit code 3; without any window a model is blind."""
    from sparkdrift.spec.health_policy import VERDICTS

    verdict = newest.judgement.verdict if newest else "blind"
    if asked is None or VERDICTS.index(verdict) < asked:
        return None
    return f"--fail-on: the verdict is {verdict}"
