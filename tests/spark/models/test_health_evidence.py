"""What the store tells health: from rows of results to one row for each window and thing found."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from monitors import new_store, spec_of, utc

from sparkdrift.embedded.asking import asking
from sparkdrift.health.subjects import SUPPRESSED
from sparkdrift.spark.evaluation_tables import EVAL_STALENESS, PERFORMANCE
from sparkdrift.spark.feature_tables import FEATURE_DEBT
from sparkdrift.spark.health_findings import stored_by_ask, stored_by_spark
from sparkdrift.spark.health_questions import MOST_COLUMNS, OTHERS, of_drift
from sparkdrift.spark.operation_tables import OPERATIONS
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
    rows = stored_by_spark(spark, store, [spec]).rows["credit"]
    found = {(row.start - FIRST).days: row for row in rows if row.part == "performance"}
    assert {day: (row.loss, row.cost) for day, row in found.items()} == {
        0: (0.05, 250.0),
        1: (0.1, 500.0),
        2: (None, None),
        3: (None, None),
    }
    assert (found[1].status, found[1].subject, found[1].limit) == ("degraded", "estimate", 0.8)


def test_a_signal_of_operations_may_move_in_slices_alone(spark, store, workspace):
    watched = spec_of(
        workspace / "none",
        monitor="operated",
        operations={"override": {"expression": "overridden"}},
    )

    def moved(day: int, key: str, of: str, **more):
        return {
            "monitor": "operated",
            "window_start": FIRST + day * DAY,
            "slice_key": key,
            "slice_value": of,
            "signal": "override",
            "kind": "override",
            "status": "drifted",
            "alerting": True,
            "since": FIRST,
            **more,
        }

    put(
        spark,
        store,
        OPERATIONS,
        moved(0, "*", "*", value=0.2, reference_value=0.1),
        moved(0, "region", "north", value=0.4, reference_value=0.1),
        moved(1, "region", "north", value=0.4, reference_value=0.1),
        moved(1, "region", "south", value=0.4, reference_value=0.1, suppression="holiday"),
        moved(2, "region", "south", value=0.4, reference_value=0.1, suppression="holiday"),
    )
    with asking(store, store.local) as ask:
        both = [stored_by_spark(spark, store, [watched]), stored_by_ask(ask, [watched])]
    for stored in both:
        found = {
            (row.start - FIRST).days: (row.status, row.grade, row.count, row.value, row.limit)
            for row in stored.rows["operated"]
            if row.part == "operation"
        }
        assert found == {
            0: ("drifted", None, 1, 0.2, 0.1),
            1: (None, None, 1, None, None),
            2: (None, SUPPRESSED, None, None, None),
        }


def test_rows_of_a_section_that_a_spec_has_no_more_still_count(spark, store, spec, workspace):
    """Of operations, whose signals nobody names any more, all that are stored."""
    plain = spec_of(workspace / "none", monitor="plain")
    row = {"figure": "ess_ratio", "evaluation_set": "launch", "subject": "*", "status": "drifted"}
    both = [{"monitor": name, "window_start": FIRST, **row} for name in ("plain", "credit")]
    put(spark, store, EVAL_STALENESS, *both)
    signal = {"signal": "override", "kind": "override", "status": "drifted", "alerting": True}
    calm = {**signal, "signal": "complaint", "status": "insufficient_data", "alerting": False}
    put(
        spark,
        store,
        OPERATIONS,
        *({"monitor": "plain", "window_start": FIRST, **one} for one in (signal, calm)),
    )
    with asking(store, store.local) as ask:
        read = [stored_by_spark(spark, store, [spec, plain]), stored_by_ask(ask, [spec, plain])]
    for stored in read:
        own = {(one.part, one.name) for one in stored.rows["plain"]}
        assert {("staleness", "ess_ratio"), ("operation", "override")} <= own
        (told,) = (one for one in stored.rows["plain"] if one.name == "operations")
        assert (told.part, told.count, told.of) == ("coverage", 1, 2)
        assert "staleness" in [one.part for one in stored.rows["credit"]]


def test_only_figures_of_features_that_are_asked_for_are_missed(spark, store, spec, workspace):
    """Without importances those of the model can't be told, and nothing goes with what has no
    labels."""
    asking_more = spec_of(
        workspace / "none",
        monitor="weighted",
        importance={"estimate": "linear"},
        prediction={"score": "score"},
    )
    figures = {"dead": "ok", "association_change": "insufficient_data",
               "drifted_importance": "insufficient_data"}  # fmt: skip
    put(
        spark,
        store,
        FEATURE_DEBT,
        *(
            {"monitor": name, "window_start": FIRST, "figure": figure, "subject": "amount",
             "status": status}
            for name in ("credit", "weighted")
            for figure, status in figures.items()
        ),
    )  # fmt: skip
    stored = stored_by_spark(spark, store, [spec, asking_more]).rows
    found = {
        name: (one.count, one.of)
        for name in ("credit", "weighted")
        for one in stored[name]
        if one.part == "coverage" and one.name == "feature"
    }
    assert found == {"credit": (1, 1), "weighted": (1, 2)}


def test_beyond_the_gravest_columns_there_is_one_row_for_all_others(spark, store, spec):
    """Of three grades, in another order than by name; a slice that alerts is no column more.

    What is suppressed is a row of its own, however grave; both name their columns.
    """
    grades = ["minor"] * 40 + ["critical"] * 9 + ["major"] * 11
    columns = [f"c{i:02}" for i in range(len(grades))]
    rows = [
        ("credit", FIRST, "day", key, column, "baseline", grade, 0.3, 1, at)
        for column, grade, at in zip(columns, grades, range(len(grades)), strict=True)
        for key in ("*", "region")
    ]
    rows.append(("credit", FIRST, "day", "*", "quiet", "baseline", "critical", 0.9, 1, 0))
    names = "monitor, window_start, granularity, slice_key, column_name, comparison, severity"
    schema = "monitor string, window_start timestamp, granularity string, slice_key string,"
    schema += " column_name string, comparison string, severity string, effect double, windows int,"
    frame = spark.createDataFrame(rows, f"{schema} at int")
    frame.selectExpr(
        *names.split(", "), "effect", "windows", "window_start - make_dt_interval(at) AS since",
        "concat(column_name, ' moved up by 0.30 sd') AS explanation",
        "CASE WHEN column_name = 'quiet' THEN 'holiday' END AS suppression",
        "CAST(NULL AS STRING) AS slice_value",
    ).createOrReplaceTempView("w_alerts")  # fmt: skip
    one = next(part for part in of_drift([spec]) if "'alert'" in part)
    try:
        found = spark.sql(one.replace("FROM alerts", "FROM w_alerts")).collect()
    finally:
        spark.catalog.dropTempView("w_alerts")
    (quiet,) = (row for row in found if row["status"] == SUPPRESSED)
    assert (quiet["words"], quiet["grade"], quiet["count"]) == ('[["quiet"]]', None, 0)
    found.remove(quiet)
    by_name = {row["name"]: row for row in found}
    assert len(found) == len(by_name) == MOST_COLUMNS + 1
    others = by_name.pop(OTHERS)
    # All graver ones, and of the minor ones those that alert for longest.
    assert set(by_name) == {*columns[40:], *columns[10:40]}
    assert (by_name["c45"]["grade"], by_name["c45"]["subject"]) == ("critical", "baseline")
    assert by_name["c45"]["count"] == 1
    assert (by_name["c45"]["moved"], others["moved"]) == ("c45 moved up by 0.30 sd", None)
    assert (others["subject"], others["grade"]) == ("baseline in 10 columns", "minor")
    assert json.loads(others["words"]) == [[one] for one in columns[:10]]
    assert by_name["c45"]["words"] is None
    assert (others["count"], others["value"]) == (10, 0.3)
    assert others["since"] == (FIRST - 9 * DAY).timestamp() * 1e6
