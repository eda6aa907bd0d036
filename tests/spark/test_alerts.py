"""Alerts: the view against the rule in Python, and what is suppressed in a whole run."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import planted as plan
import pytest
import source_tables
from monitors import rows_of, run

from sparkdrift.measures.persistence import raised, standing
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.findings import count_alerts, count_statuses
from sparkdrift.spark.overview import Overview
from sparkdrift.spark.querying import fetch
from sparkdrift.spark.views import alerts_query, registered, unregister
from sparkdrift.spark.writer import rows_frame
from sparkdrift.spec.alerts import GRADES

pytestmark = [pytest.mark.spark, pytest.mark.classic]

WINDOWS = 40
RULES = {"f0": (2, 3), "f1": (1, 1), "f2": (3, 5), "f3": (4, 30), "f4": (2, 2)}
VIEW = "sparkdrift_test_judged"


def drift_row(day, feature, alerting, grade=None, suppression=None):
    windows, of = RULES[feature]
    return {
        "monitor": "m",
        "window_start": source_tables.day_start(day),
        "window_end": source_tables.day_start(day + 1),
        "granularity": "day",
        "slice_key": "*",
        # A NULL slice value is a slice like any other.
        "slice_value": None if feature == "f4" else "*",
        "column_name": feature,
        "comparison": "baseline",
        "status": {None: "insufficient_data", True: "drifted", False: "ok"}[alerting],
        "reason": f"reason of {day}",
        "severity": grade,
        "alerting": alerting,
        "suppression": suppression,
        "alert_windows": windows,
        "alert_of": of,
        "effect": 0.1 if day % 7 == 0 else 0.5,
        "q_value": 0.01 if day % 5 == 0 else 0.5,
        "shift": float(day),
        "null_delta": 0.1 if day % 3 == 0 else 0.0,
        "new_category_share": 0.02 if day % 4 == 0 else None,
        "out_of_range_share": 0.005,
    }


@pytest.fixture(scope="module")
def judged():
    rng = np.random.default_rng(8)
    rows = []
    for feature in RULES:
        for day in range(WINDOWS):
            alerting = [None, True, False][rng.choice(3, p=[0.2, 0.4, 0.4])]
            grade = GRADES[rng.integers(1, 4)] if alerting else None
            spared = "holiday" if rng.random() < 0.3 else None
            rows.append(drift_row(day, feature, alerting, grade, spared))
    return rows


@pytest.fixture(scope="module")
def shown(spark, judged):
    rows_frame(spark, DRIFT, judged[::-1]).createOrReplaceTempView(VIEW)
    found = spark.sql(alerts_query(VIEW)).toArrow().to_pylist()
    spark.catalog.dropTempView(VIEW)
    return {(row["column_name"], row["window_start"]): row for row in found}


@pytest.mark.parametrize("feature", RULES)
def test_the_view_follows_the_rule(judged, shown, feature):
    windows, of = RULES[feature]
    own = [row for row in judged if row["column_name"] == feature]
    alerting = [np.nan if row["alerting"] is None else float(row["alerting"]) for row in own]
    stands = standing(alerting, windows, of)
    assert 0 < stands.sum() < WINDOWS
    begins = raised(stands)
    for i, row in enumerate(own):
        found = shown.get((feature, row["window_start"]))
        assert (found is not None) == stands[i], i
        if found is None:
            continue
        measured = [j for j in range(i + 1) if own[j]["alerting"] is not None]
        hits = [j for j in measured[-of:] if own[j]["alerting"]]
        first = max(j for j in range(i + 1) if begins[j])
        known = [j for j in range(first + 1) if own[j]["alerting"] is not None][-of:]
        since = next(j for j in known if own[j]["alerting"])
        assert found["since"] == own[since]["window_start"]
        assert found["windows"] == sum(j >= since for j in measured)
        assert found["alerting_windows"] == sum(
            bool(own[j]["alerting"]) for j in measured[:] if j >= since
        )
        assert (found["status"], found["reason"]) == (row["status"], own[hits[-1]]["reason"])
        grades = sorted((GRADES.index(own[j]["severity"]) for j in hits), reverse=True)
        assert found["severity"] == GRADES[grades[windows - 1]]
        loud = sum(own[j]["suppression"] is None for j in hits)
        spared = row["suppression"] is not None or loud < windows
        assert (found["suppression"] == "holiday") == spared


def test_the_overview_has_a_row_per_run_of_windows(spark, judged, shown):
    """Suppressed windows left out; what its windows show is counted by the spec's limits."""
    rows_frame(spark, DRIFT, judged).createOrReplaceTempView(VIEW)
    spark.sql(alerts_query(VIEW)).createOrReplaceTempView("alerts")
    try:
        ask = Overview(lambda text, most: fetch(spark.sql(text), most).dicts())
        found = ask.alerts(plan.planted_spec("/log", monitor="m"))
    finally:
        unregister(spark, (VIEW, "alerts"))
    runs: dict = {}
    for row in shown.values():
        if row["suppression"] is None:
            runs.setdefault((row["column_name"], row["since"]), []).append(row)
    assert {(row["column_name"], row["since"]) for row in found} == set(runs)
    assert len(found) == len(runs)
    for row in found:
        own = runs[row["column_name"], row["since"]]
        dates = [one["window_start"] for one in own if one["status"] == "drifted"]
        days = [(one - source_tables.day_start(0)).days for one in dates]
        silent, fresh = ({day for day in days if day % step == 0} for step in (3, 4))
        moved = {day for day in days if day % 5 == 0 and day % 7}
        assert row["until"] == max(one["window_end"] for one in own)
        assert row["windows"] == len(days)
        counts = [row[kind] for kind in ("moved", "silent", "fresh", "outside")]
        assert counts == [len(moved), len(silent), len(fresh), 0]
        assert row["shift"] == (pytest.approx(np.mean(days)) if days else None)


def test_a_run_stores_the_policy_and_counts_alerts(spark, planted, tmp_path):
    """The sensor's two bad days, 12 and 13, stand in succession; the others' are alone."""
    day = source_tables.day_start
    drifted = planted.verdict(plan.SHIFTED, "sensor")
    assert (drifted["alert_windows"], drifted["alert_of"]) == (2, 3)
    assert (drifted["alerting"], drifted["importance"]) == (True, 1.0)
    assert (drifted["severity"], round(drifted["magnitude"], 1)) == ("minor", 1.8)
    assert planted.verdict(plan.CALM, "sensor")["alerting"] is False
    assert planted.verdict(plan.EMPTY, "sensor")["alerting"] is None

    with registered(spark, planted.store, "select * from alerts"):
        found = spark.table("alerts").where("column_name = 'sensor'").toArrow().to_pylist()
    assert found[0]["window_start"] == day(plan.SHIFTED)
    assert {row["since"] for row in found} == {day(plan.CONSTANT)}

    store = planted.copied(tmp_path / "store")
    holiday = {"begin": "2024-01-13", "end": "2024-01-14", "reason": "sensor exchanged"}
    spec = plan.planted_spec(
        planted.path, alerts={"suppress": [{**holiday, "features": ["sensor"]}]}
    )
    outcome = run(spark, store, spec, "second")
    assert [window.start for window in outcome.judged.windows] == [day(plan.CONSTANT)]
    assert outcome.findings.suppressed == {"drifted": 1}
    assert outcome.findings.telling(["drifted"]) == 0
    rows = rows_of(spark, store, "drift", "suppression IS NOT NULL").to_pylist()
    assert [(row["column_name"], row["status"]) for row in rows] == [("sensor", "drifted")]
    assert rows[0]["suppression"] == "sensor exchanged"

    active = outcome.judged.active
    windows = [
        window
        for window in run(spark, store, planted.spec, "third").judged.windows
        if window.end - window.start == timedelta(days=1)
    ]
    assert len(windows) == 1  # lifted again: that window alone is due
    full = [type(windows[0])(day(i), day(i + 1)) for i in range(plan.CLOSING)]
    alerts = count_alerts(spark, store, planted.spec, active, full)
    assert set(alerts) <= set(GRADES)
    assert sum(alerts.values()) >= len({row["since"] for row in found})
    assert count_statuses(spark, store, planted.spec, active, full).suppressed == {}
