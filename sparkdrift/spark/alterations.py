"""Tables of a store that somebody else altered: found, told, and made again where they are gone.

What is in a results table is computed again by the next run; so a table that is gone can be made
anew. Of a log nothing is computed: what it held comes from a backup or is lost.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import SparkSession

from sparkdrift.errors import StoreError
from sparkdrift.spark.failures import FAILURES, condition, reason
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.table import Column, Table
from sparkdrift.store import Store

# What Spark says where a table or a column is not what it was.
_SHAPE = re.compile(
    r"PATH_NOT_FOUND|PATH_DOES_NOT_EXIST|TABLE_OR_VIEW_NOT_FOUND|DELTA_TABLE_NOT_FOUND"
    r"|DELTA_MISSING_DELTA_TABLE|NOT_A_DELTA_TABLE|DELTA_METADATA_MISMATCH|UNRESOLVED_"
    r"|DELTA_FAILED_TO_MERGE_FIELDS|DATATYPE_MISMATCH|DELTA_(?:MISSING|SET)_COLUMN|CAST_INVALID"
    r"|FIELD_NOT_FOUND|DELTA_SCHEMA|DELTA_COLUMN_NOT_FOUND|CANNOT_UP_CAST|INCOMPATIBLE"
)


@dataclass(frozen=True)
class Altered:
    """A table that is not as it was made: gone, or with columns that it lacks or that have another
    type: (column, its type now)."""

    table: Table
    gone: bool = False
    lacking: tuple[Column, ...] = ()
    retyped: tuple[tuple[Column, str], ...] = ()

    @property
    def told(self) -> str:
        name = self.table.name
        if self.gone:
            return f"table {name} is not there"
        parts = [f"no column {column.name}" for column in self.lacking]
        parts += [f"{one.name} as {now} instead of {one.type}" for one, now in self.retyped]
        return f"table {name} has {', '.join(parts)}"


def altered(spark: SparkSession, store: Store) -> list[Altered]:
    """The tables of the store that are not as they were made; columns that came to one do no harm.

    Raises what Spark raises of a table that is there and can't be read.
    """
    found = (_compared(spark, store, table) for table in TABLES)
    return [one for one in found if one is not None]


def _compared(spark: SparkSession, store: Store, table: Table) -> Altered | None:
    try:
        schema = spark.table(store.table(table.name)).schema
    except FAILURES as error:
        if "NOT_FOUND" in condition(error) or "NOT_EXIST" in condition(error):
            return Altered(table, gone=True)
        raise
    types = {field.name: field.dataType.simpleString() for field in schema.fields}
    lacking = tuple(one for one in table.columns if one.name not in types)
    retyped = tuple(
        (one, types[one.name])
        for one in table.columns
        if one.name in types and types[one.name] != one.type
    )
    return Altered(table, False, lacking, retyped) if lacking or retyped else None


def alteration(
    spark: SparkSession, store: Store, error: Exception, during: str
) -> StoreError | None:
    """The error that helps, where a table of the store is not as it was made; else None.

    during: what was at work."""
    if not isinstance(error, FAILURES) or not _SHAPE.search(f"{condition(error)} {error}"):
        return None
    found = altered(spark, store)
    return told(store, found, f"{during}: {reason(error)}") if found else None


def told(store: Store, found: Sequence[Altered], why: str | None = None) -> StoreError:
    """What to say of altered tables, and what can be done; `why`: what Spark said of it."""
    lines = [f"the store {store} was altered: {'; '.join(one.told for one in found)}"]
    if why is not None:
        lines.append(f"({why}).")
    lines.append(
        "Bring back what was there: the folder or table from a backup, UNDROP TABLE where there is "
        "that command, or RESTORE TABLE to the version before it was altered."
    )
    if any(one.gone or one.lacking for one in found):
        made = f"Or let `sparkdrift migrate --store {store}` make what is missing, empty"
        logs = [one.table.name for one in found if one.table.kind == "log"]
        lost = f", but for what {', '.join(logs)} held, which is lost then" if logs else ""
        lines.append(f"{made}: the next run computes it again{lost}")
    return StoreError(" ".join(lines))
