"""A model of which all is measured is healthy while nothing moves, by a whole run."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, rows_of, run, spec_of
from scipy import special

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 4
KNOWN, DAYS, ROWS = 20, 24, 4_000
"""Days of the reference, days that end, and rows of each (`validate` asks for 1,400, or twice as
many of so short a reference); the last two days are moved by one sd."""
MOVED = DAYS - 2
UNWELL = ("watch", "recalibrate", "refresh_evaluation", "retrain", "blind")


def scored(rng, day, rows):
    x = rng.normal(1.0 if day >= MOVED else 0.0, 1.0, rows)
    probability = special.expit(1.5 * x)
    return pa.table(
        {
            "ts": source_tables.instants(day, rows, rng),
            "x": x,
            "score": probability,
            "paid": (rng.random(rows) < probability).astype(float),
        }
    )


@pytest.fixture(scope="module")
def verdicts(spark, workspace) -> list[dict]:
    rng = np.random.default_rng(SEED)
    days = [scored(rng, day, ROWS) for day in range(DAYS)]
    source_tables.write(spark, workspace / "log", pa.concat_tables([*days, scored(rng, DAYS, 1)]))
    source_tables.write(spark, workspace / "holdout", scored(rng, -30, 10_000))
    spec = spec_of(
        workspace / "log",
        features={"numeric": ["x", "score"], "categorical": []},
        reference={"begin": "2024-01-01", "end": f"2024-01-{1 + KNOWN:02}"},
        prediction={"score": "score", "label": "paid", "label_delay": "0 days"},
        evaluation={
            "sets": {"holdout": {"path": str(workspace / "holdout")}},
            "thresholds": {"accept": {"value": 0.5, "calibrated_at": "2023-12-31"}},
        },
        degraded={"metric": "accuracy", "tolerated_loss": 0.05},
        on_verdict=[{"verdicts": list(UNWELL), "table": True}],
    )
    store = new_store(spark, workspace / "store")
    done = run(spark, store, spec)
    assert [(one.hook, one.status) for one in done.hooked] == [("table", "written")]
    return rows_of(spark, store, "model_health").sort_by("window_start").to_pylist()


def test_quiet_windows_are_healthy_and_moved_ones_are_not(verdicts):
    said = [one["verdict"] for one in verdicts]
    reasons = [one["reasons"] for one in verdicts[KNOWN:MOVED]]
    assert len(said) == DAYS
    assert said[KNOWN:MOVED] == ["healthy"] * (MOVED - KNOWN), (SEED, reasons)
    assert "healthy" not in said[MOVED:], (SEED, said)
