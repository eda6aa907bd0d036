"""The Python API on a store that holds planted drift: each call does what its command does."""

from __future__ import annotations

import shutil
from datetime import date, timedelta

import planted as plan
import pytest
import source_tables

from sparkdrift import api
from sparkdrift.errors import SnapshotError, UsageError
from sparkdrift.report.plain import day

pytestmark = [pytest.mark.spark, pytest.mark.classic]


@pytest.fixture(scope="module")
def spec(planted):
    return plan.planted_spec(planted.path)


@pytest.fixture(scope="module")
def store(spark, planted, tmp_path_factory):
    return str(planted.copied(tmp_path_factory.mktemp("api") / "store"))


def test_what_is_due_is_done_once(spark, spec, store):
    begin = plan_begin(spark, spec, store)
    planned = api.plan(spec, store, begin=begin, spark=spark)
    assert planned.due["profile"]["windows"] >= 1
    assert any(line.startswith("profile ") for line in planned.lines)
    profiled = api.profile(spec, store, begin=begin, spark=spark)
    assert profiled.windows == planned.due["profile"]["windows"]
    judged = api.drift(spec, store, begin=begin, spark=spark)
    assert judged.windows == profiled.windows
    assert sum(judged.statuses.values()) > 0
    done = api.run(spec, store, spark=spark)
    assert (done.profiled, done.skipped) == (0, "")
    assert done.verdict is not None
    assert done.verdict.owner == spec.owner
    assert api.operations(spec, store, spark=spark).windows is None
    assert api.features(spec, store, spark=spark).windows is None


def plan_begin(spark, spec, store):
    """The start of the newest stored window."""
    answer = api.sql("SELECT max(window_start) AS t FROM profiles", store, spark=spark)
    return answer.dicts()[0]["t"]


@pytest.mark.slow
def test_the_verdict_and_what_is_said_to_it(spark, spec, store):
    verdict = api.health(spec, store, spark=spark)
    assert verdict.verdict != "healthy"
    assert verdict.reasons
    owed = api.debts(spec, store, spark=spark).dicts()
    assert len(owed) == verdict.open_debts
    name = owed[0]["debt"]
    api.acknowledge(spec, name, "seen", store, by="tests", spark=spark)
    told = api.debt(spec, name, store, spark=spark).dicts()
    assert [one["action"] for one in told][-1] == "acknowledged"
    assert told[-1]["by"] == "tests"
    api.assign(spec, name, "theirs", "others", store, spark=spark)
    assert api.debts(spec, store, spark=spark).dicts()[0]["owner"] == "others"
    said = api.accept(spec, "will be acted on", store, by="tests", spark=spark)
    assert (said.action, said.verdict) == ("accepted", verdict.verdict)
    with pytest.raises(UsageError, match="did you mean"):
        api.debt(spec, name + "x", store, spark=spark)
    (row,) = api.fleet(store, spark=spark).dicts()
    assert row["verdict"] == verdict.verdict


@pytest.mark.slow
def test_versions_are_frozen_decided_upon_and_carried(spark, spec, store, tmp_path):
    frozen = api.snapshot(spec, store, candidate=True, note="again", spark=spark)
    assert frozen.state == "candidate"
    listed = api.reference.versions(spec, store, spark=spark).dicts()
    assert [one["version"] for one in listed] == [2, 1]
    assert listed[0]["note"] == "again"
    found = api.reference.diff(spec, 1, 2, store, spark=spark)
    assert {one["column_name"] for one in found.features.dicts()} >= {"amount", "product"}
    assert all(one["holds"] for one in api.reference.verify(spec, 2, store, spark=spark).dicts())
    decided = api.reference.promote(spec, 2, "the same", store, by="tests", spark=spark)
    assert (decided.version, decided.by) == (2, "tests")
    back = api.reference.rollback(spec, "not yet", store=store, spark=spark)
    assert back.version == 1
    shown = api.reference.show(spec, 2, store, spark=spark)
    assert shown.facts["state"] == "retired"
    assert shown.events.dicts()[0]["action"] == "propose"
    api.reference.reject(spec, 2, "never", store, spark=spark)
    file = tmp_path / "version.parquet"
    exported = api.reference.export(spec, 1, file, store, spark=spark)
    assert exported.rows > 0
    again = api.reference.import_(spec, file, store, spark=spark)
    assert (again.made, again.version) == (False, 1)
    with pytest.raises(SnapshotError):
        api.reference.show(spec, 9, store, spark=spark)


def test_what_is_stored_is_told(spark, spec, store):
    told = api.explain(spec, store, spark=spark)
    assert told.alerts.dicts()[0]["sentence"]
    merged = api.merge(spec, store, spark=spark)
    assert {"amount", "product"} <= {one["column_name"] for one in merged.dicts()}
    replayed = api.calibrate(spec, store, spark=spark)
    assert replayed.version == 1
    assert replayed.per_month >= 0
    assert day(told.window_start, "UTC")
    assert api.prune(spec, store, dry_run=True, spark=spark).grains.dicts() == []
    page = api.page(spec, store, last=30, spark=spark)
    assert spec.owner in page.html
    assert api.migrate(store, spark=spark).had is not None


def test_days_become_a_week_and_a_window_is_told_from_the_reference(spark, spec, store):
    merged = api.rollup(spec, "week", store, spark=spark)
    assert (merged.monitor, merged.granularity) == (spec.monitor, "week")
    assert len(merged.windows) >= 1
    assert api.rollup(spec, "week", store, spark=spark).windows == ()
    shifted = source_tables.day_start(plan.SHIFTED)
    found = api.classify(spec, store, window=shifted, rows=1000, spark=spark)
    assert found.window_start == shifted
    assert found.features[0][0] == "sensor"
    assert found.auc > 0.6
    assert found.status == "drifted"


def test_what_is_left_open_is_waived_and_declined(spark, spec, store):
    verdict = api.health(spec, store, spark=spark)
    name = api.debts(spec, store, spark=spark).dicts()[-1]["debt"]
    after = api.waive(spec, name, "a campaign", date(2030, 1, 1), store, by="tests", spark=spark)
    assert after.verdict == verdict.verdict
    states = {one["debt"]: one["status"] for one in api.debts(spec, store, spark=spark).dicts()}
    assert states[name] == "waived"
    said = api.decline(spec, "known", store, by="tests", spark=spark)
    assert (said.action, said.verdict) == ("declined", verdict.verdict)
    with pytest.raises(UsageError, match="until"):
        api.waive(spec, name, "again", date(2001, 1, 1), store, spark=spark)


def test_what_the_spec_does_not_ask_for_is_told_and_is_no_zero(spark, spec, store):
    assert api.reference.staleness(spec, store, spark=spark).rows == ()
    with pytest.raises(UsageError, match="which rows the model shaped"):
        api.feedback(spec, store, spark=spark)


@pytest.mark.slow
def test_a_candidate_is_retired_and_a_store_is_kept(spark, spec, store):
    frozen = api.snapshot(spec, store, candidate=True, spark=spark)
    ended = api.reference.retire(spec, frozen.version, "not needed", store, spark=spark)
    assert ended.version == frozen.version
    assert api.reference.show(spec, frozen.version, store, spark=spark).facts["state"] == "retired"
    planned = api.maintain(store, dry_run=True, spark=spark).dicts()
    assert {"runs", "drift"} <= {one["table"] for one in planned}
    assert all(one["ok"] for one in api.doctor(store).dicts())


@pytest.mark.slow
def test_rows_that_left_the_source_are_erased(spark, planted, tmp_path):
    """Of a copy: what is gone from one store stays in the others."""
    source = tmp_path / "source"
    shutil.copytree(planted.path, source)
    spec, store = plan.planted_spec(source), str(planted.copied(tmp_path / "store"))
    gone = source_tables.day_start(plan.FIVE_ROWS)
    spark.sql(f"DELETE FROM delta.`{source}` WHERE day = {plan.FIVE_ROWS}")
    erased = api.forget(
        spec, store, begin=gone, end=gone + timedelta(days=1), by="tests", spark=spark
    )
    assert [begin for begin, _ in erased.windows] == [gone]
    assert erased.erased.rows == ()
    query = f"SELECT DISTINCT row_count FROM profiles WHERE window_start = '{gone:%Y-%m-%d}'"
    assert api.sql(query, store, spark=spark).rows in ((), ((0,),))


def test_a_table_becomes_a_spec_that_holds(spark, planted, tmp_path):
    draft = api.draft(str(planted.path), monitor="drafted", owner="tests", spark=spark)
    file = draft.save(tmp_path / "drafted.yml")
    assert len(api.validate(file, spark=spark)) == 0
    file.write_text(draft.text.replace("amount", "amounts"), encoding="utf-8")
    problems = api.validate(file, spark=spark).dicts()
    assert any(one["nearest"] == "amount" for one in problems)
