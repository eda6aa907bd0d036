"""The bench's own parts. Its figures are looked at by people: no test waits for a clock.

The cases that need a JVM run small in tests/cli/test_bench_cases.py.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable

from tests.bench import data, peers, scale_page
from tests.bench.__main__ import CASES, cases
from tests.bench.asked import Asked
from tests.bench.machine import process_tree
from tests.bench.ranks import error_of
from tests.bench.scale import Size, sizes
from tests.bench.table import Measured, render
from tests.bench.watching import apart


def test_cases_parse(tmp_path):
    names, asked, as_json = cases([])
    assert (names, as_json) == (["session", "rerun", "profile", "aggregates", "rollup"], False)
    assert (asked.rows, asked.repeats) == (None, 3)
    assert set(names) <= set(CASES)
    names, asked, as_json = cases(["engine", "--json", "--rows", "20000", "--data", str(tmp_path)])
    assert (names, as_json) == (["engine"], True)
    assert (asked.rows, asked.data) == (20_000, tmp_path)
    names, asked, _ = cases(["--source", "log", "--timestamp", "at"])
    assert names == ["source"]
    assert (asked.source, asked.timestamp) == ("log", "at")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["sesion"], "no case sesion; accepted: session"),
        (["source"], "the case source needs --source PATH"),
        (["engine", "--rows", "0"], "--rows must be at least 1"),
        (["engine", "--repeats", "0"], "--repeats must be at least 1"),
    ],
)
def test_what_is_wrong_is_refused(arguments, said, capsys):
    with pytest.raises(SystemExit) as ended:
        cases(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_the_table():
    rows = [
        Measured("session start", 6.5, floor_s=5.0, target="ratio <= 1.3"),
        Measured("counters", 3.0, peer="together", peer_s=6.0, note="12 features"),
        Measured("demo", 61.2),
        Measured("error", note="0.004", figures={"error": 0.004}),
    ]
    assert [line.split() for line in render(rows).splitlines()] == [
        ["case", "ours_s", "floor_s", "peer", "peer_s", "ratio", "target", "note"],
        ["session", "start", "6.50", "5.00", "1.30", "ratio", "<=", "1.3"],
        ["counters", "3.00", "together", "6.00", "0.50", "12", "features"],
        ["demo", "61.20"],
        ["error", "0.004"],
    ]
    documents = json.loads(json.dumps([row.document() for row in rows]))
    assert documents[0]["ratio"] == 1.3
    assert documents[3]["figures"] == {"error": 0.004}


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_a_process_tree_has_this_process_in_it():
    own = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    resident, seconds = process_tree(os.getpid())[os.getpid()]
    assert resident > 0.9 * own
    assert seconds > 0
    assert process_tree(2**30) == {}


def test_work_apart_answers_and_is_watched():
    answer, used = apart(data.wide_name, 7)
    assert answer == "f0007"
    assert used.seconds > 0
    if Path("/proc/self/statm").exists():
        assert used.peak_bytes > 0
    with pytest.raises(RuntimeError, match="not_a_number"):
        apart(data.wide_name, "not_a_number")


def test_a_day_is_always_the_same_and_has_what_it_should():
    rows = data.event_day(3, 20_000)
    # NaN equals nothing, so the column that has some stays out of it.
    assert rows.drop_columns(["x04"]).equals(data.event_day(3, 20_000).drop_columns(["x04"]))
    assert not rows["x01"].equals(data.event_day(4, 20_000)["x01"])
    assert pc.min(rows["ts"]).as_py() >= data.day_start(3)
    assert pc.max(rows["ts"]).as_py() < data.day_start(4)
    assert 100 < rows["x00"].null_count < 400
    assert rows["x01"].null_count == 0
    assert 5 < pc.sum(pc.is_nan(rows["x04"])).as_py() < 60
    assert pc.all(pc.equal(rows["x02"], pc.round(rows["x02"]))).as_py()  # whole numbers
    assert pc.all(pc.equal(rows["x05"], pc.round(rows["x05"], 2))).as_py()  # cents
    counts = sorted(pc.value_counts(rows["s20"]).field("counts").to_pylist(), reverse=True)
    assert len(counts) == 20
    # Zipf: the first is 1 / H(20) = 28 % of the rows, and twice the second.
    assert counts[0] / 20_000 == pytest.approx(0.278, abs=0.02)
    assert counts[0] / counts[1] == pytest.approx(2, rel=0.1)


def test_a_table_is_made_once_with_a_file_a_day(tmp_path):
    path = data.events(tmp_path, 60, 3)
    assert len(DeltaTable(str(path)).file_uris()) == 3
    assert DeltaTable(str(path)).to_pyarrow_table().num_rows == 60
    before = sorted(path.rglob("*"))
    assert data.events(tmp_path, 60, 3) == path
    assert sorted(path.rglob("*")) == before

    def broken():
        yield pa.table({"a": [1]})
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        data.kept(tmp_path, "broken", broken())
    # What was begun is no table, and the next try begins again.
    path = data.kept(tmp_path, "broken", [pa.table({"a": [1]})])
    assert DeltaTable(str(path)).to_pyarrow_table().num_rows == 1


def test_shapes_have_what_they_are_named_after(tmp_path):
    def read(path):
        return DeltaTable(str(path)).to_pyarrow_table()

    items = read(data.many_values(tmp_path, 1_200, 1_000))["item"]
    assert len(items) == 1_200
    assert len(items.unique()) == 1_000
    rows = read(data.skewed(tmp_path, 1_000, 0.9))
    first = pc.less(rows["ts"], pa.scalar(data.day_start(1)))
    assert (rows.num_rows, pc.sum(first).as_py()) == (1_000, 900)
    hours = pc.floor_temporal(read(data.tiny_windows(tmp_path, 50))["ts"], unit="hour")
    counts = pc.value_counts(hours).field("counts").to_pylist()
    assert counts == [10] * 50
    last = pc.max(hours).as_py()
    assert last == data.START + timedelta(hours=49)
    assert read(data.wide(tmp_path, 50, 6)).column_names == ["ts", *map(data.wide_name, range(6))]


def test_rank_errors_are_distances_to_the_ranks_that_a_value_has():
    values = np.arange(1_000.0)
    exact = np.quantile(values, np.arange(101) / 100, method="inverted_cdf")
    assert error_of(values, exact) == 0
    assert error_of(values, exact + 20) == pytest.approx(0.02)
    # A value that fills a fifth of the rows has all their ranks.
    tied = np.sort(np.where(values < 200, 200, values))
    assert error_of(tied, np.quantile(tied, np.arange(101) / 100, method="inverted_cdf")) == 0


@pytest.mark.parametrize("peer", [peers.duckdb, peers.polars])
def test_peers_measure_the_table_of_the_engine(peer, tmp_path):
    pytest.importorskip(peer.__name__)
    assert peer(str(data.events(tmp_path, 90, 3)), 1) > 0


def test_three_sizes_of_everything():
    for name, points in sizes(1.0).items():
        grown = [getattr(point, name) for point in points]
        assert grown == sorted(set(grown))
        assert len(grown) == 3
        others = {key for key in asdict(Size()) if key not in (name, "grain")}
        assert len({tuple(asdict(one)[key] for key in others) for one in points}) == 1


def test_the_page_of_the_scale_is_that_of_its_figures():
    """Run `python -m tests.bench.scale_page --kept` after a change of its text."""
    document = json.loads(scale_page.FIGURES.read_text("utf-8"))
    assert scale_page.PAGE.read_text("utf-8") == scale_page.page(document)


def test_a_trial_gives_no_slopes_and_a_whole_run_does():
    document = json.loads(scale_page.FIGURES.read_text("utf-8"))
    for largest, trial in ((80_000, True), (4_000_000, False)):
        rows = [one["figures"] for one in document["measured"] if one["case"] == "scale: rows"]
        for n, figures in enumerate(rows, 1):
            figures |= {"rows": largest * n // 3, "seconds": 1.0 + n}
        page = scale_page.page(document)
        assert ("**A trial**" in page, "(not measured)" in page) == (trial, trial)
        # From 1 to 3 thirds of 20 x 4 M cells in 2 to 4 seconds.
        assert ("s + **0.037 s per million cells**" in page) == (not trial)


def test_a_line_is_fitted():
    points = [{"x": x, "seconds": 2 + 3 * x} for x in (1, 2, 4)]
    assert scale_page.fit(points, lambda one: one["x"]) == pytest.approx((2, 3))


def test_a_share_of_the_usual_rows():
    assert Asked().share(100) == 1
    assert Asked(rows=25).share(100) == 0.25
    assert Asked(rows=900).share(100) == 1
