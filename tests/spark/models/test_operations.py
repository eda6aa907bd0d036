"""Operations from source rows to their table: values, verdicts, trend, and where on the score."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pyarrow as pa
import pytest
from monitors import asked_of, crashing, new_store, rows_of, run, spec_of
from scipy import stats
from source_tables import day_start, instants, write

from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.metrics import checked
from sparkdrift.spark.operation_inputs import countable
from sparkdrift.spark.source import source_of
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.operations import Operated
from sparkdrift.steps.run import Outcome
from sparkdrift.store import Store

pytestmark = pytest.mark.spark

SEED, ROWS, USUAL, DAYS = 91, 500, 14, 18
LATER = range(15, 18)
"""Days on which rows of the middle scores are overridden more, and decisions take less time."""
SECTIONS = {
    "features": {"numeric": ["score"]},
    "prediction": {"score": "score", "label": "label", "label_delay": "1 day"},
    "windows": {"rollups": ["week"]},
    "slices": ["region"],
    "reference": {"begin": "2024-01-01", "end": "2024-01-15"},
    "drift": {"multivariate": False},
    "evaluation": {},
    "operations": {
        "override": {"expression": "decision <> advised", "kind": "override"},
        "wait": {"value": "seconds", "kind": "latency"},
        "escalated": {"expression": "to_a_person"},
    },
}


@dataclass(frozen=True)
class Watched:
    spec: MonitorSpec
    store: Store
    rows: pa.Table
    first: Outcome

    def day(self, number: int, region: str | None = None) -> pa.Table:
        at = [(one - day_start(0)).days == number for one in self.rows["ts"].to_pylist()]
        rows = self.rows.filter(pa.array(at))
        if region is None:
            return rows
        return rows.filter(pa.compute.equal(rows["region"], region))


def one_day(day: int, rng: np.random.Generator, rows: int = ROWS) -> pa.Table:
    score = rng.random(rows)
    later = day in LATER
    odds = np.where(later & (score >= 0.4) & (score < 0.6), 0.6, 0.05)
    advised = rng.choice(["a", "b"], rows)
    changed = rng.random(rows) < odds
    decision = np.where(changed, np.where(advised == "a", "b", "a"), advised)
    return pa.table(
        {
            "ts": instants(day, rows, rng),
            "score": score,
            "label": (rng.random(rows) < score).astype(float),
            "region": rng.choice(["north", "south"], rows).tolist(),
            "advised": pa.array(advised.tolist(), mask=rng.random(rows) < 0.1),
            "decision": decision.tolist(),
            "seconds": rng.normal(20 if later else 60, 5, rows),
            "to_a_person": pa.nulls(rows, pa.bool_()),
        }
    )


@pytest.fixture(scope="module")
def watched(spark, workspace) -> Watched:
    rng = np.random.default_rng(SEED)
    rows = pa.concat_tables([*(one_day(day, rng) for day in range(DAYS)), one_day(DAYS, rng, 1)])
    write(spark, workspace / "log", rows)
    spec = spec_of(workspace / "log", **SECTIONS)
    store = new_store(spark, workspace / "store")
    first = run(spark, store, spec, "first", as_of=day_start(DAYS))
    return Watched(spec, store, rows, first)


@pytest.fixture(scope="module")
def told(spark, watched) -> dict[tuple[datetime, str, str | None, str], dict]:
    """Rows of days by start, slice and signal."""
    rows = rows_of(spark, watched.store, "operations", "granularity = 'day'").to_pylist()
    return {
        (one["window_start"], one["slice_key"], one["slice_value"], one["signal"]): one
        for one in rows
    }


def whole(told, day: int, signal: str) -> dict:
    return told[day_start(day), "*", "*", signal]


def test_each_window_and_slice_has_counts_with_their_interval(watched, told) -> None:
    assert watched.first.evaluated.operated.windows is not None
    assert len(watched.first.evaluated.operated.windows) == DAYS
    assert len(told) == DAYS * 3 * 3
    for day in (0, 5, DAYS - 1):
        for region in (None, "north"):
            rows = watched.day(day, region)
            key = ("*", "*") if region is None else ("region", region)
            row = told[(day_start(day), *key, "override")]
            known = rows.filter(rows["advised"].is_valid())
            hits = int(
                pa.compute.sum(pa.compute.not_equal(known["decision"], known["advised"])).as_py()
            )
            assert (row["rows"], row["known_rows"], row["events"]) == (len(rows), len(known), hits)
            ends = stats.binomtest(hits, len(known)).proportion_ci(0.95, method="wilson")
            assert row["value"] == pytest.approx(hits / len(known)), SEED
            assert (row["low"], row["high"]) == pytest.approx((ends.low, ends.high)), SEED
            seconds = rows["seconds"].to_numpy()
            row = told[(day_start(day), *key, "wait")]
            around = 1.959964 * seconds.std(ddof=1) / np.sqrt(len(seconds))
            assert row["value"] == pytest.approx(seconds.mean()), SEED
            assert row["high"] - row["value"] == pytest.approx(around, rel=1e-5), SEED
            assert row["events"] is None


def test_a_change_for_the_worse_alerts_and_one_for_the_better_does_not(told) -> None:
    for day in LATER:
        row = whole(told, day, "override")
        assert (row["status"], row["alerting"]) == ("drifted", True), (SEED, row["reason"])
        assert row["since"] == day_start(LATER[0])
        assert row["change"] == pytest.approx(row["value"] - row["reference_value"])
        assert row["change"] > 0.05
        assert "in the reference" in row["reason"]
        row = whole(told, day, "wait")
        assert (row["status"], row["alerting"], row["since"]) == ("ok", False, None)
        assert "for the better" in row["reason"]
    quiet = whole(told, USUAL, "override")
    assert (quiet["status"], quiet["alerting"], quiet["reference_version"]) == ("ok", False, 1)
    assert quiet["power"] > 0.8


@pytest.mark.classic
def test_a_signal_that_is_null_everywhere_is_not_measured(told) -> None:
    row = whole(told, DAYS - 1, "escalated")
    assert (row["known_rows"], row["events"], row["value"]) == (0, 0, None)
    assert row["status"] not in ("ok", "warning", "drifted")
    assert row["reason"]
    assert row["alerting"] is not True
    assert "too few" in row["score_reason"]
    assert "0 of " in row["trend_reason"]


@pytest.mark.classic
def test_it_is_told_where_on_the_score_the_overrides_are(told) -> None:
    for day in LATER:
        row = whole(told, day, "override")
        assert row["score_pvalue"] < 1e-6, SEED
        # Ten groups of scores: each end is up to a group, a tenth, away.
        assert row["score_low"] == pytest.approx(0.4, abs=0.11), SEED
        assert row["score_high"] == pytest.approx(0.6, abs=0.11), SEED
        assert row["score_events_low"] > row["score_rows"], SEED
        assert "% of override" in row["score_reason"]
    row = whole(told, 3, "override")
    assert row["score_pvalue"] > 0.01, SEED
    assert "spread over the scores" in row["score_reason"]
    assert whole(told, LATER[0], "wait")["score_pvalue"] is None


@pytest.mark.classic
def test_the_trend_looks_back_and_says_where_it_cannot(told) -> None:
    assert whole(told, 6, "override")["trend"] is None
    assert "7 of 7 windows" in whole(told, 6, "override")["trend_reason"]
    row = whole(told, DAYS - 1, "wait")
    values = [whole(told, day, "wait")["value"] for day in range(DAYS)]
    fitted = stats.theilslopes(values, np.arange(DAYS))
    assert row["trend"] == pytest.approx(fitted.slope)
    assert (row["trend_low"], row["trend_high"]) == pytest.approx(
        (fitted.low_slope, fitted.high_slope)
    )


@pytest.mark.classic
def test_weeks_are_added_up_and_not_judged(spark, watched, told) -> None:
    (row,) = rows_of(
        spark,
        watched.store,
        "operations",
        "granularity = 'week' AND slice_key = '*' AND signal = 'override'"
        " AND window_start = TIMESTAMP '2024-01-08 00:00:00Z'",
    ).to_pylist()
    days = [whole(told, day, "override") for day in range(7, 14)]
    assert row["events"] == sum(one["events"] for one in days)
    assert row["known_rows"] == sum(one["known_rows"] for one in days)
    assert (row["status"], row["alerting"]) == (None, None)
    assert "shown, not judged" in row["reason"]
    assert row["score_pvalue"] is not None


@pytest.mark.classic
def test_what_the_table_does_not_allow_is_a_problem_and_no_signal(spark, watched) -> None:
    signals = {
        "number": {"expression": "seconds"},
        "text": {"value": "region"},
        "absent": {"expression": "sconds > 3"},
        "sound": {"expression": "seconds > 3"},
    }
    spec = spec_of(watched.spec.source.path, **{**SECTIONS, "operations": signals})
    source = source_of(spark, spec)
    found = checked(spark, source, spec, resolve_source(spark, spec, source))
    problems = {one.feature.column: one.problem for one in found.metrics if one.problem}
    assert set(problems) == {"number", "text", "absent"}
    assert problems["number"].accepted == "a condition, which is true, false or NULL for each row"
    assert "has type string" in problems["text"].given
    assert (problems["absent"].given, problems["absent"].nearest) == ("sconds", "seconds")
    assert all(one.line == 1 for one in problems.values())
    # The scores are counted all the same, and of the signals the one that can be.
    assert countable(spark, spec, source) == ("sound",)


@pytest.mark.classic
def test_nothing_due_writes_nothing_and_a_late_row_makes_its_window_due(spark, watched) -> None:
    with crashing() as written, asked_of(spark) as asked:
        again = run(spark, watched.store, watched.spec, "again", as_of=day_start(DAYS))
    assert again.evaluated.operated == Operated(())
    # That it ran, and nothing else.
    assert written == ["runs"]
    print(f"{len(asked)} questions where nothing is due")
    rng = np.random.default_rng(SEED + 1)
    write(spark, watched.spec.source.path, one_day(2, rng, 3))
    late = run(spark, watched.store, watched.spec, "late", as_of=day_start(DAYS))
    windows = late.evaluated.operated.windows
    assert windows is not None
    # Its own, and those whose trend or reference it is part of.
    assert windows[0].start == day_start(2)
    assert day_start(0) not in {one.start for one in windows}
    (row,) = rows_of(
        spark,
        watched.store,
        "operations",
        "signal = 'override' AND granularity = 'day' AND slice_key = '*'"
        " AND window_start = TIMESTAMP '2024-01-03 00:00:00Z'",
    ).to_pylist()
    assert row["rows"] == ROWS + 3
    assert row["run_id"] == "late"
