"""The digest of a reference's rows: that they are still what was frozen, on whatever Java."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import (
    ArrayType,
    BinaryType,
    DataType,
    DoubleType,
    StructType,
)

from sparkdrift.references.life import Name
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.frozen_rows import of_attempt
from sparkdrift.spark.profile_tables import FIGURES, STATE
from sparkdrift.spark.reference_tables import REFERENCE_PROFILES
from sparkdrift.spark.sql import quote
from sparkdrift.store import Store

PRESENT: Final = "v3-"
"""How digests begin that are made now: all that is stored of a row counts."""
_OF_MERGED = "v2-"
"""Those before left out what is kept of a reference's own windows, and the status."""
BY_BITS: Final = (PRESENT, _OF_MERGED)
"""Those that are the same on each Java. What has no mark took doubles by their text, which Java 19
and later write otherwise. All are recomputed as they were made."""
CONTENT: Final = tuple(column.name for column in (*FIGURES, *STATE))
_OF_WINDOWS = ("window_bins", "window_shares", "window_unseen", "status", "reason")
_TASKS: Final = 4
_CAME_LATER = (("value", "cells", "effective_rows"), ("value", "cells"), ("effective_rows",))
"""Columns that stores did not have yet whose digests have no mark: an empty text each would make
another one."""


def content_digest(
    spark: SparkSession,
    store: Store,
    name: Name,
    version: int,
    run_id: str,
    like: str | None = None,
) -> tuple[str, int]:
    """(digest over every stored row of a version, number of source rows it holds).

    `like`: the digest to compare with; it says by its beginning how it was made.
    """
    # The expression is long, and compiling it takes longer than a row of each feature.
    with few_rows(spark):
        rows = spark.table(store.table(REFERENCE_PROFILES.name))
        own = rows.where(of_attempt(name, version, run_id))
        # One file would be one task. The digest does not depend on the order of rows.
        return digest_of(own.repartition(_TASKS, "column_name", "slice_value"), like)


def digest_of(rows: DataFrame, like: str | None = None) -> tuple[str, int]:
    """The same of rows that are stored anywhere, or nowhere yet."""
    if like is None or like.startswith(BY_BITS):
        mark = PRESENT if like is None or like.startswith(PRESENT) else _OF_MERGED
        columns = [*_by_bits(rows), *(_of_windows() if mark == PRESENT else ())]
        return _taken(rows, columns, mark)
    first = found = _taken(rows, _by_text())
    for lacking in _CAME_LATER:
        if found[0] != like:
            found = _taken(rows, _by_text(lacking))
    return found if found[0] == like else first


def _taken(rows: DataFrame, own: Sequence[str], mark: str = "") -> tuple[str, int]:
    columns = [*own, *_of_keys(rows)]
    row = (
        rows.selectExpr(
            "slice_key",
            "column_name",
            "row_count",
            "sha2(concat_ws('|', slice_key, coalesce(slice_value, ''), column_name,"
            f" definition_hash, {', '.join(columns)}), 256) AS row_digest",
        )
        .selectExpr(
            "sha2(array_join(array_sort(collect_list(row_digest)), ','), 256) AS digest",
            "max(CASE WHEN slice_key = '*' THEN row_count END) AS rows",
        )
        .collect()[0]
    )
    return f"{mark}{row['digest']}", int(row["rows"] or 0)


def _of_keys(rows: DataFrame) -> list[str]:
    """The sketch of keys where there is one: concat_ws leaves out NULL, so that digests of before
    stay what they are."""
    return ["hex(key_sketch)"] if "key_sketch" in rows.columns else []


def _by_bits(rows: DataFrame) -> list[str]:
    types = {field.name: field.dataType for field in rows.schema}
    return [exact_text(quote(name), types[name]) for name in (*CONTENT, "bins")]


def _of_windows() -> list[str]:
    """Long lists of numbers, by two hashes of their bits: in full they would take as long as all
    else. The digest tells what went wrong, and holds nobody off."""
    listed = ", ".join(map(quote, _OF_WINDOWS))
    return [f"hex(xxhash64({listed}))", f"hex(xxhash64({listed}, 'second seed'))"]


def _by_text(lacking: Collection[str] = ()) -> list[str]:
    texts = [
        f"coalesce(CAST({quote(name)} AS STRING), '')"
        for name in CONTENT
        if name not in ("kll", "hll", *lacking)
    ]
    return [*texts, "coalesce(hex(kll), '')", "coalesce(hex(hll), '')", "CAST(bins AS STRING)"]


def exact_text(value: str, kind: DataType, depth: int = 0) -> str:
    """SQL for a text that two values share only if they are the same; NULL is a text as well.

    Doubles are written in base 16, which no rounding and no Java's taste can change.
    """
    if isinstance(kind, DoubleType):
        text = f"format_string('%a', {value})"
    elif isinstance(kind, BinaryType):
        text = f"hex({value})"
    elif isinstance(kind, ArrayType):
        item = f"item{depth}"
        inner = exact_text(item, kind.elementType, depth + 1)
        text = f"concat('[', array_join(transform({value}, {item} -> {inner}), ','), ']')"
    elif isinstance(kind, StructType):
        fields = (
            exact_text(f"{value}.{quote(one.name)}", one.dataType, depth) for one in kind.fields
        )
        text = f"concat('(', concat_ws(',', {', '.join(fields)}), ')')"
    else:
        plain = f"CAST({value} AS STRING)"
        # With its length a text can't pass for two, whatever separators are in it.
        text = f"concat(char_length({plain}), '=', {plain})"
    return f"CASE WHEN {value} IS NULL THEN 'NULL' ELSE {text} END"
