"""The fleet beside its registry: who is missing, who contradicts whom, in which order."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sparkdrift.health.events import Event
from sparkdrift.health.fleet import together
from sparkdrift.health.ledger import LEDGER
from sparkdrift.spec.registry import parse_registry

NOW = datetime(2025, 6, 10, tzinfo=timezone.utc)
DAY = timedelta(days=1)


def row(model: str, **more):
    return {
        "rank": 1,
        "model_id": model,
        "model_version": "7",
        "stage": "deployed",
        "verdict": "watch",
        "blind": False,
        "fresh": True,
        "window_end": NOW,
        "owner": "risk",
        "owners": ["risk"],
        "monitors": [model],
        "stale_monitors": [] if more.get("fresh", True) else [model],
        **more,
    }


def shown(rows, registry: str | None = None):
    known = None if registry is None else parse_registry("models:\n" + registry)
    return {one["model_id"]: one for one in together(rows, known, NOW)}


def test_models_that_nobody_watches_come_first_and_have_no_figures() -> None:
    registry = "  b: {owner: x}\n  a: {owner: x, monitors: [never]}\n  tried: {stage: shadow}\n"
    found = shown([row("seen", blind=True), row("other")], registry)
    assert list(found) == ["a", "b", "seen", "other", "tried"]
    assert [one["rank"] for one in found.values()] == [1, 2, 3, 4, 5]
    assert (found["b"]["verdict"], found["b"]["blind"]) == ("blind", True)
    assert found["b"]["notes"] == ["no monitor: no monitor watches it"]
    assert found["a"]["notes"] == ["no monitor: declared, and without a verdict: never"]
    # Not measured is not zero.
    assert found["a"]["cost"] is None
    assert found["a"]["open_debts"] is None
    # A shadow owes no monitor, and nobody has to look at it.
    assert (found["tried"]["verdict"], found["tried"]["blind"]) == (None, False)


def test_what_is_on_the_books_counts_and_is_dated() -> None:
    begun = NOW - timedelta(days=9)
    until = NOW + timedelta(days=9)
    told = ("ownership", "opened", begun, "x", "critical")
    event = Event("no monitor", 1, *told, by=LEDGER)
    waived = Event("no monitor", 2, "ownership", "waived", begun, "x", "critical", until, "y", "a")
    registry = parse_registry("models:\n  a: {owner: x}\n  b: {owner: x}\n  seen: {}\n")
    books = {"model:a": [event, waived], "model:seen": []}
    rows = [row("seen", open_debts=2, oldest_debt=NOW - DAY, owners=[])]
    found = {one["model_id"]: one for one in together(rows, registry, NOW, books)}
    assert found["a"]["notes"] == [
        "no monitor: no monitor watches it, since 2025-06-01, waived until 2025-06-19"
    ]
    assert (found["a"]["open_debts"], found["a"]["oldest_debt"]) == (1, begun)
    assert (found["b"]["open_debts"], found["b"]["notes"]) == (
        None, ["no monitor: no monitor watches it"]
    )  # fmt: skip
    assert (found["seen"]["open_debts"], found["seen"]["oldest_debt"]) == (3, NOW - DAY)
    assert found["seen"]["notes"] == [
        "no owner: nobody is declared who answers for it, since 2025-06-10"
    ]


def test_fresh_is_what_the_monitors_are_that_the_registry_lists() -> None:
    """One that was renamed has an old verdict for ever."""
    rows = [
        row("m", fresh=False, blind=True, monitors=["a", "b"], stale_monitors=["a"]),
        row("n", cost=5.0),
        row("o", fresh=False, blind=True),
    ]
    assert [(one["model_id"], one["blind"]) for one in shown(rows).values()] == [
        ("m", True), ("o", True), ("n", False)
    ]  # fmt: skip
    found = shown(rows, "  m: {monitors: [b]}\n")
    assert [(one["model_id"], one["fresh"], one["blind"]) for one in found.values()] == [
        ("o", False, True), ("n", True, False), ("m", True, False)
    ]  # fmt: skip
    assert found["m"]["notes"] == ["the registry does not list its monitor: a"]
    assert found["m"]["stale_monitors"] == ["a"]


def test_every_contradiction_is_said() -> None:
    registry = "  m: {stage: retired, retired_at: 2025-06-01, owner: board}\n"
    found = shown([row("m", owners=["other", "risk"])], registry)
    assert found["m"]["notes"] == [
        "2 owners: other, risk",
        "the registry names another owner: board",
        "the registry says retired, its monitors say deployed",
        "retired since 2025-06-01, and judged up to 2025-06-10",
    ]
    fine = "  m: {owner: risk, monitors: [m]}\n"
    assert shown([row("m")], fine)["m"]["notes"] == []


def test_a_verdict_out_of_date_is_said_once() -> None:
    stale = row("m", fresh=False, window_end=NOW - timedelta(days=9))
    with_registry = shown([stale], "  m: {owner: risk}\n")["m"]["notes"]
    assert with_registry == ["no fresh verdict: out of date is the newest verdict of: m"]
    assert shown([stale])["m"]["notes"] == ["no fresh verdict: its newest verdict is out of date"]
    assert shown([row("m", fresh=False, stage="retired")])["m"]["notes"] == []


def test_nobody_answering_for_a_model_is_said() -> None:
    assert shown([row("m", owners=[])], "  m: {}\n")["m"]["notes"] == [
        "no owner: nobody is declared who answers for it"
    ]
