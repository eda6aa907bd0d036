"""Reading the fleet: one row for each model that has a verdict."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sparkdrift.health.fleet import together
from sparkdrift.health.ownership import unlisted_monitors
from sparkdrift.spark.answers import Ask
from sparkdrift.spark.model_events import events_of_models, retired_but_scored
from sparkdrift.spark.sql import timestamp
from sparkdrift.spark.views import fleet_query
from sparkdrift.spec.registry import DeclaredModel, Registry

MOST_MODELS = 100_000


def whole_fleet(ask: Ask, registry: Registry | None, at: datetime) -> list[dict[str, Any]]:
    """The fleet as people look at it at `at` (aware), with what a registry declares beside it."""
    rows = read_fleet(ask, at, registry.models if registry else None)
    retired = {one for row in rows if row["stage"] == "retired" for one in row["monitors"]}
    scored = retired_but_scored(ask, retired)
    return together(rows, registry, at, events_of_models(ask) if registry else None, scored)


def read_fleet(
    ask: Ask, at: datetime | None = None, models: Mapping[str, DeclaredModel] | None = None
) -> list[dict[str, Any]]:
    """The rows of the view `fleet` in its order, as things were at `at` (aware; None: now).

    What is due and what is fresh is held against `at`; verdicts are the newest ones. models: those
    that a registry declares: a monitor that it lists no more says nothing of its model, and stands
    in `unlisted_monitors`.
    """
    now = "current_timestamp()" if at is None else timestamp(at)

    def rows(without: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        return ask(f"SELECT * FROM ({fleet_query(now, without)}) ORDER BY rank", MOST_MODELS)

    found = rows()
    gone = {
        str(row["model_id"]): own
        for row in found
        if (own := unlisted_monitors((models or {}).get(str(row["model_id"])), row["monitors"]))
    }
    if gone:
        found = rows(tuple(one for own in gone.values() for one in own))
    return [{**row, "unlisted_monitors": gone.get(str(row["model_id"]), [])} for row in found]
