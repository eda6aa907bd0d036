"""Reading the fleet: one row for each model that has a verdict."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.spark.querying import fetch
from sparkdrift.spark.sql import timestamp
from sparkdrift.spark.views import fleet_query, registered
from sparkdrift.store import Store

MOST_MODELS = 100_000


def read_fleet(
    spark: SparkSession, store: Store, at: datetime | None = None
) -> list[dict[str, Any]]:
    """The rows of the view `fleet` in its order, as things were at `at` (aware; None: now).

    What is due and what is fresh is held against `at`; verdicts are the newest ones.
    """
    with registered(spark, store, "latest_health"):
        query = fleet_query("current_timestamp()" if at is None else timestamp(at))
        return fetch(spark.sql(f"SELECT * FROM ({query}) ORDER BY rank"), MOST_MODELS).dicts()
