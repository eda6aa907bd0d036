"""Session start: ours against a bare one with the same two jars, each in a fresh process."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Iterator

from tests.bench.asked import Asked
from tests.bench.table import Measured

_REPEATS = 5
_QUESTION = "spark.sql('SELECT 1').collect()"

_OURS = f"""
import time
begun = time.perf_counter()
from sparkdrift.spark.session import open_session
with open_session() as spark:
    {_QUESTION}
    print("seconds", time.perf_counter() - begun)
"""

# The least that reads and writes Delta: Spark's own defaults, and the two jars.
_BARE = f"""
import time
begun = time.perf_counter()
from pathlib import Path
import pyspark
from pyspark.sql import SparkSession
from sparkdrift.spark.jars import session_conf
builder = SparkSession.builder.master("local[*]")
for key, value in session_conf(pyspark.__version__, Path(pyspark.__file__).parent).items():
    builder = builder.config(key, value)
spark = (
    builder.config("spark.sql.extensions", "io.delta.sql.DeltaSparkSessionExtension")
    .config("spark.sql.catalog.spark_catalog", "org.apache.spark.sql.delta.catalog.DeltaCatalog")
    .config("spark.ui.enabled", "false")
    .getOrCreate()
)
{_QUESTION}
print("seconds", time.perf_counter() - begun)
spark.stop()
"""


def session(_: Asked) -> Iterator[Measured]:
    ours, bare = [], []
    for _ in range(_REPEATS):
        # Alternating, so that both meet the same load.
        bare.append(_start(_BARE))
        ours.append(_start(_OURS))
    yield Measured(
        "session start",
        statistics.median(ours),
        floor_s=statistics.median(bare),
        target="ratio <= 1.3",
        note=f"to the first answer; median of {_REPEATS} processes each; floor: bare Spark",
    )


def _start(program: str) -> float:
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    return float(answer.split("seconds")[1])
