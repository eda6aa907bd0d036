"""A retired model whose table is gone is retired, and no error."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from sparkdrift.errors import SourceError, UsageError
from sparkdrift.health.events import Event
from sparkdrift.health.judged import judged
from sparkdrift.health.ledger import LEDGER, RETIRED
from sparkdrift.report.health import booked_line, debt_facts
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps import retiring
from sparkdrift.steps.answering_debts import find_debt

SPEC = """\
monitor: m
owner: o
model: {stage: retired, retired_at: 2025-05-31}
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
"""


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)


class Session:
    """Stands in where nothing is asked of Spark."""

    spark = store = None


def test_a_table_that_went_with_its_model_holds_nothing_against_it(monkeypatch) -> None:
    def gone(*_):
        raise SourceError("there is no such table")

    monkeypatch.setattr(retiring, "newest_event_since", gone)
    assert retiring.after_retirement(Session(), parse_spec(SPEC)) is None


def test_what_a_retired_model_owes_is_listed_where_it_was_never_judged() -> None:
    """Its monitor stops, so there is no window; the ledger knows of the debt all the same."""
    told = ("opened", utc(2025, 5, 31), "o", "critical")
    opened = Event(RETIRED, 1, "ownership", *told, evidence="rows up to today", by="sparkdrift")
    spec = parse_spec(SPEC)
    found = judged(spec, [], [opened])
    assert found.newest is None
    (debt,) = found.booked
    assert (debt.name, debt.severity, debt.opened) == (RETIRED, "critical", utc(2025, 5, 31))
    assert find_debt(found, "m", RETIRED) == debt
    assert "owner o, since 2025-05-31" in booked_line(debt, "UTC")
    assert [one["debt"] for one in debt_facts(found.booked)] == [RETIRED]
    closed = Event(RETIRED, 2, "ownership", "closed", utc(2025, 6, 2), "o", "critical", by=LEDGER)
    over = judged(spec, [], [opened, closed])
    assert over.booked == ()
    with pytest.raises(UsageError, match="is not open any more"):
        find_debt(over, "m", RETIRED)
    assert judged(spec, [], []).booked == ()


def test_a_debt_that_is_not_there_is_told_with_those_that_are() -> None:
    told = ("opened", utc(2025, 5, 31), "o", "minor")
    events = [Event(f"drift of x{one:02}", 1, "data", *told, by=LEDGER) for one in range(15)]
    found = judged(parse_spec(SPEC), [], events)
    with pytest.raises(UsageError) as error:
        find_debt(found, "m", "drift of x3")
    assert "did you mean 'drift of x" in str(error.value)
    assert "drift of x11; and 3 more (`sparkdrift debt list`)" in str(error.value)
    assert "--model" in str(error.value)
