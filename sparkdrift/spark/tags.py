"""Tags on the tables of a catalog that takes them: Unity Catalog does, open-source Spark not."""

from __future__ import annotations

from functools import partial

from pyspark.sql import SparkSession

from sparkdrift.spark.commits import committed
from sparkdrift.spark.failures import FAILURES
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.sql import string
from sparkdrift.store import Store

KEY = "sparkdrift"
"""The tag; its value says how the table is written, `results` or `log`."""


def tag_tables(spark: SparkSession, store: Store) -> bool:
    """Tag every table of a catalog's store; whether the catalog took the tags.

    Nothing depends on them: the first that is refused, for want of a right or of such a thing as
    tags, is the last that is tried.
    """
    if store.schema is None:
        return False
    for table in TABLES:
        tags = f"({string(KEY)} = {string(table.kind)})"
        statement = f"ALTER TABLE {store.table(table.name)} SET TAGS {tags}"
        try:
            committed("tag", table.name, partial(spark.sql, statement))
        except FAILURES:
            return False
    return True
