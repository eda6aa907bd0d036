"""Counting again what a reference was made of: rows and NULLs of its source, at its version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import SparkSession

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.compared import KEYS
from sparkdrift.references.life import Name
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import string
from sparkdrift.spec.resolving import Feature
from sparkdrift.store import Store

_PER_QUERY = 200


def stored_counts(
    spark: SparkSession, store: Store, name: Name, snapshot: Snapshot
) -> dict[str, tuple[int, int]]:
    """(rows, NULLs) of each feature of a version that was measured, and of TABLE_ROW."""
    rows = (
        frozen_rows(spark, store, [(name, snapshot)])
        .where(f"slice_key = {string(WHOLE)} AND kind IN ('numeric', 'categorical', 'table')")
        .where("status <> 'schema_changed'")
        .select(*KEYS, "row_count", "null_count")
        .collect()
    )
    return {row["column_name"]: (row["row_count"] or 0, row["null_count"] or 0) for row in rows}


def source_counts(
    spark: SparkSession, source: Source, features: Sequence[Feature]
) -> Mapping[str, tuple[int, int]]:
    """The same, counted in the source now: one scan for each few hundred features."""
    found: dict[str, tuple[int, int]] = {}
    for first in range(0, max(len(features), 1), _PER_QUERY):
        part = features[first : first + _PER_QUERY]
        nulls = [f"count_if(({one.sql}) IS NULL) AS n{i}" for i, one in enumerate(part)]
        row = source.rows(spark).selectExpr("count(*) AS rows", *nulls).collect()[0]
        found[TABLE_ROW] = (int(row["rows"]), 0)
        found |= {one.name: (int(row["rows"]), int(row[f"n{i}"])) for i, one in enumerate(part)}
    return found
