"""Assumptions end to end: states of pairs against Spark's own corr(), planted faults found,
the quiet quiet, and what could not be measured said."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import asked_of, context_of, new_store, rows_of, run, spec_of, utc

from sparkdrift.cli.outcome import told
from sparkdrift.measures.dependence import EMPTY, correlation, merge_states
from sparkdrift.spark.pairs import pair_states
from sparkdrift.spark.profiles import window_rows
from sparkdrift.spark.source import open_source
from sparkdrift.spark.views import registered
from sparkdrift.spec.resolving import Feature, resolve
from sparkdrift.steps.assumptions import check_assumptions, due_windows
from sparkdrift.steps.context import Options
from sparkdrift.store import Store
from sparkdrift.windows import windows_between

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED = 23
DAYS, ROWS, BROKEN = 20, 1_200, 15
"""From day BROKEN on b moves with a, a tenth of p is new, and c is far above its range."""
SECTIONS = {
    "features": {"numeric": ["a", "b", "c"], "categorical": ["p"]},
    "reference": {"begin": "2024-01-01", "end": "2024-01-11"},
    "dependence": "auto",
    "assumptions": {
        "features": {
            "a": {"range": [-3.2, 3.2], "not_null": True, "tolerate": 0.02},
            "b": {"range": "off", "not_null": True},
            "p": {"not_null": "off"},
        },
        "monotone": [{"column": "c"}, {"column": "a", "with": "c", "order": "decreasing"}],
        "examples": "hash",
    },
}


@pytest.fixture(scope="module")
def log(spark, workspace):
    rng = np.random.default_rng(SEED)
    day = np.repeat(np.arange(DAYS), ROWS)
    a, b, p = rng.normal(size=(3, len(day)))
    c = 0.5 * a + rng.normal(size=len(day)) + 40.0 * (day >= BROKEN)
    b = np.where(day >= BROKEN, 0.5 * a + np.sqrt(0.75) * b, b)
    p = np.where((day >= BROKEN) & (rng.random(len(day)) < 0.1), "new", np.where(p > 0, "x", "y"))
    a[::11] = np.nan
    times = [source_tables.instants(d, ROWS, rng) for d in range(DAYS)]
    table = pa.table(
        {
            "ts": pa.concat_arrays(times),
            "a": pa.array(a),
            "b": pa.array(b, mask=rng.random(len(day)) < 0.1),
            "c": pa.array(c),
            "p": pa.array(p.tolist()),
        }
    )
    source_tables.write(spark, workspace / "log", table)
    return workspace / "log"


@pytest.fixture(scope="module")
def spec(log):
    return spec_of(log, **SECTIONS, windows={"rollups": ["week"]})


@pytest.fixture(scope="module")
def first(spark, workspace, spec):
    return run(spark, new_store(spark, workspace / "store"), spec, "first")


@pytest.fixture(scope="module")
def store(workspace, first):
    return Store(directory=str(workspace / "store"))


@pytest.fixture(scope="module")
def checks(spark, store):
    """Rows of the view by (assumption, column, other), in the order of their windows."""
    with registered(spark, store, "current_assumptions"):
        rows = spark.table("current_assumptions").orderBy("window_start").toArrow().to_pylist()
    found = {}
    for row in rows:
        key = (row["assumption"], row["column_name"], row["other_column"])
        found.setdefault(key, []).append(row)
    return found


def of(rows, first, last=DAYS):
    """Those of the windows of day `first` to `last`, the last excluded."""
    low, high = (utc(2024, 1, 1) + timedelta(days=d) for d in (first, last))
    return [row for row in rows if low <= row["window_start"] < high]


def test_states_agree_with_spark_pairwise(spark, log, store):
    """corr() leaves out rows with a NULL; NaN is made one for it."""
    states = rows_of(spark, store, "states", "granularity = 'day'").to_pylist()
    assert len(states) == 3 * (DAYS - 1)
    source = (
        spark.read.format("delta")
        .load(str(log))
        .selectExpr("date_trunc('day', ts) AS day", "nanvl(a, NULL) AS a", "b", "c")
    )
    exact = {
        row["day"]: row
        for row in source.groupBy("day")
        .agg(*(_exact(x, y) for x, y in (("a", "b"), ("a", "c"), ("b", "c"))))
        .toArrow()
        .to_pylist()
    }
    for row in states:
        x, y = json.loads(row["name"])
        assert row["columns"] == [x, y]
        expected = exact[row["window_start"]][f"{x}{y}"]
        assert row["cells"][0] == expected["rows"]
        assert correlation(row["cells"]) == pytest.approx(expected["r"], rel=1e-9), SEED


def _exact(x, y):
    from pyspark.sql import functions as F

    return F.expr(f"struct(corr({x}, {y}) AS r, regr_count({x}, {y}) AS rows)").alias(f"{x}{y}")


def test_weeks_are_the_merge_of_their_days(spark, store):
    days = rows_of(spark, store, "states", "granularity = 'day'").to_pylist()
    weeks = rows_of(spark, store, "states", "granularity = 'week'").to_pylist()
    assert len(weeks) == 2 * 3
    for week in weeks:
        merged = EMPTY
        for day in days:
            inside = week["window_start"] <= day["window_start"] < week["window_end"]
            if day["name"] == week["name"] and inside:
                merged = merge_states(merged, day["cells"])
        np.testing.assert_allclose(week["cells"], merged, rtol=1e-10)
        assert week["fingerprint"] == "merged:7"


def test_a_planted_dependence_is_found_and_the_others_stay_quiet(checks):
    rows = checks["independence", "a", "b"]
    assert {row["status"] for row in of(rows, 0, 10)} == {"no_reference"}
    assert {row["status"] for row in of(rows, 10, BROKEN)} <= {"ok", "insufficient_data"}
    for row in of(rows, BROKEN):
        assert row["status"] == "violated"
        assert row["since"] == utc(2024, 1, 1) + timedelta(days=BROKEN)
        assert row["correlation"] == pytest.approx(0.5, abs=0.12)
        assert row["low"] < row["value"] < row["high"]
    assert [row["violated_windows"] for row in of(rows, BROKEN)] == [1, 2, 3, 4]
    for row in of(checks["independence", "a", "c"], 10):
        assert row["status"] in ("ok", "insufficient_data")
        assert row["source"] == "learned"


def test_a_run_says_how_many_checks_are_violated(first, checks):
    violated = sum(row["status"] == "violated" for rows in checks.values() for row in rows)
    assert first.checked.violated == violated > 0
    assert f"assumptions checked in 19 windows (checks: {violated} violated)" in told(first)


def test_learned_domains_and_ranges_are_those_of_the_reference(checks):
    domain = of(checks["domain", "p", None], 10)
    assert [row["status"] for row in domain] == ["ok"] * 5 + ["violated"] * 4
    hashes = [hashlib.sha256(one).hexdigest()[:12] for one in (b"x", b"y")]
    assert domain[-1]["expected"] == f"one of {', '.join(hashes)}"
    assert domain[-1]["share"] == pytest.approx(0.1, abs=0.04)
    assert domain[-1]["violations"] == round(domain[-1]["share"] * domain[-1]["rows"])
    range_ = of(checks["range", "c", None], 10)
    assert [row["status"] for row in range_] == ["ok"] * 5 + ["violated"] * 4
    assert range_[-1]["share"] == 1.0


def test_examples_are_redacted(checks):
    (example,) = checks["domain", "p", None][-1]["examples"]
    assert example == hashlib.sha256(b"new").hexdigest()[:12]
    assert "new" not in checks["domain", "p", None][-1]["reason"]


def test_declared_rules_hold_without_a_reference_and_override_what_is_learned(checks):
    declared = checks["range", "a", None]
    assert len(declared) == DAYS - 1
    assert {(row["status"], row["source"]) for row in declared} == {("ok", "declared")}
    assert {row["status"] for row in checks["not_null", "b", None]} == {"violated"}
    assert checks["not_null", "b", None][0]["share"] == pytest.approx(0.1, abs=0.04)
    assert ("range", "b", None) not in checks
    assert ("not_null", "p", None) not in checks


def test_order_over_time_and_between_features(checks):
    rising = checks["monotone", "c", None]
    assert rising[0]["status"] == "insufficient_data"
    assert rising[10]["status"] in ("ok", "undetermined")
    assert rising[BROKEN]["status"] == "ok"
    assert rising[BROKEN]["value"] == pytest.approx(40, abs=0.5)
    falling = checks["monotone", "a", "c"]
    assert {row["status"] for row in falling} == {"violated"}


def test_one_pass_for_any_number_of_pairs_and_windows(spark, capsys, log):
    source = open_source(spark, table=None, path=str(log), row_filter=None)

    def passes(numbers, days):
        spec = spec_of(log, **{**SECTIONS, "features": {"numeric": numbers}, "assumptions": {}})
        last = source_tables.day_start(days) - timedelta(seconds=1)
        windows = list(windows_between(source_tables.day_start(0), last, "day", "UTC"))
        features = resolve(spec, source.schema).usable
        pairs = [(a, b) for i, a in enumerate(features) for b in features[i + 1 :]]
        assert all(isinstance(one, Feature) for pair in pairs for one in pair)
        rows = window_rows(spark, source, spec, windows)
        capsys.readouterr()
        pair_states(rows, spec, pairs).explain()
        return capsys.readouterr().out.count("FileScan parquet")

    assert passes(["a", "b"], 2) == passes(["a", "b", "c"], 19) == 1


def test_a_settled_monitor_with_assumptions_asks_one_question_more(spark, store, spec):
    from sparkdrift.steps.run import run_monitor

    context = context_of(spark, store, "second")
    with asked_of(spark) as asked:
        outcome = run_monitor(context, spec, Options())
    assert outcome.profiled.settled
    assert outcome.checked.windows == ()
    # Nine without assumptions: tests/spark/test_passes.py.
    assert len(asked) == 10


def test_another_limit_makes_every_window_due_and_no_row_is_read(spark, store, spec, log):
    other = spec_of(log, **{**SECTIONS, "dependence": {"auto": True, "limit": 0.9}})
    assert due_windows(context_of(spark, store), spec, Options()) == 0
    assert due_windows(context_of(spark, store), other, Options()) == DAYS - 1


def test_where_no_check_applies_a_window_is_looked_at_once(spark, store, spec, log):
    off = {name: {"range": "off", "not_null": "off"} for name in "abc"}
    off["p"] = {"domain": "off", "not_null": "off"}
    sections = {**SECTIONS, "dependence": None, "assumptions": {"features": off}}
    bare = spec_of(log, **{k: v for k, v in sections.items() if v is not None})
    assert due_windows(context_of(spark, store), bare, Options()) == DAYS - 1
    checked = check_assumptions(context_of(spark, store, "bare"), bare, Options())
    assert (len(checked.windows), checked.violated) == (DAYS - 1, 0)
    assert due_windows(context_of(spark, store), bare, Options()) == 0
    rows = rows_of(spark, store, "assumptions", "assumption = 'none'").to_pylist()
    assert len(rows) == DAYS - 1
    assert {(row["column_name"], row["status"]) for row in rows} == {(":table", "undetermined")}


@pytest.mark.slow
def test_a_week_in_which_a_feature_was_redefined_has_one_row_for_a_pair(spark, workspace, log):
    store = new_store(spark, workspace / "redefined")
    sections = {"dependence": {"pairs": [["a", "b"]]}, "windows": {"rollups": ["week"]}}
    run(spark, store, spec_of(log, **sections, features={"numeric": ["a", "b"]}))
    other = {"numeric": [{"name": "a", "expression": "2 * a"}, "b"]}
    begin = source_tables.day_start(9)
    outcome = run(spark, store, spec_of(log, **sections, features=other), begin=begin)
    assert outcome.profiled.due
    days = rows_of(spark, store, "states", "granularity = 'day'").to_pylist()
    assert len({row["definition_hash"] for row in days}) == 2
    weeks = rows_of(spark, store, "states", "granularity = 'week'").to_pylist()
    starts = [row["window_start"] for row in weeks]
    assert len(starts) == len(set(starts))
    mixed = [row for row in weeks if row["window_start"] < begin < row["window_end"]]
    assert [row["fingerprint"] for row in mixed] == ["merged:5"]


@pytest.mark.slow
def test_windows_stored_before_a_pair_was_asked_for_say_so(spark, workspace, log):
    """And a state from before its window was read anew counts as none."""
    store = new_store(spark, workspace / "later")
    before = spec_of(log, **{k: v for k, v in SECTIONS.items() if k not in _ASSUMED})
    run(spark, store, before)
    after = spec_of(log, **{**SECTIONS, "assumptions": None})
    run(spark, store, after)
    rows = rows_of(spark, store, "assumptions", "window_start >= '2024-01-11'").to_pylist()
    assert {row["status"] for row in rows} == {"no_reference"}
    assert "frozen without this pair" in rows[0]["reason"]
    begin = source_tables.day_start(DAYS - 3)
    run(spark, store, after, begin=begin)
    states = rows_of(spark, store, "states")
    assert sorted(set(states["window_start"].to_pylist())) == [
        begin,
        begin + timedelta(days=1),
    ]
    spark.sql(
        f"UPDATE {store.table('profiles')} SET fingerprint = 'other', input_digest = 'other'"
        f" WHERE window_start = '{begin:%Y-%m-%d}' AND column_name = ':table'"
    )
    independent = {**SECTIONS, "dependence": None, "assumptions": {"independent": [["a", "b"]]}}
    run(spark, store, spec_of(log, **independent))
    policy = "source = 'declared'"
    rows = rows_of(spark, store, "assumptions", policy).to_pylist()
    told = {row["window_start"]: (row["status"], row["reason"]) for row in rows}
    assert len(told) == DAYS - 1
    assert told[begin][0] == "insufficient_data"
    assert "stored without the pair" in told[begin][1]
    assert told[begin + timedelta(days=1)][0] == "violated"
    narrow = {"auto": True, "most_features": 2}
    wide = spec_of(log, **{**SECTIONS, "assumptions": None, "dependence": narrow})
    outcome = run(spark, store, wide)
    assert len(outcome.checked.windows) == DAYS - 1
    assert run(spark, store, wide).checked.windows == ()
    rows = rows_of(spark, store, "assumptions", "column_name = ':table'").to_pylist()
    assert {row["status"] for row in rows} == {"undetermined"}
    assert "3 numeric features have 3 pairs" in rows[0]["reason"]


_ASSUMED = ("dependence", "assumptions")
