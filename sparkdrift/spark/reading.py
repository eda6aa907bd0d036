"""The tables and views of a store as DataFrames that leave nothing behind in the session."""

from __future__ import annotations

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import Problem, StoreError, UsageError, nearest
from sparkdrift.spark.failures import FAILURES
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.views import NAMES, VIEWS, view_text
from sparkdrift.store import Store


def frame(spark: SparkSession, store: Store, name: str) -> DataFrame:
    """All rows of a table or view of the store.

    Raises UsageError for a name that is none, StoreError where the table can't be read.
    """
    if name not in NAMES:
        close = nearest(name, NAMES)
        problem = Problem("the store has no such table or view", None, None, name, None, close)
        raise UsageError(f"{problem}\n    accepted: {', '.join(NAMES)}")
    try:
        if name in VIEWS:
            return spark.sql(view_text(store, name))
        return spark.table(store.table(name))
    except FAILURES as error:
        raise StoreError(
            f"{name} of the store {store} can't be read; `sparkdrift migrate` creates what is "
            "missing, `sparkdrift doctor` checks the rest"
        ) from error


def about() -> list[tuple[str, str]]:
    """(name, what it holds) of every table and view."""
    tables = [(table.name, table.comment) for table in TABLES]
    return [*tables, *((name, "a view over these tables, see docs/tables.md") for name in VIEWS)]
