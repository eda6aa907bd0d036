"""Creating the tables of a store, bringing older ones up, refusing those of a newer sparkdrift.

Tables are created and altered here and nowhere else. The version of a store is a
property of its `runs` table, which is created last: a store without it is not whole yet.
A later version only ever adds tables and columns, so what an older store lacks is read from
the tables themselves, whatever version it has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from pyspark.errors import AnalysisException
from pyspark.sql import SparkSession

from sparkdrift.errors import StoreError
from sparkdrift.spark.alterations import altered, told
from sparkdrift.spark.catalog_views import create_views
from sparkdrift.spark.commits import committed
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.runs import write_mended
from sparkdrift.spark.schemas import RUNS, STORE_VERSION, TABLES
from sparkdrift.spark.sql import quote, string
from sparkdrift.spark.table import Column, Table
from sparkdrift.spark.tags import tag_tables
from sparkdrift.spark.versions import PROPERTY, newer, not_ours
from sparkdrift.store import Store

STATISTICS = "delta.dataSkippingStatsColumns"
FEED = "delta.enableChangeDataFeed"
_AT_ONCE = 4


def store_version(spark: SparkSession, store: Store) -> int | None:
    """The version of the store, or None where there is none yet.

    Raises StoreError where `runs` exists but is not sparkdrift's.
    """
    local = store.local
    if local is not None and not (local / RUNS.name / "_delta_log").is_dir():
        return None
    try:
        # Not DESCRIBE DETAIL, which reads all of the table's log to count its files.
        rows = spark.sql(f"SHOW TBLPROPERTIES {store.table(RUNS.name)}").collect()
    except AnalysisException:
        return None
    version = {row["key"]: row["value"] for row in rows}.get(PROPERTY)
    if version is None:
        raise not_ours(store)
    return int(version)


def migrate(spark: SparkSession, store: Store) -> int | None:
    """Bring the store to this version; returns the version it had, None for a new one.

    A catalog gets the views as well. Running it again changes nothing. Raises StoreError for a
    store of a newer version.
    """
    had = store_version(spark, store)
    if had == STORE_VERSION:
        return had
    if had is not None and had > STORE_VERSION:
        raise newer(store, had)
    # Most of a statement is planning and one small commit: several at a time.
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        others = [table for table in TABLES if table is not RUNS]
        list(threads.map(lambda table: _create(spark, store, table), others))
    _create(spark, store, RUNS)
    if had is not None:
        for table in TABLES:
            _add_columns(spark, store, table)
            _set_properties(spark, store, table)
        # Last, so that a migration that was interrupted is done again.
        _set(spark, store, RUNS, {PROPERTY: str(STORE_VERSION)})
    create_views(spark, store)
    tag_tables(spark, store)
    return had


def make_good(spark: SparkSession, store: Store) -> list[str]:
    """Make tables and columns of a store of this version again that somebody took away; returns
    what was made, in words.

    The next run of every monitor then looks at all windows. Raises StoreError for a column of
    another type, which only what was there before can make good.
    """
    found = altered(spark, store)
    if any(one.retyped for one in found):
        raise told(store, [one for one in found if one.retyped])
    for one in found:
        if one.gone:
            _create(spark, store, one.table)
        else:
            _add_columns(spark, store, one.table)
    if found:
        write_mended(spark, store, [one.told for one in found])
    return [
        f"table {one.table.name}"
        if one.gone
        else f"{', '.join(column.name for column in one.lacking)} of table {one.table.name}"
        for one in found
    ]


def _create(spark: SparkSession, store: Store, table: Table) -> None:
    try:
        committed("create", table.name, lambda: spark.sql(create_statement(store, table)))
    except FAILURES as error:
        raise StoreError(
            f"the store {store} can't be written: table {table.name} was not created "
            f"({reason(error)}); check the permissions on it, or choose another "
            "with --store"
        ) from error


def _add_columns(spark: SparkSession, store: Store, table: Table) -> None:
    """Give a table the columns that it lacks; rows that are there have NULL in them."""
    identifier = store.table(table.name)
    present = set(spark.table(identifier).columns)
    lacking = [column for column in table.columns if column.name not in present]
    if not lacking:
        return
    try:
        statement = f"ALTER TABLE {identifier} ADD COLUMNS ({_declared(lacking)})"
        committed("alter", table.name, lambda: spark.sql(statement))
    except FAILURES as error:
        raise StoreError(
            f"the store {store} can't be brought to version {STORE_VERSION}: table {table.name} "
            f"did not get the columns {', '.join(one.name for one in lacking)} ({reason(error)}); "
            "check the permissions on it and run `sparkdrift migrate` again"
        ) from error


def _set_properties(spark: SparkSession, store: Store, table: Table) -> None:
    """Let a table be kept as in a new store, from now on."""
    _set(spark, store, table, _properties(table))


def _set(spark: SparkSession, store: Store, table: Table, properties: Mapping[str, str]) -> None:
    statement = f"ALTER TABLE {store.table(table.name)} SET TBLPROPERTIES ({_listed(properties)})"
    committed("alter", table.name, lambda: spark.sql(statement))


def _properties(table: Table) -> dict[str, str]:
    """How Delta keeps a table: of which columns its log may have extremes, and of results what
    each commit changed, so that a reader downstream takes a re-run for what it is."""
    kept = {STATISTICS: ",".join(table.counted)}
    return {**kept, FEED: "true"} if table.kind == "results" else kept


def _listed(properties: Mapping[str, str]) -> str:
    return ", ".join(f"{string(key)} = {string(value)}" for key, value in properties.items())


def create_statement(store: Store, table: Table) -> str:
    """The DDL of one table, with a comment on it and on each column."""
    properties = {
        "delta.setTransactionRetentionDuration": "interval 7 days",
        **_properties(table),
    }
    if table is RUNS:
        properties[PROPERTY] = str(STORE_VERSION)
    return (
        f"CREATE TABLE IF NOT EXISTS {store.table(table.name)} ({_declared(table.columns)})"
        f" USING delta PARTITIONED BY ({quote(table.partition)}) COMMENT {string(table.comment)}"
        f" TBLPROPERTIES ({_listed(properties)})"
    )


def _declared(columns: Sequence[Column]) -> str:
    return ", ".join(
        f"{quote(column.name)} {column.type} COMMENT {string(column.comment)}" for column in columns
    )
