"""Columns of a table and what their Spark types are good for."""

from __future__ import annotations

import re
from collections.abc import ItemsView, Mapping
from typing import Literal

from sparkdrift.spec.hints import Hints

_INTEGERS = frozenset(["tinyint", "byte", "smallint", "short", "int", "integer", "bigint", "long"])
_NUMBERS = _INTEGERS | {"float", "real", "double", "decimal"}
_TEXTS = frozenset(["string", "char", "varchar"])
_TIMESTAMPS = frozenset(["timestamp", "timestamp_ntz", "timestamp_ltz", "date"])
_ATOMS = _NUMBERS | _TEXTS | _TIMESTAMPS | {"boolean"}

ACCEPTED_NUMERIC = "tinyint, smallint, int, bigint, float, double or decimal"
ACCEPTED_CATEGORICAL = "string, char, varchar, boolean, date or an integer type"
ACCEPTED_TIMESTAMP = "timestamp, timestamp_ntz or date"
ACCEPTED_VECTOR = "array<float> or array<double>"
ACCEPTED_TEXT = "string, char or varchar"
ACCEPTED_ATOMIC = "a plain value: a string, boolean, number, date or timestamp"


class Columns:
    """The columns of a table, found without regard to case, as Spark does by default."""

    def __init__(self, schema: Mapping[str, str]) -> None:
        self._schema = schema
        self._hints = Hints(schema)
        self._by_lower = {name.lower(): data_type for name, data_type in schema.items()}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._schema)

    def items(self) -> ItemsView[str, str]:
        return self._schema.items()

    def nearest(self, column: str) -> str | None:
        """The column whose name is closest, for the first few that are asked for."""
        return self._hints.nearest(column)

    def accepted(self, column: str) -> str:
        """The columns in words, those most like `column` first, as far as a reader wants them."""
        listed = self._hints.listed(column)
        return f"a column of the table: {listed}" if listed else f"one of its {len(self.names)}"

    def type_of(self, column: str) -> str | None:
        """The type of `column`, or None when the table has no such column."""
        return self._by_lower.get(column.lower())


def base_type(data_type: str) -> str:
    """The type without its parameters: `decimal(10,2)` -> `decimal`, `struct<..>` -> `struct`."""
    return re.split(r"[(<\s]", data_type.strip().lower(), maxsplit=1)[0]


def is_numeric(data_type: str) -> bool:
    return base_type(data_type) in _NUMBERS


def is_categorical(data_type: str) -> bool:
    return base_type(data_type) in _TEXTS | _INTEGERS | {"boolean", "date"}


def is_timestamp(data_type: str) -> bool:
    return base_type(data_type) in _TIMESTAMPS


def is_text(data_type: str) -> bool:
    return base_type(data_type) in _TEXTS


def is_vector(data_type: str) -> bool:
    return re.fullmatch(r"array<(float|real|double)>", data_type.strip().lower()) is not None


def is_atomic(data_type: str) -> bool:
    return base_type(data_type) in _ATOMS


def automatic_kind(data_type: str) -> Literal["numeric", "categorical"] | None:
    """The kind that `auto` gives a column; None leaves it out (dates, nested types)."""
    if is_numeric(data_type):
        return "numeric"
    return "categorical" if base_type(data_type) in _TEXTS | {"boolean"} else None
