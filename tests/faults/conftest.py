"""One world for all tests of crashes and races, and a table of what they tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from world import World


@dataclass
class Tally:
    """What was tried, by kind: cases, and of these lost ones."""

    tried: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, *, lost: bool) -> None:
        self.tried[kind] += 1
        self.lost[kind] += lost


_TALLY = Tally()


@pytest.fixture(scope="session")
def tally() -> Tally:
    return _TALLY


@pytest.fixture(scope="session")
def world(spark, tmp_path_factory) -> World:
    return World(spark, tmp_path_factory.mktemp("world"))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for line in _lines(_TALLY):
        terminalreporter.write_line(line)


def _lines(tally: Tally) -> Iterator[str]:
    if not tally.tried:
        return
    yield f"{'faults':<44}{'tried':>8}{'survived':>10}{'lost':>6}"
    for kind in sorted(tally.tried):
        tried, lost = tally.tried[kind], tally.lost[kind]
        yield f"{kind:<44}{tried:>8}{tried - lost:>10}{lost:>6}"
    tried, lost = tally.tried.total(), tally.lost.total()
    yield f"{'all':<44}{tried:>8}{tried - lost:>10}{lost:>6}"
