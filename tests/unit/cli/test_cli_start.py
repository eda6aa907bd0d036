"""Starting up: cheap, helpful, and the same from Python as from a shell."""

from __future__ import annotations

import subprocess
import sys

import pytest
from typer.testing import CliRunner

from sparkdrift import __version__
from sparkdrift.cli import app, main

COMMANDS = (
    *("init", "validate", "doctor", "demo", "run", "profile"),
    *("snapshot", "drift", "sql", "explain", "feedback", "calibrate", "classify", "migrate"),
    *(f"reference {one}" for one in ("list", "show", "diff", "verify", "staleness")),
    *(f"reference {one}" for one in ("promote", "reject", "retire", "rollback")),
    *("prune", "forget", "reference export", "reference import"),
    *("eval", "operations", "recalibrate", "sample-eval", "report"),
)


def python(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return done.stdout.strip()


def test_importing_the_command_line_loads_no_engine():
    heavy = ("pyspark", "numpy", "pyarrow", "pydantic", "scipy", "pandas", "yaml", "jinja2")
    code = f"import sys, sparkdrift.cli; print([m for m in {heavy!r} if m in sys.modules])"
    assert python(code) == "[]"


@pytest.mark.parametrize("command", [*COMMANDS, "demo flights", "demo months"])
def test_every_command_has_an_example_and_the_shared_options(command, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    answer = CliRunner().invoke(app, [*command.split(), "--help"])
    assert answer.exit_code == 0
    assert f"Example: sparkdrift {command}" in answer.output
    for option in ("--store", "--json", "--verbose", "--log-file", "--run-id"):
        assert option in answer.output


def test_version(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"sparkdrift {__version__}\n"


def test_an_unknown_command_is_a_usage_error(capsys):
    assert main(["watch"]) == 2
    assert "watch" in capsys.readouterr().err


def test_an_unknown_option_is_a_usage_error():
    assert main(["run", "--fast", "x.yml"]) == 2
