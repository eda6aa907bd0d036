"""What each feature takes from a row, and whether the column's type allows it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sparkdrift.errors import Problem
from sparkdrift.spec.columns import (
    ACCEPTED_CATEGORICAL,
    ACCEPTED_NUMERIC,
    ACCEPTED_TEXT,
    ACCEPTED_TIMESTAMP,
    ACCEPTED_VECTOR,
    Columns,
    base_type,
    is_categorical,
    is_numeric,
    is_text,
    is_timestamp,
    is_vector,
)
from sparkdrift.spec.expressions import identifiers
from sparkdrift.spec.features import Declared, Kind, TextFeature, VectorFeature
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.names import quote
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.privacy import Hidden
from sparkdrift.spec.values_in_sql import (
    NO_REMAINDER,
    age,
    instant,
    number,
    remainder,
    text_part,
    vector_part,
)

ACCEPTED_BEYOND = "an expression that Spark accepts on the columns of the table"


@dataclass(frozen=True)
class Value:
    """What a feature takes from a row, where it is not a column as it stands."""

    sql: str
    definition: tuple[str | int, ...]


@dataclass(frozen=True)
class Feature:
    """A watched value; `name` is the id of its rows and survives a rename.

    `column` is the one it is taken from, or the name where an expression reads several; of
    a custom metric (kind "metric"), its name in the spec.
    `remainder` is SQL text of the exact value where a double can't tell it from its
    neighbours, and NULL elsewhere: distinct values are counted by both together.
    `hidden`: of a category, how its values are replaced before anything is counted.
    """

    column: str
    kind: Kind | Literal["metric"]
    name: str
    value: Value | None = None
    remainder: str = NO_REMAINDER
    hidden: Hidden | None = None

    @property
    def sql(self) -> str:
        """SQL over a row of the source: a number, or for categories what casts to a string."""
        sql = quote(self.column) if self.value is None else self.value.sql
        return sql if self.hidden is None else self.hidden.sql(sql)


@dataclass(frozen=True)
class ResolvedFeature:
    """A feature and its column today: `data_type` None is a missing column, `problem` says why
    it can't be profiled (missing, or of a type that its kind does not take)."""

    feature: Feature
    data_type: str | None
    problem: Problem | None = None


@dataclass(frozen=True)
class Analysed:
    """What Spark says of an expression: its type, or why it does not accept it."""

    data_type: str | None
    error: str | None = None


Types = Mapping[str, Analysed]
"""Expressions that Spark has looked at; another one counts as accepted, its type unknown."""


def select(
    spec: MonitorSpec,
    loc: Loc,
    kind: Kind,
    declared: Declared,
    columns: Columns,
    types: Types,
) -> ResolvedFeature:
    """The feature `declared` on a table with these columns."""
    entry = declared.entry
    if isinstance(entry, VectorFeature | TextFeature):
        return _part(spec, loc, kind, declared, columns)
    if entry.expression is not None:
        return _expression(spec, loc, kind, declared, columns, types)
    if entry.as_ is not None:
        return _time(spec, loc, declared, columns)
    return select_column(spec, loc, Feature(str(entry.column), kind, declared.name), columns)


def select_column(
    spec: MonitorSpec, loc: Loc, feature: Feature, columns: Columns
) -> ResolvedFeature:
    """A feature that is a column as it stands."""
    data_type = columns.type_of(feature.column)
    if data_type is None:
        return ResolvedFeature(feature, None, missing(spec, loc, feature.column, columns))
    if feature.kind == "numeric":
        exact = remainder(feature.sql, data_type)
        feature = Feature(feature.column, feature.kind, feature.name, feature.value, exact)
    if _suits(feature.kind, data_type):
        return ResolvedFeature(feature, data_type)
    problem = spec.origin.problem(
        loc,
        f"the column {feature.column!r} can't be a {feature.kind} feature",
        given=data_type,
        accepted=_accepted(feature, data_type),
    )
    return ResolvedFeature(feature, data_type, problem)


def missing(spec: MonitorSpec, loc: Loc, column: str, columns: Columns) -> Problem:
    """The problem of a column that the table does not have."""
    outer = column.split(".", 1)[0]
    if "." in column and columns.type_of(outer) is not None:
        return spec.origin.problem(
            loc,
            f"the table has no column {column!r}, only {outer!r}",
            given=column,
            accepted="a column of the table; as a feature, a nested field by an expression, "
            "elsewhere from a view",
        )
    return spec.origin.problem(
        loc,
        f"the table has no column {column!r}",
        given=column,
        accepted=columns.accepted(column),
        nearest=columns.nearest(column),
    )


def _suits(kind: str, data_type: str) -> bool:
    return is_numeric(data_type) if kind == "numeric" else is_categorical(data_type)


def _accepted(feature: Feature, data_type: str) -> str:
    """The types that are accepted, and the next step for a column of another."""
    kind, column = feature.kind, feature.column
    accepted = ACCEPTED_NUMERIC if kind == "numeric" else ACCEPTED_CATEGORICAL
    if kind == "numeric" and is_timestamp(data_type):
        accepted += "; or {column: .., as: age} or {.., as: number}"
    elif kind == "categorical" and is_timestamp(data_type):
        accepted += "; or, under 'numeric', {column: .., as: age} or {.., as: number}"
    if kind == "numeric" and is_categorical(data_type):
        accepted += "; or list the column under 'categorical'"
    elif kind == "categorical" and is_numeric(data_type):
        accepted += "; or list the column under 'numeric'"
    return (
        accepted
        + (_NEXT.get(base_type(data_type)) or "").format(column=quote(column))
        + (
            "; or list the column under 'vector', with its dimension"
            if is_vector(data_type)
            else ""
        )
    )


_NEXT = {
    "array": "; or an expression with a name, such as size({column})",
    "map": "; or an expression with a name, such as map_contains_key({column}, 'key')",
    "struct": "; or an expression with a name, such as {column}.field",
    "binary": "; bytes are not measured, an expression such as octet_length({column}) is",
    "variant": "; take a field of it in a view",
}


def _expression(
    spec: MonitorSpec,
    loc: Loc,
    kind: Kind,
    declared: Declared,
    columns: Columns,
    types: Types,
) -> ResolvedFeature:
    sql = str(declared.definition[1]) if declared.definition else ""
    value = Value(f"({sql})", declared.definition or ())
    feature = Feature(declared.name, kind, declared.name, value)
    for column in identifiers(sql):
        if columns.type_of(column) is None:
            return ResolvedFeature(feature, None, missing(spec, loc, column, columns))
    found = types.get(sql, Analysed(None))
    if found.error is not None:
        message = f"the expression of {declared.name!r} does not fit the table: {found.error}"
        problem = spec.origin.problem(loc, message, given=sql, accepted=ACCEPTED_BEYOND)
        return ResolvedFeature(feature, None, problem)
    if found.data_type is None:
        return ResolvedFeature(feature, None)
    exact = remainder(value.sql, found.data_type) if kind == "numeric" else NO_REMAINDER
    feature = Feature(declared.name, kind, declared.name, value, exact)
    if _suits(kind, found.data_type):
        return ResolvedFeature(feature, found.data_type)
    other: Kind = "categorical" if kind == "numeric" else "numeric"
    problem = spec.origin.problem(
        loc,
        f"the expression of {declared.name!r} can't be a {kind} feature",
        given=f"{sql}, of type {found.data_type}",
        accepted=(ACCEPTED_NUMERIC if kind == "numeric" else ACCEPTED_CATEGORICAL)
        + (f"; or list it under '{other}'" if _suits(other, found.data_type) else ""),
    )
    return ResolvedFeature(feature, found.data_type, problem)


def _time(spec: MonitorSpec, loc: Loc, declared: Declared, columns: Columns) -> ResolvedFeature:
    """A date or timestamp as a number, or as its age at the time of the event."""
    column, definition = str(declared.column), declared.definition or ()
    zone, event = spec.timestamp.zone, spec.timestamp.column
    plain = Feature(column, "numeric", declared.name, Value(quote(column), definition))
    data_type = columns.type_of(column)
    if data_type is None:
        return ResolvedFeature(plain, None, missing(spec, loc, column, columns))
    if not is_timestamp(data_type):
        message = f"the column {column!r} has no {definition[0]}"
        problem = spec.origin.problem(loc, message, given=data_type, accepted=ACCEPTED_TIMESTAMP)
        return ResolvedFeature(plain, data_type, problem)
    if definition == ("number",):
        sql = number(column, data_type, zone)
    else:
        # The table of a reference needs no timestamp, but for this.
        of_event = columns.type_of(event)
        if of_event is None or not is_timestamp(of_event):
            problem = missing(spec, loc, event, columns)
            return ResolvedFeature(plain, None, problem)
        sql = age(instant(event, of_event, zone), instant(column, data_type, zone))
    value = Value(sql, definition)
    return ResolvedFeature(Feature(column, "numeric", declared.name, value), data_type)


def _part(
    spec: MonitorSpec, loc: Loc, kind: Kind, declared: Declared, columns: Columns
) -> ResolvedFeature:
    """A part of a vector or text. Its type is that of the part: the vector's may widen."""
    entry, column, part = declared.entry, str(declared.column), str(declared.part)
    if isinstance(entry, VectorFeature):
        sql = vector_part(part, column, entry.dimension, entry.seed)
        of_part = "double" if kind == "numeric" else "int"
        suits, accepted, what = is_vector, ACCEPTED_VECTOR, "a vector"
    else:
        sql = text_part(part, column)
        of_part = "int" if kind == "numeric" else "boolean"
        suits, accepted, what = is_text, ACCEPTED_TEXT, "a text"
    feature = Feature(column, kind, declared.name, Value(sql, declared.definition or ()))
    data_type = columns.type_of(column)
    if data_type is None:
        return ResolvedFeature(feature, None, missing(spec, loc, column, columns))
    if suits(data_type):
        return ResolvedFeature(feature, of_part)
    message = f"the column {column!r} can't be {what}"
    problem = spec.origin.problem(loc, message, given=data_type, accepted=accepted)
    return ResolvedFeature(feature, data_type, problem)
