"""Custom metrics against exact SQL: per window and slice, rolled up, judged, lost."""

from __future__ import annotations

import math
import re
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, profile_only, rows_of, run, spec_of
from scipy import stats
from source_tables import day_start

from sparkdrift.measures.window_evidence import usual_variation
from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.profiles import profiled_rows
from sparkdrift.spark.source import open_source
from sparkdrift.spec.resolving import resolve
from sparkdrift.windows import windows_between

pytestmark = [pytest.mark.spark, pytest.mark.classic]

REFERENCE_DAYS, CALM, SHIFTED, NO_AMOUNT, LAST = 28, 28, 29, 30, 36
METRICS = {
    "revenue": {"sum": "amount"},
    "rejected": {"count": "decision = 'reject'"},
    "smallest": {"min": "amount + 1"},
    "largest": {"max": "amount"},
    "reject_rate": {"ratio": ["decision = 'reject'", "1"]},
    "mean_amount": {"ratio": {"of": "amount", "over": "1"}},
    "per_reject": {"derived": "revenue / nullif(rejected, 0) - 1"},
    "nothing": {"derived": "revenue / (rejected - rejected)"},
}
EXACT = {
    "revenue": "sum(amount)",
    "rejected": "count_if(decision = 'reject')",
    "smallest": "min(amount + 1)",
    "largest": "max(amount)",
    "reject_rate": "sum(CAST(decision = 'reject' AS DOUBLE)) / count(decision)",
    "mean_amount": "avg(amount)",
    "per_reject": "try_divide(sum(amount), nullif(count_if(decision = 'reject'), 0)) - 1",
    "nothing": "CAST(NULL AS DOUBLE)",
}
FEATURES = {"numeric": ["amount"], "categorical": ["decision"]}


def day_table(day: int, rng) -> pa.Table:
    count = 1 if day == LAST else int(rng.normal(1000, 30))
    amount = rng.gamma(4, 25, count) * (1.5 if day == SHIFTED else 1)
    missing = rng.random(count) < (1.1 if day == NO_AMOUNT else 0.1)
    rejects = 0.4 if day == SHIFTED else 0.2
    decision = rng.choice(["reject", "approve", None], count, p=[rejects, 0.95 - rejects, 0.05])
    return pa.table(
        {
            "ts": source_tables.instants(day, count, rng),
            "amount": pa.array(amount, mask=missing),
            "decision": pa.array(decision.tolist(), pa.string()),
            "region": pa.array(rng.choice(["north", "south", None], count).tolist(), pa.string()),
        }
    )


@pytest.fixture(scope="module")
def source(spark, workspace):
    rng = np.random.default_rng(31)
    rows = pa.concat_tables([day_table(day, rng) for day in range(LAST + 1)])
    source_tables.write(spark, workspace / "source", rows)
    return workspace / "source"


def monitor(source, **sections):
    usual = {
        "features": FEATURES,
        "metrics": METRICS,
        "slices": ["region"],
        "windows": {"rollups": ["week", "month"]},
        "reference": {"begin": "2024-01-01", "end": "2024-01-29"},
    }
    return spec_of(source, **{**usual, **sections})


@pytest.fixture(scope="module")
def store(spark, workspace, source):
    made = new_store(spark, workspace / "store")
    run(spark, made, monitor(source), "first")
    return made


def metrics_of(spark, store, where="true") -> list[dict]:
    return rows_of(spark, store, "profiles", f"kind = 'metric' AND {where}").to_pylist()


def exact(spark, source, grain: str) -> dict:
    """(window start, slice key, slice value, metric) -> its value, from the source's rows."""
    found = {}
    columns = ", ".join(f"{sql} AS {name}" for name, sql in EXACT.items())
    slices = {"*": "'*'", "region": "region"}
    for key, value in slices.items():
        rows = spark.sql(
            f"SELECT date_trunc('{grain}', ts) AS start, {value} AS value, {columns}"
            f" FROM delta.`{source}` WHERE ts < '{day_start(LAST)}' GROUP BY 1, 2"
        ).toArrow()
        for row in rows.to_pylist():
            for name in EXACT:
                found[row["start"], key, row["value"], f"metric:{name}"] = row[name]
    return found


@pytest.mark.parametrize("grain", ["day", "week", "month"])
def test_values_equal_sql_on_the_rows(spark, source, store, grain):
    """Of days counted from rows, and of weeks and months merged from days, NULL slice included."""
    rows = metrics_of(spark, store, f"granularity = '{grain}'")
    assert rows
    expected = exact(spark, source, grain)
    starts = {row["window_start"] for row in rows}
    assert {key for key in expected if key[0] in starts} == {
        (row["window_start"], row["slice_key"], row["slice_value"], row["column_name"])
        for row in rows
    }
    for row in rows:
        key = (row["window_start"], row["slice_key"], row["slice_value"], row["column_name"])
        wanted = expected[key]
        if wanted is None:
            assert row["value"] is None, key
            assert row["status"] == "insufficient_data"
            assert "no finite value" in row["reason"]
        else:
            assert math.isclose(row["value"], float(wanted), rel_tol=1e-12), key
            assert (row["status"], row["reason"]) == ("ok", None)


def test_metrics_of_days_and_months_are_where_sql_users_look(spark, store):
    rows = spark.sql(
        "SELECT window_start, column_name, value FROM"
        f" {store.table('profiles')} WHERE kind = 'metric' AND granularity = 'month'"
        " AND slice_key = '*' ORDER BY column_name"
    ).collect()
    assert [row["column_name"] for row in rows] == sorted(f"metric:{name}" for name in METRICS)


def drift_of(spark, store, where="slice_key = '*'") -> dict:
    rows = rows_of(spark, store, "drift", where).to_pylist()
    return {
        ((row["window_start"] - day_start(0)).days, row["column_name"]): row
        for row in rows
        if row["column_name"].startswith("metric:")
    }


def test_a_planted_change_is_found_and_said(spark, store):
    found = drift_of(spark, store)
    for name in ("revenue", "rejected", "reject_rate", "mean_amount"):
        row = found[SHIFTED, f"metric:{name}"]
        assert row["status"] == "drifted", (name, row["reason"])
        assert row["effect"] > 6
        assert "in the 28 windows of the reference" in row["reason"]
    rate = found[SHIFTED, "metric:reject_rate"]
    assert "it is 0.4" in rate["reason"]
    assert rate["effect_low"] < rate["effect"] < rate["effect_high"]
    assert rate["psi"] is None


def test_a_steady_metric_is_ok(spark, store):
    """A week of calm days: nothing drifted, and for most metrics that was a measurement."""
    found = drift_of(spark, store)
    calm = [CALM, *range(NO_AMOUNT + 1, LAST)]
    statuses = {
        name: [found[day, f"metric:{name}"]["status"] for day in calm]
        for name in ("revenue", "rejected", "reject_rate", "mean_amount")
    }
    assert "drifted" not in {status for row in statuses.values() for status in row}, statuses
    for name, row in statuses.items():
        assert row.count("ok") >= len(row) - 1, (name, row)


def test_the_test_is_the_prediction_interval_of_scipy(spark, store):
    """p_unusual against a t test of one more value, with the stored windows' own values."""
    rows = metrics_of(spark, store, "granularity = 'day' AND slice_key = '*'")
    values = [row["value"] for row in rows if row["column_name"] == "metric:revenue"]
    usual = usual_variation(values[:REFERENCE_DAYS])
    found = drift_of(spark, store)
    for day in (CALM, SHIFTED, LAST - 1):
        apart = abs(values[day] - np.mean(values[:REFERENCE_DAYS]))
        t = apart / (usual.sd * math.sqrt(1 + 1 / usual.w_eff))
        row = found[day, "metric:revenue"]
        assert row["p_unusual"] == pytest.approx(2 * stats.t.sf(t, usual.w_eff - 1))
        assert row["p_material"] == pytest.approx(
            stats.nct.sf(t, usual.w_eff - 1, 1 / math.sqrt(1 + 1 / usual.w_eff)), abs=1e-9
        )
        assert row["n_eff"] == pytest.approx(usual.w_eff)


def test_slices_are_judged_by_their_own_windows(spark, store):
    found = drift_of(spark, store, "slice_key = 'region' AND slice_value = 'north'")
    assert found[SHIFTED, "metric:reject_rate"]["status"] == "drifted"
    assert found[CALM, "metric:reject_rate"]["status"] != "drifted"


def test_a_window_without_a_value_is_not_measured(spark, store):
    found = drift_of(spark, store)
    for name in ("revenue", "mean_amount", "largest"):
        row = found[NO_AMOUNT, f"metric:{name}"]
        assert row["status"] == "insufficient_data", name
        assert "value" in row["reason"]
        assert row["effect"] is None
    assert found[NO_AMOUNT, "metric:rejected"]["status"] == "ok"
    never = found[CALM, "metric:nothing"]
    assert never["status"] == "no_reference"
    assert "does not hold" in never["reason"]


def test_a_new_definition_is_another_metric(spark, workspace):
    """It holds for the windows that are profiled from then on; the others keep theirs."""
    path = workspace / "redefined"
    source_tables.write(spark, path, source_tables.days(0, 3, 50, np.random.default_rng(34)))
    made = new_store(spark, workspace / "redefined_store")
    for run_id, sql, days in (("old", "amount", {}), ("new", "amount * 2", {"begin": 1, "end": 2})):
        spec = spec_of(path, features={"numeric": ["amount"]}, metrics={"x": {"sum": sql}})
        chosen = {name: day_start(day) for name, day in days.items()}
        profile_only(spark, made, spec, run_id, **chosen)
    rows = metrics_of(spark, made)
    assert [row["run_id"] for row in rows] == ["old", "new", "old"]
    first, second, third = (row["definition_hash"] for row in rows)
    assert first == third != second


@pytest.mark.slow
def test_a_lost_column_costs_only_its_own_metrics(spark, workspace):
    rng = np.random.default_rng(32)
    path = workspace / "losing"
    rows = source_tables.days(0, 7, 300, rng)
    source_tables.write(spark, path, rows)
    metrics = {
        "gone": {"sum": "amount"},
        "worded": {"max": "score + 1"},
        "stays": {"count": "region = 'north'"},
        "both": {"derived": "gone / stays"},
    }
    sections = {"features": {"categorical": ["region"]}, "metrics": metrics}
    sections["reference"] = {"begin": "2024-01-01", "end": "2024-01-08"}
    made = new_store(spark, workspace / "losing_store")
    run(spark, made, spec_of(path, **sections), "before")
    table = f"delta.`{path}`"
    spark.sql(
        f"ALTER TABLE {table} SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name',"
        " 'delta.minReaderVersion' = '2', 'delta.minWriterVersion' = '5')"
    )
    spark.sql(f"ALTER TABLE {table} DROP COLUMN amount")
    spark.sql(f"ALTER TABLE {table} DROP COLUMN score")
    spark.sql(f"ALTER TABLE {table} ADD COLUMN score TIMESTAMP")
    later = source_tables.days(8, 9, 300, rng).drop_columns(["amount"])
    later = later.set_column(
        later.column_names.index("score"), "score", later["ts"].combine_chunks()
    )
    source_tables.write(spark, path, later)
    outcome = run(spark, made, spec_of(path, **sections), "after")
    assert outcome.profiled.due
    found = drift_of(spark, made)
    assert found[8, "metric:gone"]["status"] == "schema_changed"
    assert "no column 'amount'" in found[8, "metric:gone"]["reason"]
    assert found[8, "metric:both"]["status"] == "schema_changed"
    assert found[8, "metric:worded"]["status"] == "schema_changed"
    assert "can't be computed" in found[8, "metric:worded"]["reason"]
    assert found[8, "metric:stays"]["status"] in ("ok", "insufficient_data")
    days = {
        row["window_start"]: row for row in metrics_of(spark, made, "column_name = 'metric:stays'")
    }
    assert days[day_start(8)]["value"] > 0


def test_days_of_23_hours_are_compared_by_rate(spark, workspace):
    """The same rows in each hour: the day on which clocks change has fewer, and is no drift."""
    rng = np.random.default_rng(33)
    begin = day_start(70)
    hours = [begin + timedelta(hours=h) for h in range(24 * 25)]
    stamps = [hour + timedelta(minutes=m) for hour in hours for m in range(0, 60, 2)]
    rows = pa.table(
        {
            "ts": pa.array(stamps, source_tables.TIMESTAMP),
            "amount": pa.array(rng.normal(100, 1, len(stamps))),
        }
    )
    path = workspace / "clock"
    source_tables.write(spark, path, rows)
    spec = spec_of(
        path,
        timestamp={"column": "ts", "zone": "Europe/Berlin"},
        features={"numeric": ["amount"]},
        metrics={
            "revenue": {"sum": "amount"},
            "rows": {"count": "true"},
            "mean": {"derived": "revenue / rows"},
        },
        windows={"begin": "2024-03-12"},
        reference={"begin": "2024-03-12", "end": "2024-03-28"},
    )
    made = new_store(spark, workspace / "clock_store")
    run(spark, made, spec, "first")
    stored = {
        row["column_name"]: row["value"]
        for row in metrics_of(spark, made)
        if row["window_end"] - row["window_start"] == timedelta(hours=23)
    }
    assert stored["metric:rows"] == 23 * 30
    verdicts = [
        row
        for row in rows_of(spark, made, "drift").to_pylist()
        if row["window_end"] - row["window_start"] == timedelta(hours=23)
        and row["column_name"].startswith("metric:")
    ]
    assert {row["column_name"] for row in verdicts} == set(stored)
    # An hour less is 4 % less, some 30 sd of these days; 16 days may be too few for "ok".
    for row in verdicts:
        assert row["status"] in ("ok", "insufficient_data"), row["reason"]
        assert row["effect"] < 3


def test_metrics_need_no_scan_of_their_own(spark, capsys, source):
    def scans(spec) -> int:
        found = open_source(spark, table=None, path=str(source), row_filter=None)
        windows = windows_between(day_start(0), day_start(1), "day", "UTC")
        batch = [Fingerprint(window, 20, "") for window in windows]
        rows = profiled_rows(spark, found, spec, resolve(spec, found.schema), batch)
        capsys.readouterr()
        rows.explain()
        return len(re.findall(r"FileScan parquet", capsys.readouterr().out))

    assert scans(monitor(source)) == scans(monitor(source, metrics={}))
