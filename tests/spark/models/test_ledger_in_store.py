"""A store of many models: verdicts that follow from its rows alone, and the life of every debt."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import timedelta

import pytest
from evidence_rows import (
    DAY,
    EVIDENCE,
    FIRST,
    begun,
    drawn,
    drift_row,
    performance_row,
    plain_windows,
    put,
    row_of,
    stale_row,
)
from monitors import context_of, new_store, rows_of, spec_of

from sparkdrift.health.assessing import assess
from sparkdrift.health.judged import model_of
from sparkdrift.spark.profile_tables import PROFILES
from sparkdrift.spark.reference_tables import DEBT_EVENTS
from sparkdrift.spark.views import registered
from sparkdrift.spark.writer import rows_frame
from sparkdrift.spec.health_policy import VERDICTS
from sparkdrift.steps.health import assess_health

pytestmark = [pytest.mark.spark, pytest.mark.classic]

SEED, MODELS, DAYS = 20261127, 10, 100
SECTIONS = {
    "prediction": {"key": "id", "score": "s", "label": "y", "label_delay": "7 days"},
    "features": {"numeric": ["amount", "age"]},
    "degraded": {
        "metric": "accuracy", "tolerated_loss": 0.05, "value_per_point": 100, "currency": "EUR"
    },
    "operations": {"override": {"expression": "overridden"}},
    "feedback": {"shaped": "d = 1"},
}  # fmt: skip


def model(workspace, monitor: str, **more):
    evaluation = {
        "sets": {"launch": {"path": str(workspace / "launch")}},
        "thresholds": {"approve": {"value": 0.5}},
        "dashboard": {"metrics": {"accuracy": {"at_least": 0.8}}},
    }
    sections = {**SECTIONS, "evaluation": evaluation, "monitor": monitor, **more}
    return spec_of(workspace / "none", **{k: v for k, v in sections.items() if v is not None})


@pytest.fixture(scope="module")
def store(spark, workspace):
    """Rows of all models, drawn, and those of the course of one, laid out; a commit per table."""
    made, rng = new_store(spark, workspace / "ledger"), random.Random(SEED)
    rows: dict[str, list] = defaultdict(list)
    for number in range(MODELS):
        for name, own in drawn(f"m{number}", DAYS, rng).items():
            rows[name] += own
    for name, own in course().items():
        rows[name] += own
    put(spark, made, rows)
    return made


def judge(spark, store, *specs):
    context = context_of(spark, store)
    found = assess_health(context, specs)
    context.journal.close()
    return found


def test_a_thousand_verdicts_follow_from_the_rows_of_tables_alone(spark, store, workspace):
    """Read plainly, without a question of health's own, and told by the policy alone.

    A third of the specs lost the section of operations, a third that of feedback, whose rows are
    there; nobody has an evaluation set, and shadows owe none.
    """
    gone = [{}, {"operations": None}, {"feedback": None}]
    policy = {"needs": ["data"], "escalation": "second"}
    specs = [
        model(workspace, f"m{n}", policy=policy | ({} if n % 2 else {"needs": ["performance"]}),
              model={"stage": "shadow" if n % 4 == 3 else "deployed"}, **gone[n % 3])
        for n in range(MODELS)
    ]  # fmt: skip
    judge(spark, store, *specs)
    tables = {one.name: rows_of(spark, store, one.name).to_pylist() for one in EVIDENCE}
    stored = {
        (row["monitor"], row["window_start"]): row
        for row in rows_of(spark, store, "model_health").to_pylist()
    }
    compared, seen = 0, set()
    for spec in specs:
        for one in assess(model_of(spec), plain_windows(spec, tables), []).health:
            row, judgement = stored[spec.monitor, one.window.start], one.judgement
            about = f"seed {SEED}, {spec.monitor}, {one.window.start}"
            told = (judgement.verdict, judgement.severity, one.since, one.due, one.owner)
            assert told == tuple(
                row[name] for name in ("verdict", "severity", "since", "due", "owner")
            ), about
            assert row["confidence"] == pytest.approx(judgement.confidence), about
            assert row["cost_so_far"] == pytest.approx(one.cost_so_far), about
            assert row["rules"] == list(judgement.rules), about
            debts = [
                (debt.name, debt.severity, debt.status, debt.owner, debt.opened, debt.last_seen,
                 debt.due, debt.windows, debt.interest)
                for debt in one.debts
            ]  # fmt: skip
            names = ("debt", "severity", "status", "owner", "opened", "last_seen", "due", "windows")
            assert [
                (*(debt[name] for name in names), debt["interest"]) for debt in row["debts"]
            ] == debts, about
            compared, seen = compared + 1, seen | {judgement.verdict}
    assert compared == MODELS * DAYS == 1000
    assert seen == {*VERDICTS}


BAD, GONE, END = 5, 30, 34
"""The course: from day BAD on there is evidence of each kind, from GONE on none of it."""
DEBTS = {
    "drift of amount": "data",
    "features: encoding of age": "feature",
    "evaluation of launch: ess_ratio": "evaluation",
    "feedback: share of shaped rows": "feedback",
    "overdue retraining": "ownership",
}


def course() -> dict[str, list]:
    """All rows but those that make a day a window: these come as the days go by."""
    found: dict[str, list] = defaultdict(list)
    found["runs"] = [begun("course")]
    for day in range(END):
        bad = BAD <= day < GONE
        severity, status = ("major", "drifted") if bad else (None, "ok")
        found["drift"] += [
            drift_row("course", day, one, severity) for one in ("amount", "metric:shaped")
        ]
        figures = ("eval_age", "gap_max", "outside", "calibration_error")
        found["eval_staleness"] += [stale_row("course", day, one, "ok") for one in figures]
        found["eval_staleness"].append(stale_row("course", day, "ess_ratio", status))
        found["feature_debt"].append(
            row_of("course", day, figure="encoding", subject="age", status=status, value=0.1)
        )
        found["profiles"].append(row_of("course", day, column_name="metric:shaped", value=0.1))
        found["performance"].append(performance_row("course", day, "ok"))
    return found


class Course:
    """One model as its days go by: each look is a run of the step on what is there by then."""

    def __init__(self, spark, store, workspace) -> None:
        self.spark, self.store, self.workspace = spark, store, workspace
        self.days, self.judged = 0, None

    def until(self, day: int, retrained: str = "2024-12-27"):
        windows = [
            row_of("course", one, column_name=":table", row_count=900)
            for one in range(self.days, day)
        ]
        self.days = day
        put(self.spark, self.store, {PROFILES.name: windows})
        spec = model(
            self.workspace, "course",
            operations=None,
            policy={
                "needs": ["data"],
                "escalation": "second",
                "due": {"critical": "3 days", "major": "6 days", "minor": "6 days"},
            },
            maintenance={"retraining": {"every": "11 days", "last_done": retrained}},
        )  # fmt: skip
        self.judged = judge(self.spark, self.store, spec)["course"]
        return {one.name: one for one in self.judged.assessed.health[-1].debts}

    def events(self) -> dict[str, list[tuple[str, int]]]:
        """Of each debt (action, day), as they were added."""
        rows = rows_of(self.spark, self.store, "debt_events", "monitor = 'course'").to_pylist()
        found: dict[str, list] = {one: [] for one in DEBTS}
        for row in sorted(rows, key=lambda one: (one["debt"], one["seq"])):
            if row["debt"] in found:
                day = (row["window_start"] - FIRST).days
                found[row["debt"]].append((row["action"], day))
                assert row["kind"] == DEBTS[row["debt"]]
        return found

    def waive(self, day: int, until: int) -> None:
        """All of them at once, as five commands would, in one commit."""
        numbers = {name: len(own) for name, own in self.events().items()}
        rows = [
            {
                "monitor": "course", "debt": name, "seq": numbers[name] + 1, "kind": kind,
                "action": "waived", "window_start": FIRST + day * DAY, "owner": "second",
                "severity": "critical", "until": FIRST + until * DAY, "reason": "a campaign",
                "created_at": FIRST + timedelta(days=day + 1), "created_by": "anna",
            }
            for name, kind in DEBTS.items()
        ]  # fmt: skip
        frame = rows_frame(self.spark, DEBT_EVENTS, rows).repartition(1)
        frame.write.format("delta").mode("append").save(self.store.path(DEBT_EVENTS.name))

    def shown(self) -> dict[str, dict]:
        with registered(self.spark, self.store, "debts"):
            rows = self.spark.sql("SELECT * FROM debts WHERE monitor = 'course'").toArrow()
        return {row["debt"]: row for row in rows.to_pylist() if row["debt"] in DEBTS}


def test_each_kind_of_debt_opens_ages_escalates_is_waived_reopens_and_closes(
    spark, store, workspace
):
    course = Course(spark, store, workspace)
    assert not DEBTS.keys() & course.until(BAD).keys()
    found = course.until(10)
    assert DEBTS.keys() <= found.keys()
    # What single windows show counts from the second of three on; the retraining was due on day 6.
    opened = {name: own[0] for name, own in course.events().items()}
    assert opened == {
        "drift of amount": ("opened", 5),
        "features: encoding of age": ("opened", 6),
        "evaluation of launch: ess_ratio": ("opened", 6),
        "feedback: share of shaped rows": ("opened", 5),
        "overdue retraining": ("opened", 6),
    }
    shown = course.shown()
    ages = {name: row["age_days"] for name, row in shown.items()}
    assert ages == {name: 10 - day for name, (_, day) in opened.items()}
    assert {row["status"] for row in shown.values()} == {"open"}

    course.until(16)
    for name, own in course.events().items():
        assert [action for action, _ in own if action != "seen"] == ["opened", "escalated"], name
    shown = course.shown()
    assert {row["owner"] for row in shown.values()} == {"second"}
    assert {name: row["age_days"] for name, row in shown.items()} == {
        name: age + 6 for name, age in ages.items()
    }

    course.waive(15, 22)
    found = course.until(20)
    assert {found[name].status for name in DEBTS} == {"waived"}
    assert {found[name].counts_as for name in DEBTS} == {"minor"}
    assert {row["status"] for row in course.shown().values()} == {"waived"}

    found = course.until(25)
    assert {found[name].status for name in DEBTS} == {"open"}
    for name, own in course.events().items():
        assert ("reopened", 22) in own, name

    found = course.until(END, retrained="2025-01-30")
    assert not DEBTS.keys() & found.keys()
    for name, own in course.events().items():
        assert own[-1][0] == "closed", name
        assert "corrected" not in [action for action, _ in own], name
    shown = course.shown()
    assert {row["status"] for row in shown.values()} == {"closed"}
    assert all(row["closed"] is not None for row in shown.values())
