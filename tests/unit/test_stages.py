"""`python -m tests` leaves no test out."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys

import pytest

stages = importlib.import_module("tests.__main__")


def test_every_test_file_is_in_a_stage():
    covered = {folder for folders, _ in stages.STAGES.values() for folder in folders}
    for file in (stages.ROOT / "tests").rglob("test_*.py"):
        assert "/".join(file.relative_to(stages.ROOT).parts[:2]) in covered


def test_stages_without_tests_are_not_run():
    for name in stages.present():
        folders, _ = stages.STAGES[name]
        assert any(list((stages.ROOT / folder).rglob("test_*.py")) for folder in folders)


def test_arguments():
    options, rest = stages.read(["--here", "fast", "--", "-x", "-k", "kll"])
    assert (options.here, options.stage, rest) == (True, ["fast"], ["-x", "-k", "kll"])
    options, rest = stages.read([])
    assert (options.here, options.slow, options.stage, rest) == (False, False, [], [])
    with pytest.raises(SystemExit):
        stages.read(["fats"])


def test_the_readers_environment_is_left_alone():
    """README's .venv holds a sparkdrift of its own; the tests install an editable one."""
    options, _ = stages.read([])
    assert options.venv == stages.ROOT / ".venv-tests"
    assert f"{options.venv.name}/" in (stages.ROOT / ".gitignore").read_text().splitlines()


def test_an_interrupted_set_up_is_one_line(tmp_path):
    """Ctrl-C reaches the whole group: Python in a venv that pip is at work in, and pip."""
    python = tmp_path / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\necho ready\nexec sleep 60\n")
    python.chmod(0o755)
    command = [sys.executable, "-m", "tests", "--venv", str(tmp_path), "fast"]
    with subprocess.Popen(
        command,
        cwd=stages.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert "setting up" in process.stdout.readline()
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == stages.INTERRUPTED
    assert said.strip() == "interrupted; the same command goes on with its set-up"
