"""Reading a few rows without compiling code for them.

Spark generates, compiles and warms up Java code for each query. For a table log or a page of
`runs`, in a Java that has just started, that takes longer than the rows: a run with nothing to
do spends its time there (see CONTRIBUTING).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from weakref import WeakKeyDictionary

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

# Set in the sessions that we start; other people's sessions keep their settings.
OURS = "spark.sparkdrift.ours"
_INTERPRETED = {
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.shuffle.partitions": "1",
}
# What a session had before, and how many are inside: several threads ask at a time, and whoever
# leaves first must not be the one who compiles again.
_inside: WeakKeyDictionary[SparkSession, tuple[dict[str, str], int]] = WeakKeyDictionary()
_one_at_a_time = Lock()


@contextmanager
def few_rows(spark: SparkSession | None) -> Iterator[None]:
    """Interpret the queries inside; for statements that move thousands of rows at most.

    Does nothing in a session that isn't ours, nor where there is none.
    """
    if spark is None or not ours(spark):
        yield
        return
    _enter(spark)
    try:
        yield
    finally:
        _leave(spark)


def _enter(spark: SparkSession) -> None:
    with _one_at_a_time:
        before, inside = _inside.get(spark, ({}, 0))
        if not inside:
            before = {key: str(spark.conf.get(key)) for key in _INTERPRETED}
            _set(spark, _INTERPRETED)
        _inside[spark] = before, inside + 1


def _leave(spark: SparkSession) -> None:
    with _one_at_a_time:
        before, inside = _inside[spark]
        if inside > 1:
            _inside[spark] = before, inside - 1
            return
        del _inside[spark]
        _set(spark, before)


def ours(spark: SparkSession) -> bool:
    """Whether we started this session, so that its settings may be changed."""
    try:
        return spark.conf.get(OURS, "") == "true"
    except PySparkException:  # a managed runtime may refuse to tell
        return False


def _set(spark: SparkSession, settings: dict[str, str]) -> None:
    for key, value in settings.items():
        spark.conf.set(key, value)
