"""`python -m tests` leaves no test out."""

from __future__ import annotations

import importlib

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
