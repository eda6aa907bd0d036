"""Every case of the bench runs, on tables so small that its figures mean nothing.

The usual selection runs what a change of the engine breaks first; `-m slow` runs the others.
"""

from __future__ import annotations

import json
import os
from contextlib import contextmanager
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.bench import comparisons, data, engine, evaluation, ours, scale, shapes, source
from tests.bench.__main__ import CASES
from tests.bench.asked import Asked
from tests.bench.table import render
from tests.bench.watching import Used

pytestmark = pytest.mark.spark


@pytest.fixture
def inside(spark, monkeypatch):
    """All in this session: no process of its own for a case, nor for a part of one."""

    @contextmanager
    def session(**_):
        yield spark, Path(os.devnull)

    def apart(work, *arguments, environment=None):
        return json.loads(json.dumps(work(*json.loads(json.dumps(arguments))))), Used()

    monkeypatch.setattr(ours, "session", session)
    for module in (comparisons, engine, evaluation, shapes, scale, source):
        monkeypatch.setattr(module, "apart", apart)


def lines(case: str, **asked):
    found = list(CASES[case](Asked(repeats=1, **asked)))
    assert found
    assert len(render(found).splitlines()) == 1 + len(found)
    return {line.case: line for line in found}


@pytest.mark.slow
def test_engine(inside, workspace):
    found = list(CASES["engine"](Asked(rows=2_000, repeats=1, data=workspace)))
    assert {line.peer for line in found} == {"", "percentile_approx", "duckdb", "polars"}
    errors = [line for line in found if line.case.endswith("rank error")]
    assert errors
    for error in errors:
        # 67 rows a day are fewer than a sketch keeps, or a sample needs: exact.
        assert "largest 0.0000" in error.note
        assert "in 600 windows x features; beyond it: 0" in error.note


@pytest.mark.slow
def test_engine_long(inside, workspace):
    found = lines("engine-long", rows=300, data=workspace)
    assert "in 2,400 windows x features" in found["engine-long, rank error"].note


@pytest.mark.slow
@pytest.mark.parametrize("case", ["slices", "increment"])
def test_others(case, inside, workspace):
    (found,) = lines(case, rows=2_000, data=workspace).values()
    assert found.ratio > 0


def test_wide(inside, workspace):
    found = lines("wide", rows=2_000, data=workspace)
    assert list(found) == ["wide, 5 features", "wide, 10 features", "wide, 20 features"]
    # Ten days, and a row for the table as such in each.
    assert "210 profile rows" in found["wide, 20 features"].note


def test_evaluation(inside):
    (found,) = lines("evaluation", rows=2_000).values()
    # The whole and two slices in two weeks: eleven metrics, and three gaps of a slice.
    assert found.case == "performance, 2 slices x 2 weeks x 14 metrics"
    assert f"{2 * (3 * 11 + 2 * 3)} rows written" in found.note


@pytest.mark.slow
def test_comparisons(inside, workspace, monkeypatch):
    """Each of the five has something to be compared with, the baseline two versions."""
    found = {}

    def apart(work, *arguments, environment=None):
        found[tuple(arguments[3])] = made = work(*json.loads(json.dumps(arguments)))
        return made, Used()

    monkeypatch.setattr(comparisons, "apart", apart)
    told = lines("comparisons", rows=90 * 60, data=workspace)
    assert "1.00 of linear" in told["comparisons, growth"].note
    every = found[comparisons.ALL]
    # The first baseline is in force after its own 30 days.
    days = {"baseline": 60, "consecutive": 89, "seasonal": 83, "origin": 60, "training": 90}
    expected = {name: days[name] * 40 for name in comparisons.ALL}
    together = 60  # all inputs, of the baseline
    assert every["compared"] == {**expected, "baseline": expected["baseline"] + together}
    assert every["versions"] == 2


@pytest.mark.slow
def test_health(inside, workspace):
    found = lines("health", rows=2 * 90 * 10, data=workspace)
    assert list(found) == ["verdicts on 2 models x 90 windows", "the same, nothing due"]


@pytest.mark.slow
def test_fleet(inside, workspace):
    found = lines("fleet", rows=5 * 365, data=workspace)
    assert list(found) == ["fleet of 5 models x 365 windows"]
    assert "5 models, " in found["fleet of 5 models x 365 windows"].note


@pytest.mark.slow
def test_report(inside, workspace):
    found = lines("report", rows=4 * 90 * 6, data=workspace)
    page, query = found
    assert page == "page of 4 features x 90 windows"
    assert query == "sql on the view alerts, without Java"


@pytest.mark.slow
def test_references(inside, workspace):
    found = lines("references", rows=300, data=workspace)
    assert list(found) == ["snapshot of 60 stored days", "promotion", "1,000 versions listed"]
    assert "100 features" in found["snapshot of 60 stored days"].note
    assert "; 0 source rows scanned" in found["snapshot of 60 stored days"].note
    assert "; 1 more rows in reference_events" in found["promotion"].note


@pytest.mark.slow
def test_cardinality(inside, workspace):
    found = lines("cardinality", rows=3_000, data=workspace)
    assert list(found) == [
        "a text of 2,500 values",
        "a slice key of 150 values",
        "a window with 90 % of the rows",
        "300 tiny windows",
    ]
    assert "1,500 profile rows" in found["300 tiny windows"].note


@pytest.mark.slow
def test_scale(inside, workspace, monkeypatch):
    all_sizes = scale.sizes
    monkeypatch.setattr(
        scale, "sizes", lambda share: {n: p[:1] for n, p in all_sizes(share).items()}
    )
    found = lines("scale", rows=2_000, data=workspace)
    assert found["scale: rows"].figures.keys() >= {"rows", "seconds", "scan_s", "heap_bytes"}
    assert found["scale: slices"].figures["slices"] == 10
    assert found["scale: stored, numbers"].figures["bytes_per_row"] > 0


@pytest.mark.parametrize("kind", ["delta", "parquet"])
def test_source(kind, inside, workspace):
    rows = data.event_day(0, 500).select(["ts", "x00", "s5"])
    folder = workspace / kind
    if kind == "delta":
        data.kept(workspace, "own", [rows]).rename(folder)
    else:
        folder.mkdir()
        pq.write_table(rows, folder / "one.parquet")
    (found,) = lines("source", source=str(folder)).values()
    assert found.case == kind
    assert found.note.startswith("500 rows by day of ts, 1 numbers, 1 texts")


def test_source_without_a_time_is_refused(inside, workspace):
    (workspace / "timeless").mkdir()
    pq.write_table(data.event_day(0, 5).select(["x00"]), workspace / "timeless" / "one.parquet")
    with pytest.raises(ValueError, match="no timestamp or date column; name one by --timestamp"):
        lines("source", source=str(workspace / "timeless"))
