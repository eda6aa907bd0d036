"""Bad input: an error that names what is wrong and what to do, and every table as it was."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import source_tables
from monitors import context_of, new_store, spec_of

from sparkdrift.errors import SetupError, SourceError, SpecError, StoreError
from sparkdrift.spark import capabilities, session
from sparkdrift.spark.capabilities import check_functions, try_functions
from sparkdrift.spark.migrate import migrate, store_version
from sparkdrift.spark.schemas import STORE_VERSION, TABLES
from sparkdrift.spark.source import open_source
from sparkdrift.spark.versions import PROPERTY
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.resolving import resolve
from sparkdrift.steps.context import Options
from sparkdrift.steps.profile import profile_windows
from sparkdrift.store import Store

pytestmark = pytest.mark.spark

# A failed step says so in `runs`; nothing else may change.
RESULTS = [table.name for table in TABLES if table.name != "runs"]


@pytest.fixture(scope="module")
def log(spark, workspace):
    """Three days, with a column of every kind that can't be used."""
    rng = np.random.default_rng(61)
    rows = source_tables.days(0, 2, 20, rng)
    count = rows.num_rows
    rows = rows.append_column("nested", pa.array([{"a": 1}] * count))
    rows = rows.append_column(
        "pairs", pa.array([[("k", 1)]] * count, pa.map_(pa.string(), pa.int32()))
    )
    rows = rows.append_column("said_at", pa.array(["2024-01-01"] * count))
    source_tables.write(spark, workspace / "log", rows)
    return workspace / "log"


@pytest.fixture(scope="module")
def store(spark, workspace):
    return new_store(spark, workspace / "store")


@pytest.fixture
def untouched(spark, store):
    """Fails the test where any results table got a new version."""

    def versions():
        return {
            name: spark.sql(f"DESCRIBE HISTORY {store.table(name)} LIMIT 1").collect()[0]["version"]
            for name in RESULTS
        }

    before = versions()
    yield
    assert versions() == before


def profiled(spark, store, spec) -> None:
    profile_windows(context_of(spark, store), spec, Options())


def test_a_missing_folder(spark, store, workspace, untouched):
    with pytest.raises(SourceError, match=r"nowhere.*no such folder.*source\.path"):
        profiled(spark, store, spec_of(workspace / "nowhere"))


def test_a_missing_table(spark, store, untouched):
    spec = spec_of("x", source={"table": "no_such_table"})
    with pytest.raises(SourceError, match=r"no_such_table.*no such table.*source\.table"):
        profiled(spark, store, spec)


def test_a_folder_that_is_no_delta_table(spark, store, workspace, untouched):
    folder = workspace / "plain"
    folder.mkdir()
    pq.write_table(pa.table({"ts": [1]}), folder / "part.parquet")
    with pytest.raises(SourceError, match=r"plain is not a Delta table.*CONVERT TO DELTA"):
        profiled(spark, store, spec_of(folder))


def test_a_folder_of_other_files_is_not_to_be_converted(spark, store, workspace, untouched):
    folder = workspace / "texts"
    folder.mkdir()
    (folder / "rows.csv").write_text("ts,amount\n1,2\n")
    with pytest.raises(SourceError, match=r"texts is not a Delta table.*write one") as caught:
        profiled(spark, store, spec_of(folder))
    assert "CONVERT" not in str(caught.value)


def test_a_missing_timestamp_column(spark, store, log, untouched):
    spec = spec_of(log, timestamp={"column": "tss"})
    with pytest.raises((SourceError, SpecError), match=r"tss") as caught:
        profiled(spark, store, spec)
    assert "ts" in str(caught.value)
    assert str(log) in str(caught.value) or "monitor.yml" in str(caught.value)


@pytest.mark.parametrize("column", ["said_at", "amount", "nested"])
def test_a_timestamp_of_the_wrong_type(spark, store, log, untouched, column):
    with pytest.raises((SourceError, SpecError), match=rf"{column}.*(?s:.)*timestamp"):
        profiled(
            spark,
            store,
            spec_of(log, timestamp={"column": column}, features={"numeric": ["score"]}),
        )


def test_a_feature_that_never_existed_is_refused_by_validate(spark, log):
    spec = spec_of(log, features={"numeric": ["amuont"], "categorical": ["product"]})
    source = open_source(spark, table=None, path=str(log), row_filter=None)
    (problem,) = resolve(spec, source.schema).problems
    assert "no column 'amuont'" in problem.message
    assert (problem.file, problem.nearest) == ("monitor.yml", "amount")


@pytest.mark.parametrize(("column", "kind"), [("nested", "struct<a:"), ("pairs", "map<string,")])
def test_a_feature_of_an_unsupported_type(spark, log, column, kind):
    source = open_source(spark, table=None, path=str(log), row_filter=None)
    for section in ("numeric", "categorical"):
        spec = spec_of(log, features={section: [column]})
        (problem,) = resolve(spec, source.schema).problems
        assert repr(column) in problem.message
        assert problem.given.startswith(kind)
        assert problem.accepted


def test_a_feature_of_the_wrong_type_gets_a_status_and_the_rest_goes_on(spark, workspace, log):
    store = new_store(spark, workspace / "goes_on")
    spec = spec_of(log, features={"numeric": ["nested", "gone", "amount"]})
    profiled(spark, store, spec)
    rows = spark.table(store.table("profiles")).toArrow().to_pylist()
    found = {row["column_name"]: (row["status"], row["reason"]) for row in rows}
    assert found["amount"] == ("ok", None)
    assert found["gone"] == ("schema_changed", "the table has no column 'gone'")
    status, reason = found["nested"]
    assert status == "schema_changed"
    assert "struct<a:" in reason


@pytest.mark.parametrize(
    ("features", "words"),
    [
        ({"numeric": ["amount", "amount"]}, "the column is a feature twice"),
        ({"numeric": ["amount"], "categorical": ["AMOUNT"]}, "the column is a feature twice"),
        (
            {"numeric": ["amount", {"column": "score", "formerly": "amount"}]},
            "another feature is stored under the same name",
        ),
    ],
)
def test_duplicate_names(log, features, words):
    with pytest.raises(SpecError, match=words):
        spec_of(log, features=features)


def test_an_unknown_zone(log):
    with pytest.raises(SpecError, match=r"zone does not exist") as caught:
        spec_of(log, timestamp={"column": "ts", "zone": "Europe/Berln"})
    assert "did you mean 'Europe/Berlin'" in str(caught.value)


def test_an_empty_table(spark, store, workspace, untouched):
    path = workspace / "nothing"
    source_tables.write(spark, path, source_tables.day_rows(0, 0, np.random.default_rng(0)))
    with pytest.raises(SourceError, match=r"nothing has no rows with a ts: nothing can be"):
        profiled(spark, store, spec_of(path))


def test_a_filter_that_admits_nothing(spark, store, log, untouched):
    spec = spec_of(log, source={"path": str(log), "filter": "amount < -1e9"})
    with pytest.raises(SourceError, match=r"no rows with a ts that its filter admits"):
        profiled(spark, store, spec)


def test_a_window_wider_than_the_data(spark, store, log, untouched):
    spec = spec_of(log, windows={"grain": "month"})
    with pytest.raises(SourceError, match=r"no month is closed yet.*closes at 2024-02-01 00:00"):
        profiled(spark, store, spec)


def test_rows_without_a_time_are_said(spark, workspace):
    rows = source_tables.days(0, 1, 20, np.random.default_rng(62))
    undated = rows.slice(0, 3).set_column(0, "ts", pa.nulls(3, source_tables.TIMESTAMP))
    path = workspace / "undated"
    source_tables.write(spark, path, pa.concat_tables([rows, undated]))
    context = context_of(spark, new_store(spark, workspace / "store_undated"), "undated")
    plan = profile_windows(context, spec_of(path, features={"numeric": ["amount"]}), Options())
    assert [one.rows for one in plan.due] == [20]
    context.journal.close()
    row = spark.table(context.store.table("runs")).where("phase = 'SUCCEEDED'").toArrow()
    assert "3 rows have no ts: they are in no window" in row.to_pylist()[0]["warnings"]


def test_several_mistakes_are_told_at_once(log):
    text = json.dumps(
        {
            "monitor": "Not An Id",
            "source": {"path": str(log)},
            "timestamp": {"column": "ts", "zone": "Mars"},
            "features": {"numeric": ["a", "a"]},
            "threshold": 3,
        }
    )
    with pytest.raises(SpecError) as caught:
        parse_spec(text, "wrong.yml")
    problems = caught.value.problems
    assert len(problems) >= 5
    assert {problem.file for problem in problems} == {"wrong.yml"}
    assert all(problem.line == 1 for problem in problems)


def test_missing_functions_are_named(spark, monkeypatch):
    missing = {**capabilities._PROBES, "kll_of_tomorrow": "kll_of_tomorrow(1)"}
    monkeypatch.setattr(capabilities, "_PROBES", missing)
    with pytest.raises(
        SetupError, match=r"lacks kll_of_tomorrow; sparkdrift needs Spark >= 4\.1\.2"
    ):
        check_functions(spark)


def test_functions_that_are_there_and_fail_are_told(spark, monkeypatch):
    failing = {**capabilities._PROBES, "kll_of_today": "max(raise_error('not on this machine'))"}
    monkeypatch.setattr(capabilities, "_PROBES", failing)
    check_functions(spark)
    with pytest.raises(SetupError, match=r"has the sketch functions, but they fail: "):
        try_functions(spark)


def test_a_folder_with_a_blank_is_one_java_option(tmp_path, monkeypatch):
    monkeypatch.setattr(session, "files", lambda package: tmp_path / "site packages")
    options = session._settings(submitted=False, brief=False)["spark.driver.extraJavaOptions"]
    assert all(option.startswith("-") for option in options.split())
    assert "site%20packages" in options


@pytest.fixture
def java(tmp_path, monkeypatch):
    """A JAVA_HOME of the test's own; returns its bin/java."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    return tmp_path / "bin" / "java"


def says(java: Path, text: str) -> None:
    java.write_text(f"#!/bin/sh\necho '{text}' >&2\n")
    java.chmod(0o755)


def test_java_that_is_missing(java, monkeypatch):
    with pytest.raises(SetupError, match=r"JAVA_HOME is .*no bin/java.*openjdk-17"):
        session.check_java()
    monkeypatch.delenv("JAVA_HOME")
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(SetupError, match=r"no java on PATH.*JAVA_HOME"):
        session.check_java()


@pytest.mark.parametrize("version", ["1.8.0_392", "11.0.22"])
def test_java_that_is_too_old(java, version):
    says(java, f'openjdk version "{version}" 2024-01-16')
    with pytest.raises(SetupError, match=rf"Java {version} is too old: Spark 4 needs 17"):
        session.check_java()


@pytest.mark.parametrize("version", ["17.0.15", "21.0.1", "25-ea"])
def test_java_that_is_new_enough(java, version):
    says(java, f'openjdk version "{version}" 2025-04-15')
    assert session.check_java() == version


def test_java_that_answers_nonsense(java):
    says(java, "Segmentation fault")
    with pytest.raises(SetupError, match=r"answered 'Segmentation fault'.*openjdk-17"):
        session.check_java()


def test_a_store_of_a_newer_version(spark, tmp_path):
    made = new_store(spark, tmp_path / "store")
    runs = made.table("runs")
    spark.sql(f"ALTER TABLE {runs} SET TBLPROPERTIES ('{PROPERTY}' = '99')")
    with pytest.raises(StoreError, match=r"has version 99.*install the sparkdrift that wrote it"):
        migrate(spark, made)
    assert store_version(spark, made) == 99


def test_a_store_that_somebody_else_made(spark, tmp_path):
    made = Store(directory=str(tmp_path / "store"))
    spark.sql(f"CREATE TABLE {made.table('runs')} (id INT) USING delta")
    with pytest.raises(StoreError, match=r"a table named runs that sparkdrift did not make"):
        migrate(spark, made)


def test_a_store_that_cannot_be_written(spark, tmp_path):
    blocked = tmp_path / "file"
    blocked.touch()
    with pytest.raises(StoreError, match=r"can't be written: table profiles was not created"):
        migrate(spark, Store(directory=str(blocked / "store")))


def test_migrating_again_changes_nothing(spark, store, untouched):
    assert migrate(spark, store) == STORE_VERSION
