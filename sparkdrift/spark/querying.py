"""Reading the store by SQL that a person wrote: queries only, a bounded number of rows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import UsageError
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.views import NAMES, register, unregister
from sparkdrift.store import Store

_READING = ("select", "with", "values", "show", "describe", "desc", "explain")
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
# TRANSFORM, MAP and REDUCE start a program of the operating system.
_PROGRAM = re.compile(r"\busing\s*r?['\"]", re.IGNORECASE)


@dataclass(frozen=True)
class Answer:
    """Column names, rows of plain Python values, and whether more rows were there."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False

    def dicts(self) -> list[dict[str, Any]]:
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def ask(spark: SparkSession, store: Store, statement: str, limit: int) -> Answer:
    """Run one reading statement on the store's tables and views, under their plain names.

    Raises UsageError for a statement that is not a query, and for one that Spark refuses.
    """
    text = statement.strip().rstrip(";").strip()
    first = _first_word(text)
    if first not in _READING or _PROGRAM.search(_COMMENTS.sub(" ", text)):
        raise UsageError(
            f"{first.upper() or 'an empty text'!r} is no query; accepted are SELECT, WITH, VALUES, "
            "SHOW, DESCRIBE and EXPLAIN: this command only reads"
        )
    names = register(spark, store, text)
    try:
        if first in ("select", "with", "values"):
            # WITH can lead an INSERT; DESCRIBE QUERY takes nothing but a query.
            spark.sql(f"DESCRIBE QUERY {text}")
        return fetch(spark.sql(text), limit)
    except FAILURES as error:
        raise UsageError(_refusal(error)) from error
    finally:
        unregister(spark, names)


def fetch(rows: DataFrame, limit: int) -> Answer:
    """At most `limit` rows of a result; times come as aware UTC, whatever this machine's zone."""
    # Collected rows would hold times as naive local ones of this process; Arrow keeps them.
    found = rows.limit(limit + 1).toArrow()
    columns = [column.to_pylist() for column in found.columns]
    values = tuple(zip(*columns, strict=True)) if columns else ()
    return Answer(_distinct(rows.columns), values[:limit], len(values) > limit)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Column names with a number behind one that stood before: a JSON object has each once."""
    made: list[str] = []
    for name in names:
        other, number = name, 1
        while other in made:
            number += 1
            other = f"{name}_{number}"
        made.append(other)
    return tuple(made)


def _first_word(text: str) -> str:
    found = re.match(r"[\s(]*(\w*)", _COMMENTS.sub(" ", text))
    return found.group(1).lower() if found else ""


def _refusal(error: Exception) -> str:
    said = reason(error)
    if "TABLE_OR_VIEW_NOT_FOUND" in said:
        said += f"\n    accepted: {', '.join(NAMES)}"
    return f"Spark refuses the query: {said}"
