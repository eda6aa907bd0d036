"""Calibration of a planted reference: what alarms in it, and what a shift of it costs."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, rows_of, run, spec_of

from sparkdrift.errors import SnapshotError
from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.replaying import replayed
from sparkdrift.measures.evidence import benjamini_hochberg
from sparkdrift.steps.calibrate import calibrate

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 4
DAYS = 40
ROWS = 380  # fewer than k: sketches are exact
SECTIONS = {
    "features": {"numeric": ["amount", "hard"], "categorical": ["product"]},
    "prediction": {"score": "score", "decision": "approved", "label": "good"},
    "reference": {"name": "baseline", "begin": "2024-01-01", "end": "2024-02-10"},
    "drift": {
        "effect_size": 0.32,
        "seasonal": "none",
        "overrides": {"product": {"effect_size": 1}},
    },
    "dependence": {"pairs": [["amount", "hard"]]},
    "degraded": {"metric": "accuracy", "tolerated_loss": 0.02},
}


def day_rows(day: int, rng) -> pa.Table:
    """`hard` rows are decided no better than by a coin; days 10 and 11 hold a wave of `amount`."""
    rows = source_tables.day_rows(day, ROWS, rng, shift=0.8 if 10 <= day <= 11 else 0.0)
    hard = rng.normal(size=ROWS)
    good = rng.random(ROWS) < 0.5
    right = rng.random(ROWS) < 1 / (1 + np.exp(2 * hard))
    approved = np.where(right | (rng.random(ROWS) < 0.5), good, ~good)
    return (
        rows.append_column("hard", pa.array(hard))
        .append_column("good", pa.array(good))
        .append_column("approved", pa.array(approved.astype(int)))
    )


@pytest.fixture(scope="module")
def spec(spark, workspace):
    rng = np.random.default_rng(SEED)
    table = pa.concat_tables([day_rows(day, rng) for day in range(DAYS + 2)])
    source_tables.write(spark, workspace / "log", table)
    return spec_of(workspace / "log", **SECTIONS)


@pytest.fixture(scope="module")
def store(spark, workspace, spec):
    made = new_store(spark, workspace / "store")
    run(spark, made, spec)
    return made


@pytest.fixture(scope="module")
def found(spark, store, spec):
    return calibrate(spark, store, spec, wanted=0.5)


def test_the_wave_in_the_reference_is_the_one_false_alarm(found):
    assert (found.windows, found.reference.version) == (DAYS, 1)
    assert found.now.alerts == 1
    assert [(one.column_name, one.alerts) for one in found.alerting] == [("amount", 1)]
    assert found.now.per_month == pytest.approx(365.2425 / 12 / DAYS)


def test_a_larger_effect_size_would_have_kept_quiet(spark, store, spec, found):
    assert found.suggested is not None
    assert 0.32 < found.suggested <= 1
    assert found.fitting.alerts == 0
    assert calibrate(spark, store, spec, wanted=5).suggested < 0.32


def test_the_replay_is_what_the_kernel_says_of_each_row(spark, store, found):
    """Read back from the table, one family a window, two of three by hand."""
    rows = rows_of(
        spark, store, "reference_profiles", "bins IS NOT NULL AND kind <> 'pair'"
    ).to_pylist()
    by_window: dict = {}
    for row in rows:
        for one in replayed({**row, "window_strata": None}, Policy(effect=0.32, warn=0.2)):
            by_window.setdefault(one["window_start"], []).append(one)
    assert len(by_window) == DAYS
    hits = []
    for start in sorted(by_window):
        family = by_window[start]
        q_values = benjamini_hochberg([one["p_unusual"] for one in family])
        hits.append(
            any(
                one["column_name"] == "amount" and q <= 0.1 and one["material_up_to"] >= 0.32
                for one, q in zip(family, q_values, strict=True)
            )
        )
    assert sum(hits[10:12]) == 2
    assert sum(hits) - sum(hits[10:12]) <= 1
    assert found.tests == np.mean([len(family) for family in by_window.values()])


def test_the_feature_that_carries_the_loss_has_the_smallest_effect_size(found):
    assert min(found.costs, key=lambda name: found.costs[name].effect) == "hard"
    assert found.costs["hard"].effect < 0.3
    assert found.costs["product"].effect > 3 * found.costs["hard"].effect


def test_without_a_declared_loss_it_says_so(spark, store, spec):
    plain = spec.model_copy(update={"degraded": None})
    found = calibrate(spark, store, plain, wanted=1)
    assert found.costs is None
    assert "declares no tolerated loss" in found.remarks[0]


def test_a_monitor_without_a_reference_is_refused(spark, workspace, spec):
    bare = new_store(spark, workspace / "bare")
    with pytest.raises(SnapshotError, match=r"no reference in force.*sparkdrift run"):
        calibrate(spark, bare, spec, wanted=1)
