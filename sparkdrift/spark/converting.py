"""Making a Delta table out of Arrow tables: what the demos write their data with."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from sparkdrift.spark.few_rows import few_rows
from sparkdrift.store import delta_path


def write_delta(spark: SparkSession, tables: Iterator[pa.Table], folder: Path) -> int:
    """Make `folder` a Delta table of one data file per Arrow table; returns the rows.

    The files are written beside it and converted there, so that `folder` appears whole
    or not at all. Converting reads the files' footers only.
    """
    beside = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}")
    beside.mkdir(parents=True)
    rows = 0
    try:
        for number, table in enumerate(tables):
            pq.write_table(table, beside / f"{number:03}.parquet", compression="zstd")
            rows += table.num_rows
        target = delta_path(str(beside)).replace("delta.", "parquet.", 1)
        # The footers keep the statistics of each file; Delta would read every row for its own.
        with few_rows(spark):
            spark.sql(f"CONVERT TO DELTA {target} NO STATISTICS")
        beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return rows
