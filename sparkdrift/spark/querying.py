"""Reading the store by SQL that a person wrote: queries only, a bounded number of rows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import UsageError
from sparkdrift.spark.answers import QUERIES, Answer, Ask, distinct, no_column, no_table, reading
from sparkdrift.spark.failures import FAILURES, condition, reason
from sparkdrift.spark.views import registered
from sparkdrift.store import Store

# Spark counts characters from 0, and writes a comma or none.
_PLACE = re.compile(r"\bline (\d+),? pos (\d+)")


@contextmanager
def asking(spark: SparkSession, store: Store) -> Iterator[Ask]:
    """Questions of our own to one store; the session holds its views meanwhile."""
    with registered(spark, store):
        yield lambda statement, limit: fetch(spark.sql(statement), limit).dicts()


def ask(spark: SparkSession, store: Store, statement: str, limit: int) -> Answer:
    """Run one reading statement on the store's tables and views, under their plain names.

    Raises UsageError for a statement that is not a query, and for one that Spark refuses.
    """
    text, first = reading(statement)
    with registered(spark, store, text):
        if first in QUERIES:
            # WITH can lead an INSERT; DESCRIBE QUERY takes nothing but a query.
            with _refused(text, lines_before=1):
                spark.sql(f"DESCRIBE QUERY\n{text}")
        with _refused(text):
            return fetch(spark.sql(text), limit)


@contextmanager
def _refused(statement: str, lines_before: int = 0) -> Iterator[None]:
    try:
        yield
    except FAILURES as error:
        raise UsageError(refusal(error, statement, lines_before)) from error


def fetch(rows: DataFrame, limit: int) -> Answer:
    """At most `limit` rows of a result; times come as aware UTC, whatever this machine's zone."""
    # Collected rows would hold times as naive local ones of this process; Arrow keeps them.
    found = rows.limit(limit + 1).toArrow()
    columns = [column.to_pylist() for column in found.columns]
    values = tuple(zip(*columns, strict=True)) if columns else ()
    return Answer(distinct(rows.columns), values[:limit], len(values) > limit)


def refusal(error: Exception, statement: str, lines_before: int = 0) -> str:
    """What is wrong with a statement that Spark refused; of a wrong name the nearest right one.

    `lines_before`: how many lines Spark was given before the statement.
    """
    kind = condition(error)
    named = (isinstance(error, PySparkException) and error.getMessageParameters()) or {}
    if kind == "TABLE_OR_VIEW_NOT_FOUND" and "relationName" in named:
        return no_table(_parts(named["relationName"]))
    if kind.startswith("UNRESOLVED_COLUMN") and "objectName" in named:
        # Spark proposes the five nearest of those that the place in the query can see.
        seen = [_parts(one) for one in named.get("proposal", "").split(", ") if one]
        return no_column(_parts(named["objectName"]), seen, statement)
    told = _PLACE.sub(partial(_place, lines_before), reason(error))
    return f"Spark refuses the query: {told}"


def _place(lines_before: int, found: re.Match[str]) -> str:
    """A place in the statement as people count: both numbers from 1."""
    return f"line {int(found[1]) - lines_before}, character {int(found[2]) + 1}"


def _parts(quoted: str) -> list[str]:
    """The parts of a name as Spark's messages quote it: `d`.`status`."""
    return [one.replace("``", "`") for one in re.findall(r"`((?:[^`]|``)*)`", quoted)] or [quoted]
