"""A model of several classes, from rows to the verdict: green while all is well, else red."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from monitors import new_store, rows_of, run, spec_of
from source_tables import day_start, instants, write

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 61
CLASSES = ("card", "loan", "lease")
DAYS, MOVED, ROWS, HELD = 15, 13, 4000, 12_000
# So many windows show what is usual of an operation well enough to be called quiet.
REFERENCE = 12


def rows_of_day(day, count, rng, shift=0.0):
    """Scores by softmax of three numbers, the class drawn by them; shift: of the first number."""
    x = rng.normal([shift, 0, 0], 1.3, (count, 3))
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    truth = (p.cumsum(axis=1) < rng.random(count)[:, None]).sum(axis=1)
    overridden = rng.random(count) < 0.1
    return pa.table(
        {
            "ts": instants(day, count, rng),
            **{f"p_{name}": p[:, i] for i, name in enumerate(CLASSES)},
            "amount": rng.normal(100 + 30 * shift, 20, count),
            "kind": [CLASSES[i] for i in truth],
            "overridden": overridden,
        }
    )


@pytest.fixture(scope="module")
def verdicts(spark, workspace):
    rng = np.random.default_rng(SEED)
    days = [rows_of_day(day, ROWS, rng, 0.8 if day >= MOVED else 0.0) for day in range(DAYS)]
    write(spark, workspace / "classes", pa.concat_tables([*days, rows_of_day(DAYS + 3, 1, rng)]))
    write(spark, workspace / "classes_held", rows_of_day(-20, HELD, rng))
    columns = {name: f"p_{name}" for name in CLASSES}
    spec = spec_of(
        workspace / "classes",
        features={"numeric": ["amount", *columns.values()]},
        reference={"begin": str(day_start(0).date()), "end": str(day_start(REFERENCE).date())},
        prediction={"label": "kind", "label_delay": "1 day"},
        operations={"overridden": {"expression": "overridden", "kind": "override"}},
        alerts={"importance": {"amount": 2}},
        degraded={"metric": "accuracy", "tolerated_loss": 0.05},
        evaluation={
            "task": "multiclass",
            "classes": columns,
            "sets": {"holdout": {"path": str(workspace / "classes_held")}},
            "dashboard": {"metrics": {"accuracy": {"at_least": 0.4}}},
        },
    )
    store = new_store(spark, workspace / "classes_store")
    run(spark, store, spec)
    return spark, store


def test_a_quiet_window_is_green_and_a_moved_one_red(verdicts):
    spark, store = verdicts
    rows = rows_of(spark, store, "eval_staleness", "figure = 'blind_spot'").to_pylist()
    found = {(row["window_start"] - day_start(0)).days: row for row in rows}
    told = {day: (row["status"], row["reason"]) for day, row in found.items()}
    # Until the reference is in force nothing is compared with it.
    assert found[REFERENCE]["status"] == "green", (SEED, told)
    # One window that moved is none that lasts.
    assert found[MOVED]["status"] == "amber", (SEED, told)
    assert found[MOVED + 1]["status"] == "red", (SEED, told)
    assert found[MOVED + 1]["since"] == day_start(MOVED + 1)
    assert "score" in found[MOVED + 1]["reason"]


def test_each_class_has_its_metrics(verdicts):
    spark, store = verdicts
    rows = rows_of(spark, store, "performance", "slice_key = '*'").to_pylist()
    day = [row for row in rows if row["window_start"] == day_start(REFERENCE)]
    assert {row["class_name"] for row in day} == {"*", *CLASSES}
    for row in day:
        if row["metric"] not in ("accuracy", "precision", "recall", "roc_auc"):
            continue
        # Nothing has moved: labels show what the scores let expect.
        assert row["status"] in ("ok", None), (SEED, row)
        assert row["estimated_low"] <= row["realised"] <= row["estimated_high"], (SEED, row)
        assert not row["concept_drift"], (SEED, row)
