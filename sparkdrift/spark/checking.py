"""What `doctor` asks of Spark and the store; each answer is a line, or an error that helps."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyspark
from pyspark.sql import SparkSession

from sparkdrift.errors import StoreError
from sparkdrift.spark import jars
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.store import Store, delta_path

_SCRATCH = "sparkdrift_doctor"
_REFUSED: tuple[type[Exception], ...] = (*FAILURES, OSError)


def engine() -> str:
    """The installed pyspark."""
    return f"pyspark {pyspark.__version__} in {next(iter(pyspark.__path__))}"


def delta_jars() -> str:
    """Where a new local session takes the Delta jars from. SetupError: they are unknown."""
    home = Path(os.environ.get("SPARK_HOME", str(Path(pyspark.__file__).parent)))
    conf = jars.session_conf(pyspark.__version__, home)
    if "spark.jars" in conf:
        found = conf["spark.jars"].split(",")
        return f"{', '.join(Path(jar).name for jar in found)} in {Path(found[0]).parent}"
    if conf:
        return f"not on this machine yet: Maven Central is asked for {conf['spark.jars.packages']}"
    return f"in Spark's own folder {home / 'jars'}"


def try_writing(spark: SparkSession, store: Store) -> str:
    """Create a scratch Delta table in the store and remove it; raises StoreError."""
    name = f"{_SCRATCH}_{uuid.uuid4().hex[:8]}"
    if store.directory is not None and store.local is None:
        return "not tried on an object store: nothing there could be removed afterwards"
    try:
        if store.local is not None:
            with _new_folder(store.local) as folder:
                spark.sql(f"CREATE TABLE {delta_path(str(folder / name))} (one INT) USING delta")
                spark.sql(f"INSERT INTO {delta_path(str(folder / name))} VALUES (1)")
        else:
            table = store.table(name)
            spark.sql(f"CREATE TABLE {table} (one INT) USING delta")
            spark.sql(f"DROP TABLE {table}")
    except _REFUSED as error:
        raise StoreError(
            f"the store {store} can't be written: {reason(error)}; check the permissions on it, "
            "or choose another with --store"
        ) from error
    return f"a Delta table was created in {store} and removed"


@contextmanager
def _new_folder(store: Path) -> Iterator[Path]:
    """A folder inside the store that is gone afterwards, with the folders made for it."""
    above = [folder for folder in (store, *store.parents) if not folder.exists()]
    folder = store / f".{_SCRATCH}-{uuid.uuid4().hex[:8]}"
    try:
        folder.mkdir(parents=True)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        for made in above:
            if made.is_dir() and not any(made.iterdir()):
                made.rmdir()


def zone_kept(spark: SparkSession) -> str:
    """The session's zone; windows are cut by it being UTC."""
    now = spark.sql("SELECT current_timezone() AS zone").collect()[0]["zone"]
    if now != "UTC":
        raise StoreError(f"the session's time zone is {now} and can't be set to UTC")
    return "UTC in the session; windows are cut in each monitor's own zone"
