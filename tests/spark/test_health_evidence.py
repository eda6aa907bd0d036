"""What the store tells health: from rows of results to one row for each window and thing found."""

from __future__ import annotations

from datetime import timedelta

import pytest
from monitors import new_store, spec_of, utc

from sparkdrift.spark.evaluation_tables import PERFORMANCE
from sparkdrift.spark.health_findings import evidence_rows
from sparkdrift.spark.writer import rows_frame

pytestmark = [pytest.mark.spark, pytest.mark.classic]

DAY = timedelta(days=1)
FIRST = utc(2025, 6, 1)


def put(spark, store, table, *rows) -> None:
    """Append rows of windows of a day; what is not given is NULL."""
    usual = {"monitor": "credit", "granularity": "day", "slice_key": "*", "slice_value": "*"}
    whole = [{**usual, "window_end": row["window_start"] + DAY, **row} for row in rows]
    frame = rows_frame(spark, table, whole).repartition(1)
    frame.write.format("delta").mode("append").save(store.path(table.name))


def performed(day: int, basis: str | None, status: str, **more):
    return {
        "window_start": FIRST + day * DAY,
        "evaluation_set": "launch",
        "metric": "accuracy",
        "class_name": "*",
        "mature": basis == "realised",
        "estimated": 0.8,
        "basis": basis,
        "status": status,
        **more,
    }


@pytest.fixture(scope="module")
def store(spark, workspace):
    return new_store(spark, workspace / "evidence")


@pytest.fixture(scope="module")
def spec(workspace):
    return spec_of(
        workspace / "none",
        prediction={"score": "score", "label": "paid", "label_delay": "30 days"},
        evaluation={
            "sets": {"launch": {"path": str(workspace / "launch")}},
            "thresholds": {"accept": {"value": 0.5}},
        },
        degraded={"metric": "accuracy", "tolerated_loss": 0.03},
    )


def test_an_estimate_that_may_be_relied_upon_has_a_loss_until_labels_say(spark, store, spec):
    guessed = {"estimated_loss": 0.1, "estimated_loss_value": 500.0}
    put(
        spark,
        store,
        PERFORMANCE,
        performed(0, "realised", "degraded", loss=0.05, loss_value=250.0, realised=0.85),
        performed(1, "estimated", "degraded", **guessed),
        # Not to be relied upon, and not degraded: nothing is owed.
        performed(2, "estimated", "undetermined", estimated_loss=0.4),
        performed(3, "estimated", "insufficient_data", estimated_loss=0.01),
    )
    rows = evidence_rows(spark, store, [spec])["credit"]
    found = {(row.start - FIRST).days: row for row in rows if row.part == "performance"}
    assert {day: (row.loss, row.cost) for day, row in found.items()} == {
        0: (0.05, 250.0),
        1: (0.1, 500.0),
        2: (None, None),
        3: (None, None),
    }
    assert (found[1].status, found[1].subject, found[1].limit) == ("degraded", "estimate", 0.8)
