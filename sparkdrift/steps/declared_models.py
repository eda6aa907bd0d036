"""What declared models owe that no window can tell, brought up to date in the ledger.

No monitor, no owner, no fresh verdict: whoever judges health judges this as well, for all models
that specs and registries declare, watched or not.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, TypeVar

from sparkdrift.embedded import without_spark
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.errors import StoreError, UsageError, nearest
from sparkdrift.health.declared import PREFIX, Owed, as_it_was, ledger_of, owed_by
from sparkdrift.health.events import Event
from sparkdrift.health.ownership import fleet_findings, watched_models
from sparkdrift.spark.answers import Ask
from sparkdrift.spark.fleet import read_fleet
from sparkdrift.spark.health import write_decision, write_events
from sparkdrift.spark.model_events import events_of_models
from sparkdrift.spark.querying import asking
from sparkdrift.spec.registry import DeclaredModel
from sparkdrift.steps.answering_debts import Said, check_said, event_said
from sparkdrift.steps.context import Context

_TRIES = 5
T = TypeVar("T")
Stored = tuple[list[dict[str, Any]], dict[str, list[Event]]]


def assess_models(
    context: Context, models: Mapping[str, DeclaredModel], at: datetime, *, write: bool = True
) -> dict[str, Owed]:
    """What each of these models owes on the day of `at` (aware); events that are missing are
    written, in one commit. Models that owe nothing are there as well."""
    for _ in range(_TRIES):
        found = _judged(context, models, at)
        entries = {ledger_of(one.model): one.entries for one in found.values() if one.entries}
        if not write or not entries:
            return found
        events = {ledger_of(one.model): one.events for one in found.values()}
        written = write_events(
            context.spark,
            context.store,
            entries,
            events,
            context.journal.run_id,
            {ledger_of(one.model): one.by for one in found.values()},
        )
        if written == sum(len(own) for own in entries.values()):
            return found
    raise StoreError(
        "other runs wrote events of the same models at the same time, again and again; the ledger "
        "is brought up to date by the next `sparkdrift health`"
    )


def _judged(context: Context, models: Mapping[str, DeclaredModel], at: datetime) -> dict[str, Owed]:
    rows, events = _stored(context, at, models)
    owed = fleet_findings(models, watched_models(rows), at)
    return {
        name: owed_by(name, model, owed.get(name, ()), events.get(ledger_of(name), ()), at)
        for name, model in models.items()
    }


def _stored(context: Context, at: datetime, models: Mapping[str, DeclaredModel]) -> Stored:
    return _asked(context, lambda ask: (read_fleet(ask, at, models), events_of_models(ask)))


def _asked(context: Context, questions: Callable[[Ask], T]) -> T:
    with suppress(UnansweredError):
        return without_spark(context.store, questions)
    with asking(context.spark, context.store) as ask:
        return questions(ask)


def answer_model_debt(
    context: Context,
    models: Mapping[str, DeclaredModel],
    name: str,
    debt: str,
    said: Said,
    at: datetime,
) -> Owed:
    """Record what is said of what a declared model owes; it counts from the day of `at` on.

    Raises UsageError for an unknown model or debt, a waiver that is over already, and without a
    name or a reason; StoreError where meanwhile another event came.
    """
    check_said(said)
    before = books_of(context, models, name, at)
    owed = {one.name: one for one in before.debts}
    if debt not in owed:
        close = nearest(debt, owed)
        hint = f"; did you mean {close!r}?" if close else "."
        raise UsageError(
            f"the model {name} has no open debt {debt!r}{hint} Open are: "
            f"{'; '.join(sorted(owed)) or 'none'}"
        )
    if said.until is not None and said.until <= before.day.end:
        raise UsageError(
            f"--until {said.until:%Y-%m-%d %H:%M} UTC is in the past: days are what counts, and "
            f"the present one ends {before.day.end:%Y-%m-%d %H:%M} UTC; accepted is a later time"
        )
    event = event_said(said, owed[debt], before.day.start, before.events)
    ledger = ledger_of(name)
    if not write_decision(context.spark, context.store, ledger, event, context.journal.run_id):
        raise StoreError(
            f"nothing was written of {debt}: meanwhile another event came; look at it and say it "
            "again"
        )
    return books_of(context, models, name, at)


def books_of(
    context: Context,
    models: Mapping[str, DeclaredModel],
    name: str,
    at: datetime,
    *,
    write: bool = True,
) -> Owed:
    """What one model owes. One that is not declared any more owes what it did, as nobody looks.

    Raises UsageError, with the nearest, for one that is neither declared nor on the books.
    """
    if name in models:
        owed = assess_models(context, {name: models[name]}, at, write=write)[name]
        # The numbers of events that were added just now count.
        return _judged(context, {name: models[name]}, at)[name] if owed.entries and write else owed
    return as_it_was(name, _events_of(_asked(context, events_of_models), models, name), at)


def life_of_model(
    context: Context, models: Mapping[str, DeclaredModel], name: str, debt: str, at: datetime
) -> list[Event]:
    """All events of a debt of a declared model; raises UsageError, with the nearest, for none."""
    events = _events_of(_asked(context, events_of_models), models, name)
    found = [one for one in events if one.debt == debt]
    if not found:
        known = sorted({one.debt for one in events})
        close = nearest(debt, known)
        hint = f"; did you mean {close!r}?" if close else "."
        listed = "; ".join(known) or "nothing: `sparkdrift health` writes it"
        raise UsageError(f"the model {name} has no debt {debt!r}{hint} On its books: {listed}")
    return found


def _events_of(
    events: Mapping[str, list[Event]], models: Mapping[str, DeclaredModel], name: str
) -> list[Event]:
    """Those of one model; raises for one that is neither declared nor on the books."""
    ledger = ledger_of(name)
    if name not in models and ledger not in events:
        raise _unknown(name, {*models, *(one.removeprefix(PREFIX) for one in events)})
    return events.get(ledger, [])


def _unknown(name: str, known: Collection[str]) -> UsageError:
    close = nearest(name, known)
    hint = f"; did you mean {close!r}?" if close else "."
    listed = ", ".join(sorted(known)[:12]) + (", ..." if len(known) > 12 else "")
    return UsageError(f"no model {name!r} is declared, or on the books{hint} There are: {listed}")
