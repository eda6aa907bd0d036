"""Keys of the rows that a reference was made of, as a theta sketch: hashes, and no key.

A hash of a key that is easy to guess can be guessed as well, so the sketch is still data about
persons where the key names one; it is a row of the version like the others, and goes with it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from sparkdrift.explain.signals import WHOLE
from sparkdrift.measures.theta import Keys, read_theta
from sparkdrift.references.life import Name
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import quote, string
from sparkdrift.spec.columns import base_type, is_atomic
from sparkdrift.store import Store

KEY = ":key"
"""The column_name of the row of reference_profiles that is of the keys."""
LOG_ENTRIES = 14
"""Up to 2^14 keys are kept each, by their hash; of more, a sample of at least as many."""
_AGGREGATE = "theta_sketch_agg"
_INTEGERS = ("tinyint", "smallint", "int", "bigint")


@dataclass(frozen=True)
class StoredKeys:
    """What a version holds of its keys. keys None: nothing, for `reason`.

    columns: digest of the names of the key's columns; types: theirs, in words.
    """

    keys: Keys | None
    rows: int = 0
    without: int = 0
    columns: str = ""
    types: str = ""
    reason: str = ""


def scanned_keys(spark: SparkSession, columns: Sequence[str], source: Source) -> DataFrame:
    """The row of a source's keys, in columns of reference_profiles; one scan of these columns.

    What stands in the way is the row's reason, and no error: nothing else needs the keys.
    """
    by_lower = {name.lower(): kind for name, kind in source.schema.items()}
    for one in columns:
        kind = by_lower.get(one.lower())
        if kind is None:
            return unread_keys(spark, columns, f"{source.name} has no column {one!r} (the key)")
        if not is_atomic(kind):
            return unread_keys(spark, columns, f"the key's column {one!r} is of type {kind}")
    if not _has_sketches(spark):
        why = f"this Spark ({spark.version}) has no {_AGGREGATE}, it comes with 4.1"
        return unread_keys(spark, columns, why)
    types = ", ".join(meant_type(by_lower[one.lower()]) for one in columns)
    sketch = f"theta_sketch_agg(sparkdrift_key, {LOG_ENTRIES})"
    return (
        source.rows(spark)
        .selectExpr(f"{key_text(columns)} AS sparkdrift_key")
        .selectExpr(
            "count(*) AS row_count",
            "count_if(sparkdrift_key IS NULL) AS null_count",
            f"{sketch} AS key_sketch",
            f"theta_sketch_estimate({sketch}) AS distinct_count",
        )
        .selectExpr(
            *_described(columns, types),
            *("row_count", "null_count", "distinct_count", "key_sketch"),
            "'ok' AS status",
            "CAST(NULL AS STRING) AS reason",
        )
    )


def unread_keys(spark: SparkSession, columns: Sequence[str], why: str) -> DataFrame:
    """The row of keys that were not read."""
    return spark.range(1).selectExpr(
        *_described(columns, None),
        "CAST(NULL AS BINARY) AS key_sketch",
        "'insufficient_data' AS status",
        f"{string(why)} AS reason",
    )


def key_text(columns: Sequence[str]) -> str:
    """SQL for a row's key as text; NULL where one of its columns is.

    One column as it stands; of several, each with its length, so that no two keys share a text.
    """
    texts = [f"CAST({quote(one)} AS STRING)" for one in columns]
    if len(texts) == 1:
        return texts[0]
    return f"concat({', '.join(f'char_length({one}), chr(58), {one}' for one in texts)})"


def meant_type(kind: str) -> str:
    """The type of a key's column, as far as it decides what its values look like as text."""
    base = base_type(kind)
    if base in _INTEGERS:
        return "integer"
    return "string" if base in ("string", "char", "varchar") else kind


def stored_keys(
    spark: SparkSession, store: Store, versions: Sequence[tuple[Name, Snapshot]]
) -> dict[tuple[Name, int], StoredKeys]:
    """What versions hold of their keys, in one query; those that hold no such row are not in it."""
    rows = (
        frozen_rows(spark, store, versions)
        .where(f"slice_key = {string(WHOLE)} AND column_name = {string(KEY)}")
        .select(
            *("monitor", "role", "name", "version", "row_count", "null_count", "data_type"),
            *("definition_hash", "key_sketch", "reason"),
        )
        .collect()
    )
    return {
        (Name(row["monitor"], row["role"], row["name"]), row["version"]): StoredKeys(
            keys=read_theta(row["key_sketch"]),
            rows=row["row_count"] or 0,
            without=row["null_count"] or 0,
            columns=row["definition_hash"],
            types=row["data_type"] or "",
            reason=row["reason"] or "",
        )
        for row in rows
    }


def columns_digest(columns: Sequence[str]) -> str:
    """What a key is made of, as 16 hexadecimal characters."""
    text = json.dumps([one.lower() for one in columns])
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def _described(columns: Sequence[str], types: str | None) -> list[str]:
    return [
        f"{string(WHOLE)} AS slice_key",
        f"{string(WHOLE)} AS slice_value",
        f"{string(KEY)} AS column_name",
        "'key' AS kind",
        f"{'CAST(NULL AS STRING)' if types is None else string(types)} AS data_type",
        f"{string(columns_digest(columns))} AS definition_hash",
    ]


def _has_sketches(spark: SparkSession) -> bool:
    """Whether this Spark knows the functions; it only resolves the call."""
    try:
        _ = spark.sql(f"SELECT theta_sketch_estimate({_AGGREGATE}('a', {LOG_ENTRIES}))").schema
    except PySparkException:
        return False
    return True
