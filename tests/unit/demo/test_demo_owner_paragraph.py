"""The paragraph for the owner, from health that is made by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from health_rows import evidence, finding, start

from sparkdrift.demo.owner_paragraph import _FIRST, owner_paragraph
from sparkdrift.health.assessing import Model, assess
from sparkdrift.spec.health_policy import EVIDENCE, VERDICTS, Policy
from sparkdrift.spec.loading import parse_spec

SPEC = parse_spec("""\
monitor: m
owner: claims
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
prediction: {label: y, score: s, label_delay: 7 days}
degraded: {metric: accuracy, tolerated_loss: 0.05, value_per_point: 100, currency: EUR}
""")
MODEL = Model("m", "claims", Policy(), frozenset(EVIDENCE), (1, 1))


def paragraph(*weeks) -> str:
    return owner_paragraph(assess(MODEL, weeks, []).health[-1], SPEC)


def degraded(week: int, cost: float):
    text = "accuracy is 0.7 by labels"
    found = finding("performance of accuracy", "evaluation", week, cost=cost)
    return replace(found, evidence=text)


def test_all_that_an_owner_has_to_know() -> None:
    old = replace(
        finding("evaluation of launch: ess_ratio", "evaluation", 2), evidence="ess_ratio is 0.2"
    )
    weeks = [
        evidence(0),
        evidence(1, degraded(1, 700.0)),
        evidence(2, degraded(2, 800.0), old, dashboard_status="green", blind_spot="red"),
    ]
    assert paragraph(*weeks) == (
        "To claims: the verdict on m is retrain (major), since 2025-01-13. It has cost 1,500 EUR "
        "so far, since 2025-01-13. The dashboard is green, every metric of it in its band: it "
        "looks at rows that production no longer resembles (ess_ratio is 0.2), while accuracy is "
        f"0.7 by labels. First: {_FIRST['retrain']}, by 2025-02-19."
    )


def test_since_when_the_dashboard_has_missed_what_moved() -> None:
    names = ["drift of a", "drift of b", "drift of c", "drift of d"]
    drifts = [finding(one, "data", 2, severity="minor") for one in names]
    spot = {"dashboard_status": "green", "blind_spot": "red"}
    blind = [finding("blind dashboard", "evaluation", week) for week in range(3)]
    weeks = [
        evidence(0),
        evidence(1, finding("drift of d", "data", 1, severity="minor"), blind[1], **spot),
        evidence(2, *drifts, blind[2], **spot),
    ]
    assert (
        "It has missed what goes on since 2025-01-13: drift of d since 2025-01-13 (minor), drift "
        "of a since 2025-01-20 (minor), drift of b since 2025-01-20 (minor) and 1 more. First: "
    ) in paragraph(*weeks)
    alone = paragraph(evidence(0, finding("drift of d", "data", 0)))
    assert "It shows nothing of what moved: drift of d since 2025-01-06 (major)." in alone
    assert "missed" not in paragraph(evidence(0, blind[0], dashboard_status="red"))


def test_a_healthy_model_asks_for_nothing() -> None:
    assert "m is healthy" in paragraph(evidence(0))


def test_a_red_dashboard_is_not_blamed() -> None:
    told = paragraph(evidence(0, degraded(0, 1.0), dashboard_status="red"))
    assert "The dashboard shows it" in told


def test_what_is_not_known_is_said() -> None:
    told = paragraph(evidence(0, unmeasured=["performance"]))
    assert "What it costs is not known." in told
    assert "blind (major)" in told
    assert start(0).strftime("%Y-%m-%d") in told


@pytest.mark.parametrize("verdict", VERDICTS[1:])
def test_every_verdict_has_a_first_step(verdict: str) -> None:
    assert _FIRST[verdict]
