"""The bench's own parts. Its figures are looked at by people: no test waits for a clock."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.bench.__main__ import CASES, cases
from tests.bench.machine import process_tree
from tests.bench.table import Measured, render


def test_cases_parse():
    assert cases([]) == (["session", "rerun", "profile", "aggregates", "rollup"], False)
    assert cases(["demo", "--json"]) == (["demo"], True)
    assert set(cases([])[0]) <= set(CASES)


def test_an_unknown_case_is_refused(capsys):
    with pytest.raises(SystemExit) as ended:
        cases(["sesion"])
    assert ended.value.code == 2
    assert "no case sesion; accepted: session" in capsys.readouterr().err


def test_the_table():
    rows = [
        Measured("session start", 6.5, floor_s=5.0, target="ratio <= 1.3"),
        Measured("counters", 3.0, peer="together", peer_s=6.0, note="12 features"),
        Measured("demo", 61.2),
    ]
    assert [line.split() for line in render(rows).splitlines()] == [
        ["case", "ours_s", "floor_s", "peer", "peer_s", "ratio", "target", "note"],
        ["session", "start", "6.50", "5.00", "1.30", "ratio", "<=", "1.3"],
        ["counters", "3.00", "together", "6.00", "0.50", "12", "features"],
        ["demo", "61.20"],
    ]
    assert json.loads(json.dumps(rows[0].document()))["ratio"] == 1.3


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_a_process_tree_has_this_process_in_it():
    own = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    resident, seconds = process_tree(os.getpid())[os.getpid()]
    assert resident > 0.9 * own
    assert seconds > 0
    assert process_tree(2**30) == {}
