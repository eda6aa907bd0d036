"""The ledger of declared models: it opens, ages, escalates, is waived, comes back and closes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from sparkdrift.health.declared import NOBODY, REGISTRY, as_it_was, ledger_of, owed_by, terms_of
from sparkdrift.health.events import Event
from sparkdrift.health.findings import Finding
from sparkdrift.health.ledger import LEDGER
from sparkdrift.health.ownership import (
    NO_MONITOR,
    NO_OWNER,
    NO_VERDICT,
    Watched,
    fleet_findings,
)
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.registry import (
    DeclaredModel,
    WatchedModel,
    declared_models,
    parse_registry,
)

FIRST = datetime(2025, 6, 1, 9, 30, tzinfo=timezone.utc)
DAY = timedelta(days=1)
MODELS = parse_registry(
    "models:\n  pricing: {owner: risk, business_owner: board, monitors: [never]}\n  lost: {}\n"
).models
SPEC = """\
monitor: m
owner: risk
model: {id: churn, business_owner: board, deployed_at: 2025-01-01}
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
"""


FRESH = Watched(("never",), (), ("risk",))
STALE = Watched(("never",), ("never",), ("risk",))


class Books:
    """The events of one model, as a store would keep them from day to day."""

    def __init__(self, name: str = "pricing") -> None:
        self.name, self.events = name, list[Event]()

    def day(self, number: float, seen: Watched | None = None, model: DeclaredModel | None = None):
        at, model = FIRST + number * DAY, model or MODELS[self.name]
        watched = {} if seen is None else {self.name: seen}
        found = fleet_findings({self.name: model}, watched, at).get(self.name, ())
        owed = owed_by(self.name, model, found, self.events, at)
        for one in owed.entries:
            self.add(one.name, one.action, one.window_start, one.owner, one.finding, by=owed.by)
        return owed

    def add(self, debt, action, start, owner, finding: Finding, by="anna", until=None) -> None:
        seq = 1 + sum(one.debt == debt for one in self.events)
        self.events.append(
            Event(
                *(debt, seq, "ownership", action, start, owner, finding.severity, until),
                by=by,
                evidence=finding.evidence,
            )
        )

    def say(self, owed, debt: str, action: str, until: datetime | None = None) -> None:
        (one,) = (one for one in owed.debts if one.name == debt)
        self.add(debt, action, owed.day.start, one.owner, one.finding, until=until)

    def told(self, debt: str) -> list[str]:
        return [one.action for one in self.events if one.debt == debt]


def test_a_debt_opens_once_and_has_an_age() -> None:
    books = Books()
    first = books.day(0)
    (debt,) = first.debts
    assert (debt.name, debt.severity, debt.owner) == (NO_MONITOR, "critical", "risk")
    assert first.day.start == datetime(2025, 6, 1, tzinfo=timezone.utc)
    assert first.day.end == first.day.start + DAY
    assert books.day(0.3).entries == ()
    later = books.day(5)
    assert (later.entries, later.debts[0].opened) == ((), first.day.start)
    assert later.debts[0].finding.since == first.day.start
    assert books.told(NO_MONITOR) == ["opened"]


def test_it_escalates_once_it_is_overdue() -> None:
    """What is critical is due after seven days; nobody is looked for where nobody is declared."""
    books, lost = Books(), Books("lost")
    for one in (books, lost):
        one.day(0)
    assert books.day(6.5).entries == ()
    (entry,) = books.day(8).entries
    assert (entry.action, entry.owner) == ("escalated", "board")
    assert books.day(9).entries == ()
    assert lost.day(60).entries == ()
    assert {debt.owner for debt in lost.day(60).debts} == {NOBODY}


def test_a_waiver_holds_expires_and_opens_it_again() -> None:
    books = Books()
    books.say(books.day(1), NO_MONITOR, "waived", FIRST + 20 * DAY)
    held = books.day(10).debts[0]
    assert (held.status, held.counts_as, held.until) == ("waived", "minor", FIRST + 20 * DAY)
    assert books.day(19).entries == ()
    assert [one.action for one in books.day(21).entries] == ["reopened", "escalated"]
    assert books.day(21).debts[0].status == "open"


def test_it_closes_once_it_is_gone_and_may_come_back() -> None:
    books = Books()
    books.say(books.day(0), NO_MONITOR, "acknowledged")
    assert books.day(1).debts[0].status == "acknowledged"
    watched = books.day(2, FRESH)
    assert (watched.debts, [one.action for one in watched.entries]) == ((), ["closed"])
    stale = books.day(40, STALE)
    assert [one.name for one in stale.debts] == [NO_VERDICT]
    again = books.day(41)
    assert {one.name: one.opened for one in again.debts} == {NO_MONITOR: again.day.start}
    assert books.told(NO_VERDICT) == ["opened", "closed"]


def test_what_changes_within_a_day_is_corrected_and_no_clock_rewrites_the_past() -> None:
    books = Books()
    books.day(0)
    gone = books.day(0.2, FRESH)
    assert (gone.debts, [one.action for one in gone.entries]) == ((), ["corrected"])
    assert [one.action for one in books.day(3).entries] == ["opened"]
    back = books.day(1)
    assert (back.entries, back.day.start.day) == ((), 4)


def test_a_model_of_which_nobody_is_declared_owes_an_owner() -> None:
    assert [one.name for one in Books("lost").day(0).debts] == [NO_MONITOR, NO_OWNER]


def test_a_retired_model_owes_nothing_of_it() -> None:
    books = Books()
    books.day(0)
    retired = MODELS["pricing"].model_copy(update={"stage": "retired"})
    at = FIRST + DAY
    found = fleet_findings({"pricing": retired}, {}, at).get("pricing", ())
    owed = owed_by("pricing", retired, found, books.events, at)
    assert (owed.debts, [one.action for one in owed.entries]) == ((), ["closed"])


def test_specs_declare_models_as_well() -> None:
    spec = parse_spec(SPEC)
    other = parse_spec(SPEC.replace("monitor: m", "monitor: n"))
    found = declared_models([spec, other], MODELS)
    assert set(found) == {"pricing", "lost", "churn"}
    assert (found["churn"].monitors, found["churn"].owner) == (("m", "n"), "risk")
    assert terms_of(found["churn"]).escalation == "board"
    assert isinstance(found["churn"], WatchedModel)
    # What a registry says of it stands; what it leaves open, the spec says.
    same = declared_models([replace_id(spec, "pricing")], MODELS)["pricing"]
    assert (same.owner, same.business_owner, same.monitors) == ("risk", "board", ("never",))
    assert str(same.deployed_at) == "2025-01-01"
    lost = declared_models([replace_id(spec, "lost")], MODELS)["lost"]
    assert (lost.owner, lost.monitors, isinstance(lost, WatchedModel)) == ("risk", (), False)
    assert ledger_of("churn") == "model:churn"


def replace_id(spec, name: str):
    return spec.model_copy(update={"model": spec.model.model_copy(update={"id": name})})


def test_events_of_one_debt_do_not_touch_another() -> None:
    books = Books("lost")
    owed = books.day(0)
    books.say(owed, NO_OWNER, "waived", FIRST + 90 * DAY)
    found = {one.name: one.status for one in books.day(1).debts}
    assert found == {NO_MONITOR: "open", NO_OWNER: "waived"}
    assert replace(owed, entries=()).entries == ()


def test_who_sees_no_registry_does_not_undo_what_one_says() -> None:
    """With and without it in turn, over the same store: nothing opens and closes in turn."""
    alone = WatchedModel(owner="risk", monitors=("m",))
    seen = Watched(("m",), (), ("risk",))
    books = Books()
    first = books.day(0, seen)
    assert [one.name for one in first.debts] == [NO_MONITOR]
    assert {one.by for one in books.events} == {REGISTRY}
    for number in range(1, 4):
        owed = books.day(number, seen, alone)
        assert ([one.name for one in owed.debts], owed.entries) == ([NO_MONITOR], ()), number
        assert books.day(number + 0.5, seen).entries == ()


def test_what_a_spec_alone_declares_owes_a_fresh_verdict() -> None:
    alone, books = WatchedModel(owner="risk", monitors=("m",)), Books()
    (debt,) = books.day(0, None, alone).debts
    assert (debt.name, debt.finding.evidence) == (NO_VERDICT, "no verdict yet of: m")
    assert books.day(1, Watched(("m",), (), ("risk",)), alone).debts == ()
    # One of several may have been dropped: a registry says so.
    assert books.day(29, Watched(("m", "n"), ("n",), ("risk",)), alone).debts == ()
    (debt,) = books.day(30, Watched(("m", "n"), ("m", "n"), ("risk",)), alone).debts
    assert debt.finding.evidence == "out of date is the newest verdict of: m, n"
    assert {one.by for one in books.events} == {LEDGER}


def test_what_no_registry_opened_is_looked_at_without_one() -> None:
    """Also where one was read before, and has nothing on the books by now."""
    alone, books = WatchedModel(owner="risk", monitors=("never",)), Books()
    books.day(0)
    assert books.day(1, FRESH).debts == ()
    assert [one.name for one in books.day(9, STALE, alone).debts] == [NO_VERDICT]
    assert books.day(10, FRESH, alone).debts == ()


def test_debts_go_to_whoever_answers_now() -> None:
    books = Books("lost")
    (first, _) = books.day(0).debts
    assert first.owner == NOBODY
    named = MODELS["lost"].model_copy(update={"owner": "risk"})
    assert [(one.name, one.owner) for one in books.day(1, None, named).debts] == [
        (NO_MONITOR, "risk")
    ]


def test_a_monitor_that_the_registry_does_not_list_any_more_owes_nothing() -> None:
    """Renamed, or dropped: its last verdict gets old, and nobody waits for another."""
    books = Books()
    books.day(0, STALE)
    renamed = MODELS["pricing"].model_copy(update={"monitors": ("new",)})
    # `read_fleet` leaves out what the old one said.
    owed = books.day(1, Watched(("new",), (), ("risk",)), renamed)
    assert (owed.debts, [one.action for one in owed.entries]) == ((), ["closed"])


def test_a_model_that_nobody_declares_any_more_owes_what_it_did() -> None:
    books = Books("lost")
    books.say(books.day(0), NO_OWNER, "waived", FIRST + 90 * DAY)
    owed = as_it_was("lost", books.events, FIRST + 9 * DAY)
    assert {one.name: one.status for one in owed.debts} == {NO_MONITOR: "open", NO_OWNER: "waived"}
    assert owed.entries == ()
