"""The one writer: everything that reaches a result table goes through here.

A results table is replaced window by window in one commit (`replace`): running again
writes the same rows, never more. A log table only grows (`insert`): of two writers
with the same key exactly one wins. Both check the schema exactly, because Delta fills
a missing column with NULL without a word, and both try again on a concurrent commit.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.errors import StoreError
from sparkdrift.spark.commits import committed
from sparkdrift.spark.failures import FAILURES
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.local_rows import local_rows
from sparkdrift.spark.sql import in_windows, quote, string
from sparkdrift.spark.table import BUCKET, Table, bucket_of
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous


@dataclass(frozen=True)
class Case:
    """Windows with one value in each further key column."""

    windows: Sequence[Window]
    equal: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True)
class Scope:
    """What one `replace` covers: windows of a monitor, with more key columns where needed.

    The predicate made from it names the whole key prefix and spans no window that is in no
    case. The monitor stands in front of all cases, where Delta sees that two monitors don't
    meet.
    """

    monitor: str
    granularity: str
    cases: Sequence[Case]

    def predicate(self, table: Table) -> str:
        """The condition on rows of `table`, which names its partition."""
        cases = " OR ".join(f"({_within(case)})" for case in self.cases)
        bucketed = table.partition == BUCKET.name
        bucket = f"{BUCKET.name} = {bucket_of(self.monitor)} AND " if bucketed else ""
        return (
            f"{bucket}monitor = {string(self.monitor)} AND granularity = {string(self.granularity)}"
            f" AND ({cases or 'false'})"
        )


def _within(case: Case) -> str:
    return " AND ".join([in_windows("window_start", contiguous(case.windows)), *_equal(case.equal)])


def _equal(values: Mapping[str, str | int]) -> Iterator[str]:
    for column, value in values.items():
        literal = str(int(value)) if isinstance(value, int) else string(value)
        yield f"{quote(column)} = {literal}"


def replace(
    store: Store, table: Table, rows: DataFrame, scope: Scope, *, run_id: str, files: int = 1
) -> None:
    """Make `rows` the only rows of `table` within `scope`, in one commit.

    No rows deletes what stood there. `files` is how many data files to spread them
    over; a window's rows stay in one file. Raises StoreError when the columns of
    `rows` are not exactly the table's.
    """
    if not any(case.windows for case in scope.cases):
        return
    ready = _conform(table, rows)
    if files > 1:
        # By week, so that replacing one late window rewrites one file of many.
        ready = ready.repartition(files, F.date_trunc("week", "window_start"))
    else:
        # Not by coalesce: what computes the rows would then run in one task as well.
        ready = ready.repartition(1)
    _overwrite(store, table, ready, scope.predicate(table), run_id)


def replace_all(
    store: Store, table: Table, rows: DataFrame, scopes: Sequence[Scope], *, run_id: str
) -> None:
    """`replace` for several monitors in one commit; `rows` are those of all scopes.

    Another writer of any of these monitors is waited for.
    """
    asked = [scope for scope in scopes if any(case.windows for case in scope.cases)]
    if asked:
        where = " OR ".join(f"({scope.predicate(table)})" for scope in asked)
        _overwrite(store, table, _conform(table, rows).repartition(1), where, run_id)


def replace_attempt(
    store: Store, table: Table, rows: DataFrame, equal: Mapping[str, str | int], *, run_id: str
) -> None:
    """Make `rows` all that `table` has of one attempt at something, in one commit.

    `equal` names what is attempted, in key columns; `run_id` whose attempt it is. A run that
    is repeated under its id replaces what it left, and nobody else's rows.
    """
    own = {**equal, "run_id": run_id}
    ready = _conform(table, rows).repartition(1)
    _overwrite(store, table, ready, " AND ".join(_equal(own)), run_id)


def _overwrite(store: Store, table: Table, rows: DataFrame, where: str, run_id: str) -> None:
    writer = (
        rows.write.format("delta")
        .mode("overwrite")
        .option("replaceWhere", where)
        .option("userMetadata", run_id)
    )
    path = store.path(table.name)
    committed(
        "replace",
        table.name,
        lambda: writer.save(path) if path else writer.saveAsTable(store.table(table.name)),
    )


def insert(
    spark: SparkSession,
    store: Store,
    table: Table,
    rows: DataFrame,
    among: Mapping[str, Collection[str]] | None = None,
) -> int:
    """Add the rows whose key is not in `table` yet; returns how many were added.

    `among` names key columns and the only values that `rows` has there: files of the table
    without any of them are not read.
    Of two writers of one key exactly one gets 1 back. Rows that exist are never changed.
    """
    view = f"sparkdrift_insert_{uuid.uuid4().hex[:8]}"
    _conform(table, rows).createOrReplaceTempView(view)
    known = [
        f"target.{quote(key)} IN ({', '.join(string(value) for value in sorted(values))})"
        for key, values in (among or {}).items()
    ]
    same = [f"target.{quote(key)} <=> source.{quote(key)}" for key in table.key]
    match = " AND ".join([*known, *same])
    columns = ", ".join(quote(name) for name in table.names)
    values = ", ".join(f"source.{quote(name)}" for name in table.names)
    statement = (
        f"MERGE INTO {store.table(table.name)} AS target USING {view} AS source ON {match} "
        f"WHEN NOT MATCHED THEN INSERT ({columns}) VALUES ({values})"
    )
    try:
        answer = committed("insert", table.name, lambda: spark.sql(statement).collect())
    finally:
        spark.catalog.dropTempView(view)
    return int(answer[0]["num_inserted_rows"])


def insert_rows(
    spark: SparkSession,
    store: Store,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    only_if: str = "true",
) -> int:
    """`insert` rows made on the driver, which say themselves what few values their keys have.

    only_if: a condition, safe SQL, without which none of them is written.
    """
    among = {
        key: {str(row[key]) for row in rows}
        for key in table.key
        if all(isinstance(row.get(key), str) for row in rows)
    }
    frame = rows_frame(spark, table, rows)
    return insert(spark, store, table, frame.where(only_if), among)


def delete(spark: SparkSession, store: Store, table: Table, monitor: str, where: str) -> int:
    """Delete the rows of a monitor that meet a condition; returns how many there were.

    `where` is SQL that is safe already. Files of older versions of the table keep the rows until
    they are vacuumed.
    """
    statement = (
        f"DELETE FROM {store.table(table.name)} WHERE monitor = {string(monitor)} AND ({where})"
    )
    answer = committed("delete", table.name, lambda: spark.sql(statement).collect())
    return int(answer[0]["num_affected_rows"])


def compact(spark: SparkSession, store: Store, table: Table, monitor: str) -> None:
    """Join the small files that hold a monitor's rows, in a table partitioned by monitor.

    The rows stay as they are, and nothing depends on it: where it is refused, or somebody else
    writes at the same time, the files stay apart until the next call.
    """
    with few_rows(spark), suppress(*FAILURES):
        statement = f"OPTIMIZE {store.table(table.name)} WHERE monitor = {string(monitor)}"
        committed("optimize", table.name, lambda: spark.sql(statement).collect())


def rows_frame(spark: SparkSession, table: Table, rows: Sequence[Mapping[str, Any]]) -> DataFrame:
    """Rows made on the driver as a frame of the table's schema; absent columns are NULL.

    The bucket of a row is that of its monitor.
    """
    if table.partition == BUCKET.name:
        rows = [{**row, BUCKET.name: bucket_of(row["monitor"])} for row in rows]
    fields = {column.name: column.type for column in table.columns}
    return local_rows(spark, [[row.get(name) for name in fields] for row in rows], fields)


def _conform(table: Table, rows: DataFrame) -> DataFrame:
    given, wanted = set(rows.columns), set(table.names)
    missing, extra = wanted - given, given - wanted
    if missing or extra:
        raise StoreError(
            f"rows for table {table.name} do not fit it: missing {sorted(missing)}, "
            f"unknown {sorted(extra)}"
        )
    return rows.select(
        *(
            F.col(quote(column.name)).cast(column.type).alias(column.name)
            for column in table.columns
        )
    )
