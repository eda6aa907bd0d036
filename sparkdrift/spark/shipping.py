"""Bringing this package to the workers when `spark-submit --py-files` was given its wheel.

And asking a worker, where it is in doubt, whether it has what the kernels need.

Spark puts a wheel on the driver's path, but hands only .zip, .egg and .jar files on to
the Python workers. A wheel is a zip file, so a copy under that name does it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import sys
import tempfile
from pathlib import Path

from pyspark.sql import SparkSession

import sparkdrift
from sparkdrift.kernels.present import imported


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


def try_workers(spark: SparkSession) -> None:
    """Run one row through a worker where its Python is another than this one.

    Raises what Spark raises for a module that is missing there, before any work is done. On a
    cluster nothing is tried: there the first kernel says it.
    """
    if not str(spark.conf.get("spark.master", "") or "").startswith("local"):
        return
    chosen = os.environ.get("PYSPARK_PYTHON") or spark.conf.get("spark.pyspark.python", "python3")
    found = shutil.which(str(chosen))
    # By folder, links not followed: the Pythons of two environments may be links to one.
    if found is None or Path(found).parent != Path(sys.executable).parent:
        spark.range(1).mapInArrow(imported, "id long").collect()
