"""Opening a Spark session: the caller's where there is one, ours where there is none.

An active session (a notebook, a managed runtime, a test) is reused as it is; under
spark-submit its settings win over ours. Only a session that we create gets our settings:
loopback, no UI, few partitions, the two Delta jars, a quiet log. None is ever stopped
here: Java ends with the process that started it, and waiting for that takes a second.
The session's time zone is UTC while we work, because window boundaries are computed by
truncating local time, and is put back afterwards.
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from pyspark.sql import SparkSession

from sparkdrift.errors import SetupError
from sparkdrift.redacting import OWN_KEY
from sparkdrift.spark import jars
from sparkdrift.spark.few_rows import OURS

OLDEST_JAVA = 17
_TIME_ZONE = "spark.sql.session.timeZone"
_EXTENSION = "io.delta.sql.DeltaSparkSessionExtension"
_CATALOG = "org.apache.spark.sql.delta.catalog.DeltaCatalog"
# For short commands on few cores (figures in CONTRIBUTING). Java's optimising compiler takes a
# third of such a command's time, and little of what it compiles is used again: it is to wait
# for methods called ten times as often as usual; loops don't wait. A brief command does without;
# Java would then hold room for 48 MiB of compiled code, which a long one fills.
_BRIEF = ("-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=240m")
_JAVA = (
    "-XX:Tier4InvocationThreshold=50000",
    "-XX:Tier4MinInvocationThreshold=6000",
    "-XX:Tier4CompileThreshold=150000",
    # The pages of Spark's aggregates are large objects, each of which has Java look for
    # garbage in all of the heap, beside the work, once 45 % of it are taken.
    "-XX:InitiatingHeapOccupancyPercent=80",
)


@contextmanager
def open_session(
    *,
    spark: SparkSession | None = None,
    log: Path | None = None,
    brief: bool = False,
    meanwhile: Callable[[], None] | None = None,
) -> Iterator[SparkSession]:
    """Yield a session that reads and writes Delta, with its time zone set to UTC.

    `spark` is used when given. `log` is the file that receives what the JVM of a new
    session prints; without it that output goes to a file in the temporary folder. A new
    session that is `brief` starts sooner what it does, and takes longer for many rows.
    `meanwhile` is called before a new one starts, once Java was found.
    Raises SetupError when Java or Spark is missing or too old, with what to install.
    """
    if spark is None:
        spark = active_session()
    if spark is None:
        spark = create_session(log=log, brief=brief, meanwhile=meanwhile)
    before = spark.conf.get(_TIME_ZONE)
    spark.conf.set(_TIME_ZONE, "UTC")
    try:
        yield spark
    finally:
        spark.conf.set(_TIME_ZONE, str(before))


def active_session() -> SparkSession | None:
    """The session that this process works in already, or that a managed runtime has for it."""
    spark = SparkSession.getActiveSession()
    if spark is None and "DATABRICKS_RUNTIME_VERSION" in os.environ:
        spark = SparkSession.builder.getOrCreate()
    return spark


def create_session(
    *,
    log: Path | None = None,
    brief: bool = False,
    extra: dict[str, str] | None = None,
    meanwhile: Callable[[], None] | None = None,
) -> SparkSession:
    """Start a new session with our settings; `extra` adds to them or overrides them."""
    # Workers otherwise take the first python3 on PATH, whatever that has installed.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    # pyspark logs every analysis error as JSON on stderr, besides raising it.
    logging.getLogger("SQLQueryContextLogger").setLevel(logging.CRITICAL)
    submitted = "PYSPARK_GATEWAY_PORT" in os.environ
    if not submitted:
        check_java()
    if meanwhile is not None:
        meanwhile()
    builder = SparkSession.builder.appName("sparkdrift")
    for key, value in {**_settings(submitted=submitted, brief=brief), **(extra or {})}.items():
        builder = builder.config(key, value)
    sink = log or Path(tempfile.gettempdir()) / f"sparkdrift-spark-{os.getpid()}.log"
    try:
        with _jvm_output_in(sink, enabled=not submitted), warnings.catch_warnings():
            # A local Connect server starts with all settings; its client then tries to set
            # them again, and warns of those that can't change any more.
            warnings.filterwarnings("ignore", "(?s)Failed to set .*CANNOT_MODIFY")
            return builder.getOrCreate()
    except Exception as error:
        raise SetupError(
            f"Spark did not start: {error}\nIts own output is in {sink}; "
            "`sparkdrift doctor` checks each part of the set-up"
        ) from error


def _settings(*, submitted: bool, brief: bool) -> dict[str, str]:
    settings = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.extensions": _EXTENSION,
        "spark.sql.catalog.spark_catalog": _CATALOG,
    }
    if submitted:
        # spark-submit has its own master, memory and jars: those stay.
        return settings
    import pyspark

    cores = os.cpu_count() or 2
    home = Path(os.environ.get("SPARK_HOME", str(Path(pyspark.__file__).parent)))
    # As a URI: Java options are split at blanks, which a path may have.
    log4j = Path(str(files("sparkdrift.spark").joinpath("log4j2.properties"))).as_uri()
    return (
        settings
        | jars.session_conf(pyspark.__version__, home)
        | {
            "spark.master": os.environ.get("SPARKDRIFT_MASTER", "local[*]"),
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.memory": os.environ.get("SPARKDRIFT_DRIVER_MEMORY", "1280m"),
            "spark.driver.extraJavaOptions": " ".join(
                (f"-Dlog4j2.configurationFile={log4j}", *(_BRIEF if brief else _JAVA))
            ),
            OURS: "true",
            "spark.ui.enabled": "false",
            "spark.ui.showConsoleProgress": "false",
            # Without a UI nobody reads the long form of a plan.
            "spark.sql.ui.explainMode": "simple",
            "spark.sql.shuffle.partitions": str(2 * cores),
            "spark.sql.sources.parallelPartitionDiscovery.parallelism": str(cores),
            "spark.sql.warehouse.dir": str(Path(tempfile.gettempdir()) / "sparkdrift-warehouse"),
            # A table log of ours is small: reading it in 50 tasks costs more than the log.
            "spark.databricks.delta.snapshotPartitions": "1",
            # Delta keeps a table's state in memory for an hour after its last use, and of
            # up to 10,000 tables: a run over hundreds of monitors needs few of them again.
            "spark.databricks.delta.delta.log.cacheSize": "60",
            # Writers put a sum beside each page, which readers don't look at unless they are told:
            # values whose bits turned over would be taken for what was written.
            "spark.hadoop.parquet.page.verify-checksum.enabled": "true",
            # Plans hold the key that values are hidden by (`privacy`), wherever they are shown.
            "spark.sql.redaction.string.regex": OWN_KEY,
            # Before each row that it hands to Python, Spark asks how many bytes the batch has, for
            # which it walks through every row of each list column that was NULL so far: with
            # 10,000 rows most of a kernel's time in Java (see CONTRIBUTING).
            "spark.sql.execution.arrow.maxRecordsPerBatch": "500",
            # Past 100 fields Spark stops generating code for an aggregate, at twice the time.
            "spark.sql.codegen.maxFields": "1000",
            # Generated code is kept per text, by default for 100 texts: one run needs more, and
            # the next monitor would compile them all again.
            "spark.sql.codegen.cache.maxEntries": "2000",
            # So few partitions need no joining, and a kernel's time is not seen in its bytes.
            "spark.sql.adaptive.coalescePartitions.enabled": "false",
            # An aggregate holds a sketch per group and column; past 128 groups Spark would
            # sort the rows instead, which costs more than the buffers (see CONTRIBUTING).
            "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "2048",
        }
    )


def check_java() -> str:
    """The version of the Java that Spark will start, e.g. '17.0.15'.

    Raises SetupError when there is none, or one older than Spark 4 accepts.
    """
    home = os.environ.get("JAVA_HOME")
    java = str(Path(home) / "bin" / "java") if home else shutil.which("java")
    install = (
        f"install a Java {OLDEST_JAVA} or 21 runtime (Debian: apt-get install "
        f"openjdk-{OLDEST_JAVA}-jre-headless; macOS: brew install openjdk@{OLDEST_JAVA}) "
        "and set JAVA_HOME to it"
    )
    if java is None or not Path(java).exists():
        given = f"JAVA_HOME is {home}, which has no bin/java" if home else "no java on PATH"
        raise SetupError(f"Java not found: {given}; {install}")
    output = subprocess.run(  # noqa: S603 - the path is the user's own Java
        [java, "-version"], capture_output=True, text=True, check=False
    ).stderr
    found = re.search(r'version "([^"]+)"', output)
    if found is None:
        raise SetupError(f"{java} -version answered {output.strip()!r}; {install}")
    parts = found.group(1).split(".")
    major = int(parts[1] if parts[0] == "1" else parts[0].split("-")[0])
    if major < OLDEST_JAVA:
        raise SetupError(
            f"Java {found.group(1)} is too old: Spark 4 needs {OLDEST_JAVA} or newer; {install}"
        )
    return found.group(1)


@contextmanager
def _jvm_output_in(sink: Path, *, enabled: bool) -> Iterator[None]:
    """Let the JVM inherit `sink` as both its outputs, so its lines don't reach the user.

    Java warns on its standard output, where the answer of a command belongs.
    """
    if not enabled:
        yield
        return
    sink.parent.mkdir(parents=True, exist_ok=True)
    target = os.open(sink, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    ours = {}
    try:
        for stream, output in ((sys.stdout, 1), (sys.stderr, 2)):
            stream.flush()
            ours[output] = os.dup(output)
            os.dup2(target, output)
        yield
    finally:
        for output, saved in ours.items():
            os.dup2(saved, output)
            os.close(saved)
        os.close(target)
