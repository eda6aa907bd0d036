"""The digest of a reference's rows: the same for the same values, and for no others."""

from __future__ import annotations

import math

import pytest
from pyspark.sql import functions as F
from pyspark.sql.types import ArrayType, DoubleType, StringType, StructField, StructType

from sparkdrift.spark.content_digest import CONTENT, PRESENT, digest_of, exact_text
from sparkdrift.spark.reference_tables import REFERENCE_PROFILES
from sparkdrift.spark.sql import quote

pytestmark = pytest.mark.spark

DOUBLES = [0.1, 2e-3, 1e23, 2.0**-1074, -0.0, 0.0, 1 / 3, 8.41e21, math.inf, -math.inf, math.nan]
"""Of these, 1e23 and 8.41e21 are among those that Java 19 writes otherwise than Java 17."""


@pytest.fixture(scope="module")
def rows(spark):
    """Two rows of a reference, most of whose columns are NULL."""
    types = {column.name: column.type for column in REFERENCE_PROFILES.columns}
    given = {
        "slice_key": "'*'",
        "slice_value": "'*'",
        "column_name": "concat('c', id)",
        "definition_hash": "'d'",
        "row_count": "7",
        "mean": "0.1D + id",
        "quantiles": "array(1D / 3, CAST(NULL AS DOUBLE), 1e23D)",
        "kll": "X'00FF'",
    }
    of_windows = ["window_bins", "window_shares", "window_unseen", "status", "reason"]
    names = [*CONTENT, "bins", *of_windows, *(name for name in given if name not in CONTENT)]
    return spark.range(2).selectExpr(
        *(f"CAST({given.get(name, 'NULL')} AS {types[name]}) AS {quote(name)}" for name in names)
    )


def test_doubles_are_written_exactly(spark):
    frame = spark.createDataFrame([(one,) for one in DOUBLES], "value double")
    sql = exact_text("value", DoubleType())
    for value, text in frame.selectExpr("value", f"{sql} AS text").collect():
        word = text.replace("Infinity", "inf")
        assert math.copysign(1, float.fromhex(word)) == math.copysign(1, value)
        assert str(float.fromhex(word)) == str(value)


def test_no_separator_makes_two_values_one(spark):
    kind = ArrayType(
        StructType([StructField("item", StringType()), StructField("n", DoubleType())])
    )
    texts = [
        [("a", 1.0), ("b", 2.0)],
        [("a,(1=b", 1.0)],
        [("a", None), ("b", 2.0)],
        [(None, 1.0), ("b", 2.0)],
        [("NULL", 1.0), ("b", 2.0)],
        [None, ("b", 2.0)],
        [],
        None,
    ]
    schema = StructType([StructField("value", kind)])
    frame = spark.createDataFrame([(one,) for one in texts], schema)
    found = [row[0] for row in frame.selectExpr(exact_text("value", kind)).collect()]
    assert len(set(found)) == len(texts), found


def test_the_order_of_rows_is_nothing_and_the_last_bit_is_something(rows):
    digest, total = digest_of(rows)
    assert digest.startswith(PRESENT)
    assert total == 7
    assert digest_of(rows.orderBy(F.desc("column_name")).repartition(3)) == (digest, total)
    other = math.nextafter(1.1, 2)
    for name, sql in (
        ("mean", f"IF(mean > 1, {other!r}D, mean)"),
        ("quantiles", "array(1D / 3, 0D, 1e23D)"),
        ("kll", "X'00FE'"),
        ("row_count", "row_count + 1"),
        ("value", "0D"),
        # What is kept of its own windows widens and narrows every verdict.
        ("window_bins", "array(named_struct('window_start', NULL, 'k', 1, 'counts', array(1D)))"),
        ("window_unseen", "array(1L)"),
        ("status", "'ok'"),
    ):
        changed = rows.withColumn(name, F.expr(sql).cast(rows.schema[name].dataType))
        assert digest_of(changed)[0] != digest, name


def test_digests_made_before_are_made_again_as_they_were(rows):
    before, _ = digest_of(rows, "0" * 64)
    assert len(before) == 64
    assert digest_of(rows, before)[0] == before
    assert digest_of(rows, digest_of(rows)[0])[0] != before
    second, _ = digest_of(rows, "v2-")
    assert second.startswith("v2-")
    assert digest_of(rows.withColumn("status", F.lit("ok")), second)[0] == second
