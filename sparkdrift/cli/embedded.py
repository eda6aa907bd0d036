"""Questions that a store in a folder answers without Java, where `sparkdrift[sql]` is installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import existing_store, quieten
from sparkdrift.embedded import missing
from sparkdrift.store import Store, open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spark.answers import Ask

Found = TypeVar("Found")


def asked(common: Common, questions: Callable[[Ask, SparkSession | None], Found]) -> Found:
    """What `questions` make of the store's answers: without Java where that can be, else by Spark.

    It is called with what answers, and with the session, where there is one.
    """

    def embedded(store: Store, folder: Path) -> Found:
        from sparkdrift.embedded.asking import asking

        with asking(store, folder) as ask:
            return questions(ask, None)

    # An answer may be empty, but it is none of nothing.
    found = without_java(common, embedded)
    if found is not None:
        return found
    with existing_store(common) as (spark, store):
        from sparkdrift.spark.querying import asking

        with asking(spark, store) as ask:
            return questions(ask, spark)


def without_java(common: Common, question: Callable[[Store, Path], Found]) -> Found | None:
    """What `question` answers of the store and its folder; None: Spark has to, a remark says why.

    `question` raises UnansweredError for what it leaves to Spark.
    """
    store = open_store(common.store)
    if store.local is None:
        return None
    lacking = missing()
    if lacking:
        if screen.err().is_terminal:
            screen.remark(
                "Spark starts to answer this; `pip install 'sparkdrift[sql]'` lets a store in a "
                f"folder be read without ({', '.join(lacking)} is not installed)"
            )
        return None
    quieten(common)
    from sparkdrift.embedded.unanswered import UnansweredError

    try:
        return question(store, store.local)
    except UnansweredError as error:
        screen.remark(f"left to Spark: {error}")
        return None
