"""How rows reach a kernel."""

from __future__ import annotations

import pyarrow as pa
import pytest

pytestmark = [pytest.mark.spark, pytest.mark.classic]

ROWS = 1_200


def test_rows_are_handed_over_in_small_batches(spark):
    """What Spark asks before each row takes the longer the more rows its batch has."""

    def sizes(batches):
        for batch in batches:
            yield pa.RecordBatch.from_pydict({"rows": [batch.num_rows]})

    rows = spark.range(0, ROWS, 1, 1).selectExpr("id")
    found = [row["rows"] for row in rows.mapInArrow(sizes, "rows bigint").collect()]
    assert found == [500, 500, 200]
