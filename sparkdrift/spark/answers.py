"""What a query of the store answers, and what is said of one that can't be answered.

No pyspark here: the reader that needs no Java answers and refuses in the same words.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sparkdrift.errors import Problem, UsageError, nearest
from sparkdrift.spark.monitor_views import OF_A_MONITOR
from sparkdrift.spark.views import NAMES

QUERIES = ("select", "with", "values")
READING = (*QUERIES, "show", "describe", "desc", "explain")
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


Ask = Callable[[str, int], list[dict[str, Any]]]
"""At most so many rows of a query over the tables and views of a store by their plain names; times
are aware UTC."""

ALL_ROWS = 50_000_000
"""More than any store has for questions of our own: a bound is for those of people."""


def distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Column names with a number behind one that stood before: a JSON object has each once."""
    made: list[str] = []
    for name in names:
        other, number = name, 1
        while other in made:
            number += 1
            other = f"{name}_{number}"
        made.append(other)
    return tuple(made)


def reading(statement: str) -> tuple[str, str]:
    """(a statement without what ends it, its first word in small letters).

    Raises UsageError where it does more than read.
    """
    # What leads it stays: Spark names places in the text, and means this one.
    text = statement.rstrip().rstrip(";").rstrip()
    first = _first_word(text)
    if first not in READING or _PROGRAM.search(_COMMENTS.sub(" ", text)):
        raise UsageError(
            f"{first.upper() or 'an empty text'!r} is no query; accepted are SELECT, WITH, VALUES, "
            "SHOW, DESCRIBE and EXPLAIN: this command only reads"
        )
    return text, first


def _first_word(text: str) -> str:
    found = re.match(r"[\s(]*(\w*)", _COMMENTS.sub(" ", text))
    return found.group(1).lower() if found else ""


def no_table(given: Sequence[str], known: Iterable[str] = ()) -> str:
    """What is said of a table that the store has not; `given`: the parts of its name.

    `known`: names that it has besides, such as those of views of a monitor.
    """
    close = nearest(given[-1], [*NAMES, *known])
    message = "the store has no such table or view"
    accepted = (
        f"{', '.join(NAMES)}; of a monitor {' and '.join(f'ID_{one}' for one in OF_A_MONITOR)}"
    )
    return str(Problem(message, None, None, ".".join(given), accepted, close))


def no_column(given: Sequence[str], seen: Sequence[Sequence[str]], statement: str) -> str:
    """What is said of a column that is not there; `seen`: near ones, by the parts of their names,
    which the place in the statement can see."""
    close = nearest(given[-1], [one[-1] for one in seen])
    meant = next((".".join(one) for one in seen if one[-1] == close), None)
    tables = sorted({name for name in NAMES if re.search(rf"\b{name}\b", statement, re.I)})
    listed = [".".join(one) for one in seen]
    listed += [f"DESCRIBE {name} lists all" for name in tables]
    accepted = "; ".join(listed) or "a column of a table named behind FROM"
    message = "the query names a column that is not there"
    return str(Problem(message, None, None, ".".join(given), accepted, meant))
