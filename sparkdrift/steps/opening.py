"""A store made ready for steps, and a journal that is closed whatever happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sparkdrift.spark.capabilities import check_functions
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.migrate import migrate, store_version
from sparkdrift.spark.shipping import try_workers
from sparkdrift.spark.versions import require_current
from sparkdrift.spark.views import empty_store
from sparkdrift.steps.journal import Journal
from sparkdrift.store import Store, no_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def require_store(spark: SparkSession, store: Store) -> None:
    """Raise StoreError where there is no store, or one of another version."""
    version = store_version(spark, store)
    if version is None:
        raise no_store(store)
    require_current(store, version)


def prepared(spark: SparkSession, store: Store, *, dry: bool = False) -> Store:
    """The store, created or brought up to date.

    `dry`: nothing is written; one that is not there yet is an empty one. Raises SetupError where
    Spark lacks the sketch functions, StoreError for a newer store.
    """
    with few_rows(spark):
        check_functions(spark)
        if not dry:
            try_workers(spark)
            migrate(spark, store)
            return store
        version = store_version(spark, store)
        if version is None:
            return empty_store(spark)
        require_current(store, version)
        return store


@contextmanager
def closing(journal: Journal) -> Iterator[Journal]:
    """Write at the end what the journal holds back, also where steps failed."""
    try:
        yield journal
    except BaseException:
        # What ended well before is still to be known; the error is what to report.
        with suppress(Exception):
            journal.close()
        raise
    journal.close()
