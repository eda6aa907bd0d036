"""The command lines of docs/schedulers.md, as far as spark-submit goes without a cluster.

With --verbose it says which class it would start there, with which arguments and settings, and then
asks for the cluster: at that point it is stopped.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tests.unit.test_schedulers import ROOT, SUBMITTED

pytestmark = [pytest.mark.spark, pytest.mark.classic]

# Line that follows all that was understood.
END = "Classpath elements:"
CLASSES = {
    "yarn": "org.apache.spark.deploy.yarn.YarnClusterApplication",
    "k8s": "org.apache.spark.deploy.k8s.submit.KubernetesClientApplication",
}


def understood(words: list[str], folder: Path) -> list[str]:
    """What spark-submit says of a command line, up to where it needs the cluster."""
    program = Path(sys.executable).with_name("spark-submit")
    # Nothing is asked of a network: which packages there are is another test's.
    rest = list(words[1:])
    if "--packages" in rest:
        del rest[rest.index("--packages") : rest.index("--packages") + 2]
    environment = {**os.environ, "HADOOP_CONF_DIR": str(folder), "SPARK_LOCAL_IP": "127.0.0.1"}
    for name in ("SPARK_API_MODE", "SPARK_REMOTE"):
        environment.pop(name, None)
    process = subprocess.Popen(
        [program, "--verbose", *rest],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    lines = []
    try:
        assert process.stdout is not None
        for line in process.stdout:
            lines.append(line.strip())
            if lines[-1] == END:
                break
    finally:
        process.kill()
        process.communicate()
    return lines


def section(lines: list[str], name: str, until: str) -> list[str]:
    begin = lines.index(f"{name}:") + 1
    return lines[begin : lines.index(f"{until}:", begin)]


@pytest.fixture
def folder(tmp_path):
    """Where the lines are typed: a checkout with a packed environment and a spec."""
    (tmp_path / "jobs").symlink_to(ROOT / "jobs")
    (tmp_path / "monitors").mkdir()
    for name in ("environment.tar.gz", "monitors/credit.yml"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("words", SUBMITTED, ids=["yarn", "k8s"])
def test_spark_submit_understands_the_line(words, folder, request):
    cluster = request.node.callspec.id
    lines = understood(words, folder)
    assert lines[-1:] == [END], "\n".join(lines[-20:])
    assert section(lines, "Main class", "Arguments") == [CLASSES[cluster]]
    arguments = section(lines, "Arguments", "Spark config")
    job = next(place for place, word in enumerate(words) if word.endswith(".py"))
    assert arguments[1].endswith(words[job])
    given = [word for flag, word in pairwise(arguments) if flag == "--arg"]
    assert given == words[job + 1 :]
    told = [one for one in lines[lines.index("Spark config:") + 1 : -1] if one]
    pairs = [re.fullmatch(r"\(([^,]+),(.*)\)", one) for one in told]
    assert all(pairs), told
    settings = dict(pair.groups() for pair in pairs if pair)
    asked = dict(value.split("=", 1) for flag, value in pairwise(words) if flag == "--conf")
    assert asked.items() <= settings.items()
    assert settings["spark.submit.deployMode"] == "cluster"
    if cluster == "yarn":
        assert settings["spark.yarn.dist.files"].endswith("/monitors/credit.yml")
        assert settings["spark.yarn.dist.archives"].endswith("environment.tar.gz#environment")


def test_a_line_that_is_not_understood_is_found(folder):
    """A misspelt option: what the test above looks for is not said."""
    words = shlex.split("spark-submit --master yarn --deploy-mod cluster jobs/run_monitors.py x")
    assert END not in understood(words, folder)
