"""The command line and a job as their users start them: processes of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import source_tables
from monitors import new_store, profile_only

import sparkdrift
from sparkdrift.spec.loading import load_spec

pytestmark = pytest.mark.spark

EXECUTABLE = Path(sys.executable).with_name("sparkdrift")
ROOT = Path(sparkdrift.__file__).parent.parent
SPEC = """
monitor: small
owner: tests
source: {{path: "{path}"}}
timestamp: {{column: ts}}
features: {{numeric: [amount], categorical: [product]}}
reference: {{begin: 2024-01-01, end: 2024-01-04}}
"""
EVALUATED = """
prediction: {score: score}
evaluation: {thresholds: {accept: {value: 0.3}}}
"""
needs_jobs = pytest.mark.skipif(
    not (ROOT / "jobs").is_dir(), reason="jobs/ is not part of the package"
)


@pytest.fixture(scope="module")
def spec(spark, workspace):
    rng = np.random.default_rng(3)
    path = workspace / "log"
    source_tables.write(spark, path, source_tables.days(0, 3, 400, rng))
    source_tables.write(spark, path, source_tables.days(4, 5, 400, rng, shift=2.0))
    source_tables.write(spark, path, source_tables.closing_row(6))
    file = workspace / "small.yml"
    file.write_text(SPEC.format(path=path))
    return file


def start(*command, **more):
    return subprocess.run(
        [str(one) for one in command], capture_output=True, text=True, timeout=600, **more
    )


@pytest.fixture(scope="module")
def ran(spec, workspace):
    """What a run said, and its store."""
    # A Java that tells of each collection tells it on its standard output.
    conf, store = workspace / "conf", workspace / "ran"
    conf.mkdir()
    (conf / "spark-defaults.conf").write_text("spark.driver.defaultJavaOptions -Xlog:gc\n")
    done = start(
        *(EXECUTABLE, "run", spec, "--store", store, "--json"),
        *("--fail-on", "drifted"),
        env={**os.environ, "SPARK_CONF_DIR": str(conf)},
    )
    return done, store


def test_nothing_but_the_answer_reaches_the_user(ran):
    done, _ = ran
    assert done.returncode == 3, done.stderr
    (why,) = done.stderr.splitlines()
    assert why.startswith("small: --fail-on: the 6 windows judged now: ")
    assert json.loads(done.stdout)["monitors"][0]["windows_judged"] == 6


@pytest.mark.parametrize(
    ("sent", "code", "by"),
    [
        (signal.SIGTERM, 143, "interrupted by SIGTERM"),
        pytest.param(signal.SIGINT, 130, "interrupted", marks=pytest.mark.slow),
    ],
)
def test_a_run_that_is_stopped_says_how_to_go_on_and_nothing_else(spec, tmp_path, sent, code, by):
    command = [str(one) for one in (EXECUTABLE, "run", spec, "--store", tmp_path / "store")]
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # As on a terminal: a shell starts what runs in its background without Ctrl-C.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    ) as it:
        assert it.stderr.readline().startswith("small: profile: 6 windows, ")
        it.send_signal(sent)
        told, said = it.communicate(timeout=120)
    assert it.returncode == code, said
    assert told == ""
    (last,) = said.splitlines()
    assert last.startswith(f"{by}: what is committed stays")
    done = start(*command, "--json")
    assert done.returncode == 0, done.stderr
    (found,) = json.loads(done.stdout)["monitors"]
    assert (found["windows_profiled"], found["windows_judged"]) == (0, 6)


def test_java_that_is_missing_is_said_with_what_to_install(spec, tmp_path):
    environment = {**os.environ, "JAVA_HOME": str(tmp_path / "nowhere")}
    store = tmp_path / "new" / "store"
    for command in (["validate", spec], ["run", spec, "--store", store]):
        done = start(EXECUTABLE, *command, env=environment)
        assert done.returncode == 1
        (said,) = done.stderr.splitlines()
        assert said.startswith("error: Java not found")
        assert "install a Java" in said
    assert not (tmp_path / "new").exists()


def test_what_only_reads_needs_no_java(ran, spec, tmp_path):
    _, store = ran
    environment = {**os.environ, "JAVA_HOME": str(tmp_path / "nowhere")}
    page, models = tmp_path / "page.html", tmp_path / "models.html"
    for command, told in (
        (["report", spec, "-o", page], "page.html"),
        (["report", "--fleet", "-o", models], "models.html"),
        (["fleet"], "small"),
        (["reference", "list", spec], "baseline"),
        (["sql", "SELECT monitor FROM latest_health"], "small"),
    ):
        done = start(EXECUTABLE, *command, "--store", store, env=environment)
        assert done.returncode == 0, (command, done.stderr)
        assert "Spark" not in done.stderr, command
        assert told in done.stdout, command
    assert "<h1" in page.read_text("utf-8")
    assert "small" in models.read_text("utf-8")


def test_doctor_names_what_is_wrong_and_goes_on(tmp_path):
    environment = {**os.environ, "JAVA_HOME": str(tmp_path / "nowhere")}
    done = start(EXECUTABLE, "doctor", "--json", "--store", tmp_path, env=environment)
    assert done.returncode == 1
    checks = {one["part"]: one for one in json.loads(done.stdout)["checks"]}
    assert not checks["java"]["ok"]
    assert checks["spark"]["ok"]
    assert not checks["session"]["ok"]


def submitted(wheel, bare_python, folder, job, *arguments, code=0):
    """What a job under jobs/ says, by spark-submit, its workers having the wheel alone."""
    import pyspark

    from sparkdrift.spark.jars import session_conf

    home = Path(pyspark.__file__).parent
    jars = session_conf(pyspark.__version__, home)
    settings = {
        **jars,
        "spark.sql.shuffle.partitions": "2",
        "spark.ui.enabled": "false",
        "spark.databricks.delta.snapshotPartitions": "2",
    }
    environment = {**os.environ, "PYSPARK_PYTHON": str(bare_python)}
    for name in ("SPARK_API_MODE", "SPARK_REMOTE", "PYTHONPATH"):
        environment.pop(name, None)
    done = start(
        *(Path(sys.executable).with_name("spark-submit"), "--master", "local[2]"),
        *(part for key, value in settings.items() for part in ("--conf", f"{key}={value}")),
        *("--py-files", wheel, ROOT / "jobs" / job, *arguments, "--json"),
        env=environment,
        cwd=folder,
    )
    assert done.returncode == code, done.stderr[-3000:]
    # spark-submit hands on what a job says on stderr, such as why it ends with 3, on stdout.
    return json.loads(done.stdout[done.stdout.index("{\n") :])["monitors"]


@needs_jobs
def test_jobs_run_from_the_wheel_alone(spec, wheel, bare_python, tmp_path):
    asked = (spec, "--store", tmp_path / "store")
    (found,) = submitted(wheel, bare_python, tmp_path, "run_monitors.py", *asked)
    assert found["windows_judged"] == 6
    watch = ("--fail-on", "watch")
    (found,) = submitted(wheel, bare_python, tmp_path, "assess_health.py", *asked, *watch, code=3)
    # Nothing tells whether its model works; the windows were judged by the run.
    assert (found["verdict"], found["windows_judged"]) == ("blind", 0)


@needs_jobs
@pytest.mark.slow
def test_the_job_of_evaluation_measures_what_was_profiled(
    spark, spec, wheel, bare_python, tmp_path
):
    own = tmp_path / "evaluated.yml"
    own.write_text(f"{spec.read_text()}{EVALUATED}")
    profile_only(spark, new_store(spark, tmp_path / "store"), load_spec(own))
    store = ("--store", tmp_path / "store")
    (found,) = submitted(wheel, bare_python, tmp_path, "evaluate_staleness.py", own, *store)
    assert found["windows_counted"] == found["windows_measured"] == found["windows_stale_told"] == 6
    rows = spark.sql(f"SELECT * FROM delta.`{tmp_path / 'store' / 'performance'}`")
    (row,) = rows.where("metric = 'decision_rate' AND window_start = '2024-01-01'").collect()
    assert row["rows"] == 400
    assert 0 < row["realised"] < 1


def test_workers_without_the_package_are_told_before_any_work(spec, bare_python, tmp_path):
    """A session of one's own script, whose workers have another Python than the script."""
    script = tmp_path / "own.py"
    script.write_text(
        f"""import sys
sys.path.insert(0, {str(ROOT)!r})
from sparkdrift.cli import main
from sparkdrift.spark.session import create_session

create_session()
sys.exit(main(["run", {str(spec)!r}, "--store", {str(tmp_path / "store")!r}]))
"""
    )
    environment = {**os.environ, "PYSPARK_PYTHON": str(bare_python)}
    for name in ("SPARK_API_MODE", "SPARK_REMOTE", "PYTHONPATH"):
        environment.pop(name, None)
    done = start(sys.executable, script, env=environment, cwd=tmp_path)
    assert done.returncode == 1
    (said,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert said.startswith("error: the workers' Python lacks sparkdrift: ")
    assert f"PYSPARK_PYTHON={sys.executable}" in said
    assert "bug" not in done.stderr
    assert not list((tmp_path / "store").glob("profiles*"))
