"""Rows made on the driver as frames.

By Arrow: of rows as they are Spark makes a plan that starts Python workers, which takes longer than
most of what such rows are joined to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from sparkdrift.kernels.batches import arrow_type
from sparkdrift.spark.sql import ddl


def local_rows(
    spark: SparkSession, rows: Sequence[Sequence[Any]], fields: Mapping[str, str]
) -> DataFrame:
    """`rows` as a frame with these columns, given as name -> SQL type (see `arrow_type`).

    A value of a struct is a tuple, by place, or a mapping, by name. In one partition. Raises
    ValueError where a row or a struct has another size.
    """
    if not rows:
        # Connect takes no Arrow table without rows.
        return spark.createDataFrame([], ddl(fields))
    columns = list(zip(*rows, strict=True))
    kinds = map(arrow_type, fields.values())
    arrays = [_array(values, kind) for values, kind in zip(columns, kinds, strict=True)]
    return spark.createDataFrame(pa.Table.from_arrays(arrays, names=list(fields)))


def by_window(spark: SparkSession, known: Mapping[datetime, str], name: str) -> DataFrame:
    """A text for each window, called `name`, by `window_start`."""
    fields = {"window_start": "timestamp", name: "string"}
    return local_rows(spark, list(known.items()), fields)


def _array(values: Sequence[Any], kind: pa.DataType) -> pa.Array:
    # Most columns are plain: nothing is looked for in each of their values.
    nested = pa.types.is_nested(kind)
    return pa.array([as_arrow(one, kind) for one in values] if nested else values, kind)


def as_arrow(value: Any, kind: pa.DataType) -> Any:
    """A value with dicts in place of the tuples that structs are made of, which Arrow refuses."""
    if value is None or not pa.types.is_nested(kind):
        return value
    if pa.types.is_list(kind):
        return [as_arrow(one, kind.value_type) for one in value]
    own = [value.get(one.name) for one in kind] if isinstance(value, Mapping) else value
    return {field.name: as_arrow(one, field.type) for field, one in zip(kind, own, strict=True)}
