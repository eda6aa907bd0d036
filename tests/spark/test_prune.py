"""Pruning: what is too old goes, what is cited stays, and nothing that went comes back."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from monitors import (
    Crash,
    content,
    context_of,
    crashing,
    new_store,
    profile_only,
    rows_of,
    run,
    spec_of,
)
from source_tables import closing_row, day_rows, day_start, days, write

from sparkdrift.health.ledger import FORCED
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.reference_tables import DEBT_EVENTS
from sparkdrift.spark.writer import insert_rows
from sparkdrift.steps.kept import pruned as pruned_interval
from sparkdrift.steps.prune import Pruned, plan_prune, prune
from sparkdrift.steps.snapshot import due_reference
from sparkdrift.store import Store
from sparkdrift.windows import Window

pytestmark = pytest.mark.spark

SEED = 41
DAYS = 40
KEEP = 9


def credit_spec(path: Path, **sections):
    return spec_of(
        path,
        **{
            "features": {"numeric": ["amount"]},
            "windows": {"rollups": ["week", "month"]},
            "retention": {"day": f"{KEEP} days", "month": "forever"},
            "reference": {"begin": "2024-01-03", "end": "2024-01-06"},
            "drift": {"multivariate": False},
            **sections,
        },
    )


@pytest.fixture(scope="module")
def source(spark, workspace) -> Path:
    rng = np.random.default_rng(SEED)
    rows = pa.concat_tables([days(0, DAYS - 1, 50, rng), closing_row(DAYS)])
    write(spark, workspace / "source", rows)
    return workspace / "source"


@pytest.fixture(scope="module")
def pruned(spark, source, workspace) -> tuple[Store, tuple[Pruned, ...], dict]:
    """After a run with days, weeks and months, and a pruning of the days."""
    store, spec = new_store(spark, workspace / "store"), credit_spec(source)
    run(spark, store, spec, "first")
    owed = {"monitor": "credit", "kind": "data", "action": "opened", "created_at": day_start(DAYS)}
    insert_rows(
        spark,
        store,
        DEBT_EVENTS,
        [
            {
                **owed,
                "debt": f"{FORCED}baseline/one version 1",
                "seq": 1,
                "window_start": day_start(20),
            },
            {
                **(owed | {"action": "seen", "window_start": day_start(24)}),
                "debt": f"{FORCED}baseline/one version 1",
                "seq": 2,
            },
            {
                **owed,
                "debt": f"{FORCED}baseline/two version 1",
                "seq": 1,
                "window_start": day_start(22),
            },
            {
                **(owed | {"action": "closed", "window_start": day_start(22)}),
                "debt": f"{FORCED}baseline/two version 1",
                "seq": 2,
            },
        ],
    )
    shutil.copytree(str(store.directory), workspace / "unpruned")
    before = {name: kept(spark, store, name) for name in ("profiles", "drift")}
    planned = plan_prune(context_of(spark, store), spec)
    assert {name: kept(spark, store, name) for name in before} == before
    context = context_of(spark, store, "prune")
    done = prune(context, spec)
    context.journal.close()
    assert planned == done
    return store, done, before


def kept(spark, store, table: str) -> dict[str, set]:
    """Starts of the windows that a table has rows of, by grain."""
    rows = rows_of(spark, store, table).to_pylist()
    return {
        grain: {row["window_start"] for row in rows if row["granularity"] == grain}
        for grain in ("day", "week", "month")
    }


CITED = {day_start(day) for day in (2, 3, 4)} | {day_start(20), day_start(24)}
# Weeks and January are merged; days of February wait for their month.
GONE = {day_start(day) for day in range(DAYS - KEEP)} - CITED


def test_days_go_but_for_what_cites_them_and_longer_windows_stay(spark, pruned):
    store, (done,), before = pruned
    assert {one.start for one in done.aged.due} == GONE
    assert {one.start for one in done.aged.cited} == CITED
    for table in ("profiles", "drift"):
        now = kept(spark, store, table)
        assert now["day"] == before[table]["day"] - GONE
        assert (now["week"], now["month"]) == (before[table]["week"], before[table]["month"])
    assert before["profiles"]["month"] == {day_start(0)}
    # A row for ':table' and one for the feature; of drift, one for the feature.
    rows = {"profiles": 2 * len(GONE), "states": 0, "drift": len(GONE), "assumptions": 0}
    rows |= {"performance": 0, "eval_staleness": 0, "feature_debt": 0, "operations": 0}
    assert done.rows == rows
    gone = pruned_interval(context_of(spark, store), credit_spec(Path("source")), "day")
    assert gone == Window(day_start(0), day_start(DAYS - KEEP))
    (ran,) = rows_of(spark, store, "runs", "run_id = 'prune' AND phase = 'SUCCEEDED'").to_pylist()
    assert (ran["step"], ran["windows"], ran["as_of"]) == (
        "prune day",
        len(GONE),
        day_start(DAYS - KEEP),
    )
    assert f"deleted from profiles: {2 * len(GONE):,} rows" in ran["warnings"]


OF_WINDOWS = (
    *("states", "drift", "assumptions", "performance", "eval_staleness", "feature_debt"),
    *("operations", "profiles"),
)


@pytest.mark.classic
# After the profiles are gone, which say what is left to do; the others by --slow.
@pytest.mark.parametrize(
    "writes",
    [one if one == 8 else pytest.param(one, marks=pytest.mark.slow) for one in range(1, 10)],
)
def test_a_pruning_that_ended_too_early_is_done_by_the_next_one(
    spark, source, pruned, workspace, tmp_path, writes
):
    whole, _, _ = pruned
    spec = credit_spec(source)
    shutil.copytree(workspace / "unpruned", tmp_path / "store")
    store = Store(directory=str(tmp_path / "store"))
    with crashing(after=writes) as written, pytest.raises(Crash):
        prune(context_of(spark, store, "crashed"), spec)
    assert tuple(written) == ("runs", *OF_WINDOWS)[:writes]
    context = context_of(spark, store, "again")
    prune(context, spec)
    context.journal.close()
    assert content(spark, store, OF_WINDOWS) == content(spark, whole, OF_WINDOWS)
    # Also where all was deleted and the end not said, nothing comes back.
    assert not profile_only(spark, store, spec, "next").due
    expected = Window(day_start(0), day_start(DAYS - KEEP))
    assert pruned_interval(context_of(spark, store), spec, "day") == expected


@pytest.mark.classic
def test_what_went_stays_out_and_its_roll_ups_stay_as_they_were(spark, source, pruned):
    store, _, _ = pruned
    spec = credit_spec(source)
    before = rows_of(spark, store, "profiles", "granularity <> 'day'").to_pylist()
    rng = np.random.default_rng(SEED + 1)
    # A late row for a day that went, one for a cited day, and a day more.
    late = [day_rows(1, 1, rng), day_rows(3, 1, rng), days(DAYS, DAYS, 50, rng)]
    write(spark, source, pa.concat_tables([*late, closing_row(DAYS + 1)]))
    plan = profile_only(spark, store, spec, "later")
    assert [one.window.start for one in plan.due] == [day_start(3), day_start(DAYS)]
    after = rows_of(spark, store, "profiles", "granularity <> 'day'").to_pylist()
    # Nothing was merged again of what is left of January and its first week.
    old = [row for row in after if row["window_start"] < day_start(28)]
    assert old == [row for row in before if row["window_start"] < day_start(28)]
    again = run(spark, store, spec, "settled")
    assert not again.profiled.due
    assert day_start(1) not in stored_windows(spark, store, spec)
    # Of an interval that is no longer whole no reference is made by itself.
    older = credit_spec(source, reference={"begin": "2024-01-01", "end": "2024-01-06"})
    due = due_reference(context_of(spark, store), older)
    assert (due.make, due.missing is not None) == (True, True)
    assert "were pruned" in str(due.missing)
    # By hand it comes back.
    back = profile_only(spark, store, spec, "back", begin=day_start(1), end=day_start(2))
    assert [one.window.start for one in back.due] == [day_start(1)]


@pytest.mark.classic
def test_days_wait_for_a_month_that_is_not_merged_yet(spark, source, workspace):
    store = new_store(spark, workspace / "waiting")
    days_only = credit_spec(source, windows={}, reference=None)
    profile_only(spark, store, days_only, "days")
    spec = credit_spec(source, windows={"rollups": ["month"]}, reference=None)
    (planned,) = plan_prune(context_of(spark, store), spec)
    assert not planned.aged.due
    assert {one.start for one in planned.aged.waiting} >= {day_start(0), day_start(30)}
    profile_only(spark, store, spec, "months")
    (planned,) = plan_prune(context_of(spark, store), spec)
    assert {one.start for one in planned.aged.due} >= {day_start(0), day_start(30)}


@pytest.mark.classic
def test_a_second_pruning_goes_on_from_the_first_and_one_with_nothing_due_keeps_it(
    spark, source, pruned
):
    """After the test above, in the same store: day 1 is back, and a day more is stored."""
    store, _, _ = pruned
    spec = credit_spec(source)
    context = context_of(spark, store, "again")
    (done,) = prune(context, spec)
    context.journal.close()
    # The run between has judged the debt: it rests on what opened it, no longer on the day that
    # it was seen by hand. The first day of February waits for its month.
    assert {one.start for one in done.aged.due} == {day_start(1), day_start(24)}
    assert {one.start for one in done.aged.waiting} == {day_start(DAYS - KEEP)}
    expected = Window(day_start(0), day_start(DAYS - KEEP + 1))
    assert pruned_interval(context_of(spark, store), spec, "day") == expected
    context = context_of(spark, store, "idle")
    (idle,) = prune(context, spec)
    context.journal.close()
    assert (idle.aged.due, idle.rows) == ((), {})
    assert pruned_interval(context_of(spark, store), spec, "day") == expected
    assert not run(spark, store, spec, "still").profiled.due
