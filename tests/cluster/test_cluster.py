"""A cluster of two worker processes: real serialisation, shuffles, and Python per executor.

Spark's own `local-cluster` master starts a master, two workers and an executor process for
each, on free ports of the loopback. The same monitor runs in one process as well; what both
leave in their stores must be the same. Stores are read without Spark, so this process has none.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import defaultdict
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import source_tables
from deltalake import DeltaTable, write_deltalake

import sparkdrift
from sparkdrift.measures.sketch_error import rank_error

pytestmark = pytest.mark.spark

ROOT = Path(sparkdrift.__file__).parent.parent
# Workers, cores of each, MiB of each.
MASTER = "local-cluster[2,1,1024]"
EXECUTORS = {"0", "1"}
JAVA = "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -XX:+UseSerialGC"
SPEC = """
monitor: small
owner: tests
source: {{path: "{path}"}}
timestamp: {{column: ts}}
features: {{numeric: [amount, score], categorical: [product]}}
slices: [region]
reference: {{begin: 2024-01-01, end: 2024-01-04}}
"""
K = 400
# The reference (days 0 to 2) and the days before LARGE have fewer rows than K: exact.
ROWS, LARGE, LARGE_ROWS = 100, 5, 8_000
KEYS = ("window_start", "slice_key", "slice_value", "column_name")


@pytest.fixture(scope="module")
def rows() -> pa.Table:
    rng = np.random.default_rng(8)
    calm = source_tables.days(0, LARGE - 1, ROWS, rng)
    shifted = source_tables.days(LARGE, LARGE, LARGE_ROWS, rng, shift=2.0)
    return pa.concat_tables([calm, shifted, source_tables.closing_row(LARGE + 1)])


@pytest.fixture(scope="module")
def spec(rows, workspace) -> Path:
    """A monitor of a table in several files, so that a scan is several tasks."""
    for part in range(8):
        mine = pc.equal(pc.bit_wise_and(pa.array(range(len(rows))), 7), part)
        write_deltalake(str(workspace / "log"), rows.filter(mine), mode="append")
    file = workspace / "small.yml"
    file.write_text(SPEC.format(path=workspace / "log"))
    return file


@pytest.fixture(scope="module")
def environment(workspace) -> dict[str, str]:
    """Spark as it is installed, with folders of ours for what it writes, and on loopback only."""
    import pyspark

    # A worker keeps its files in SPARK_HOME/work, which is no place for a test's.
    home = workspace / "spark"
    home.mkdir()
    for entry in Path(pyspark.__file__).parent.iterdir():
        (home / entry.name).symlink_to(entry)
    settings = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": (workspace / "events").as_uri(),
        "spark.eventLog.compress": "false",
        "spark.eventLog.rolling.enabled": "false",
        "spark.scheduler.minRegisteredResourcesRatio": "1.0",
        "spark.sql.shuffle.partitions": "4",
        "spark.sql.adaptive.coalescePartitions.enabled": "false",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.ui.enabled": "false",
        # For many small queries: compiling them well costs more than they do. Room for what
        # is compiled is five times as large without the option.
        "spark.driver.defaultJavaOptions": JAVA,
        "spark.executor.defaultJavaOptions": JAVA,
    }
    (workspace / "events").mkdir()
    (workspace / "conf").mkdir()
    (workspace / "conf" / "spark-defaults.conf").write_text(
        "\n".join(f"{key} {value}" for key, value in settings.items())
    )
    own = ("SPARK_API_MODE", "SPARK_REMOTE", "SPARKDRIFT_MASTER", "PYSPARK_PYTHON", "PYTHONPATH")
    return {
        **{name: value for name, value in os.environ.items() if name not in own},
        "SPARK_HOME": str(home),
        "SPARK_CONF_DIR": str(workspace / "conf"),
        "SPARK_LOCAL_IP": "127.0.0.1",
    }


def run(command, environment, cwd) -> dict:
    """The answer of `... --json`; what it said where it failed."""
    process = subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=cwd,
        start_new_session=True,
    )
    try:
        output, said = process.communicate(timeout=900)
    finally:
        # With its JVM and the executors of that, which would outlive a command that was ended.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, f"{output[-1000:]}\n{said[-6000:]}"
    return json.loads(output)["monitors"][0]


@pytest.fixture(scope="module")
def local(spec, environment, workspace) -> Path:
    """The store of a run in one process."""
    store = workspace / "local"
    command = [sys.executable, "-m", "sparkdrift", "run", spec, "--store", store, "--json"]
    found = run(command, {**environment, "PYTHONPATH": str(ROOT)}, workspace)
    assert found["windows_judged"] == LARGE + 1
    return store


@pytest.fixture(scope="module")
def named(spec, environment, workspace) -> Path:
    """The store of a run of the command line on the cluster that SPARKDRIFT_MASTER names.

    The package reaches the workers by PYTHONPATH.
    """
    store = workspace / "named"
    command = [sys.executable, "-m", "sparkdrift", "run", spec, "--store", store, "--json"]
    more = {"PYTHONPATH": str(ROOT), "SPARKDRIFT_MASTER": MASTER}
    run(command, {**environment, **more}, workspace)
    return store


@pytest.fixture(scope="module")
def submitted(spec, environment, wheel, bare_python, workspace) -> Path:
    """The store of a job of jobs/, by spark-submit; the workers have the wheel and no other."""
    if not (ROOT / "jobs").is_dir():
        pytest.skip("jobs/ is not part of the package")
    import pyspark

    from sparkdrift.spark.jars import session_conf

    store = workspace / "submitted"
    jars = session_conf(pyspark.__version__, Path(pyspark.__file__).parent)
    command = [
        *(Path(sys.executable).with_name("spark-submit"), "--master", MASTER),
        *(part for key, value in jars.items() for part in ("--conf", f"{key}={value}")),
        *("--py-files", wheel, ROOT / "jobs" / "run_monitors.py", spec),
        *("--store", store, "--json"),
    ]
    run(command, {**environment, "PYSPARK_PYTHON": str(bare_python)}, workspace)
    return store


# A master that the session names itself needs the same of its workers, and twice the time.
@pytest.fixture(scope="module", params=[pytest.param("named", marks=pytest.mark.slow), "submitted"])
def cluster(request) -> tuple[Path, Path]:
    """(the store of a run on the cluster, the log of Spark's events in that run)."""
    events = request.getfixturevalue("workspace") / "events"
    known = set(events.iterdir())
    store = request.getfixturevalue(request.param)
    (log,) = set(events.iterdir()) - known
    return store, log


def keyed(store: Path, table: str) -> dict[tuple, dict]:
    """Rows of a table of a store, by their keys."""
    found = DeltaTable(str(store / table)).to_pyarrow_table().to_pylist()
    assert found
    rows = {tuple(row.get(key) for key in KEYS): row for row in found}
    assert len(rows) == len(found)
    return rows


def agree(one: float | None, other: float | None, relative: float) -> bool:
    """Equal but for the order in which sums were taken; NULL only where both are."""
    if one is None or other is None:
        return one is other
    return one == pytest.approx(other, rel=relative, abs=1e-9)


def is_large(row: dict) -> bool:
    return row["window_start"] == source_tables.day_start(LARGE)


def test_profiles_are_those_of_one_process(local, cluster):
    ours, theirs = keyed(cluster[0], "profiles"), keyed(local, "profiles")
    assert ours.keys() == theirs.keys()
    assert any(is_large(row) for row in theirs.values())
    same = (
        *("row_count", "null_count", "nan_count", "min", "max", "zeros"),
        *("min_length", "max_length", "frequent_items", "categories", "status", "reason"),
        *("data_type", "definition_hash", "input_digest", "fingerprint", "source_version"),
    )
    for key, row in ours.items():
        other = theirs[key]
        assert [row[name] for name in same] == [other[name] for name in same], key
        for name in ("mean", "stddev", "avg_length"):
            assert agree(row[name], other[name], 1e-9), (key, name)
        if row["row_count"] < K:
            assert row["quantiles"] == other["quantiles"], key
        if row["data_type"] == "double":
            # Every value is another; three standard errors of a sketch with 2^10 registers. It
            # estimates otherwise once it was merged, so not the same twice.
            assert row["distinct_count"] == pytest.approx(row["row_count"], rel=0.1), key
        else:
            assert row["distinct_count"] == other["distinct_count"], key


def test_sketches_merged_across_processes_keep_their_bound(rows, cluster):
    begin = source_tables.day_start(LARGE)
    times = rows["ts"]
    inside = pc.and_(
        pc.greater_equal(times, pa.scalar(begin)),
        pc.less(times, pa.scalar(begin + timedelta(days=1))),
    )
    exact = {name: np.sort(rows.filter(inside)[name].to_numpy()) for name in ("amount", "score")}
    profiles = keyed(cluster[0], "profiles")
    for name, values in exact.items():
        row = profiles[begin, "*", "*", name]
        assert row["row_count"] == len(values) == LARGE_ROWS
        assert LARGE_ROWS > 10 * K
        ranks = np.searchsorted(values, row["quantiles"]) / len(values)
        error = np.abs(ranks - np.arange(101) / 100).max()
        # The bound holds for 99 of 100 sketches; twice the bound for all that were ever seen.
        assert error <= 2 * float(rank_error(K)), name


def test_references_and_verdicts_are_those_of_one_process(local, cluster):
    frozen, theirs = (keyed(store, "reference_profiles") for store in (cluster[0], local))
    assert frozen.keys() == theirs.keys()
    for key, row in frozen.items():
        for name in ("row_count", "null_count", "categories", "bins", "window_bins"):
            assert row[name] == theirs[key][name], (key, name)
    judged, theirs = (keyed(store, "drift") for store in (cluster[0], local))
    assert judged.keys() == theirs.keys()
    figures = ("psi", "js_distance", "ks_statistic", "wasserstein_distance", "d_statistic")
    for key, row in judged.items():
        assert row["status"] == theirs[key]["status"], key
        if not is_large(row):
            for name in (*figures, "p_unusual", "p_material", "effect"):
                assert agree(row[name], theirs[key][name], 1e-6), (key, name)
    found = {row["status"] for row in judged.values() if is_large(row)}
    assert "drifted" in found


def test_both_executors_took_part_and_kernels_ran_in_their_pythons(cluster):
    _, log = cluster
    added, ran = set(), defaultdict(set)
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if event["Event"] == "SparkListenerExecutorAdded":
            added.add(event["Executor ID"])
        if event["Event"] == "SparkListenerTaskEnd":
            info = event["Task Info"]
            names = {one.get("Name") for one in info["Accumulables"]}
            # What Spark counts where a task of a plan hands rows to Python.
            kind = "kernel" if "data sent to Python workers" in names else "other"
            ran[kind].add(info["Executor ID"])
    assert added == EXECUTORS
    assert ran == {"kernel": EXECUTORS, "other": EXECUTORS}
