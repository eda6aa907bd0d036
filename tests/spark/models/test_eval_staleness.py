"""The step eval_staleness on a small store: figures, what is due, and who is blind."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from monitors import asked_of, context_of, new_store, rows_of, run, spec_of
from reading import rows_read
from scipy import special
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift.kernels.eval_figures import FIGURES
from sparkdrift.measures import decision_rate, representation, score_bins
from sparkdrift.measures.density_ratio import Margin, rake
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.blind_spots import ACROSS
from sparkdrift.steps.context import Options
from sparkdrift.steps.eval_staleness import measure_staleness
from sparkdrift.store import Store

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 83
DAYS, ROWS, HELD = 6, 1500, 3000
MOVED = 3
"""From this day on scores are higher: alerts stand from the next one on, by two of three."""
DAY = timedelta(days=1)


def scored(day, count, rng, shift=0.0):
    rows = day_rows(day, count, rng)
    score = special.expit(rng.normal(-0.5 + shift, 1.2, count))
    label = (rng.random(count) < score).astype(np.int32)
    rows = rows.set_column(rows.schema.get_field_index("score"), "score", pa.array(score))
    # Of the other key a value that is not there, and goes with the region.
    south = np.array([region == "south" for region in rows["region"].to_pylist()])
    tier = np.where(south | (rng.random(count) < 0.3), None, "gold")
    rows = rows.append_column("tier", pa.array(tier, pa.string()))
    return rows.append_column("label", pa.array(label))


@dataclass
class Watched:
    folder: Path
    store: Store
    spec: MonitorSpec
    days: list[pa.Table]
    held: pa.Table

    def evaluated(self, spark, run_id, as_of):
        """A whole run, and the step where that does not make it."""
        run(spark, self.store, self.spec, run_id, as_of=as_of)
        context = context_of(spark, self.store, run_id)
        with rows_read(spark) as read, asked_of(spark) as asked:
            measure_staleness(context, self.spec, Options(as_of=as_of))
        context.journal.close()
        return list(read), len(asked)

    def rows(self, spark):
        found = rows_of(spark, self.store, "eval_staleness").to_pylist()
        return {
            ((row["window_start"] - day_start(0)).days, row["figure"], row["subject"]): row
            for row in found
        }


@pytest.fixture(scope="module")
def watched(spark, workspace) -> Watched:
    rng = np.random.default_rng(SEED)
    days = [scored(day, ROWS, rng, 1.2 if day >= MOVED else 0.0) for day in range(DAYS)]
    closing = closing_row(DAYS).append_column("tier", pa.nulls(1, pa.string()))
    closing = closing.append_column("label", pa.array([0], pa.int32()))
    write(spark, workspace / "source", pa.concat_tables([*days, closing]))
    held = scored(-20, HELD, rng)
    write(spark, workspace / "holdout", held)
    shown = pa.table(
        {
            "time": [day_start(-1), day_start(2)],
            "model": ["credit", "credit"],
            "metric": ["accuracy", "Accuracy"],
            "value": [0.95, 0.94],
            "limit": [0.9, 0.9],
        }
    )
    write(spark, workspace / "dashboard", shown)
    outcome = pa.table({"at": [day_start(day) for day in range(DAYS)], "sold": [1.0] * DAYS})
    write(spark, workspace / "outcome", outcome)
    spec = spec_of(
        workspace / "source",
        features={"numeric": ["amount"]},
        slices=["region", "tier"],
        prediction={"score": "score", "label": "label", "label_delay": "2 days"},
        alerts={"importance": {"amount": 2}},
        degraded={"metric": "accuracy", "tolerated_loss": 0.05},
        evaluation={
            "sets": {"holdout": {"path": str(workspace / "holdout")}},
            "thresholds": {"approve": {"value": 0.5, "calibrated_at": "2023-12-01"}},
            "dashboard": {
                "path": str(workspace / "dashboard"),
                **{name: name for name in ("time", "metric", "value", "limit", "model")},
            },
            "outcome": {
                "path": str(workspace / "outcome"),
                "timestamp": "at",
                "expression": "sum(sold)",
                "grain": "day",
            },
        },
    )
    return Watched(workspace, new_store(spark, workspace / "store"), spec, days, held)


@pytest.fixture(scope="module")
def first(spark, watched):
    read, _ = watched.evaluated(spark, "first", day_start(DAYS))
    return watched.rows(spark), read


def test_every_window_has_every_figure_and_no_source_row_is_read(first):
    rows, read = first
    assert read == []
    for day in range(DAYS):
        assert {figure for of, figure, _ in rows if of == day} == {*FIGURES, *ACROSS}
    for key, row in rows.items():
        assert row["status"], key
        assert row["reason"], key
        assert (row["evaluation_set"], row["evaluation_version"]) == ("holdout", 1)
        assert row["window_end"] == row["window_start"] + DAY


def test_figures_are_those_of_the_rows(spark, watched, first):
    rows, _ = first
    (bins,) = rows_of(
        spark, watched.store, "reference_profiles", "column_name = ':scores' AND slice_key = '*'"
    )["bins"].to_pylist()
    edges = np.array(bins["edges"])
    held = score_bins.count(edges, watched.held["score"]).column("rows")
    drift = rows_of(
        spark, watched.store, "drift", "comparison = 'evaluation:holdout' AND slice_key = '*'"
    ).to_pylist()
    for day in (0, 4):
        score = watched.days[day]["score"].to_numpy()
        counted = score_bins.count(edges, score).column("rows")
        expected = representation.ess_ratio(held, counted)
        assert rows[day, "ess_ratio", "*"]["value"] == pytest.approx(float(expected.value)), SEED
        then = watched.held["score"].to_numpy()
        rate = decision_rate.relative_change((score >= 0.5).sum(), ROWS, (then >= 0.5).sum(), HELD)
        row = rows[day, "decision_rate", "approve"]
        assert (row["value"], row["low"]) == pytest.approx((float(rate.value), float(rate.low)))
        effects = [
            one["effect"]
            for one in drift
            if one["window_start"] == day_start(day) and one["column_name"] in ("amount", "score")
        ]
        assert len(effects) == 2
        assert rows[day, "gap_max", "*"]["value"] == max(effects)
        assert rows[day, "missing_slices", "region"]["value"] == 0
        days = rows[day, "threshold_age", "approve"]["value"]
        assert days == 32 + day
    age = rows[0, "eval_age", "*"]["value"]
    # Of the newest row of the set its day is kept.
    assert 20 < age <= 21


def places(edges, rows):
    """Of each row: its region, whether it has a tier, its score bin."""
    region = np.array([one == "south" for one in rows["region"].to_pylist()], int)
    tier = np.array([one is not None for one in rows["tier"].to_pylist()], int)
    return region, tier, np.searchsorted(edges, rows["score"].to_numpy(), side="right")


def test_limits_are_recomputed_on_the_mix_of_both_slice_keys(spark, watched, first):
    """By weights of the rows themselves, with the edges of the stored set."""
    rows, _ = first
    stored = rows_of(spark, watched.store, "reference_profiles", "column_name = ':scores'")
    whole = next(one for one in stored.to_pylist() if one["slice_key"] == "*")
    edges = np.array(whole["bins"]["edges"])
    region, tier, at = places(edges, watched.held)
    cells = np.zeros((4, len(edges) + 1))
    np.add.at(cells, (2 * region + tier, at), 1)
    window = places(edges, watched.days[0])
    raked = rake(
        cells,
        [
            Margin((0, 0, 1, 1), np.bincount(window[0], minlength=2)),
            Margin((0, 1, 0, 1), np.bincount(window[1], minlength=2)),
        ],
        np.bincount(window[2], minlength=len(edges) + 1),
    )
    label = watched.held["label"].to_numpy()
    right = (watched.held["score"].to_numpy() >= 0.5) == (label == 1)
    gap = np.average(right, weights=raked.weights[2 * region + tier, at]) - right.mean()
    row = rows[0, "acceptance_limit", "accuracy"]
    assert "by score bins and region and tier;" in row["reason"]
    assert row["value"] == pytest.approx(row["threshold"] + gap), SEED


def test_labels_make_a_verdict_once_they_are_due(first):
    rows, _ = first
    for day in range(DAYS):
        row = rows[day, "calibration_error", "*"]
        assert row["value"] is not None
        early = day + 1 > DAYS - 2
        assert (row["status"] == "insufficient_data") == early, day


def test_the_dashboard_in_its_band_is_blind_from_the_second_moved_window_on(first):
    rows, _ = first
    verdicts = [rows[day, "blind_spot", "*"] for day in range(DAYS)]
    assert [row["status"] for row in verdicts] == ["amber"] * 4 + ["red"] * 2
    assert {row["since"] for row in verdicts[4:]} == {day_start(4)}
    assert {row["since"] for row in verdicts[:4]} == {None}
    assert "score against the evaluation set holdout" in verdicts[4]["reason"]
    assert "decision rate" in verdicts[4]["reason"]
    assert "not measured: operations" in verdicts[0]["reason"]
    assert verdicts[0]["value"] is None


def test_a_link_of_few_windows_is_refused(first):
    rows, _ = first
    for name in ("outcome_link", "outcome_decay"):
        row = rows[DAYS - 1, name, "accuracy"]
        assert (row["status"], row["value"]) == ("insufficient_data", None)
        assert row["reason"].startswith("not measured: ")


@pytest.mark.slow
def test_what_is_due_afterwards(spark, watched, first):
    """Nothing; then one window with late rows; then what the dashboard alone changes."""
    before, _ = first
    _, asked = watched.evaluated(spark, "again", day_start(DAYS))
    assert asked <= 12
    assert {row["run_id"] for row in watched.rows(spark).values()} == {"first"}

    write(spark, watched.folder / "source", scored(2, 40, np.random.default_rng(SEED + 1)))
    watched.evaluated(spark, "late", day_start(DAYS))
    after = watched.rows(spark)
    assert after.keys() == before.keys()
    for key, row in after.items():
        alone = key[0] == 2 or key[1] in ACROSS
        assert (row["run_id"] == "late") == alone, key

    later = pa.table(
        {
            "time": [day_start(4)],
            "model": ["credit"],
            "metric": ["accuracy"],
            "value": [0.8],
            "limit": [0.88],
        }
    )
    write(spark, watched.folder / "dashboard", later)
    watched.evaluated(spark, "shown", day_start(DAYS))
    rows = watched.rows(spark)
    for key, row in rows.items():
        # The windows that end after the new row have another limit to recompute.
        changed = key[1] in ACROSS or key[0] in (4, 5)
        assert (row["run_id"] == "shown") == changed, key
    limits = [rows[day, "acceptance_limit", "accuracy"]["threshold"] for day in range(DAYS)]
    assert limits == [0.9] * 4 + [0.88] * 2
    # It shows it, and is not blind any more; operations are missing all the same.
    assert [rows[day, "blind_spot", "*"]["status"] for day in range(DAYS)] == ["amber"] * DAYS

    # The labels of the last days are due by then.
    watched.evaluated(spark, "ripe", day_start(DAYS + 2))
    rows = watched.rows(spark)
    ripe = {key[0] for key, row in rows.items() if row["run_id"] == "ripe" and key[1] == "brier"}
    assert ripe & set(range(DAYS)) == {4, 5}
    assert rows[5, "calibration_error", "*"]["status"] != "insufficient_data"


def test_without_the_section_nothing_is_asked(spark, watched):
    plain = spec_of(watched.folder / "source")
    context = context_of(spark, watched.store, "plain")
    with asked_of(spark) as asked:
        done = measure_staleness(context, plain, Options())
    assert (done.windows, len(asked)) == (None, 0)
