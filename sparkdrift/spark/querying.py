"""Reading the store by SQL that a person wrote: queries only, a bounded number of rows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import Problem, UsageError, nearest
from sparkdrift.spark.failures import FAILURES, condition, reason
from sparkdrift.spark.views import NAMES, registered
from sparkdrift.store import Store

_READING = ("select", "with", "values", "show", "describe", "desc", "explain")
_COMMENTS = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
# TRANSFORM, MAP and REDUCE start a program of the operating system.
_PROGRAM = re.compile(r"\busing\s*r?['\"]", re.IGNORECASE)

# Spark counts characters from 0, and writes a comma or none.
_PLACE = re.compile(r"\bline (\d+),? pos (\d+)")


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
    # What leads it stays: Spark names places in the text, and means this one.
    text = statement.rstrip().rstrip(";").rstrip()
    first = _first_word(text)
    if first not in _READING or _PROGRAM.search(_COMMENTS.sub(" ", text)):
        raise UsageError(
            f"{first.upper() or 'an empty text'!r} is no query; accepted are SELECT, WITH, VALUES, "
            "SHOW, DESCRIBE and EXPLAIN: this command only reads"
        )
    with registered(spark, store, text):
        if first in ("select", "with", "values"):
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


def refusal(error: Exception, statement: str, lines_before: int = 0) -> str:
    """What is wrong with a statement that Spark refused; of a wrong name the nearest right one.

    `lines_before`: how many lines Spark was given before the statement.
    """
    kind = condition(error)
    named = (isinstance(error, PySparkException) and error.getMessageParameters()) or {}
    if kind == "TABLE_OR_VIEW_NOT_FOUND" and "relationName" in named:
        given = _parts(named["relationName"])
        close = nearest(given[-1], NAMES)
        message = "the store has no such table or view"
        return str(Problem(message, None, None, ".".join(given), ", ".join(NAMES), close))
    if kind.startswith("UNRESOLVED_COLUMN") and "objectName" in named:
        given = _parts(named["objectName"])
        # Spark proposes the five nearest of those that the place in the query can see.
        seen = [_parts(one) for one in named.get("proposal", "").split(", ") if one]
        close = nearest(given[-1], [one[-1] for one in seen])
        meant = next((".".join(one) for one in seen if one[-1] == close), None)
        tables = sorted({name for name in NAMES if re.search(rf"\b{name}\b", statement, re.I)})
        listed = [".".join(one) for one in seen]
        listed += [f"DESCRIBE {name} lists all" for name in tables]
        accepted = "; ".join(listed) or "a column of a table named behind FROM"
        message = "the query names a column that is not there"
        return str(Problem(message, None, None, ".".join(given), accepted, meant))
    told = _PLACE.sub(partial(_place, lines_before), reason(error))
    return f"Spark refuses the query: {told}"


def _place(lines_before: int, found: re.Match[str]) -> str:
    """A place in the statement as people count: both numbers from 1."""
    return f"line {int(found[1]) - lines_before}, character {int(found[2]) + 1}"


def _parts(quoted: str) -> list[str]:
    """The parts of a name as Spark's messages quote it: `d`.`status`."""
    return [one.replace("``", "`") for one in re.findall(r"`((?:[^`]|``)*)`", quoted)] or [quoted]
