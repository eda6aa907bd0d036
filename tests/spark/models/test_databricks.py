"""What a Databricks workspace reads: views in a catalog, the dashboard's queries, the alerts'.

The store is a schema of the session's catalog, where views stay. Those with the columns of
Databricks data profiling are held against our own tables; every query of conf/databricks is run.
"""

from __future__ import annotations

import bundle
import dashboard
import planted as plan
import pytest
from monitors import run
from pyspark.sql import functions as F
from source_tables import day_start

from sparkdrift.spark.catalog_views import add_monitor_views, create_views
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.monitor_views import monitor_views
from sparkdrift.spark.profile_tables import PROFILES
from sparkdrift.spark.querying import ask
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.sql import quote, string, timestamp
from sparkdrift.spark.views import NAMES, VIEWS, registered
from sparkdrift.store import Store

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SCHEMA = "sparkdrift_views"
PROFILE = {
    "window": "struct<start:timestamp,end:timestamp>",
    "log_type": "string",
    "granularity": "string",
    "slice_key": "string",
    "slice_value": "string",
    "column_name": "string",
    "count": "bigint",
    "data_type": "string",
    "num_nulls": "bigint",
    "avg": "double",
    "quantiles": "array<double>",
    "min": "double",
    "max": "double",
    "stddev": "double",
    "num_zeros": "bigint",
    "num_nan": "bigint",
    "min_length": "int",
    "max_length": "int",
    "avg_length": "double",
    "frequent_items": "array<struct<item:string,count:bigint>>",
    "median": "double",
    "distinct_count": "bigint",
    "percent_nan": "double",
    "percent_null": "double",
    "percent_zeros": "double",
    "percent_distinct": "double",
}
TEST = "struct<statistic:double,pvalue:double>"
DELTA = {
    "window": PROFILE["window"],
    "granularity": "string",
    "slice_key": "string",
    "slice_value": "string",
    "column_name": "string",
    "data_type": "string",
    "window_cmp": PROFILE["window"],
    "drift_type": "string",
    "count_delta": "bigint",
    "avg_delta": "double",
    "percent_null_delta": "double",
    "percent_zeros_delta": "double",
    "percent_distinct_delta": "double",
    "non_null_columns_delta": "struct<added:int,missing:int>",
    "js_distance": "double",
    "ks_test": TEST,
    "wasserstein_distance": "double",
    "population_stability_index": "double",
    "chi_squared_test": TEST,
    "tv_distance": "double",
    "l_infinity_distance": "double",
}


@pytest.fixture(scope="module")
def store(spark, planted, workspace):
    """The planted store under the names of a catalog, with both comparisons."""
    copied = planted.copied(workspace / "views")
    spec = plan.planted_spec(
        planted.path,
        drift={"effect_size": 0.5, "warn_at": 0.3, "comparisons": ["baseline", "consecutive"]},
    )
    run(spark, copied, spec, "views")
    made = Store(schema=("spark_catalog", SCHEMA))
    spark.sql(f"CREATE SCHEMA {SCHEMA} LOCATION '{workspace / 'schema'}'")
    for table in TABLES:
        place = copied.path(table.name)
        spark.sql(f"CREATE TABLE {made.table(table.name)} USING delta LOCATION '{place}'")
    # Its tables were made before there were views.
    assert set(add_monitor_views(spark, made, "credit")) == {*VIEWS, *WANTED}
    yield made
    spark.sql(f"DROP SCHEMA {SCHEMA} CASCADE")


WANTED = {"credit_profile_metrics": PROFILE, "credit_drift_metrics": DELTA}


def plant_troubles(spark, store):
    """What the demo of one monitor lacks: a verdict that is overdue, a blind dashboard, a debt."""
    # After what the run itself judged.
    day, until = (timestamp(day_start(plan.CLOSING + later)) for later in (0, 1))
    key = f"'credit' AS monitor, {day} AS window_start, {until} AS window_end, 'day' AS granularity"
    rows = {
        "model_health": "'credit_model' AS model_id, 'deployed' AS stage,"
        " 'refresh_evaluation' AS verdict, 'major' AS severity, 0.8D AS confidence,"
        " 'tests' AS owner, TIMESTAMP'2024-02-01 00:00:00Z' AS due,"
        " 'green' AS dashboard_status, 'red' AS blind_spot, array(named_struct('weight', 1D,"
        " 'kind', 'data', 'reason', 'drifted', 'evidence', array('drift sensor'))) AS reasons",
        "eval_staleness": "'holdout' AS evaluation_set, 1 AS evaluation_version, '*' AS subject,"
        " stack(3, 'blind_spot', 'red', 'eval_age', 'drifted', 'ess_ratio', 'insufficient_data')"
        " AS (figure, status)",
        "performance": "'*' AS slice_key, '*' AS slice_value, 'holdout' AS evaluation_set,"
        " 'accuracy' AS metric, '*' AS class_name, 0.9D AS estimated, 0.7D AS realised",
    }
    for name, columns in rows.items():
        insert(spark, store, name, f"{key}, {columns}")
    spark.sql(
        f"UPDATE {store.table('drift')} SET status = 'drifted', severity = 'critical',"
        " alerting = true, suppression = NULL, reason = 'planted' WHERE column_name = 'steady'"
        f" AND comparison = 'baseline' AND window_start >= {timestamp(day_start(plan.ONE_ROW))}"
    )
    insert(
        spark,
        store,
        "debt_events",
        "'credit' AS monitor, 'data:forced' AS debt, 1 AS seq, 'data' AS kind, 'opened' AS action,"
        " 'tests' AS owner, 'major' AS severity, TIMESTAMP'2023-11-01 00:00:00Z' AS window_start,"
        " TIMESTAMP'2024-01-20 00:00:00Z' AS created_at",
    )


def insert(spark, store, table: str, columns: str):
    made = spark.sql(f"SELECT {columns}")
    listed = ", ".join(made.columns)
    made.createOrReplaceTempView("planted_row")
    spark.sql(f"INSERT INTO {store.table(table)} ({listed}) SELECT {listed} FROM planted_row")
    spark.catalog.dropTempView("planted_row")


def one(spark, store, query: str) -> dict:
    (found,) = ask(spark, store, query, 10).dicts()
    return found


def of_day(day: int) -> str:
    return f"window.start = {timestamp(day_start(day))} AND slice_key IS NULL"


def ours_of(table: str, day: int, column: str) -> str:
    return (
        f"SELECT * FROM {table} WHERE window_start = {timestamp(day_start(day))}"
        f" AND slice_key = '*' AND column_name = '{column}'"
    )


@pytest.mark.parametrize("name", WANTED)
def test_the_columns_are_exactly_theirs(spark, store, name):
    held = spark.table(store.table(name))
    assert dict(held.dtypes) == WANTED[name]
    assert held.columns == list(WANTED[name])


def test_a_profile_tells_what_ours_does(spark, store, planted):
    query = f"SELECT * FROM credit_profile_metrics WHERE {of_day(plan.NULLS)} AND column_name = "
    found = one(spark, store, f"{query} 'amount'")
    ours = one(spark, store, ours_of("profiles", plan.NULLS, "amount"))
    window = {"start": day_start(plan.NULLS), "end": day_start(plan.NULLS + 1)}
    assert (found["window"], found["granularity"]) == (window, "1 day")
    assert (found["log_type"], found["slice_value"]) == ("INPUT", None)
    values = planted.values("amount", plan.NULLS)
    assert found["count"] == len(values) < plan.ROWS
    assert found["num_nulls"] == plan.ROWS - len(values)
    assert found["percent_null"] == 100 * found["num_nulls"] / plan.ROWS
    assert found["avg"] == pytest.approx(values.mean(), rel=1e-12)
    for theirs, name in {"num_zeros": "zeros", "num_nan": "nan_count"}.items():
        assert found[theirs] == ours[name]
    for name in ("min", "max", "stddev", "quantiles", "distinct_count", "data_type"):
        assert found[name] == ours[name]
    assert found["median"] == ours["quantiles"][50]
    text = one(spark, store, f"{query} 'product'")
    assert (
        text["frequent_items"]
        == one(spark, store, ours_of("profiles", plan.NULLS, "product"))["frequent_items"]
    )
    whole = one(spark, store, f"{query} ':table'")
    assert (whole["count"], whole["data_type"], whole["distinct_count"]) == (plan.ROWS, None, None)


def test_the_baseline_is_the_reference_in_force(spark, store):
    query = "SELECT * FROM credit_profile_metrics WHERE log_type = 'BASELINE'"
    found = ask(spark, store, query, 50).dicts()
    watched = {*plan.NUMERIC, *plan.CATEGORICAL, ":table"}
    assert {row["column_name"] for row in found} == watched
    assert len(found) == len(watched)
    days = plan.REFERENCE_DAYS
    window = {"start": day_start(days.start), "end": day_start(days.stop)}
    for row in found:
        assert (row["window"], row["count"]) == (window, plan.ROWS * len(days))
        assert row["granularity"] is None


@pytest.mark.parametrize("kind", ["BASELINE", "CONSECUTIVE"])
def test_a_drift_tells_what_ours_does(spark, store, planted, kind):
    day = plan.SHIFTED
    found = one(
        spark,
        store,
        f"SELECT * FROM credit_drift_metrics WHERE {of_day(day)} AND drift_type = '{kind}'"
        " AND column_name = 'sensor'",
    )
    ours = one(
        spark,
        store,
        f"{ours_of('current_drift', day, 'sensor')} AND comparison = '{kind.lower()}'",
    )
    others = plan.REFERENCE_DAYS if kind == "BASELINE" else range(day - 1, day)
    assert found["window_cmp"] == {
        "start": day_start(others.start),
        "end": day_start(others.stop),
    }
    assert found["count_delta"] == plan.ROWS - plan.ROWS * len(others)
    moved = planted.values("sensor", day).mean() - planted.values("sensor", *others).mean()
    assert found["avg_delta"] == pytest.approx(moved, abs=1e-9)
    assert found["population_stability_index"] == ours["psi"]
    assert found["ks_test"] == {"statistic": ours["ks_statistic"], "pvalue": ours["ks_pvalue"]}
    chi2 = {"statistic": ours["chi2_statistic"], "pvalue": ours["chi2_pvalue"]}
    assert found["chi_squared_test"] == (chi2 if chi2["statistic"] is not None else None)
    for name in ("js_distance", "wasserstein_distance", "tv_distance", "l_infinity_distance"):
        assert found[name] == ours[name]


def test_a_column_that_lost_its_values_is_missing(spark, store):
    query = (
        "SELECT drift_type, count_delta, non_null_columns_delta AS delta FROM credit_drift_metrics"
        " WHERE column_name = ':table' AND "
    )
    lost = {row["drift_type"]: row for row in ask(spark, store, query + of_day(17), 10).dicts()}
    assert plan.ALL_NULL == 17
    assert {kind: row["delta"] for kind, row in lost.items()} == {
        "BASELINE": {"added": 0, "missing": 1},
        "CONSECUTIVE": {"added": 0, "missing": 1},
    }
    assert lost["CONSECUTIVE"]["count_delta"] == plan.ROWS - 5
    calm = ask(spark, store, query + of_day(plan.SHIFTED), 10).dicts()
    assert [row["delta"] for row in calm] == [{"added": 0, "missing": 0}] * 2


def test_slices_have_their_names_and_the_whole_table_none(spark, store):
    """A slice whose value is NULL keeps its key, and is joined with itself."""
    slices = "* EXCEPT (slice_key, slice_value), 'region' AS slice_key, x AS slice_value"
    values = "(SELECT explode(array('north', NULL)) AS x)"
    with registered(spark, store):
        names = {name: quote(name) for name in NAMES}
        for name in ("profiles", "current_drift", "reference_profiles"):
            rows = spark.sql(f"SELECT {slices} FROM {quote(name)} CROSS JOIN {values}")
            rows.createOrReplaceTempView(f"sliced_{name}")
            names[name] = quote(f"sliced_{name}")
        views = monitor_views("credit", names)
        for name, query in views.items():
            own = spark.sql(
                f"SELECT slice_key, slice_value, count(*) AS rows FROM ({query}) GROUP BY 1, 2"
            ).collect()
            (whole,) = spark.sql(f"SELECT count(*) FROM {store.table(name)}").collect()
            assert {tuple(row) for row in own} == {
                ("region", "north", whole[0]),
                ("region", None, whole[0]),
            }
    for name in ("profiles", "current_drift", "reference_profiles"):
        spark.catalog.dropTempView(f"sliced_{name}")


def test_a_row_is_there_once(spark, store):
    for name, kind in {
        "credit_profile_metrics": "log_type",
        "credit_drift_metrics": "drift_type",
    }.items():
        key = f"window, {kind}, slice_key, slice_value, column_name"
        twice = f"SELECT {key} FROM {name} GROUP BY ALL HAVING count(*) > 1"
        assert ask(spark, store, twice, 10).rows == ()


def test_a_catalog_keeps_every_view(spark, store):
    assert add_monitor_views(spark, store, "credit") == ()
    made = {*WANTED, *VIEWS}
    assert set(create_views(spark, store)) == made
    kept = {row["viewName"] for row in spark.sql(f"SHOW VIEWS IN {SCHEMA}").collect()}
    assert made <= kept
    ours = spark.table(store.table("current_drift"))
    assert ours.columns == list(DRIFT.names)
    assert ours.count() > 0
    shown = {row[1] for row in ask(spark, store, "SHOW TABLES", 200).rows}
    assert made | {PROFILES.name} <= shown


def test_a_folder_has_them_in_the_session_that_asks(spark, planted):
    assert create_views(spark, planted.store) == ()
    assert add_monitor_views(spark, planted.store, "credit") == ()
    answer = ask(spark, planted.store, "SELECT * FROM credit_profile_metrics", 1)
    assert answer.columns == tuple(PROFILE)
    assert not any(row.name in WANTED for row in spark.catalog.listTables())


@pytest.fixture(scope="module")
def in_schema(spark, store):
    """Names without a schema mean the store's, as `dataset_schema` makes them in a workspace."""
    plant_troubles(spark, store)
    assert set(create_views(spark, store)) >= set(VIEWS)
    before = spark.catalog.currentDatabase()
    spark.catalog.setCurrentDatabase(SCHEMA)
    yield
    spark.catalog.setCurrentDatabase(before)


@pytest.mark.parametrize("name", dashboard.DATASETS)
def test_the_queries_of_the_dashboard_run(spark, in_schema, name):
    rows = spark.sql(bound(name, "credit"))
    assert rows.count() > 0
    for aggregates, others in dashboard.asked_of(name):
        if aggregates:
            shown = rows.groupBy(*map(F.expr, others)).agg(*map(F.expr, aggregates))
        else:
            shown = rows.selectExpr(*others)
        assert len(shown.columns) == len(aggregates) + len(others)
    if dashboard.parameters(name):
        # Nothing chosen yet: the monitor that ran last.
        assert spark.sql(bound(name, "")).count() == rows.count()
        assert spark.sql(bound(name, "nobody")).count() == 0


def bound(name: str, monitor: str) -> str:
    """The query with its parameter as a literal: Delta's parser on Spark 4.2 binds none."""
    assert set(dashboard.parameters(name)) <= {"monitor"}
    return dashboard.query(name).replace(":monitor", string(monitor))


@pytest.mark.parametrize("key", bundle.resources("alerts"))
def test_the_alerts_fire_on_what_was_planted(spark, in_schema, key):
    _, alert = bundle.resources("alerts")[key]
    place = "main.monitoring."
    query = bundle.put_in(alert["query_text"], "prod")
    assert place in query
    (row,) = spark.sql(query.replace(place, f"spark_catalog.{SCHEMA}.")).collect()
    found = row[alert["evaluation"]["source"]["name"]]
    # The planted monitor ran a moment ago; all else was planted.
    assert (found > 0) == (key != "silent_monitors"), row
    assert ("credit" in row["names"]) == (found > 0)
    empty = query.replace(f"{place}", f"spark_catalog.{SCHEMA}.") + " AND 1 = 0"
    assert spark.sql(empty).collect()[0][0] == 0
