"""Events of debts as rows give them; those of declared models, read without Java as well.

Importing this loads no pyspark.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

from sparkdrift.health.declared import PREFIX
from sparkdrift.health.events import Event, standing
from sparkdrift.health.ledger import RETIRED
from sparkdrift.spark.answers import Ask
from sparkdrift.spark.reference_tables import DEBT_EVENTS
from sparkdrift.spark.sql import string

_MOST_EVENTS = 10_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def events_query(table: str, where: str) -> str:
    """All events of the debts of some ledgers; `table`: as a statement names it."""
    return (
        "SELECT monitor, debt, seq, kind, action, unix_micros(window_start) AS `start`, owner,"
        " severity, unix_micros(until) AS `until`, reason, created_by, evidence, cost"
        f" FROM {table} WHERE {where}"
    )


def events_of_models(ask: Ask) -> dict[str, list[Event]]:
    """All events of declared models by ledger, in order; one without any is left out."""
    found: dict[str, list[Event]] = {}
    where = f"startswith(monitor, {string(PREFIX)})"
    for row in ask(events_query(DEBT_EVENTS.name, where), _MOST_EVENTS):
        found.setdefault(row["monitor"], []).append(event_of(row))
    for own in found.values():
        own.sort(key=lambda event: (event.debt, event.seq))
    return found


def retired_but_scored(ask: Ask, monitors: Collection[str]) -> dict[str, list[Event]]:
    """By monitor, for those of these whose retired model is still scored: the events of its ledger
    that say so and stand."""
    if not monitors:
        return {}
    listed = ", ".join(string(one) for one in sorted(monitors))
    where = f"monitor IN ({listed}) AND debt = {string(RETIRED)}"
    found: dict[str, list[Event]] = {}
    for row in ask(events_query(DEBT_EVENTS.name, where), _MOST_EVENTS):
        found.setdefault(row["monitor"], []).append(event_of(row))
    stands = {name: standing(own).get(RETIRED, []) for name, own in found.items()}
    return {name: own for name, own in stands.items() if own and own[-1].action != "closed"}


def event_of(row: Mapping[str, Any]) -> Event:
    """The event of a row that `events_query` gives."""
    return Event(
        debt=row["debt"],
        seq=row["seq"],
        kind=row["kind"],
        action=row["action"],
        window_start=_instant(row["start"]),
        owner=row["owner"] or "",
        severity=row["severity"] or "major",
        until=None if row["until"] is None else _instant(row["until"]),
        reason=row["reason"] or "",
        by=row["created_by"] or "",
        evidence=row["evidence"] or "",
        cost=row["cost"],
    )


def _instant(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
