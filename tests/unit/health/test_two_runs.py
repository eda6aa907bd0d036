"""Two runs that write the ledger at the same time."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from health_rows import finding, start

from sparkdrift.errors import StoreError
from sparkdrift.health.judged import Judged
from sparkdrift.health.ledger import Entry
from sparkdrift.steps import health

CONTEXT = SimpleNamespace(spark=None, store=None, journal=SimpleNamespace(run_id="r"))


def judged(*debts: str) -> dict[str, Judged]:
    entries = tuple(Entry("opened", start(0), finding(one, "data", 0), "o") for one in debts)
    return {"m": Judged(entries=entries)}


def test_who_lost_a_number_looks_again_and_writes_what_follows_then(monkeypatch) -> None:
    written: list[list[str]] = []

    def write(_spark, _store, entries, _events, _run_id) -> int:
        written.append([one.name for own in entries.values() for one in own])
        return 1 if len(written) == 1 else len(written[-1])

    monkeypatch.setattr(health, "write_events", write)
    monkeypatch.setattr(health, "judge_monitors", lambda *_: judged("b"))
    health._write_events(CONTEXT, [], judged("a", "b"))
    assert written == [["a", "b"], ["b"]]


def test_who_always_loses_says_so(monkeypatch) -> None:
    monkeypatch.setattr(health, "write_events", lambda *_: 0)
    monkeypatch.setattr(health, "judge_monitors", lambda *_: judged("a"))
    with pytest.raises(StoreError, match="brought up to date by the next run"):
        health._write_events(CONTEXT, [], judged("a"))
