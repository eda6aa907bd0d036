"""Rows of evidence of many models, drawn or laid out by hand, and what they say when read plainly.

`plain_windows` reads rows as they are in the tables, window by window, by the rules that the page
on health tells: no SQL, and none of the sums that health asks a store for.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from monitors import utc

from sparkdrift.health.evidence import Coverage, WindowEvidence
from sparkdrift.health.findings import Finding
from sparkdrift.health.ownership import ownership_findings
from sparkdrift.spark.drift_tables import DRIFT
from sparkdrift.spark.evaluation_tables import EVAL_STALENESS, PERFORMANCE
from sparkdrift.spark.feature_tables import FEATURE_DEBT
from sparkdrift.spark.operation_tables import OPERATIONS
from sparkdrift.spark.profile_tables import PROFILES
from sparkdrift.spark.schemas import RUNS
from sparkdrift.spark.table import Table
from sparkdrift.spark.writer import rows_frame
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window

Rows = dict[str, list[dict[str, Any]]]
DAY, FIRST = timedelta(days=1), utc(2025, 1, 1)
EVIDENCE: tuple[Table, ...] = (
    *(PROFILES, DRIFT, PERFORMANCE),
    *(EVAL_STALENESS, FEATURE_DEBT, OPERATIONS),
)
MEASURED = ("ok", "warning", "drifted")
COLUMNS = ("amount", "age")
FIGURES = ("eval_age", "gap_max", "outside", "ess_ratio", "calibration_error", "threshold_age")
CORE = {"eval_age", "gap_max", "outside", "ess_ratio", "calibration_error"}
OF_CALIBRATION = {"calibration_error", "threshold_age"}
MATERIAL = {"ess_ratio", "outside", "calibration_error"}
AGES = {"eval_age", "threshold_age"}


def put(spark, store, rows: Rows) -> None:
    """Append rows, one commit for each table."""
    for table in (*EVIDENCE, RUNS):
        if own := rows.get(table.name):
            frame = rows_frame(spark, table, own).repartition(1)
            frame.write.format("delta").mode("append").save(store.path(table.name))


def row_of(monitor: str, day: int, **more: Any) -> dict[str, Any]:
    start = FIRST + day * DAY
    return {
        "monitor": monitor, "window_start": start, "window_end": start + DAY,
        "granularity": "day", "slice_key": "*", "slice_value": "*", "policy_hash": "p",
        "run_id": "r", "input_digest": f"{monitor}{day}", **more,
    }  # fmt: skip


def begun(monitor: str) -> dict[str, Any]:
    """What says which rows of drift are in force."""
    return {
        "monitor": monitor, "run_id": "r", "step": "drift", "attempt": 1, "phase": "SUCCEEDED",
        "at": FIRST, "policy_hash": "p", "windows": 0,
    }  # fmt: skip


def drift_row(monitor: str, day: int, column: str, severity: str | None = None, **more: Any):
    status = "ok" if severity is None else "drifted"
    usual = {
        "column_name": column, "comparison": "baseline", "reference_name": "baseline",
        "reference_version": 0, "status": status, "alerting": severity is not None,
        "severity": severity, "effect": 0.9, "alert_windows": 1, "alert_of": 1,
    }  # fmt: skip
    return row_of(monitor, day, **usual | more)


def stale_row(monitor: str, day: int, figure: str, status: str, **more: Any):
    usual = {"figure": figure, "evaluation_set": "launch", "subject": "*", "status": status}
    return row_of(monitor, day, **usual | {"value": 0.5, "threshold": 0.7} | more)


def performance_row(monitor: str, day: int, status: str, **more: Any):
    usual = {
        "evaluation_set": "launch", "metric": "accuracy", "class_name": "*", "mature": True,
        "status": status, "realised": 0.8, "skill": 0.4,
    }  # fmt: skip
    return row_of(monitor, day, **usual | more)


def drawn(monitor: str, days: int, rng: random.Random) -> Rows:
    """Evidence of all kinds; of each kind now and then no row at all.

    Calm and bad months follow each other, so that every verdict is reached.
    """
    found: Rows = defaultdict(list)
    found["runs"] = [begun(monitor)]
    worse = 0.05
    for day in range(days):
        if day % 20 == 0:
            worse = rng.choice((0.0, 0.0, 0.1, 0.6))
        table = row_of(monitor, day, column_name=":table", row_count=rng.choice((0, *[900] * 30)))
        found["profiles"].append(table)
        for name, rows in _of_a_day(monitor, day, rng, worse).items():
            if rng.random() > 0.04:
                found[name] += rows
    return found


def _of_a_day(monitor: str, day: int, rng: random.Random, worse: float) -> Rows:
    def bad() -> bool:
        return rng.random() < worse

    def status(rare: float = 0.03) -> str:
        if rng.random() < rare:
            return rng.choice(("insufficient_data", "undetermined"))
        return rng.choice(("warning", "drifted")) if bad() else "ok"

    def alerts(column: str) -> dict[str, Any]:
        if rng.random() < 0.05:
            return drift_row(monitor, day, column, status="insufficient_data", alerting=None)
        severity = rng.choice(("warning", "minor", "major", "critical")) if bad() else None
        quiet = "holiday" if severity and rng.random() < 0.2 else None
        return drift_row(monitor, day, column, severity, suppression=quiet)

    unshaped = {"comparison": "unshaped", "status": status(), "alerting": None}
    loss = rng.choice((0.02, 0.1, 0.3))
    performed = rng.choice(("labels", "labels", "estimate", "late"))
    degraded = "degraded" if bad() else "ok"
    if performed == "labels":
        lost = {"loss": loss, "loss_value": loss * 1000} if degraded == "degraded" else {}
        skill = rng.choice((-0.2, -0.2, 0.3)) if degraded == "degraded" else 0.3
        told = performance_row(monitor, day, degraded, skill=skill, concept_drift=bad(), **lost)
    else:
        usual = {"mature": False, "realised": None, "skill": None, "estimated": 0.8}
        guessed = {"estimated_loss": loss, "estimated_loss_value": loss * 1000}
        own = degraded if performed == "estimate" else "insufficient_data"
        basis = "estimated" if performed == "estimate" else None
        told = performance_row(monitor, day, own, basis=basis, **usual, **guessed)
    colours = {
        "blind_spot": rng.choice(("red", "green"))
        if bad()
        else rng.choice(("green",) * 9 + ("amber",)),
        "dashboard": rng.choice(("green", "red")) if bad() else "green",
    }
    return {
        "drift": [*(alerts(one) for one in COLUMNS), alerts("metric:shaped"),
                  drift_row(monitor, day, "amount", **unshaped)],
        "profiles": [row_of(monitor, day, column_name="metric:shaped", row_count=900,
                            value=None if rng.random() < 0.05 else 0.1, reason="no decision")],
        "performance": [told],
        "eval_staleness": [
            *(stale_row(monitor, day, one, status(0.01), value=rng.choice((0.8, 1.9)))
              for one in FIGURES),
            *(stale_row(monitor, day, name, colour) for name, colour in colours.items()),
        ],
        "feature_debt": [
            *(row_of(monitor, day, figure="dead", subject=one, status=status(0.01))
              for one in COLUMNS),
            row_of(monitor, day, figure="encoding", subject="age", status=status(0.01), value=0.1),
        ],
        "operations": [
            row_of(monitor, day, signal="override", kind="override", status=one, value=0.2,
                   alerting=None if one not in MEASURED else one != "ok",
                   suppression="holiday" if rng.random() < 0.05 else None)
            for one in [status()]
        ],
    }  # fmt: skip


def plain_windows(
    spec: MonitorSpec, rows: Mapping[str, Sequence[Mapping[str, Any]]]
) -> list[WindowEvidence]:
    """What each window of a monitor says, of the rows of all tables."""
    own: dict[str, dict[datetime, list[Mapping[str, Any]]]] = {}
    for name, every in rows.items():
        own[name] = defaultdict(list)
        for row in every:
            if row["monitor"] == spec.monitor and "window_start" in row:
                own[name][row["window_start"]].append(row)
    tables = {row["window_start"]: row for row in rows["profiles"]
              if row["monitor"] == spec.monitor and row["column_name"] == ":table"}  # fmt: skip
    standing: dict[str, Mapping[str, Any]] = {}
    found = []
    for start in sorted(tables):
        one = _Plain(Window(start, start + DAY))
        one.of_alerts(own["drift"][start], standing)
        one.of_performance(own["performance"][start])
        one.of_sets(own["eval_staleness"][start])
        one.of_features(own["feature_debt"][start])
        one.of_operations(own["operations"][start])
        one.of_feedback(own["profiles"][start])
        count = tables[start]["row_count"]
        one.findings += ownership_findings(spec, start, start + DAY, rows=count, evaluation_sets=0)
        found.append(one.evidence(frozenset(spec.drift.comparisons), empty=count == 0))
    return found


class _Plain:
    """What the rows of one window say."""

    def __init__(self, window: Window) -> None:
        self.window = window
        self.findings: list[Finding] = []
        self.coverage: dict[str, Coverage] = {}
        self.subjects: dict[str, bool] = {}
        self.hidden: set[str] = set()
        self.compared: dict[str, dict[str, bool]] = {}
        self.colours: dict[str, str] = {}
        self.lost: tuple[float | None, float | None] = (None, None)

    def evidence(self, asked: frozenset[str], *, empty: bool) -> WindowEvidence:
        kinds = ("performance", "calibration", "evaluation", "dashboard")
        kinds += ("data", "feature", "feedback", "operations")
        nothing = {one: Coverage(0.0, "no rows") for one in kinds} if empty else {}
        return WindowEvidence(
            self.window,
            tuple(self.findings),
            {**nothing, **self.coverage},
            {**self.subjects, **dict.fromkeys(self.hidden, False)},
            compared=self.compared,
            asked=asked,
            dashboard_status=self.colours.get("dashboard"),
            blind_spot=self.colours.get("blind_spot"),
            loss=self.lost[0],
            cost=self.lost[1],
        )

    def add(self, debt: str, kind: Any, severity: Any, priced: bool = False, **more: Any) -> None:
        start = self.window.start
        loss, cost = self.lost if priced else (None, None)
        found = Finding(debt, kind, severity, start, start, "", (), loss, cost, **more)
        self.findings.append(found)

    def tell(self, debt: str, measured: bool) -> None:
        self.subjects[debt] = self.subjects.get(debt, False) or measured

    def count(self, kind: str, statuses: Iterable[str]) -> None:
        every = list(statuses)
        if every:
            self.coverage[kind] = Coverage(sum(one in MEASURED for one in every) / len(every))

    def of_alerts(self, rows: Sequence[Mapping[str, Any]], standing: dict[str, Any]) -> None:
        """An alert stands from a measured window on until another one that is calm."""
        inputs = [one for one in rows if one["comparison"] == "baseline"]
        plain = [one for one in inputs if one["column_name"] in COLUMNS]
        self.count("data", (one["status"] for one in plain))
        for row in inputs:
            column = row["column_name"]
            if row["alerting"] is not None:
                standing[column] = row
            last = standing.get(column)
            shared = column == "metric:shaped"
            debt = "feedback: share of shaped rows" if shared else f"drift of {column}"
            if last is not None and last["alerting"]:
                if last["suppression"] is not None:
                    self.hidden.add(debt)
                else:
                    severity = "minor" if last["severity"] == "warning" else last["severity"]
                    kind = "feedback" if shared else "data"
                    self.add(debt, kind, severity, comparisons=("baseline",))
            self.tell(debt, row["status"] in MEASURED)
            self.compared[debt] = {"baseline": row["status"] in MEASURED}
        if plain:
            self.tell("drift of other columns", any(one["status"] in MEASURED for one in plain))
        unshaped = [one["status"] for one in rows if one["comparison"] == "unshaped"]
        if unshaped:
            self.tell("feedback: shaped rows differ", any(one in MEASURED for one in unshaped))
        if "drifted" in unshaped:
            self.add("feedback: shaped rows differ", "feedback", "minor")

    def of_performance(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            debt, status = "performance of accuracy", row["status"]
            labels = row["mature"] and row["realised"] is not None
            if row["basis"] == "estimated" and status == "degraded":
                guessed = row["estimated_loss"], row["estimated_loss_value"]
            else:
                guessed = None, None
            self.lost = (
                row["loss"] if row["loss"] is not None else guessed[0],
                row["loss_value"] if row["loss_value"] is not None else guessed[1],
            )
            for name in (debt, "performance of all metrics"):
                self.tell(name, status in ("ok", "degraded"))
            if status not in ("ok", "degraded"):
                self.coverage["performance"] = Coverage(0.0)
            else:
                self.coverage["performance"] = Coverage(1.0, "", 1.0 if labels else 0.5)
            if status == "degraded":
                retires = labels and row["skill"] is not None and row["skill"] < 0
                self.add(debt, "evaluation", "critical" if retires else "major", priced=True)
            elif row["concept_drift"]:
                self.add(debt, "evaluation", "minor", priced=True)

    def of_sets(self, rows: Sequence[Mapping[str, Any]]) -> None:
        by_kind: dict[str, list[str]] = defaultdict(list)
        for row in rows:
            figure, status = row["figure"], row["status"]
            if figure in ("blind_spot", "dashboard"):
                self.colours[figure] = status
                continue
            kind = "calibration" if figure in OF_CALIBRATION else "evaluation"
            if figure in CORE:
                by_kind[kind].append(status)
            debt = f"{kind} of launch: {figure}"
            self.tell(debt, status in MEASURED)
            if status in ("warning", "drifted"):
                major = status == "drifted" or figure in MATERIAL
                if figure in AGES:
                    major = row["value"] >= 2 * row["threshold"]
                self.add(debt, "evaluation", "major" if major else "minor")
        for kind, statuses in by_kind.items():
            self.count(kind, statuses)
        if "blind_spot" in self.colours:
            seen = self.colours["blind_spot"] != "amber"
            self.coverage["dashboard"] = Coverage(float(seen))
            self.tell("blind dashboard", seen)
            if self.colours["blind_spot"] == "red":
                self.add("blind dashboard", "evaluation", "major")

    def of_features(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.count("feature", (one["status"] for one in rows))
        dead = [one["status"] for one in rows if one["figure"] == "dead"]
        if "drifted" in dead or "warning" in dead:
            severity = "major" if "drifted" in dead else "minor"
            self.add("features: dead", "feature", severity)
        if dead:
            self.tell("features: dead", any(one in MEASURED for one in dead))
        for row in rows:
            if row["figure"] != "encoding":
                continue
            debt = f"features: encoding of {row['subject']}"
            if row["status"] in ("warning", "drifted"):
                self.add(debt, "feature", "critical" if row["status"] == "drifted" else "minor")
            self.tell(debt, row["status"] in MEASURED)

    def of_operations(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self.count("operations", (one["status"] for one in rows))
        for row in rows:
            debt = "operations of override"
            self.tell(debt, row["status"] in MEASURED)
            if row["alerting"] and row["suppression"]:
                self.hidden.add(debt)
            if row["alerting"] and not row["suppression"]:
                severity = "major" if row["status"] == "drifted" else "minor"
                self.add(debt, "evaluation", severity)

    def of_feedback(self, rows: Sequence[Mapping[str, Any]]) -> None:
        for row in rows:
            if row["column_name"] == "metric:shaped":
                self.coverage["feedback"] = Coverage(float(row["value"] is not None))
