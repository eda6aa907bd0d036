"""`since` in the rows: the rule in Python as its oracle, day by day as in one go, moved by a late
window, and equal to what the views say of a whole store."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
import source_tables
from monitors import new_store, rows_of, run, spec_of

from sparkdrift.measures.persistence import standing
from sparkdrift.spark import dating
from sparkdrift.spark.dating import Findings, around, dated
from sparkdrift.spark.drift_rows import SERIES
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.views import registered
from sparkdrift.spark.writer import rows_frame
from sparkdrift.windows import Window

pytestmark = pytest.mark.spark

SEED = 17
WINDOWS = 45
RULES = [(1, 1), (2, 3), (2, 2), (3, 5), (4, 30)]
SPEC = spec_of("/log")
FEATURES = ("calm", "usual", "long", None)
"""Series by slice value; 'long' alerts nearly always, so that its run is longer than LOOK."""


def alert_rows(seed):
    rng = np.random.default_rng(seed)
    rows = []
    for value in FEATURES:
        odds = [0.1, 0.85, 0.05] if value == "long" else [0.2, 0.35, 0.45]
        for day in range(WINDOWS):
            start = source_tables.day_start(day)
            row = {"window_start": start, "window_end": start + timedelta(days=1)}
            row |= {"monitor": "m", "granularity": "day", "slice_key": "s", "slice_value": value}
            row |= {"column_name": "x", "comparison": "baseline", "reason": f"of {day}"}
            row["alerting"] = [None, True, False][rng.choice(3, p=odds)]
            rows.append(row)
    return rows


def findings(windows, of):
    return Findings(
        DRIFT, SERIES, "alerting", "alerting IS NOT NULL", ("alerting",), windows, of
    )  # fmt: skip


def expected(rows, windows, of):
    """(slice value, start): since, from the definition."""
    found = {}
    for value in FEATURES:
        own = [row for row in rows if row["slice_value"] == value]
        alerting = [np.nan if row["alerting"] is None else float(row["alerting"]) for row in own]
        stands = standing(alerting, windows, of)
        measured = [i for i, one in enumerate(alerting) if not np.isnan(one)]
        for i, row in enumerate(own):
            last = [j for j in measured if j <= i][-of:]
            if stands[i]:
                begin = max(j for j in range(i + 1) if stands[j] and (j == 0 or not stands[j - 1]))
                last = [j for j in measured if j <= begin][-of:]
            counts = stands[i] or row["alerting"]
            first = next(j for j in last if own[j]["alerting"]) if counts else None
            start = None if first is None else own[first]["window_start"]
            found[value, row["window_start"]] = start
    return found


def window(day):
    return Window(source_tables.day_start(day), source_tables.day_start(day + 1))


START = source_tables.day_start(0)


def step(spark, kept, rows, rule):
    """`kept` after `rows` were written: by (slice value, start)."""
    written = [window(day) for day in sorted({(r["window_start"] - START).days for r in rows})]
    stored = list(kept.values())
    near = around(SPEC, written, {row["window_start"] for row in stored})
    frames = (rows_frame(spark, DRIFT, one) for one in (rows, stored))
    found = dated(*frames, near, findings(*rule)).toArrow().to_pylist()
    covered = {one.start for one in (*written, *near.after)}
    assert {row["window_start"] for row in found} == covered
    assert len(found) == len(covered) * len(FEATURES)
    return kept | {(row["slice_value"], row["window_start"]): row for row in found}


def since_of(kept):
    return {key: row["since"] for key, row in kept.items()}


@pytest.mark.parametrize("rule", RULES)
def test_in_one_go_it_follows_the_rule(spark, rule):
    rows = alert_rows(SEED)
    found = step(spark, {}, rows[::-1], rule)
    assert since_of(found) == expected(rows, *rule), SEED
    assert all(found[r["slice_value"], r["window_start"]]["reason"] == r["reason"] for r in rows)
    assert len(set(since_of(found).values())) >= 4


@pytest.mark.classic
@pytest.mark.parametrize("rule", [(2, 3), (1, 1)])
def test_in_steps_a_run_longer_than_the_look_back_keeps_its_start(spark, monkeypatch, rule):
    monkeypatch.setattr(dating, "LOOK", 9)
    rows, kept = alert_rows(SEED), {}
    for first, last in ((0, 20), (20, 21), (21, 34), (34, WINDOWS)):
        of = [r for r in rows if first <= (r["window_start"] - START).days < last]
        kept = step(spark, kept, of, rule)
    assert since_of(kept) == expected(rows, *rule), SEED
    spans = [start - since for (value, start), since in since_of(kept).items() if value == "long"
             and since is not None]  # fmt: skip
    assert rule == (1, 1) or max(spans) > timedelta(days=9)


@pytest.mark.classic
@pytest.mark.parametrize("rule", [(2, 3), (3, 5)])
def test_late_windows_in_any_places_move_the_dates_of_later_ones(spark, rule):
    rows = alert_rows(SEED)
    kept = step(spark, {}, rows, rule)
    rng = np.random.default_rng(SEED)
    late = {3, 4, 19, 30}
    for row in rows:
        if (row["window_start"] - START).days in late:
            row["alerting"] = [None, True, False][rng.integers(3)]
    changed = [row for row in rows if (row["window_start"] - START).days in late]
    after = step(spark, kept, changed, rule)
    assert since_of(after) == expected(rows, *rule), SEED
    moved = {key for key, value in since_of(after).items() if value != kept[key]["since"]}
    assert any((start - START).days not in late for _, start in moved)


@pytest.mark.classic
def test_beyond_the_look_nothing_is_dated_again(monkeypatch):
    monkeypatch.setattr(dating, "LOOK", 2)
    stored = [source_tables.day_start(day) for day in (0, 1, 2, 4, 5, 8, 9, 10, 11)]
    near = around(SPEC, [window(3), window(5)], stored)
    assert [one.start.day - 1 for one in near.before] == [1, 2]
    assert [one.start.day - 1 for one in near.after] == [4, 8, 9]
    assert around(SPEC, [window(3)], stored, again=False).after == ()


@pytest.mark.classic
def test_a_late_window_joins_two_runs_in_one_commit(spark, tmp_path):
    """Day 12 was as usual, until its late rows came: only it is judged again."""
    rng = np.random.default_rng(SEED)
    shift = [3.0 if day >= 10 and day != 12 else 0.0 for day in range(16)]
    days = [source_tables.day_rows(day, 300, rng, shift[day]) for day in range(16)]
    source_tables.write(
        spark, tmp_path / "log", pa.concat_tables([*days, source_tables.closing_row(17)])
    )
    spec = spec_of(
        tmp_path / "log",
        reference={"begin": "2024-01-01", "end": "2024-01-11"},
        alerts={"windows": 1, "of": 1},
        assumptions={"features": {"amount": {"range": [0, 200]}}},
    )
    store = new_store(spark, tmp_path / "store")
    run(spark, store, spec, "first")
    before = days_since(spark, store, "drift")
    assert [before[day] for day in range(10, 16)] == [10, 10, None, 13, 13, 13]
    checked = days_since(spark, store, "assumptions")
    assert [checked[day] for day in range(10, 16)] == [10, 10, None, 13, 13, 13]
    commits = commits_of(spark, store)

    source_tables.write(spark, tmp_path / "log", source_tables.day_rows(12, 3000, rng, 3.0))
    outcome = run(spark, store, spec, "second")
    assert [one.start for one in outcome.judged.windows] == [window(12).start]
    for table in ("drift", "assumptions"):
        after = days_since(spark, store, table)
        assert [after[day] for day in range(10, 16)] == [10] * 6, table
    assert commits_of(spark, store) == commits + 1
    runs = rows_of(spark, store, "drift", "column_name = 'amount'").column("run_id").to_pylist()
    assert runs.count("second") == 1
    assert stored_and_told(spark, store)
    assert run(spark, store, spec, "third").judged.windows == ()


def days_since(spark, store, table):
    """Day: the day that its row of the feature amount has as `since`, or None."""
    where = "column_name = 'amount'" + (" AND assumption = 'range'" * (table == "assumptions"))
    return {
        (row["window_start"] - START).days: row["since"] and (row["since"] - START).days
        for row in rows_of(spark, store, table, where).to_pylist()
    }


def commits_of(spark, store):
    return spark.sql(f"DESCRIBE HISTORY {store.table('drift')}").count()


def stored_and_told(spark, store):
    """How many rows of the views have a `since`, after holding it against the stored ones."""
    told = 0
    keys = {
        "alerts": ("current_drift", ("column_name", "slice_key", "slice_value", "comparison")),
        "current_assumptions": ("assumptions", ("column_name", "other_column", "assumption")),
    }
    with registered(spark, store):
        for view, (table, names) in keys.items():
            same = " AND ".join(f"v.{name} <=> t.{name}" for name in ("window_start", *names))
            rows = spark.sql(f"SELECT v.since, t.since FROM {view} v LEFT JOIN {table} t ON {same}")
            pairs = [tuple(row) for row in rows.collect()]
            assert all(one == other for one, other in pairs), view
            told += sum(one is not None for one, _ in pairs)
    return told


@pytest.mark.classic
def test_a_whole_store_says_what_its_views_say(spark, planted):
    assert stored_and_told(spark, planted.store) >= 2
