"""How rows reach a kernel: in batches that rows bound, whose size nobody asks for."""

from __future__ import annotations

import pyarrow as pa
import pytest

pytestmark = [pytest.mark.spark, pytest.mark.classic]

ROWS = 5_000


def test_a_batch_has_two_thousand_rows_at_most_and_is_not_cut_by_its_bytes(spark):
    """Each row is 64 KiB: by bytes, which Spark would have to ask for, a batch would have 1,024."""

    def sizes(batches):
        for batch in batches:
            yield pa.RecordBatch.from_pydict({"rows": [batch.num_rows]})

    rows = spark.range(0, ROWS, 1, 1).selectExpr("repeat('x', 65536) AS text")
    found = [row["rows"] for row in rows.mapInArrow(sizes, "rows bigint").collect()]
    assert found == [2_000, 2_000, 1_000]
