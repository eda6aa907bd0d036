"""The alerts section: what is accepted, every mistake on its line, and what it changes."""

from __future__ import annotations

import pytest

from sparkdrift.errors import Problem, SpecError
from sparkdrift.kernels import policy as kernel
from sparkdrift.spec.alerts import GRADES, Alerts
from sparkdrift.spec.digests import policy_hash
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import resolve

SPEC = """\
monitor: m
owner: o
source: {table: a.b}
timestamp: {column: t, zone: Europe/Berlin}
features: {numeric: [income, {column: loan, formerly: amount}], categorical: [region]}
prediction: {score: score, label: bad}
metrics: {volume: {sum: loan}}
alerts:
"""
DAY = "{begin: 2025-01-01, end: 2025-01-02, reason: "


def problem(lines: str, spec: str = SPEC) -> Problem:
    with pytest.raises(SpecError) as caught:
        parse_spec(spec + lines, "a.yml")
    (found,) = caught.value.problems
    return found


def parsed(lines: str) -> MonitorSpec:
    return parse_spec(SPEC + lines)


def test_the_defaults() -> None:
    alerts = parse_spec(SPEC.removesuffix("alerts:\n")).alerts
    assert (alerts.windows, alerts.of, alerts.least) == (2, 3, "minor")
    assert (alerts.severity.major, alerts.severity.critical) == (2, 4)
    assert (alerts.importance, alerts.suppress) == ({}, ())


def test_executors_and_specs_know_the_same_grades_and_defaults() -> None:
    assert kernel.GRADES == GRADES
    rules, alerts = kernel.AlertRules(), Alerts()
    assert (rules.least, rules.major, rules.critical) == (
        alerts.least,
        alerts.severity.major,
        alerts.severity.critical,
    )


def test_everything_that_is_watched_can_be_named() -> None:
    names = "{income: 2, amount: 1, score: 0.5, 'metric:volume': 0}"
    assert len(parsed(f"  importance: {names}").alerts.importance) == 4


@pytest.mark.parametrize(
    ("lines", "line", "given", "words"),
    [
        ("  windows: 4", 9, "4", "asked for than are looked at"),
        ("  of: 1", 9, "1", "asked for than are looked at"),
        ("  windows: 0", 9, "0", "wrong value"),
        ("  of: 31", 9, "31", "wrong value"),
        ("  severity:\n    major: 4", 10, "4.0", "not below 'critical'"),
        ("  severity:\n    critical: 1.5", 10, "1.5", "not below 'critical'"),
        ("  severity: {major: 0.5}", 9, "0.5", "wrong value"),
        ("  importance: {income: -1}", 9, "-1", "wrong value"),
        ("  importance: {income: high}", 9, "high", "wrong value"),
        ("  importance: {bad: 1}", 9, "bad", "no feature or metric"),
        ("  suppress: [{begin: 2025-01-02, end: 2025-01-01, reason: x}]", 9, None, "ends before"),
        ("  suppress: [{begin: 2025-01-02, end: 2025-01-02, reason: x}]", 9, None, "ends before"),
        ("  suppress: [{begin: 2025-01-02, end: 2025-01-03}]", 9, None, "reason' is missing"),
        (
            "  suppress: [{begin: yesterday, end: 2025-01-03, reason: x}]",
            9,
            "yesterday",
            "no local",
        ),
        (
            "  suppress:\n    - {begin: 2025-03-30 02:30, end: 2025-04-01, reason: x}",
            10,
            "2025-03-30 02:30:00",
            "clocks in Europe/Berlin skip",
        ),
        (
            f"  suppress:\n    - {DAY}x}}\n    - {DAY}y}}",
            11,
            "y",
            "suppressed twice, first on line 10",
        ),
    ],
)
def test_mistakes(lines: str, line: int, given: str | None, words: str) -> None:
    found = problem(lines)
    assert found.line == line
    assert words in found.message
    assert given is None or str(found.given) == given
    assert found.accepted or "twice" in words


@pytest.mark.parametrize(
    ("lines", "nearest"),
    [
        ("  window: 2", "windows"),
        ("  least: mayor", "major"),
        ("  importance: {incom: 2}", "income"),
        ("  importance: {volume: 2}", "metric:volume"),
        ("  importance: {'metric:volum': 2}", "metric:volume"),
        (
            "  suppress: [{begin: 2025-01-01, end: 2025-01-02, reason: x, features: [regoin]}]",
            "region",
        ),
        ("  suppress: [{begin: 2025-01-01, ende: 2025-01-02, end: 2025-01-02, reason: x}]", "end"),
    ],
)
def test_the_nearest_is_offered(lines: str, nearest: str) -> None:
    assert problem(lines).nearest == nearest


def test_under_auto_the_table_knows_the_names() -> None:
    auto = SPEC.replace(
        "{numeric: [income, {column: loan, formerly: amount}], categorical: [region]}",
        "{auto: true}",
    )
    spec = parse_spec(auto + "  importance: {incme: 2, region: 1}")
    schema = {"t": "timestamp", "income": "double", "region": "string", "loan": "int"}
    schema |= {"score": "double", "bad": "int"}
    (found,) = resolve(spec, schema).problems
    assert (found.line, found.given, found.nearest) == (9, "incme", "income")
    assert "metric:x" in problem("  importance: {'metric:x': 2}", auto).given


@pytest.mark.parametrize(
    "lines",
    ["  of: 4", "  least: warning", "  severity: {major: 3}", "  importance: {income: 2}"],
)
def test_another_policy_has_another_hash(lines: str) -> None:
    assert policy_hash(parsed(lines)) != policy_hash(parsed("  of: 3"))


@pytest.mark.parametrize(
    "lines",
    [
        "  {windows: 2, severity: {critical: 4}}",
        "  importance: {income: 1}",
        "  suppress: [{begin: 2025-01-01, end: 2025-01-02, reason: New Year}]",
    ],
)
def test_defaults_and_suppressions_leave_the_hash(lines: str) -> None:
    assert policy_hash(parsed(lines)) == policy_hash(parsed("  of: 3"))


PLAIN = SPEC.removesuffix("alerts:\n")


@pytest.mark.parametrize(
    ("grain", "seasonal", "season"),
    [
        *(("day", "auto", "weekday"), ("hour", "auto", "hour"), ("week", "auto", None)),
        *(("month", "auto", None), ("hour", "weekday", "weekday"), ("day", "none", None)),
    ],
)
def test_the_season_of_a_grain(grain: str, seasonal: str, season: str | None) -> None:
    text = f"windows: {{grain: {grain}}}\ndrift: {{seasonal: {seasonal}}}\n"
    assert parse_spec(PLAIN + text).season == season


@pytest.mark.parametrize(
    ("grain", "seasonal", "accepted"),
    [("day", "hour", "auto, weekday, none"), ("week", "weekday", "auto, none")],
)
def test_a_season_finer_than_the_grain(grain: str, seasonal: str, accepted: str) -> None:
    text = f"windows: {{grain: {grain}}}\ndrift: {{seasonal: {seasonal}}}\n"
    found = problem(text, PLAIN)
    assert (found.line, found.given, found.accepted) == (9, seasonal, accepted)
    assert problem("drift: {seasonal: weekdays}", PLAIN).nearest == "weekday"


def test_a_season_is_part_of_the_policy() -> None:
    plain = policy_hash(parse_spec(PLAIN))
    assert policy_hash(parse_spec(PLAIN + "drift: {seasonal: auto}")) == plain
    assert policy_hash(parse_spec(PLAIN + "drift: {seasonal: none}")) != plain
