"""Reading the fleet: one row for each model that has a verdict."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sparkdrift.spark.answers import Ask
from sparkdrift.spark.sql import timestamp
from sparkdrift.spark.views import fleet_query

MOST_MODELS = 100_000


def read_fleet(ask: Ask, at: datetime | None = None) -> list[dict[str, Any]]:
    """The rows of the view `fleet` in its order, as things were at `at` (aware; None: now).

    What is due and what is fresh is held against `at`; verdicts are the newest ones.
    """
    query = fleet_query("current_timestamp()" if at is None else timestamp(at))
    return ask(f"SELECT * FROM ({query}) ORDER BY rank", MOST_MODELS)
