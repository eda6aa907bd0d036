"""From source rows to `performance` in one run, held against scikit-learn on the same rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import context_of, new_store, profile_only, rows_of, spec_of
from scipy import special
from sklearn import metrics

from sparkdrift.steps.context import Options
from sparkdrift.steps.evaluate import evaluate
from sparkdrift.steps.performance import Performed

pytestmark = pytest.mark.spark

SEED = 82
DAYS, ROWS = 3, 1_500
THRESHOLD = 0.4


def scored(rng, day, rows):
    x = rng.normal(-0.5, 1.3, rows)
    label = (rng.random(rows) < special.expit(0.8 * x - 0.2)).astype(float)
    return pa.table(
        {
            "ts": source_tables.instants(day, rows, rng),
            "score": special.expit(x),
            "paid": pa.array(label, mask=rng.random(rows) < 0.02),
            "cheap": rng.random(rows) < 0.3 + 0.3 * label,
            "region": rng.choice(["north", "south"], rows).tolist(),
        }
    )


def test_one_run_from_rows_to_performance(spark, workspace):
    rng = np.random.default_rng(SEED)
    days = [scored(rng, day, ROWS) for day in range(DAYS)]
    source_tables.write(spark, workspace / "log", pa.concat_tables([*days, scored(rng, DAYS, 1)]))
    source_tables.write(spark, workspace / "holdout", scored(rng, -30, 10_000))
    spec = spec_of(
        workspace / "log",
        features={"numeric": ["score"], "categorical": []},
        prediction={"score": "score", "label": "paid", "label_delay": "1 day"},
        slices=["region"],
        evaluation={
            "sets": {"holdout": {"path": str(workspace / "holdout")}},
            "thresholds": {"accept": {"value": THRESHOLD}},
            "baseline": {"rule": "cheap"},
            "groups": ["region"],
        },
        degraded={"metric": "accuracy", "tolerated_loss": 0.03},
    )
    store = new_store(spark, workspace / "store")
    profile_only(spark, store, spec)
    context = context_of(spark, store)
    found = evaluate(context, spec, Options())
    again = evaluate(context, spec, Options())
    context.journal.close()
    assert len(found.performed.windows) == DAYS
    assert again.performed == Performed(windows=())
    rows = rows_of(spark, store, "performance").to_pylist()
    for day, own in enumerate(days):
        known = own.filter(own.column("paid").is_valid())
        y, s, rule = (known.column(n).to_numpy().astype(float) for n in ("paid", "score", "cheap"))
        start = source_tables.day_start(day)
        of_day = {
            row["metric"]: row
            for row in rows
            if row["window_start"] == start and row["slice_key"] == "*"
        }
        expected = {
            "accuracy": metrics.accuracy_score(y, s >= THRESHOLD),
            "precision": metrics.precision_score(y, s >= THRESHOLD),
            "recall": metrics.recall_score(y, s >= THRESHOLD),
            "f1": metrics.f1_score(y, s >= THRESHOLD),
            "brier": metrics.brier_score_loss(y, s),
            "roc_auc": metrics.roc_auc_score(y, s),
        }
        for name, value in expected.items():
            bar = 0.004 if name == "roc_auc" else 1e-9
            assert of_day[name]["realised"] == pytest.approx(value, abs=bar), (name, SEED)
        row = of_day["accuracy"]
        assert row["baseline"] == pytest.approx(metrics.accuracy_score(y, rule))
        assert (row["rows"], row["labelled"]) == (ROWS, len(y))
        assert row["estimated_low"] < row["realised"] < row["estimated_high"]
        # The last day's labels are due a day after its end, where the log ends.
        assert row["mature"] == (day < DAYS - 1)
        assert (row["status"] in ("ok", "undetermined")) == row["mature"]
    parity = [row for row in rows if row["metric"] == "statistical_parity"]
    assert len(parity) == 2 * DAYS
