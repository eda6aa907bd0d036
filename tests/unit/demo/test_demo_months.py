"""The claims of the demo `months`: what is said of them is so, whatever the seed."""

from __future__ import annotations

import json
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import roc_auc_score

from sparkdrift.demo import months
from sparkdrift.demo.months import MonthsLog
from sparkdrift.demo.months_truth import truth
from sparkdrift.errors import UsageError

SEEDS = range(20)
LOSS = 0.03


def table(parts) -> pa.Table:
    return pa.concat_tables(parts)


@pytest.mark.parametrize("seed", SEEDS)
def test_performance_falls_by_fifteen_points_and_the_dashboard_stays_in_its_band(seed):
    log = MonthsLog(seed=seed)
    real = truth(log, LOSS)
    last = np.mean([week.accuracy for week in real.weeks[-2:]])
    assert 0.12 <= real.evaluated - last <= 0.18, seed
    shown = table(log.dashboard())
    values = shown["value"].to_numpy()
    assert len(values) == months.WEEKS - months.LIVE_WEEK, seed
    assert (values > shown["limit"].to_numpy()).all(), seed
    assert np.ptp(values) < 0.05, seed
    assert real.significant is not None, seed
    assert date(2025, 4, 1) < real.significant < date(2025, 8, 1), seed


@pytest.mark.parametrize("seed", SEEDS)
def test_without_drift_everything_stays(seed):
    log = MonthsLog(seed=seed, drifts=False)
    real = truth(log, LOSS)
    assert real.significant is None, seed
    assert abs(np.mean([one.accuracy for one in real.weeks]) - real.evaluated) < 0.015, seed
    assert (table(log.dashboard())["value"].to_numpy() > months.BAND).all(), seed


def test_inputs_decisions_and_overrides_move_slowly():
    log = MonthsLog()
    first, last = log.week(months.DRIFT_WEEK - 1), log.week(months.WEEKS - 1)
    moved = np.log(last.features["amount"]).mean() - np.log(first.features["amount"]).mean()
    assert 0.5 < moved / np.log(first.features["amount"]).std() < 1.0
    assert last.inspect.mean() - first.inspect.mean() > 0.2
    assert first.overridden.mean() == pytest.approx(0.04, abs=0.02)
    assert last.overridden.mean() == pytest.approx(0.17, abs=0.03)
    rates = [log.week(number).inspect.mean() for number in range(months.WEEKS)]
    assert np.abs(np.diff(rates)).max() < 0.06


def test_at_first_scores_are_calibrated_and_rank_well():
    claims = MonthsLog(rows=2000).week(3)
    assert roc_auc_score(claims.finding, claims.score) > 0.9
    for low in np.arange(0, 1, 0.2):
        inside = (claims.score >= low) & (claims.score < low + 0.2)
        gap = claims.finding[inside].mean() - claims.score[inside].mean()
        assert abs(gap) < 0.05, low


def test_tables_have_keys_times_and_labels_that_arrive_late():
    log = MonthsLog(rows=30)
    rows, labels = table(log.log()), table(log.labels())
    evaluated = table(log.evaluation_set())
    assert rows.schema == months.LOG
    assert labels.schema == months.LABELS
    assert evaluated.schema == months.EVALUATION_SET
    ids = rows["claim_id"].to_numpy()
    assert len(np.unique(np.concatenate([ids, evaluated["claim_id"].to_numpy()]))) == len(
        ids
    ) + len(evaluated)
    times = dict(zip(ids, rows["event_time"].to_numpy(), strict=True))
    known = labels["known_at"].to_numpy()
    late = known - np.array([times[one] for one in labels["claim_id"].to_numpy()])
    assert (late == np.timedelta64(months.LABEL_DELAY_DAYS, "D")).all()
    end = np.datetime64(months.BEGIN) + 7 * months.WEEKS
    assert known.max() < end
    share = 1 - months.LABEL_DELAY_DAYS / (7 * months.WEEKS)
    assert len(labels) / len(rows) == pytest.approx(share, abs=0.01)
    live = np.datetime64(months.BEGIN) + 7 * months.LIVE_WEEK
    assert evaluated["event_time"].to_numpy().max() < live
    assert (np.diff(rows["event_time"].to_numpy().astype(np.int64)) >= 0).all()
    assert not any(column.null_count for column in rows.columns)


def test_the_same_seed_gives_the_same_rows_and_another_one_others():
    one, same, other = MonthsLog(rows=20), MonthsLog(rows=20), MonthsLog(rows=20, seed=8)
    assert table(one.log()).equals(table(same.log()))
    assert not table(one.log()).equals(table(other.log()))
    assert next(one.dashboard()).equals(next(same.dashboard()))


def test_the_truth_knows_labels_that_have_not_arrived():
    log = MonthsLog(rows=50)
    real = truth(log, LOSS)
    assert [one.begin for one in real.weeks] == [
        months.BEGIN + timedelta(weeks=number) for number in range(months.WEEKS)
    ]
    claims = log.week(months.WEEKS - 1)
    assert real.weeks[-1].accuracy == (claims.inspect == claims.finding).mean()
    if real.significant is not None:
        assert real.labelled == real.significant + timedelta(days=37)
    assert json.loads(json.dumps(real.document()))["weeks"][0]["begin"] == "2024-12-30"


def test_a_log_needs_rows():
    with pytest.raises(UsageError, match="rows is 0"):
        MonthsLog(rows=0)


def test_the_spec_is_a_spec(tmp_path):
    from sparkdrift.spec.loading import load_spec

    (tmp_path / "claims.yml").write_text(months.months_spec(str(tmp_path / "log")), "utf-8")
    spec = load_spec(tmp_path / "claims.yml")
    assert spec.evaluation is not None
    assert spec.degraded is not None
    assert spec.degraded.tolerated_loss == LOSS
    shown = spec.evaluation.dashboard
    assert shown is not None
    assert shown.metrics["accuracy"].at_least == months.BAND
    assert spec.evaluation.thresholds["inspect"].value == months.OPERATING_THRESHOLD


def test_the_last_week_is_over_when_the_demo_looks():
    """Its last window is closed by this time, so nothing of the truth is left out."""
    (*_, last) = truth(MonthsLog(), LOSS).weeks
    assert months.ended().date() == last.begin + timedelta(days=7)
