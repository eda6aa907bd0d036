"""What is answered without Java and what is left to Spark; that both agree is tests/spark's."""

from __future__ import annotations

import duckdb
import pytest

from sparkdrift.embedded.translating import query, view
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.errors import UsageError
from sparkdrift.spark.monitor_views import monitor_views, names_one
from sparkdrift.spark.views import NAMES, VIEWS, query_of

KNOWN = set(NAMES)
PLAIN = {name: f"`{name}`" for name in NAMES}


def answer(statement: str) -> list[tuple]:
    return duckdb.sql(query(statement, KNOWN)[0]).fetchall()


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT frobnicate(status) FROM drift",
        "SELECT rand()",
        "SELECT collect_list(status) AS s FROM drift",
        "SELECT percentile(psi, 0.5) AS p FROM drift",
        "SELECT count(DISTINCT status, reason) AS n FROM drift",
        "SELECT status FROM drift WHERE status RLIKE 'o.'",
        r"SELECT status FROM drift WHERE status LIKE 'a\\_b'",
        "SELECT status FROM drift WHERE status LIKE reason",
        "SELECT quantiles[row_count] AS q FROM profiles",
        "SELECT CAST(psi AS DECIMAL(10, 2)) AS p FROM drift",
        "SELECT * FROM drift TABLESAMPLE (10 ROWS)",
        "SELECT * FROM drift VERSION AS OF 3",
        "SELECT * FROM delta.`/etc`",
        "SELECT * FROM range(3)",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM drift JOIN runs USING (monitor)",
        "SELECT psi + 1 FROM drift",
        "SELECT 1; SELECT 2",
        "SELEC 1",
        "VALUES (1)",
        "INSERT INTO runs SELECT * FROM runs",
        "WITH x AS (SELECT 1 AS a) INSERT INTO runs SELECT * FROM runs",
    ],
)
def test_what_is_not_known_to_mean_the_same_is_left_to_spark(statement):
    with pytest.raises(UnansweredError):
        query(statement, KNOWN)


@pytest.mark.parametrize("given", ["curent_drift", "`/etc/passwd`", "duckdb_settings"])
def test_no_other_table_is_read(given):
    with pytest.raises(UsageError, match="the store has no such table or view"):
        query(f"SELECT * FROM {given}", KNOWN)


@pytest.mark.parametrize("given", ["credit_drift_metric", "credt_drift_metrics"])
def test_of_a_misspelt_view_of_a_monitor_the_nearest_is_named(given):
    assert names_one(f"SELECT * FROM {given}"), "so that the monitors are looked up"
    with pytest.raises(UsageError, match="did you mean 'credit_drift_metrics'"):
        query(f"SELECT * FROM {given}", {*KNOWN, "credit_drift_metrics"})


def test_a_name_of_the_query_itself_is_a_table():
    assert answer("WITH x AS (SELECT 1 AS a) SELECT a FROM x") == [(1,)]
    assert answer("WITH x AS (SELECT 1 AS a) SELECT a FROM X") == [(1,)]


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        ("count(*)", "count(1)"),
        ("max(d.psi)", "max(psi)"),
        ("MAX(psi) AS most", "most"),
        ("d.psi", "psi"),
        ("coalesce(reason, 'none')", "coalesce(reason, 'none')"),
    ],
)
def test_columns_are_called_as_spark_calls_them(asked, named):
    assert query(f"SELECT {asked} FROM drift AS d", KNOWN)[1] == (named,)


@pytest.mark.parametrize(
    "statement",
    ["SELECT 1 / 0 AS x", "SELECT array(1, 2)[2] AS x", "SELECT 1 / (1 - 1) AS x"],
)
def test_what_spark_refuses_fails_here(statement):
    """So that Spark says what is wrong, and nobody reads an infinity."""
    with pytest.raises(duckdb.Error):
        answer(statement)


def test_a_place_in_an_array_counts_from_0_as_in_spark():
    assert answer("SELECT array(7, 8, 9)[0] AS a, array(7, 8, 9)[2] / 2 AS b") == [(7, 4.5)]


def test_the_largest_by_another_column_may_be_null():
    """DuckDB's own would pass over it."""
    found = answer(
        "SELECT max_by(a, b) AS x, min_by(a, b) AS y"
        " FROM (SELECT 1 AS a, 1 AS b UNION ALL SELECT NULL, 2) AS t"
    )
    assert found == [(None, 1)]


@pytest.mark.parametrize(
    "text", [*(query_of(name, PLAIN) for name in VIEWS), *monitor_views("m", PLAIN).values()]
)
def test_nothing_of_a_view_is_left_untranslated(text):
    """Names of functions that DuckDB lacks would show on a store only."""
    connection = duckdb.connect()
    known = {row[0] for row in connection.sql("SELECT function_name FROM duckdb_functions()")
             .fetchall()}  # fmt: skip
    import sqlglot
    from sqlglot import exp

    made = sqlglot.parse_one(view(text), read="duckdb")
    assert {one.name.lower() for one in made.find_all(exp.Anonymous)} <= known
