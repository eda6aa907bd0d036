"""What declared models owe themselves: no monitor, no owner, no fresh verdict."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sparkdrift.api.opening import Moment, somebody, working
from sparkdrift.api.tables import Rows, rows_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def model_debts(
    models: str | Path,
    model: str | None = None,
    store: str | None = None,
    *,
    spark: SparkSession | None = None,
) -> Rows:
    """The open debts of declared models, or of one, as `sparkdrift debt list --model`.

    models: the registry, or a spec that declares its model. Nothing is written: `health` does that.
    """
    from sparkdrift.report.owed import owed_facts
    from sparkdrift.spec.loading import load_models
    from sparkdrift.steps.declared_models import assess_models, books_of

    declared, now = load_models(models), datetime.now(timezone.utc)
    with working(store, spark) as context:
        if model is not None:
            return rows_of(owed_facts([books_of(context, declared, model, now, write=False)]))
        found = assess_models(context, declared, now, write=False)
    return rows_of(owed_facts(found.values()))


def model_debt(
    models: str | Path,
    model: str,
    name: str,
    store: str | None = None,
    *,
    spark: SparkSession | None = None,
) -> Rows:
    """The life of one of them; raises UsageError, with the nearest, where there is none."""
    from sparkdrift.report.health import debt_event_facts
    from sparkdrift.spec.loading import load_models
    from sparkdrift.steps.declared_models import life_of_model

    declared = load_models(models)
    with working(store, spark) as context:
        events = life_of_model(context, declared, model, name, datetime.now(timezone.utc))
    return rows_of(debt_event_facts(events))


def answer_model(
    action: Literal["acknowledged", "waived", "assigned"],
    models: str | Path,
    model: str,
    name: str,
    reason: str,
    store: str | None = None,
    *,
    until: Moment | None = None,
    to: str | None = None,
    by: str | None = None,
    spark: SparkSession | None = None,
) -> Rows:
    """Say something of one of them: seen, waived `until` (UTC), or given `to` somebody. Returns
    what the model owes now."""
    from sparkdrift.errors import UsageError
    from sparkdrift.report.owed import owed_facts
    from sparkdrift.spec.loading import load_models
    from sparkdrift.steps.answering_debts import Said
    from sparkdrift.steps.declared_models import answer_model_debt
    from sparkdrift.windows import local_instant

    for wanted, key, given in (("waived", "until", until), ("assigned", "to", to)):
        if (action == wanted) != bool(given):
            raise UsageError(f"`{key}` belongs to {wanted!r}, and {wanted!r} needs it")
    declared = load_models(models)
    ends = None if until is None else local_instant(until, "UTC")
    said = Said(action, somebody(by), reason, ends, to)
    with working(store, spark) as context:
        now = datetime.now(timezone.utc)
        owed = answer_model_debt(context, declared, model, name, said, now)
    return rows_of(owed_facts([owed]))
