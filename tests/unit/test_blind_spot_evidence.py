"""What a dashboard shows at a window's end, and which pairs of metric and outcome were known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from sparkdrift.explain.blind_spots import Moved, Shown
from sparkdrift.kernels.performance_words import SELECTED
from sparkdrift.kernels.stale_rows import Accepted
from sparkdrift.spark.outside_tables import Told
from sparkdrift.spark.stale_inputs import Held
from sparkdrift.spark.stale_policy import reported, stale_policy
from sparkdrift.spark.window_course import Drifted, Performed
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps import blind_spots, outcome_links

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t, zone: Europe/Berlin}
windows: {grain: week}
features: {numeric: [income]}
prediction: {score: score, label: label}
evaluation:
  sets: {holdout: {table: a.c}}
"""
MONDAY = datetime(2024, 1, 7, 23, tzinfo=timezone.utc)
"""The start of a week in Berlin."""
WEEK = timedelta(days=7)
SEED = 94


def spec(lines="  dashboard: {metrics: {accuracy: {at_least: 0.9}, brier: {at_most: 0.2}}}\n"):
    return parse_spec(SPEC + lines)


def told(metric, at, value, limit=None):
    return Told(metric, at, value, limit)


def shown(rows, start=MONDAY, performance=None, of=None):
    by_metric = None if rows is None else blind_spots._by_metric(rows)
    return blind_spots._shown(of or spec(), by_metric, start, performance or {})


def test_the_newest_row_before_the_windows_end_counts() -> None:
    rows = [
        told("accuracy", MONDAY + WEEK, 0.7),
        told("accuracy", MONDAY - WEEK, 0.96),
        told("accuracy", MONDAY + WEEK - timedelta(seconds=1), 0.95),
    ]
    assert shown(rows)["accuracy"] == Shown(0.95, 0.9, None)
    assert shown(rows, MONDAY - WEEK)["accuracy"].value == 0.96
    assert shown(rows, MONDAY + WEEK)["accuracy"].value == 0.7
    long_before = shown(rows, MONDAY - 5 * WEEK)["accuracy"]
    assert (long_before.value, long_before.in_band) == (None, None)


def test_a_dashboard_that_is_no_longer_fed_is_missing_evidence() -> None:
    rows = [told("accuracy", MONDAY, 0.95)]
    late = shown(rows, MONDAY + 6 * WEEK)["accuracy"]
    assert late.in_band is None
    assert late.note == (
        "its newest row is of 2024-01-08, 49 days before the window's end; limit 45"
    )
    assert shown(rows, MONDAY + 5 * WEEK)["accuracy"] == Shown(0.95, 0.9, None)
    own = "  limits: {dashboard_age: 60 days}\n"
    lines = "  dashboard: {metrics: {accuracy: {at_least: 0.9}}}\n"
    assert shown(rows, MONDAY + 6 * WEEK, of=spec(lines + own))["accuracy"].in_band is True


def test_a_limit_of_the_table_is_on_the_side_of_the_worse() -> None:
    rows = [
        told("accuracy", MONDAY, 0.92, 0.94),
        told("brier", MONDAY, 0.15, 0.1),
        told("recall", MONDAY, 0.5, 0.4),
        told("precision", MONDAY, 0.5),
    ]
    found = shown(rows)
    assert found["accuracy"] == Shown(0.92, 0.94, None)
    assert found["brier"] == Shown(0.15, None, 0.1)
    assert {name: one.in_band for name, one in found.items()} == {
        "accuracy": False,
        "brier": False,
        "recall": True,
        "precision": None,
    }


def test_a_limit_of_a_metric_whose_better_side_is_not_known_is_no_band() -> None:
    rows = [
        told("latency_ms", MONDAY, 120.0, 200.0),
        told("prevalence", MONDAY, 0.1, 0.2),
        told("statistical_parity", MONDAY, -0.3, 0.1),
    ]
    table = spec("  dashboard: {table: a.d, time: t, metric: m, value: v}\n")
    found = shown(rows, of=table)
    assert found["latency_ms"].in_band is None
    assert found["prevalence"].in_band is None
    note = found["latency_ms"].note
    assert note.startswith(
        "the table's limit is 200, and which side of it is the better one is not"
    )
    assert blind_spots._dashboard({"latency_ms": found["latency_ms"]}).status == "amber"
    assert found["statistical_parity"] == Shown(-0.3, -0.1, 0.1)
    assert found["statistical_parity"].in_band is False


def test_limits_of_the_table_are_those_to_recompute() -> None:
    rows = [
        told("accuracy", MONDAY + WEEK, 0.92, 0.9),
        told("accuracy", MONDAY, 0.93, 0.91),
        told("recall", MONDAY, 0.8),
        told("brier", MONDAY, 0.15),
        told("latency_ms", MONDAY, 120.0, 200.0),
    ]
    found = reported(spec(), rows)
    assert found == {
        "accuracy": ((MONDAY, 0.91), (MONDAY + WEEK, 0.9)),
        "recall": ((MONDAY, 0.8),),
        "brier": ((MONDAY, 0.2),),
    }
    bare = spec("  dashboard: {table: a.d, time: t, metric: m, value: v}\n")
    policy = stale_policy(bare, Held(), rows)
    assert policy.accepted_at(MONDAY) == ()
    assert Accepted("accuracy", 0.91) in policy.accepted_at(MONDAY + WEEK)
    assert policy.accepted_at(MONDAY + 2 * WEEK)[0] == Accepted("accuracy", 0.9)
    declared = stale_policy(spec(), Held(), rows)
    assert declared.accepted_at(MONDAY) == (Accepted("accuracy", 0.9), Accepted("brier", 0.2))


def test_without_a_table_the_set_itself_is_what_is_shown() -> None:
    performance = {"accuracy": Performed(0.95, 0.8, True, "degraded", "worse")}
    found = shown(None, performance=performance)
    assert found["accuracy"].in_band is True
    assert found["brier"].in_band is None
    assert shown(None, of=spec("")) == {}


def test_a_comparison_without_a_row_in_the_window_is_not_left_out() -> None:
    quiet = Moved(3, 0, 0.9)
    moved = {(MONDAY, "evaluation:holdout"): Drifted(quiet, Moved())}
    score, features = blind_spots._moved(spec(), "holdout", MONDAY, moved)
    assert score == [Moved(of="baseline"), replace(quiet, of="evaluation:holdout")]
    assert features == [Moved(of="baseline"), Moved(of="evaluation:holdout")]


@pytest.mark.parametrize(("weeks", "known"), [(-1, 0), (1, 0), (2, 1), (3, 2), (14, 12)])
def test_a_pair_counts_once_both_periods_are_over(weeks: int, known: int) -> None:
    ends = [MONDAY + (i + 3) * WEEK for i in range(12)]
    values = [float(i % 5) for i in range(12)]
    links = outcome_links.OutcomeLinks(
        "recall", "week", "", {"holdout": ends}, {"holdout": (values, values)},
        "Europe/Berlin", "week",
    )  # fmt: skip
    first, _ = links.of("holdout", MONDAY + weeks * WEEK)
    if known < 12:
        assert f"not measured: {known} weeks" in first.reason
    else:
        assert "over 12 weeks" in first.reason or "12 weeks" in first.reason


def test_pairs_are_of_the_outcomes_period_a_lag_later(monkeypatch) -> None:
    """The metric of a week goes with the outcome of the week two later; less of it is better."""
    lines = "  outcome: {table: a.d, timestamp: t, expression: sum(x), metric: recall, "
    lines += "lag: 14 days, better: "
    monitor = spec(lines + "down}\n")
    realised = np.random.default_rng(SEED).normal(0.8, 0.02, 60).tolist()
    # Clocks change in the 12th and the 42nd week.
    first = datetime(2024, 1, 8, tzinfo=ZoneInfo("Europe/Berlin"))
    mondays = [(first + i * WEEK).astimezone(timezone.utc) for i in range(63)]
    weeks = mondays[:60]
    performance = {
        ("holdout", start): {"recall": Performed(0.8, value, True, "ok", "")}
        for start, value in zip(weeks, realised, strict=True)
    }
    losses = {one: 5 - value for one, value in zip(mondays[2:], realised, strict=False)}
    monkeypatch.setattr(outcome_links, "outcomes", lambda *_: losses)
    monkeypatch.setattr(outcome_links, "performance_of_windows", lambda *_: performance)
    context = SimpleNamespace(spark=None, store=None)
    links = outcome_links.outcome_links(context, monitor, "the outcome")
    assert links.values["holdout"] == (realised, list(losses.values()))
    assert links.ends["holdout"] == mondays[3:]
    link, decay = links.of("holdout", weeks[-1])
    assert (link.status, decay.status) == ("ok", "ok"), SEED
    assert "recall and the outcome (less is better) go together by 1 (" in link.reason
    assert "over 58 weeks" in link.reason
    up = outcome_links.outcome_links(context, spec(lines + "up}\n"), "the outcome")
    assert up.of("holdout", weeks[-1])[0].status == "warning"


def test_which_metrics_tell_of_degradation() -> None:
    rows = {
        "accuracy": Performed(0.9, None, False, "ok", ""),
        "recall": Performed(0.9, None, False, "degraded", "worse"),
    }
    assert set(blind_spots._judged(spec(), rows)) == {"accuracy", "brier"}
    assert set(blind_spots._judged(spec(""), rows)) == {"accuracy", "recall"}
    declared = spec("degraded: {metric: recall, tolerated_loss: 0.05}\n")
    assert blind_spots._judged(declared, rows) == {"recall": ("degraded", "worse")}


def test_rates_that_need_no_label_are_no_fresh_labels() -> None:
    rate = Performed(0.3, 0.31, True, "", "")
    unknown = Performed(0.9, None, True, "insufficient_data", "no label is known")
    assert not blind_spots._fresh({"decision_rate": rate, "accuracy": unknown})
    early = Performed(0.9, 0.9, False, "insufficient_data", "label_delay is not over")
    assert not blind_spots._fresh({"accuracy": early})
    assert blind_spots._fresh(
        {"decision_rate": rate, "accuracy": Performed(0.9, 0.9, True, "", "")}
    )
    selected = Performed(
        0.9, 0.99, True, "undetermined", f"by labels of 9 % of the rows; {SELECTED}"
    )
    assert not blind_spots._fresh({"accuracy": selected, "recall": selected})
    assert blind_spots._fresh(
        {"accuracy": selected, "precision": Performed(0.9, 0.9, True, "ok", "")}
    )


def test_a_metric_that_is_not_measured_is_not_left_out_of_the_judgement() -> None:
    dashboard = spec()
    metrics = dashboard.evaluation.dashboard.metrics
    rows = {"accuracy": Performed(0.95, 0.95, True, "ok", "")}
    found = blind_spots._judged(dashboard, rows)
    assert set(found) == set(metrics)
    for metric, (status, _) in found.items():
        assert status == ("ok" if metric == "accuracy" else "insufficient_data")
    assert blind_spots._judged(dashboard, {}) == {}
