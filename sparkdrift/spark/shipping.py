"""Bringing this package to the workers when `spark-submit --py-files` was given its wheel.

Spark puts a wheel on the driver's path, but hands only .zip, .egg and .jar files on to
the Python workers. A wheel is a zip file, so a copy under that name does it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

import sparkdrift


def ship_package(spark: SparkSession) -> None:
    """Make `import sparkdrift` work on the workers; nothing to do unless it runs from a wheel."""
    archive = getattr(getattr(sparkdrift.__spec__, "loader", None), "archive", None)
    if archive is None or Path(archive).suffix != ".whl":
        return
    # A worker fetches the copy when it gets its first task, so it stays until we end.
    folder = tempfile.mkdtemp(prefix="sparkdrift-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = Path(folder) / Path(archive).with_suffix(".zip").name
    shutil.copyfile(archive, copy)
    spark.addArtifacts(str(copy), pyfile=True)
