"""Joining two aggregates of the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.sql import quote


def joined(left: DataFrame, right: DataFrame, keys: Sequence[str]) -> DataFrame:
    """`left` with the columns of `right` that match on `keys`; NULL equals NULL.

    Where both come from the same rows, Spark could not tell their keys apart by
    reference, so the right side's are renamed first.
    """
    renamed = right.withColumnsRenamed({key: f"right_{key}" for key in keys})
    same = " AND ".join(f"{quote(key)} <=> {quote('right_' + key)}" for key in keys)
    return left.join(renamed, F.expr(same), "left").drop(*(f"right_{key}" for key in keys))
