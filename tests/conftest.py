"""Fixtures for every test that needs a JVM: one Spark session per pytest process.

`SPARK_API_MODE=connect pytest tests/spark` runs the same tests over Spark Connect;
pyspark reads that variable itself. No fixture here starts anything until it is asked for.
"""

from __future__ import annotations

import pytest

# For thousands of small queries and no long one: planning them is what costs.
SMALL = {
    "spark.sql.shuffle.partitions": "2",
    "spark.driver.defaultJavaOptions": (
        "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=320m -XX:+UseSerialGC"
    ),
}


@pytest.fixture(scope="session")
def spark(tmp_path_factory):
    """The session that the product itself would make, made for small tables."""
    from sparkdrift.spark.session import create_session

    log = tmp_path_factory.mktemp("spark") / "spark.log"
    session = create_session(log=log, extra=SMALL)
    yield session
    session.stop()


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    """A folder of this module's own, for stores that several tests read."""
    return tmp_path_factory.mktemp("workspace")
