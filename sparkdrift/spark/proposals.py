"""The table `proposals`: a log of what was proposed, which changes nothing by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pyspark.sql import SparkSession

from sparkdrift import __version__
from sparkdrift.errors import StoreError
from sparkdrift.spark.evaluation_tables import PROPOSALS
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.sql import string
from sparkdrift.spark.writer import insert_rows
from sparkdrift.store import Store

_ATTEMPTS = 6


def write_proposal(
    spark: SparkSession, store: Store, row: Mapping[str, Any], *, run_id: str
) -> int:
    """Add a row under the next number of its monitor, kind and name, which is returned.

    Where another writer takes that number first, the next one is taken. `row` has the columns of
    the table but seq, run_id and package_version; absent ones are NULL.
    """
    written = {"run_id": run_id, "package_version": __version__}
    for _ in range(_ATTEMPTS):
        seq = next_number(spark, store, row["monitor"], row["kind"], row["name"])
        with few_rows(spark):
            if insert_rows(spark, store, PROPOSALS, [{**row, "seq": seq, **written}]):
                return seq
    raise StoreError(
        f"the table {PROPOSALS.name} of {store} is being written by others all the time; try again"
    )


def next_number(spark: SparkSession, store: Store, monitor: str, kind: str, name: str) -> int:
    """The number that the next proposal of this kind and name will have, from 1."""
    with few_rows(spark):
        (row,) = spark.sql(
            f"SELECT max(seq) AS last FROM {store.table(PROPOSALS.name)}"
            f" WHERE monitor = {string(monitor)} AND kind = {string(kind)}"
            f" AND name = {string(name)}"
        ).collect()
    return int(row["last"] or 0) + 1


def destinations(spark: SparkSession, store: Store, monitor: str) -> list[str]:
    """The tables that samples of this monitor were written to, each once, sorted."""
    with few_rows(spark):
        rows = spark.sql(
            f"SELECT DISTINCT destination FROM {store.table(PROPOSALS.name)}"
            f" WHERE monitor = {string(monitor)} AND kind = 'sample' AND destination IS NOT NULL"
        ).collect()
    return sorted(row["destination"] for row in rows)
