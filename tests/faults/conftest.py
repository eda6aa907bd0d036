"""One world for all tests of crashes and races, and a table of what they tried."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tally import Tally
from world import STEPS, TASKS, WHOLE, World

_TALLY = pytest.StashKey[Tally]()


def pytest_configure(config: pytest.Config) -> None:
    file, minutes = config.getoption("--tried"), config.getoption("--minutes")
    config.stash[_TALLY] = Tally(
        Path(file) if file else None, time.monotonic() + 60 * minutes if minutes else None
    )


@pytest.fixture(scope="session")
def tally(pytestconfig: pytest.Config) -> Tally:
    return pytestconfig.stash[_TALLY]


@pytest.fixture(scope="session")
def world(spark, pytestconfig, tmp_path_factory) -> World:
    kept = pytestconfig.getoption("--world")
    # What people ask for takes longer to make than all of a usual selection: only where it is kept.
    if kept:
        return World(spark, Path(kept), TASKS)
    return World(spark, tmp_path_factory.mktemp("world"), (*STEPS, WHOLE))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    tried = config.stash.get(_TALLY, Tally())
    if tried.tried:
        terminalreporter.section(f"faults, seed {config.getoption('--seed')}")
        for line in tried.lines():
            terminalreporter.write_line(line)
