"""Serving logs that keep request and response as JSON texts: which fields they should have.

A row of such a log is one call, often with a batch of rows to score. Flattened, it is as many rows,
with the log's other columns beside them. What a text has that is not declared, or has otherwise,
is counted in columns of their own, and by a metric each: nothing is left out unseen.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field

from sparkdrift.spec.metrics import Metric, Ratio
from sparkdrift.spec.values import ColumnName, FeatureName, Section

FieldType = Literal["double", "bigint", "string", "boolean", "timestamp", "date"]
TYPES: tuple[FieldType, ...] = get_args(FieldType)
Fields = Mapping[FeatureName, FieldType]

POSITION = "payload_row"
"""The place of a row in its batch, from 0; NULL where the request could not be read."""
COUNTERS: Mapping[str, str] = {
    "payload_unreadable": "bigint",
    "payload_mismatched": "bigint",
    "payload_undeclared": "bigint",
    "payload_unpaired": "bigint",
}
"""Columns of a flattened row, with their types. Unreadable: 1 where the request is no JSON of a
form that is known, which makes one row. Mismatched: declared fields whose value is not of their
type, and is NULL therefore. Undeclared: fields that are not declared. Unpaired: 1 where
predictions are declared and the response has none, or more or fewer than the batch has rows."""


class Payload(Section):
    """Where the texts are, and what they hold."""

    request: ColumnName = "request"
    response: ColumnName = "response"
    fields: Annotated[
        Fields,
        Field(
            min_length=1,
            description=f"a mapping of fields of the request to their type: {', '.join(TYPES)}",
        ),
    ]
    predictions: Annotated[
        Fields, Field(description="the same of the response; one alone may be a bare value there")
    ] = Field(default_factory=dict)

    @property
    def columns(self) -> dict[str, str]:
        """What a flattened row has besides the log's other columns, with SQL types."""
        return {**self.fields, **self.predictions, POSITION: "bigint", **COUNTERS}

    @property
    def metrics(self) -> dict[str, Metric]:
        """The share of rows of which each counter is not 0."""
        return {
            name: Metric(ratio=Ratio(of=f"CASE WHEN {name} > 0 THEN 1 ELSE 0 END", over="1"))
            for name in COUNTERS
        }
