"""Health from a store: verdicts and ledger that follow from rows, what is said of debts, views."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier
from types import SimpleNamespace

import planted as plan
import pytest
from monitors import Crash, asked_of, context_of, crashing, rows_of
from pyspark.sql import functions as F
from source_tables import day_start

from sparkdrift.errors import UsageError
from sparkdrift.spark.debt_views import DEBTS
from sparkdrift.spark.runs import settled_scope
from sparkdrift.spark.table import bucket_of
from sparkdrift.spark.views import registered
from sparkdrift.steps import health, reference
from sparkdrift.steps.answering_debts import Said, answer_debt
from sparkdrift.steps.health import assess_health, judge_monitors
from sparkdrift.steps.promotion import Decision
from sparkdrift.steps.snapshot import snapshot_reference

pytestmark = pytest.mark.spark

DRIFTS = "drift of amount"


def shown(spark, store, view: str, columns: str) -> list[dict]:
    query = f"SELECT {columns} FROM {view}"
    with registered(spark, store, query):
        return spark.sql(query).toArrow().to_pylist()


def assess(spark, store, *specs, run_id=None):
    context = context_of(spark, store, run_id)
    found = assess_health(context, specs)
    context.journal.close()
    return found


def unjudged(spark, planted, folder):
    """The planted store without the verdicts and debts that its run ended with."""
    store = planted.copied(folder)
    for table in ("model_health", "debt_events"):
        spark.sql(f"DELETE FROM {store.table(table)}")
    return store


def _named(column: str) -> str:
    return "all inputs together" if column == ":inputs" else column


@pytest.fixture(scope="module")
def spec(planted):
    """Without needs that this source can't meet: it is watched for drift alone."""
    return plan.planted_spec(
        planted.path,
        policy={
            "needs": ["data"],
            "escalation": "second",
            "due": {"major": "2 days", "critical": "1 day"},
        },
    )


@pytest.fixture(scope="module")
def judged(spark, planted, workspace, spec):
    """(the store, what was judged of it)."""
    store = unjudged(spark, planted, workspace / "health")
    return store, assess(spark, store, spec, run_id="first")[spec.monitor]


def test_every_stored_window_has_a_verdict(spark, judged, planted):
    store, _ = judged
    rows = rows_of(spark, store, "model_health").to_pylist()
    windows = {row["window_start"] for row in planted.drift}
    assert {row["window_start"] for row in rows} == windows
    assert all(row["owner"] == "tests" and row["reasons"] and row["rules"] for row in rows)
    assert {row["escalation"] for row in rows} == {"second"}


@pytest.mark.classic
def test_debts_are_what_alerts_in_the_store(spark, judged):
    """In each window: a debt of drift is open where the view has an alert of the column."""
    store, _ = judged
    alerts = shown(spark, store, "alerts", "window_start, column_name, suppression, slice_key")
    wanted = {
        (
            row["window_start"],
            f"drift of {_named(row['column_name'])}",
        )
        for row in alerts
        if row["suppression"] is None
    }
    assert wanted
    rows = rows_of(spark, store, "model_health").to_pylist()
    found = {
        (row["window_start"], debt["debt"])
        for row in rows
        for debt in row["debts"]
        if debt["kind"] == "data" and debt["last_seen"] == row["window_start"]
    }
    assert found == wanted


@pytest.mark.classic
def test_verdicts_follow_from_stored_rows_alone(spark, judged, spec):
    store, first = judged
    again = judge_monitors(context_of(spark, store), [spec])[spec.monitor]
    assert again.assessed == first.assessed
    assert (again.due, again.entries) == ((), ())
    stored = {row["window_start"]: row for row in rows_of(spark, store, "model_health").to_pylist()}
    for one in again.assessed.health:
        row = stored[one.window.start]
        assert row["input_digest"] == one.digest
        assert (row["verdict"], row["severity"]) == (one.judgement.verdict, one.judgement.severity)
        assert row["confidence"] == one.judgement.confidence
        assert [r["reason"] for r in row["reasons"]] == [r.reason for r in one.judgement.reasons]
        assert (row["since"], row["due"]) == (one.since, one.due)


@pytest.mark.classic
def test_a_second_look_writes_nothing_and_many_cost_no_more_questions(spark, judged, spec):
    store, _ = judged
    other = spec.model_copy(update={"monitor": "nobody"})
    with asked_of(spark) as once, crashing() as written:
        assess(spark, store, spec)
    assert written == ["runs"]
    with asked_of(spark) as twice:
        found = assess(spark, store, spec, other)
    assert len(once) == len(twice)
    assert found["nobody"].newest is None


@pytest.mark.classic
def test_what_is_said_of_a_debt(spark, judged, spec, workspace, planted):
    """Seen, waived, given away; told by the view; an unknown one and a waiver of the past are
    refused, and what somebody forced is closed by whoever opened it."""
    store = planted.copied(workspace / "said")
    context = context_of(spark, store, "said")
    faulty = plan.planted_spec(
        planted.path,
        reference={"begin": "2024-01-07", "end": "2024-01-15"},
        policy=spec.policy.model_dump(mode="json", include={"needs", "escalation"}),
    )
    snapshot_reference(context, faulty)
    why = Decision("tests", "it is what is normal now")
    since = replace(why, effective_from=day_start(14))
    reference.promote(context, faulty, reference.named(faulty), 2, since, force=True)
    context.journal.close()
    found = assess(spark, store, faulty)[faulty.monitor]
    newest = found.newest
    forced = "forced reference baseline/baseline version 2"
    debts = {one.name for one in newest.debts}
    assert forced in debts, debts

    with pytest.raises(UsageError, match=r"did you mean 'forced reference"):
        answer_debt(context, faulty, forced[:-1], Said("acknowledged", "tests", "seen"))
    late = Said("waived", "tests", "known", until=newest.window.end)
    with pytest.raises(UsageError, match="in the past"):
        answer_debt(context, faulty, forced, late)
    until = newest.window.end + timedelta(days=5)
    done = answer_debt(context, faulty, forced, Said("waived", "tests", "known", until=until))
    after = {one.name: one for one in done.judged.newest.debts}[forced]
    assert (after.status, after.counts_as) == ("waived", "minor")
    answer_debt(context, faulty, forced, Said("assigned", "tests", "theirs", owner="else"))
    (row,) = shown(
        spark,
        store,
        f"debts WHERE debt = '{forced}'",
        "status, owner, until, closed, kind, age_days, windows, opened_by",
    )
    assert (row["status"], row["owner"], row["closed"]) == ("waived", "else", None)
    assert row["until"].replace(tzinfo=None) == until.replace(tzinfo=None)
    assert (row["kind"], row["opened_by"]) == ("data", "tests")
    looked = answer_debt(context, faulty, forced, Said("acknowledged", "tests", "seen"))
    assert {one.name: one.status for one in looked.judged.newest.debts}[forced] == "waived"

    reference.rollback(context, faulty, reference.named(faulty), None, why)
    context.journal.close()
    assess(spark, store, faulty)
    (row,) = shown(spark, store, f"debts WHERE debt = '{forced}'", "status, closed")
    assert row["status"] == "closed"
    assert row["closed"] is not None


@pytest.mark.classic
def test_what_is_said_after_the_end_or_during_a_waiver_does_not_undo_it(spark):
    """Of events alone, and beside what was judged: a closed debt stays closed, a waiver stands."""
    told = [
        *(("closed", 1, "opened", 1), ("closed", 2, "closed", 3), ("closed", 3, "acknowledged", 4)),
        *(("waived", 1, "opened", 1), ("waived", 2, "waived", 2), ("waived", 3, "seen", 3)),
        *(("waived", 4, "assigned", 3), ("waived", 5, "escalated", 4)),
        *(("judged", 1, "opened", 1), ("judged", 2, "waived", 2), ("judged", 3, "acknowledged", 3)),
    ]
    until = f"CASE WHEN action = 'waived' THEN TIMESTAMP '{day_start(9):%Y-%m-%d %H:%M:%S}Z' END"
    spark.createDataFrame(told, "debt string, seq int, action string, day int").selectExpr(
        *("'m' AS monitor", "debt", "seq", "action", "'data' AS kind", "'o' AS owner"),
        *(
            "'major' AS severity",
            "1D AS cost",
            "'' AS evidence",
            "'' AS reason",
            "'' AS created_by",
        ),
        *(f"{until} AS until", "timestampadd(DAY, day, TIMESTAMP '2024-01-01') AS window_start"),
        "timestampadd(DAY, day, TIMESTAMP '2025-01-01') AS created_at",
    ).createOrReplaceTempView("events_of_debts")
    spark.sql(
        "SELECT 'm' AS monitor, max(window_start) AS window_start, max(window_start) AS window_end,"
        " array(named_struct('debt', 'judged', 'owner', 'o', 'severity', 'major', 'status',"
        " 'waived', 'last_seen', max(window_start), 'until', max(until), 'due', max(window_start),"
        " 'windows', 3, 'cost', 1D, 'interest', 1D, 'interest_loss', 1D, 'evidence', '')) AS debts"
        ", array(named_struct('reason', 'judged (minor): found', 'evidence', array('a key')))"
        " AS reasons FROM events_of_debts"
    ).createOrReplaceTempView("judged_debts")
    query = DEBTS.format(debt_events="events_of_debts", model_health="judged_debts")
    rows = {row["debt"]: row for row in spark.sql(query).toArrow().to_pylist()}
    assert {name: row["status"] for name, row in rows.items()} == {
        "closed": "closed", "waived": "waived", "judged": "waived"
    }  # fmt: skip
    assert rows["closed"]["closed"] is not None
    assert rows["closed"]["age_days"] == 2
    assert {name: row["evidence_keys"] for name, row in rows.items()} == {
        "closed": None, "waived": None, "judged": ["a key"]
    }  # fmt: skip
    assert {name: row["until"] is None for name, row in rows.items()} == {
        "closed": True, "waived": False, "judged": False
    }  # fmt: skip


@pytest.mark.classic
def test_health_is_settled_only_once_everybody_it_might_have_missed_is_over(spark):
    """Health of run `a` read from minute 10 to 12; steps of run `b` around it."""

    def settled(*others: tuple[str, str, int]) -> str | None:
        rows = [("a", "health", "SUCCEEDED", 12, 120.0, "scope")]
        rows += [(run, "drift", phase, minute, 0.0, None) for run, phase, minute in others]
        spark.createDataFrame(
            rows, "run_id string, step string, phase string, minute int, seconds double,"
            " scope_digest string",
        ).selectExpr(
            *("*", "'m' AS monitor", "1 AS attempt"),
            "timestampadd(MINUTE, minute, TIMESTAMP '2024-05-05') AS at",
        ).createOrReplaceTempView("runs_of_two")  # fmt: skip
        return settled_scope(spark, SimpleNamespace(table=lambda _: "runs_of_two"), "m", "health")

    assert settled() == "scope"
    assert settled(("a", "STARTED", 1), ("a", "SUCCEEDED", 9)) == "scope"
    assert settled(("b", "STARTED", 13)) is None
    assert settled(("b", "STARTED", 5)) is None
    assert settled(("b", "STARTED", 5), ("b", "SUCCEEDED", 11)) is None
    assert settled(("b", "STARTED", 5), ("b", "FAILED", 8)) == "scope"
    # Interrupted long ago.
    assert settled(("b", "STARTED", -2000)) == "scope"


@pytest.mark.classic
def test_late_rows_are_corrected_and_a_crash_loses_nothing(spark, judged, spec, workspace):
    """Alerts of one column disappear, as by late rows; the driver ends between both commits."""
    store, first = judged
    copy = workspace / "late"
    shutil.copytree(str(store.directory), copy)
    late = type(store)(directory=str(copy))
    spark.sql(
        f"UPDATE {late.table('drift')} SET alerting = false, status = 'ok'"
        " WHERE column_name = 'amount'"
    )
    with crashing(after=2) as written, pytest.raises(Crash):
        assess(spark, late, spec, run_id="crashed")
    # Events first: a verdict without them would settle what they follow from.
    assert written == ["runs", "debt_events"]
    assess(spark, late, spec, run_id="again")
    events = rows_of(spark, late, "debt_events", f"debt = '{DRIFTS}'").to_pylist()
    events.sort(key=lambda row: row["seq"])
    assert events[-1]["action"] == "corrected"
    assert "nothing follows any more" in events[-1]["reason"]
    assert not shown(spark, late, f"debts WHERE debt = '{DRIFTS}' AND closed IS NULL", "debt")
    open_now = {one.name for one in judge_monitors(context_of(spark, late), [spec])[
        spec.monitor].newest.debts}  # fmt: skip
    assert DRIFTS not in open_now
    assert first.newest is not None


@pytest.mark.classic
def test_two_runs_on_monitors_of_one_bucket_both_write(
    spark, planted, spec, workspace, monkeypatch
):
    """Both have read before either writes; who loses the commit tries again."""
    store = unjudged(spark, planted, workspace / "two")
    other = next(
        name for name in map("other{}".format, range(1000))
        if bucket_of(name) == bucket_of(spec.monitor)
    )  # fmt: skip
    for table in ("profiles", "drift", "runs", "reference_events", "reference_snapshots"):
        rows = spark.table(store.table(table)).withColumn("monitor", F.lit(other))
        rows.write.format("delta").mode("append").save(store.path(table))
    ready, together = Barrier(2, timeout=120), health.write_health
    monkeypatch.setattr(health, "write_health", lambda *given: (ready.wait(), together(*given))[1])

    def one(name: str):
        # A session of its own, as a process of its own would have.
        own = spec.model_copy(update={"monitor": name})
        return assess(spark.newSession(), store, own, run_id=name)[name]

    with ThreadPoolExecutor(2) as pool:
        found = dict(zip((spec.monitor, other), pool.map(one, (spec.monitor, other)), strict=True))
    rows = rows_of(spark, store, "model_health").to_pylist()
    windows = {row["window_start"] for row in planted.drift}
    for name, judged in found.items():
        assert len(judged.due) == len(windows)
        assert {row["window_start"] for row in rows if row["monitor"] == name} == windows
        events = rows_of(spark, store, "debt_events", f"run_id = '{name}'")
        assert len(events) == len(judged.entries) > 0
