"""The command line in this process, on a small table: what it prints, writes and ends with."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
import source_tables
from typer.testing import CliRunner

from sparkdrift import embedded
from sparkdrift.cli import app
from sparkdrift.spark.schemas import STORE_VERSION

pytestmark = pytest.mark.spark

DAYS = 10
SPEC = """
monitor: small
owner: tests
source: {{path: "{path}"}}
timestamp: {{column: ts}}
features: {{numeric: [amount, score], categorical: [product]}}
slices: [region]
reference: {{begin: 2024-01-01, end: 2024-01-06}}
"""


def invoke(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def answer(*arguments, code=0):
    """The JSON document of a command that ends with `code`."""
    done = invoke(*arguments, "--json")
    assert done.exit_code == code, done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def table(spark, workspace):
    """Ten days of 600 rows; from the eighth on, `amount` is a standard deviation higher."""
    rng = np.random.default_rng(11)
    path = workspace / "log"
    for rows in (
        source_tables.days(0, 6, 600, rng),
        source_tables.days(7, DAYS - 1, 600, rng, shift=1.0),
        source_tables.closing_row(DAYS),
    ):
        source_tables.write(spark, path, rows)
    return path


@pytest.fixture(scope="module")
def spec(table, workspace):
    file = workspace / "small.yml"
    file.write_text(SPEC.format(path=table))
    return file


@pytest.fixture(scope="module")
def store(spark, spec, workspace):
    """A store that `run` has filled; `.document` is what it answered."""
    folder = workspace / "store"
    done = invoke("run", spec, "--store", folder, "--run-id", "first", "--json")
    assert done.exit_code == 0, done.output
    (workspace / "first.json").write_text(done.stdout)
    return folder


class TestRun:
    def test_a_dry_run_plans_and_leaves_no_trace(self, spec, tmp_path):
        found = answer("run", spec, "--store", tmp_path / "none", "--dry-run")["monitors"][0]
        assert found["profile"]["windows"] == DAYS
        assert found["profile"]["rows"] == DAYS * 600
        assert found["drift"]["windows_to_be_profiled"] == DAYS
        assert not (tmp_path / "none").exists()

    def test_all_that_was_due_was_done_and_logged(self, store, workspace):
        found = json.loads((workspace / "first.json").read_text())
        assert found["run_id"] == "first"
        one = found["monitors"][0]
        assert (one["windows_profiled"], one["windows_judged"]) == (DAYS, DAYS)
        assert one["statuses"]["drifted"] >= 3
        lines = [json.loads(line) for line in (store / "sparkdrift.log").open()]
        assert [line["step"] for line in lines[:3]] == ["profile", "snapshot", "drift"]
        assert {line["phase"] for line in lines[:3]} == {"SUCCEEDED"}

    def test_a_log_sees_each_step_that_did_something(self, spec, tmp_path):
        done = invoke("run", spec, "--store", tmp_path)
        told = [line.rsplit(",", 1)[0] for line in done.stderr.splitlines()]
        assert told == [
            *(f"small: profile: {DAYS} windows", "small: snapshot: 5 windows"),
            *(f"small: drift: {DAYS} windows", f"small: health: {DAYS} windows"),
        ]
        assert invoke("run", spec, "--store", tmp_path).stderr == ""

    def test_a_second_run_finds_nothing_and_still_tells_of_the_newest_window(self, store, spec):
        found = answer("run", spec, "--store", store, "--fail-on", "drifted", code=3)
        assert found["monitors"][0]["windows_judged"] == 0

    def test_the_window_that_decides_is_named(self, store, spec):
        done = invoke("run", spec, "--store", store, "--fail-on", "drifted")
        assert "small: --fail-on: the newest judged window (" in done.stderr
        assert "drifted comparison" in done.stderr

    def test_statuses_that_are_not_there_do_not_fail(self, store, spec):
        answer("run", spec, "--store", store, "--fail-on", "schema_changed")

    def test_a_feature_that_the_table_lacks_is_said(self, spec, tmp_path):
        """Before anything is due, and where nothing is: the name may be misspelled."""
        file = tmp_path / "misspelled.yml"
        file.write_text(spec.read_text().replace("amount", "amuont"))
        for more in (["--dry-run"], [], []):
            done = invoke("run", file, "--store", tmp_path / "store", *more)
            assert done.exit_code == 0, done.output
            assert "small: not measured: the table has no column 'amuont'" in done.stderr
        assert invoke("validate", file).exit_code == 1
        done = invoke("run", file, "--store", tmp_path / "store", "--fail-on", "schema_changed")
        assert done.exit_code == 3

    def test_one_failing_monitor_does_not_stop_the_others(self, store, spec, tmp_path):
        gone = SPEC.format(path=tmp_path / "gone").replace("monitor: ", "monitor: gone_")
        (tmp_path / "a.yml").write_text(gone)
        (tmp_path / "b.yml").write_text(spec.read_text())
        done = invoke("run", tmp_path, "--store", store)
        assert done.exit_code == 1
        assert "there is no such folder" in done.stderr
        assert "small: nothing is due" in done.stdout

    def test_a_missing_spec_is_a_usage_error(self, store, tmp_path):
        done = invoke("run", tmp_path / "gone.yml", "--store", store)
        assert done.exit_code == 2
        assert "gone.yml does not exist; `sparkdrift init TABLE -o " in done.stderr

    def test_a_backfill_judges_the_asked_windows_again(self, store, spec):
        found = answer(
            *("run", spec, "--store", store, "--begin", "2024-01-08", "--end", "2024-01-10")
        )
        assert found["monitors"][0]["windows_profiled"] == 2


class TestSql:
    def test_tables_and_views_by_their_plain_names(self, store):
        rows = answer(
            *("sql", "--store", store),
            "SELECT window_start, status FROM current_drift"
            " WHERE column_name = 'amount' AND slice_key = '*' ORDER BY window_start",
        )
        assert len(rows) == DAYS
        assert rows[0]["window_start"] == "2024-01-01T00:00:00Z"
        assert [row["status"] for row in rows[-2:]] == ["drifted", "drifted"]

    def test_the_reference_in_force(self, store):
        rows = answer("sql", "--store", store, "SELECT * FROM active_references")
        assert [(row["version"], row["rows"], row["effective_until"]) for row in rows] == [
            (1, 3000, None)
        ]
        assert rows[0]["effective_from"] == "2024-01-06T00:00:00Z"

    @pytest.mark.parametrize(
        "statement",
        [
            "DROP TABLE runs",
            "DELETE FROM runs",
            "/* SELECT */ TRUNCATE TABLE runs",
            "WITH x AS (SELECT 1 AS a) INSERT INTO runs SELECT * FROM runs",
            "SELECT TRANSFORM(monitor) USING 'cat' AS a FROM runs",
            "",
        ],
    )
    def test_it_only_reads(self, store, statement):
        done = invoke("sql", "--store", store, statement)
        assert done.exit_code == 2
        assert "Traceback" not in done.output
        assert answer("sql", "--store", store, "SELECT count(*) AS n FROM runs")[0]["n"] >= 3

    def test_a_wrong_query_is_told_in_one_piece(self, store):
        done = invoke("sql", "--store", store, "SELECT frobnicate(status) FROM drift")
        assert done.exit_code == 2
        left, error = done.stderr.splitlines()[:2]
        assert left == "left to Spark: 'frobnicate' is not known to mean the same"
        assert error.startswith("error: Spark refuses the query: [UNRESOLVED_ROUTINE]")
        for statement, place in (
            ("select * frm drift", "line 1, character 14"),
            ("\n  select *\nfrm drift", "line 3, character 5"),
        ):
            done = invoke("sql", "--store", store, statement)
            assert f"({place})" in done.stderr, done.stderr

    def test_a_wrong_name_is_told_with_the_nearest_right_one(self, store):
        done = invoke("sql", "--store", store, "SELECT * FROM curent_drift")
        assert done.exit_code == 2
        lines = done.stderr.splitlines()
        assert lines[:2] == [
            "error: the store has no such table or view",
            "    given:    curent_drift",
        ]
        assert lines[2].startswith("    accepted: profiles, ")
        assert lines[3:] == ["    did you mean 'current_drift'?"]
        done = invoke("sql", "--store", store, "SELECT d.statsu FROM current_drift AS d")
        assert done.exit_code == 2
        lines = done.stderr.splitlines()
        assert lines[0] == "error: the query names a column that is not there"
        assert lines[2].startswith("    accepted: d.status; ")
        assert lines[2].endswith("; DESCRIBE current_drift lists all")
        assert lines[3:] == ["    did you mean 'd.status'?"]

    def test_sketches_are_shown_by_their_size(self, store, monkeypatch):
        monkeypatch.setenv("COLUMNS", "80")
        done = invoke("sql", "--store", store, "--limit", "1", "SELECT kll FROM profiles"
                      " WHERE column_name = 'amount'")  # fmt: skip
        assert "kB>" in done.stdout
        assert "only the first 1 rows are shown" in done.stderr

    def test_csv(self, store):
        done = invoke("sql", "--csv", "--store", store, "SELECT 'a,b' AS x, array(1, 2) AS y")
        assert list(csv.reader(io.StringIO(done.stdout))) == [["x", "y"], ["a,b", "[1, 2]"]]

    def test_show_tables(self, store):
        names = {row["tableName"] for row in answer("sql", "--store", store, "SHOW TABLES")}
        assert {"profiles", "drift", "runs", "current_drift", "active_references"} <= names

    def test_the_callers_session_is_left_as_it_was(self, spark, store):
        invoke("sql", "--store", store, "SELECT 1 FROM current_drift")
        assert not [t.name for t in spark.catalog.listTables() if t.name == "current_drift"]

    def test_a_folder_is_read_without_spark(self, store):
        """In a process of its own, which has neither pyspark nor Java."""
        code = (
            "import sys; sys.modules['pyspark'] = None; from sparkdrift.cli import main;"
            "print(main(sys.argv[1:]), 'py4j' in sys.modules)"
        )
        query = "SELECT column_name, max(windows) AS windows FROM alerts GROUP BY column_name"
        done = subprocess.run(
            [sys.executable, "-c", code, "sql", "--csv", "--store", str(store), query],
            capture_output=True,
            text=True,
            timeout=120,
            check=True,
        )
        lines = done.stdout.splitlines()
        assert (lines[0], lines[-1]) == ("column_name,windows", "0 False"), done.stderr
        assert "amount,3" in lines
        assert done.stderr == ""

    @pytest.mark.parametrize(
        ("key", "value", "feature"),
        [
            ("delta.columnMapping.mode", "name", "columnMapping"),
            ("delta.enableDeletionVectors", "true", "deletionVectors"),
        ],
    )
    def test_what_delta_rs_does_not_read_is_left_to_spark(
        self, spark, store, tmp_path, key, value, feature
    ):
        copied = tmp_path / "copied"
        shutil.copytree(store, copied)
        named = f"delta.`{copied}/debt_events`"
        spark.sql(f"ALTER TABLE {named} SET TBLPROPERTIES ('{key}' = '{value}')")
        query = "SELECT count(*) AS n FROM debt_events"
        done = invoke("sql", "--store", copied, query, "--json")
        assert done.exit_code == 0, done.output
        assert json.loads(done.stdout)[0]["n"] >= 0
        assert done.stderr == f"left to Spark: table debt_events needs {feature} of its reader\n"

    def test_without_the_extra_spark_answers(self, store, monkeypatch):
        monkeypatch.setattr(embedded, "find_spec", lambda name: None)
        done = invoke("sql", "--store", store, "SELECT count(*) > 2 AS n FROM runs", "--json")
        assert json.loads(done.stdout) == [{"n": True}]
        assert done.stderr == ""

    def test_a_store_that_is_not_there_is_not_made(self, spark, tmp_path):
        done = invoke("sql", "--store", tmp_path / "typo", "SELECT 1")
        assert done.exit_code == 1
        assert "there is no store at" in done.stderr
        assert not (tmp_path / "typo").exists()


class TestSpecs:
    def test_what_init_drafts_validates(self, table, tmp_path):
        file = tmp_path / "drafted.yml"
        done = invoke("init", table, "-o", file, "--monitor", "drafted", "--owner", "me")
        assert done.exit_code == 0, done.output
        assert "owner: me" in file.read_text()
        checked = invoke("validate", file)
        assert checked.exit_code == 0, checked.output
        assert "amount" in checked.stdout

    def test_how_many_rows_a_window_needs_is_told_before_any_run(self, spark, spec):
        lines = [line.strip() for line in invoke("validate", spec).stdout.splitlines()]
        (told,) = [line for line in lines if line.startswith("rows: ")]
        assert re.search("a shift of 0.32 sd .* at least 1,[0-9]00 rows of a feature", told)
        # Five days of a reference: said, and what else to do.
        (lacking,) = [line for line in lines if line.startswith("all inputs together")]
        assert "the reference has 5 windows, and 8 are needed" in lacking
        needed = answer("validate", spec)["specs"][0]["rows_needed"]
        assert 1_000 < needed["feature"] < 2_000
        assert needed["inputs"] is None

    def test_init_overwrites_nothing(self, spark, table, tmp_path):
        file = tmp_path / "mine.yml"
        file.write_text("mine")
        assert invoke("init", table, "-o", file).exit_code == 2
        assert file.read_text() == "mine"

    def test_every_problem_of_every_file_at_once(self, spec, tmp_path):
        bad = tmp_path / "bad.yml"
        bad.write_text(spec.read_text().replace("score]", "scores]").replace("[region]", "[area]"))
        done = invoke("validate", bad, spec)
        assert done.exit_code == 1
        assert "2 problems" in done.stderr
        assert "bad.yml:6" in done.stderr
        assert "did you mean 'score'?" in done.stderr
        assert f"{spec}: ok" in done.stdout

    def test_problems_of_the_file_and_of_the_table_at_once(self, spec, tmp_path):
        bad = tmp_path / "bad.yml"
        features = """features:
  numeric:
    - amuont
    - product
    - {name: twice, expression: amuont * 2}
    - {name: cut, expression: (amount}
    - {name: odd, expression: split(amount, 1) + 1}
  categorical: [ts]
"""
        text = spec.read_text().replace(
            "features: {numeric: [amount, score], categorical: [product]}\n", features
        )
        bad.write_text(text + "drift: {warn_at: 9}\n")
        problems = answer("validate", bad, code=1)["specs"][0]["problems"]
        assert [one["line"] for one in problems] == [8, 9, 10, 11, 12, 13, 16]
        assert problems[2]["message"] == "the table has no column 'amuont'"
        assert problems[2]["nearest"] == "amount"

    def test_an_error_of_the_source_names_the_line_of_the_spec(self, spec, tmp_path):
        bad = tmp_path / "bad.yml"
        bad.write_text(SPEC.format(path=tmp_path / "gone"))
        for command in (["validate", bad], ["run", bad, "--store", tmp_path / "store"]):
            done = invoke(*command)
            assert done.exit_code == 1
            assert f"error: {bad}:4: source {tmp_path / 'gone'}: there is no" in done.stderr
        bad.write_text(bad.read_text().replace("[product]", "[ts]"))
        lines = invoke("validate", bad).stderr.splitlines()
        assert [line.split(": ")[0].strip() for line in lines if f"{bad}:" in line] == [
            f"{bad}:4",
            f"{bad}:6",
        ]
        bad.write_text(spec.read_text().replace("column: ts", "column: tss"))
        done = invoke("run", bad, "--store", tmp_path / "store")
        assert f"{bad}:5: the table has no column 'tss'" in done.stderr

    def test_a_name_of_three_parts_in_a_catalog_of_two(self, spec, tmp_path):
        bad = tmp_path / "bad.yml"
        bad.write_text(SPEC.format(path="x").replace('path: "x"', "table: main.risk.nope"))
        done = invoke("validate", bad)
        assert done.exit_code == 1
        assert f"{bad}:4: source main.risk.nope: " in done.stderr
        assert "spark.sql.catalog.main" in done.stderr
        assert "SQLSTATE" not in done.stderr

    def test_files_alone(self, spec):
        assert answer("validate", "--no-table", spec)["specs"][0]["ok"]


class TestSteps:
    def test_one_by_one(self, spec, tmp_path):
        store = tmp_path / "steps"
        profiled = answer("profile", spec, "--store", store)["monitors"][0]
        assert profiled["windows"] == DAYS
        frozen = answer("snapshot", spec, "--store", store, "--note", "first")["monitors"][0]
        assert (frozen["version"], frozen["rows"]) == (1, 3000)
        judged = answer("drift", spec, "--store", store)["monitors"][0]
        assert judged["windows"] == DAYS
        again = answer(*("snapshot", spec, "--store", store, "--effective-from", "2024-01-09"))[
            "monitors"
        ][0]
        assert again["version"] == 2
        rows = answer(
            *("sql", "--store", store),
            "SELECT version, effective_until FROM active_references ORDER BY version",
        )
        assert [row["effective_until"] for row in rows] == ["2024-01-09T00:00:00Z", None]

    def test_migrate_twice(self, spark, tmp_path):
        assert answer("migrate", "--store", tmp_path / "s")["had"] is None
        assert answer("migrate", "--store", tmp_path / "s")["had"] == STORE_VERSION

    def test_doctor(self, spark, tmp_path):
        found = answer("doctor", "--store", tmp_path / "new")
        assert found["ok"], found
        assert not (tmp_path / "new").exists()
