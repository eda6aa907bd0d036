"""The fleet beside its registry: who is missing, who contradicts whom, in which order."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sparkdrift.health.declared import REGISTRY
from sparkdrift.health.events import Event
from sparkdrift.health.fleet import together
from sparkdrift.health.ledger import LEDGER, RETIRED
from sparkdrift.spark.fleet import read_fleet, whole_fleet
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
        "unlisted_monitors": [],
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


def test_a_monitor_that_the_registry_does_not_list_counts_no_more() -> None:
    """One that was renamed has an old verdict for ever, and it may be the weightiest."""
    asked = []

    def ask(query: str, most: int) -> list[dict]:
        asked.append(query)
        if "NOT IN ('a')" not in query:
            return [row("m", fresh=False, verdict="retrain", monitors=["a", "b"]), row("n")]
        return [row("m", monitors=["b"]), row("n")]

    models = parse_registry("models:\n  m: {owner: risk, monitors: [b]}\n  n: {}\n")
    found = read_fleet(ask, NOW, models.models)
    assert [(one["verdict"], one["unlisted_monitors"]) for one in found] == [
        ("watch", ["a"]), ("watch", [])
    ]  # fmt: skip
    assert len(asked) == 2
    told = {one["model_id"]: one["notes"] for one in together(found, models, NOW)}
    assert told["m"] == ["the registry does not list its monitor, which counts no more: a"]
    # Without a registry nothing tells that it was renamed.
    assert [one["verdict"] for one in read_fleet(ask, NOW)] == ["retrain", "watch"]
    assert len(asked) == 3


def test_a_debt_of_the_model_itself_comes_due_in_the_fleet() -> None:
    begun = NOW - timedelta(days=200)
    told = ("ownership", "opened", begun, "x", "critical")
    opened = Event("no monitor", 1, *told, by=REGISTRY)
    late = Event("no monitor", 2, "ownership", "escalated", begun + DAY, "board", "critical")
    registry = parse_registry("models:\n  a: {owner: x, business_owner: board}\n")
    (found,) = together([], registry, NOW, {"model:a": [opened, late]})
    assert (found["overdue"], found["owner"]) == (True, "board")
    assert found["due"] < NOW
    waived = Event(
        "no monitor", 3, "ownership", "waived", begun + DAY, "x", "critical", NOW + DAY, "y", "a"
    )
    (found,) = together([], registry, NOW, {"model:a": [opened, late, waived]})
    assert (found["overdue"], found["due"]) == (False, None)


def test_the_row_that_tells_that_a_model_is_retired_contradicts_nothing() -> None:
    registry = "  m: {stage: retired, retired_at: 2025-06-08, owner: risk}\n"
    told = row("m", stage="retired", window_end=NOW, verdict="blind")
    assert shown([told], registry)["m"]["notes"] == []
    # Not retired yet: so it is told of one that nobody watches as well.
    later = "  z: {stage: retired, retired_at: 2099-01-01, owner: risk}\n"
    assert shown([], later)["z"]["stage"] == "deployed"


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


def test_a_stage_that_the_registry_leaves_open_is_that_of_the_monitors() -> None:
    silent = row("m", stage="shadow", fresh=False)
    assert shown([silent], "  m: {owner: risk}\n")["m"]["notes"] == []
    # And one that it dates holds from its date on.
    dated = "  m: {owner: risk, stage: retired, retired_at: 2025-07-01}\n"
    assert shown([row("m")], dated)["m"]["notes"] == []


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


def test_a_retired_model_that_is_still_scored_has_a_note() -> None:
    """By its ledger: what is said of that debt shows, and one that is closed does not."""

    def stored(monitor: str, seq: int, action: str, by: str, start=NOW) -> dict[str, object]:
        since = int(start.timestamp() * 1_000_000)
        given = {"monitor": monitor, "debt": RETIRED, "seq": seq, "kind": "ownership"}
        given |= {"action": action, "start": since, "owner": "risk", "severity": "critical"}
        given |= {"until": None, "reason": "", "created_by": by, "cost": None}
        return given | {"evidence": "rows up to today"}

    events = [
        stored("used", 1, "opened", "sparkdrift"),
        stored("said", 1, "opened", "sparkdrift"),
        stored("said", 2, "acknowledged", "ann"),
        stored("over", 1, "opened", "sparkdrift", NOW - 2 * DAY),
        stored("over", 2, "closed", LEDGER),
    ]
    asked: list[str] = []

    def ask(statement: str, limit: int) -> list[dict[str, object]]:
        if "debt_events" in statement:
            asked.append(statement)
            return events
        names = ("used", "said", "over", "calm")
        retired = [row(one, stage="retired", verdict="blind", fresh=False) for one in names]
        return [row("alive"), *retired]

    found = {one["model_id"]: one["notes"] for one in whole_fleet(ask, None, NOW)}
    since = "retired but scored since 2025-06-10: rows up to today"
    assert found == {
        "alive": [],
        "used": [since],
        "said": [f"{since}, acknowledged by ann"],
        "over": [],
        "calm": [],
    }
    assert "'alive'" not in asked[0]
