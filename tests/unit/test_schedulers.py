"""The command lines and the DAG of docs/schedulers.md: they name what is there.

No scheduler is at hand. Airflow stands in as a stub that takes what its operator takes.
"""

from __future__ import annotations

import ast
import re
import shlex
import sys
from pathlib import Path
from types import ModuleType
from typing import ClassVar

import pytest
import typer.main

from sparkdrift.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DAG_FILE = ROOT / "conf/airflow/sparkdrift_watch.py"
PAGE = (ROOT / "docs/schedulers.md").read_text("utf-8")
SHELL = [
    text.replace("\\\n", " ")
    for text in re.findall(r"^```sh\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
]
SUBMITTED = [shlex.split(one) for one in SHELL if one.startswith("spark-submit")]
# Of `spark-submit --help`, Spark 4.2.0: those that take a value.
OPTIONS = {
    *("--master", "--remote", "--deploy-mode", "--class", "--name", "--jars", "--packages"),
    *("--exclude-packages", "--repositories", "--py-files", "--files", "--archives", "--conf"),
    *("--properties-file", "--driver-memory", "--driver-java-options", "--driver-library-path"),
    *("--driver-class-path", "--executor-memory", "--proxy-user", "--driver-cores"),
    *("--total-executor-cores", "--executor-cores", "--num-executors", "--principal", "--keytab"),
    "--queue",
}


def command_of(job: str) -> str:
    """The command that a script of jobs/ passes its arguments to."""
    tree = ast.parse((ROOT / "jobs" / Path(job).name).read_text("utf-8"))
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "sparkdrift"
    ]
    (call,) = calls
    return call.args[0].elts[0].value


def parsed(command: str, arguments: list[str], folder: Path) -> dict:
    """The arguments as the command line reads them, with specs that are there."""
    named = ["monitor.yml" if one.endswith(("monitors", ".yml")) else one for one in arguments]
    (folder / "monitor.yml").touch()
    return typer.main.get_command(app).commands[command].make_context(command, named).params


@pytest.mark.parametrize("words", SUBMITTED, ids=["yarn", "kubernetes"])
def test_what_is_submitted_is_there(monkeypatch, tmp_path, words):
    monkeypatch.chdir(tmp_path)
    assert words[0] == "spark-submit"
    place = 1
    while words[place].startswith("--"):
        assert words[place] in OPTIONS
        if words[place] == "--conf":
            assert re.fullmatch(r"spark\.[\w.]+=\S+", words[place + 1])
        place += 2
    job, arguments = words[place], words[place + 1 :]
    given = parsed(command_of(job), arguments, tmp_path)
    assert given["store"].startswith(("hdfs://", "s3a://"))
    assert given["run_id"] == "$RUN"


def test_the_versions_of_delta_are_those_that_are_tested():
    (pinned,) = re.findall(r'"delta-spark==([\d.]+)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    text = PAGE + DAG_FILE.read_text("utf-8")
    found = set(re.findall(r"delta-spark_4\.2_2\.13[:/-]([\d.]+\d)", text))
    found |= set(re.findall(r"delta-storage[/-]([\d.]+\d)", text))
    assert found == {pinned}


def test_the_line_of_cron_is_a_command(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    (line,) = [one for one in SHELL if "flock" in one]
    assert re.match(r"(\S+ ){5}cd ", line), "five fields, then the command"
    unescaped = re.sub(r"(?<!\\)%", "\n", line).replace("\\%", "%")
    assert "\n" not in unescaped.strip(), "cron ends a command at a bare %"
    called = unescaped.split("bin/sparkdrift ")[1].split(" >>")[0]
    command, *arguments = shlex.split(called)
    assert parsed(command, arguments, tmp_path)["fail_on"] == ["drifted"]


class Operator:
    """Takes the arguments that the DAG gives SparkSubmitOperator, and remembers the order."""

    made: ClassVar[list[Operator]] = []

    def __init__(
        self, *, task_id, application, application_args, py_files, packages, conf, retries, **more
    ):
        assert set(more) == {"execution_timeout"}
        self.task_id, self.application, self.retries = task_id, application, retries
        self.arguments, self.after = application_args, None
        assert packages.startswith("io.delta:")
        assert len(conf) == 2
        self.made.append(self)

    def __rshift__(self, other):
        other.after = self.task_id
        return other


class Dag:
    def __init__(self, **given):
        self.given = given

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


@pytest.fixture
def dag(monkeypatch):
    """The DAG as a scheduler would read it, with Airflow stubbed."""
    stubs = {
        "airflow": {},
        "airflow.sdk": {"DAG": Dag},
        "airflow.providers": {},
        "airflow.providers.apache": {},
        "airflow.providers.apache.spark": {},
        "airflow.providers.apache.spark.operators": {},
        "airflow.providers.apache.spark.operators.spark_submit": {"SparkSubmitOperator": Operator},
    }
    for name, content in stubs.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(Operator, "made", [])
    monkeypatch.setenv("SPARKDRIFT_HOME", str(ROOT))
    found: dict = {}
    exec(compile(DAG_FILE.read_text("utf-8"), str(DAG_FILE), "exec"), found)
    return found["dag"]


def test_the_dag_submits_jobs_that_are_there(monkeypatch, tmp_path, dag):
    monkeypatch.chdir(tmp_path)
    assert [one.task_id for one in Operator.made] == ["profile", "run", "eval"]
    assert [one.after for one in Operator.made] == [None, "profile", "run"]
    for one in Operator.made:
        assert Path(one.application).is_file()
        assert command_of(one.application) == one.task_id
        given = parsed(one.task_id, one.arguments, tmp_path)
        assert given["run_id"] == "{{ run_id }}"
        assert given["store"] == "main.monitoring"
    assert Operator.made[-1].retries == 0


def test_the_dag_runs_once_at_a_time_and_makes_up_for_nothing(dag):
    assert dag.given["max_active_runs"] == 1
    assert dag.given["catchup"] is False
    assert re.fullmatch(r"(\S+ ){4}\S+", dag.given["schedule"])
    assert dag.given["start_date"].tzinfo is not None
