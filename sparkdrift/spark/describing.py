"""One look at a table, for drafting a spec: a single aggregate, and the first vectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import quote
from sparkdrift.spec.choosing import ColumnSummary
from sparkdrift.spec.columns import is_atomic, is_numeric, is_text, is_timestamp, is_vector

# A wider table is told by its types alone from here on: the aggregate's code has a limit.
MOST_COLUMNS = 300
FIRST_ROWS = 1000


def describe(spark: SparkSession, source: Source) -> tuple[int, list[ColumnSummary]]:
    """(rows, a summary of each column), in the order of the table.

    Distinct values are approximate (5 %). Texts have no minimum: it would be a value of
    somebody's, and nothing is decided by it. Vectors are looked at in the first rows only.
    """
    looked_at = [name for name, kind in source.schema.items() if is_atomic(kind)][:MOST_COLUMNS]
    row = spark.sql(
        f"SELECT {', '.join(['count(*) AS rows', *_figures(source, looked_at)])}"
        f" FROM {source.identifier} VERSION AS OF {source.version}"
    ).collect()[0]
    dimensions = _dimensions(spark, source)
    places = {name: place for place, name in enumerate(looked_at)}
    summaries = [
        _summary(name, kind, row.asDict(), places.get(name), dimensions.get(name))
        for name, kind in source.schema.items()
    ]
    return int(row["rows"]), summaries


def _figures(source: Source, names: Sequence[str]) -> list[str]:
    figures: list[str] = []
    for place, name in enumerate(names):
        column, kind = quote(name), source.schema[name]
        figures.append(f"approx_count_distinct({column}) AS distinct_{place}")
        figures.append(f"count({column}) AS present_{place}")
        if is_timestamp(kind) or is_numeric(kind):
            figures.append(f"CAST(min({column}) AS STRING) AS min_{place}")
            figures.append(f"CAST(max({column}) AS STRING) AS max_{place}")
        elif is_text(kind):
            figures.append(f"avg(char_length({column})) AS length_{place}")
            spaced = f"CASE WHEN {column} IS NOT NULL THEN CAST({column} LIKE '% %' AS INT) END"
            figures.append(f"avg({spaced}) AS spaced_{place}")
    return figures


def _dimensions(spark: SparkSession, source: Source) -> dict[str, int | None]:
    """The most frequent length of each column of vectors, in the first rows."""
    names = [name for name, kind in source.schema.items() if is_vector(kind)]
    if not names:
        return {}
    first = (
        f"SELECT {', '.join(map(quote, names))} FROM {source.identifier}"
        f" VERSION AS OF {source.version} LIMIT {FIRST_ROWS}"
    )
    lengths = ", ".join(
        f"mode(CASE WHEN size({quote(name)}) > 0 THEN size({quote(name)}) END)" for name in names
    )
    return dict(zip(names, spark.sql(f"SELECT {lengths} FROM ({first})").collect()[0], strict=True))


def _summary(
    name: str, kind: str, row: Mapping[str, Any], place: int | None, dimension: int | None
) -> ColumnSummary:
    if place is None:
        return ColumnSummary(name, kind, dimension=dimension)
    rows = row["rows"]
    return ColumnSummary(
        name=name,
        data_type=kind,
        approx_distinct=row[f"distinct_{place}"],
        null_share=1 - row[f"present_{place}"] / rows if rows else None,
        minimum=row.get(f"min_{place}"),
        maximum=row.get(f"max_{place}"),
        mean_length=row.get(f"length_{place}"),
        spaced_share=row.get(f"spaced_{place}"),
    )
