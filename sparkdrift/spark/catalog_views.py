"""The views of a store in a catalog, where dashboards, alerts and other sessions find them.

A folder has no place for views: there they are made for the session that asks (`views.py`).
"""

from __future__ import annotations

from pyspark.sql import SparkSession

from sparkdrift.errors import StoreError
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.monitor_views import monitor_views
from sparkdrift.spark.schemas import RUNS
from sparkdrift.spark.sql import string
from sparkdrift.spark.views import NAMES, VIEWS, monitors, query_of
from sparkdrift.store import Store

_COMMENT = "A view of sparkdrift: docs/tables.md says what it holds"
_COMPATIBLE = "The columns of Databricks data profiling: docs/databricks.md says what differs"


def create_views(spark: SparkSession, store: Store) -> tuple[str, ...]:
    """Create or renew every view of a catalog's store; returns their names, none for a folder.

    Those of a monitor come with it, as far as `runs` knows monitors. Raises StoreError where the
    catalog refuses one.
    """
    if store.schema is None:
        return ()
    made = _of_the_store(spark, store)
    for monitor in monitors(spark, store.table(RUNS.name)):
        made += _of_monitor(spark, store, monitor)
    return made


def add_monitor_views(spark: SparkSession, store: Store, monitor: str) -> tuple[str, ...]:
    """Create the views of one monitor in a catalog that lacks them; returns what was created."""
    if store.schema is None:
        return ()
    if all(spark.catalog.tableExists(store.table(name)) for name in monitor_views(monitor, _any())):
        return ()
    # A store of before has none of the views that these read.
    lacks = not spark.catalog.tableExists(store.table("current_drift"))
    made = _of_the_store(spark, store) if lacks else ()
    return made + _of_monitor(spark, store, monitor)


def _of_the_store(spark: SparkSession, store: Store) -> tuple[str, ...]:
    names = {name: store.table(name) for name in NAMES}
    return tuple(_create(spark, store, name, query_of(name, names), _COMMENT) for name in VIEWS)


def _any() -> dict[str, str]:
    return dict.fromkeys(NAMES, "")


def _of_monitor(spark: SparkSession, store: Store, monitor: str) -> tuple[str, ...]:
    names = {name: store.table(name) for name in NAMES}
    return tuple(
        _create(spark, store, name, query, _COMPATIBLE)
        for name, query in monitor_views(monitor, names).items()
    )


def _create(spark: SparkSession, store: Store, name: str, query: str, comment: str) -> str:
    try:
        spark.sql(
            f"CREATE OR REPLACE VIEW {store.table(name)} COMMENT {string(comment)} AS {query}"
        )
    except FAILURES as error:
        raise StoreError(
            f"the view {name} was not created in {store} ({reason(error)}); whoever may create "
            f"tables there makes it by `sparkdrift migrate --store {store}`"
        ) from error
    return name
