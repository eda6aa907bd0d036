"""Flattening serving logs whose request and response are JSON texts.

Forms of a request are those that model servers take: `dataframe_records`, `dataframe_split`,
`instances`, and `inputs` as a list of records or as columns. Source: the scoring protocol of
MLflow, https://mlflow.org/docs/latest/ml/deployment/deploy-model-locally/.

Everything is SQL over VARIANT (Spark 4, Databricks Runtime 15.3), which keeps the types that JSON
has: a text that can't be read, or a value of another type, is never an error and always counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame

from sparkdrift.errors import SourceError
from sparkdrift.spark.sql import quote, string
from sparkdrift.spec.payload import POSITION, Payload

_RECORD = "map<string,variant>"
_RECORDS = f"array<{_RECORD}>"
# Columns between the steps; no column of a source begins with ':'.
_REQUEST, _RESPONSE = "`:request`", "`:response`"
_ROWS, _ANSWERS, _ROW, _ANSWER = "`:rows`", "`:answers`", "`:row`", "`:answer`"


@dataclass(frozen=True)
class Flattened:
    """How the rows of a log become those of its batches."""

    payload: Payload

    def schema(self, log: Mapping[str, str], name: str) -> dict[str, str]:
        """The columns of flattened rows; raises SourceError where the log does not fit."""
        by_lower = {column.lower(): column for column in log}
        texts = {one.lower() for one in self._texts}
        for one in self._texts:
            found = by_lower.get(one.lower())
            if found is None or log[found] != "string":
                has = "has no such column" if found is None else f"has it as {log[found]}"
                raise SourceError(
                    f"source.payload names the column {one!r} for a JSON text, and {name} {has}; "
                    f"its texts are {', '.join(c for c, kind in log.items() if kind == 'string')}"
                )
        for one in self.payload.columns:
            if one.lower() in by_lower and one.lower() not in texts:
                raise SourceError(
                    f"source.payload makes the column {one!r}, and {name} has one of that name; "
                    "leave it out there by a view"
                )
        kept = {column: kind for column, kind in log.items() if column.lower() not in texts}
        return kept | self.payload.columns

    def flatten(self, rows: DataFrame) -> DataFrame:
        """`rows` of the log as those of its batches; a request that can't be read is one row."""
        texts = {one.lower() for one in self._texts}
        kept = [quote(column) for column in rows.columns if column.lower() not in texts]
        request = f"try_parse_json({quote(self.payload.request)})"
        response = (
            f"try_parse_json({quote(self.payload.response)})"
            if self.payload.predictions
            else "CAST(NULL AS VARIANT)"
        )
        read = rows.selectExpr(*kept, f"{request} AS {_REQUEST}", f"{response} AS {_RESPONSE}")
        batches = read.selectExpr(*kept, f"{records()} AS {_ROWS}", f"{answers()} AS {_ANSWERS}")
        one = f"coalesce({_ROWS}, array(CAST(NULL AS {_RECORD})))"
        paired = f"size({_ANSWERS}) = size({_ROWS})"
        answer = f"CASE WHEN {paired} THEN get({_ANSWERS}, CAST(`:at` AS INT)) END AS {_ANSWER}"
        exploded = batches.selectExpr(
            *kept, _ROWS, _ANSWERS, f"posexplode({one}) AS (`:at`, {_ROW})"
        ).selectExpr(*kept, f"CASE WHEN {_ROWS} IS NOT NULL THEN `:at` END AS `:at`", _ROW, answer)
        return exploded.selectExpr(*kept, *self._values())

    @property
    def _texts(self) -> Sequence[str]:
        """The columns with JSON texts; a response that nothing is read of stays as it is."""
        own = self.payload
        return (own.request, own.response) if own.predictions else (own.request,)

    def _values(self) -> list[str]:
        """The columns of a flattened row, from a record and the answer to it."""
        found, mismatched = [], []
        places = [(name, kind, _of_record(name)) for name, kind in self.payload.fields.items()]
        told = self.payload.predictions
        places += [
            (name, kind, _of_answer(name, position, alone=len(told) == 1))
            for position, (name, kind) in enumerate(told.items())
        ]
        for name, kind, value in places:
            typed = f"try_variant_get({value}, '$', {string(kind)})"
            found.append(f"{typed} AS {quote(name)}")
            given = f"{value} IS NOT NULL AND NOT is_variant_null({value})"
            mismatched.append(f"CASE WHEN {given} AND {typed} IS NULL THEN 1L ELSE 0L END")
        declared = ", ".join(string(name) for name in self.payload.fields)
        others = f"size(array_except(map_keys({_ROW}), array({declared})))"
        undeclared = f"CASE WHEN {_ROW} IS NOT NULL THEN {others} END"
        unpaired = f"CASE WHEN {_ANSWER} IS NULL THEN 1L ELSE 0L END" if told else "0L"
        return [
            *found,
            f"CAST(`:at` AS BIGINT) AS {POSITION}",
            f"CASE WHEN {_ROW} IS NULL THEN 1L ELSE 0L END AS payload_unreadable",
            f"{' + '.join(mismatched)} AS payload_mismatched",
            f"coalesce(CAST({undeclared} AS BIGINT), 0L) AS payload_undeclared",
            f"{unpaired} AS payload_unpaired",
        ]


def records() -> str:
    """SQL for the batch of a request as records; NULL where it has none of the known forms."""

    def at(path: str, kind: str) -> str:
        return f"try_variant_get({_REQUEST}, {string(path)}, {string(kind)})"

    names = at("$.dataframe_split.columns", "array<string>")
    data = at("$.dataframe_split.data", "array<array<variant>>")
    fits = f"size(line) = size({names}) AND size(array_distinct({names})) = size({names})"
    split = f"transform({data}, line -> CASE WHEN {fits} THEN map_from_arrays({names}, line) END)"
    columns = at("$.inputs", "map<string,array<variant>>")
    length = f"array_max(transform(map_values({columns}), one -> size(one)))"
    column = f"CASE WHEN {length} > 0 THEN transform(sequence(0, {length} - 1), i ->"
    column += f" transform_values({columns}, (name, one) -> get(one, i)))"
    column += f" WHEN {columns} IS NOT NULL THEN CAST(array() AS {_RECORDS}) END"
    forms = [at(f"$.{key}", _RECORDS) for key in ("dataframe_records", "instances", "inputs")]
    return f"coalesce({', '.join((*forms, split, column))})"


def answers() -> str:
    """SQL for the predictions of a response, one for each row of the batch; NULL: it has none."""
    places = ("$.predictions", "$.outputs", "$")
    found = (f"try_variant_get({_RESPONSE}, {string(place)}, 'array<variant>')" for place in places)
    return f"coalesce({', '.join(found)})"


def _of_record(name: str) -> str:
    return f"try_element_at({_ROW}, {string(name)})"


def _of_answer(name: str, position: int, *, alone: bool) -> str:
    """A prediction by its name, else by its position; one alone may be the answer itself."""
    named = f"try_element_at(try_variant_get({_ANSWER}, '$', {string(_RECORD)}), {string(name)})"
    listed = f"get(try_variant_get({_ANSWER}, '$', 'array<variant>'), {position})"
    if not alone:
        return f"coalesce({named}, {listed})"
    # An object that lacks the name has no such prediction; it is not the value.
    shape = f"try_variant_get({_ANSWER}, '$', {string(_RECORD)})"
    return f"coalesce({named}, {listed}, CASE WHEN {shape} IS NULL THEN {_ANSWER} END)"
