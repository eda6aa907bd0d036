"""The way of a reference goes on under other names, whatever was pruned since."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from sparkdrift.references.life import Event, Name
from sparkdrift.spark.reference_life import Snapshot, Stored
from sparkdrift.steps import way
from sparkdrift.windows import Window

NAMES = [Name("credit", "baseline", name) for name in ("winter", "spring", "summer")]
CONTEXT = SimpleNamespace(spark=None, store=None)
SPEC = SimpleNamespace(windows=SimpleNamespace(grain="day"))


def day(number: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(days=number)


def reference(start: int) -> Stored:
    one = Snapshot(1, "run", "t", None, None, 1, 100, "digest")
    return Stored((one,), (Event(1, 1, "activate", day(start), day(start)),))


STORED = {NAMES[0]: reference(0), NAMES[1]: reference(40), NAMES[2]: Stored()}


@pytest.fixture
def names_on_the_way(monkeypatch):
    """By what is known: names with rows of drift, the interval that was pruned."""

    def names(told: set[str], gone: Window | None) -> list[str]:
        monkeypatch.setattr(way, "read_references", lambda *_: STORED)
        monkeypatch.setattr(way, "judging_names", lambda *_: told)
        monkeypatch.setattr(way, "pruned", lambda *_: gone)
        found = way.way_so_far(CONTEXT, SPEC, NAMES[2], STORED[NAMES[2]])
        return [name.name for name, _ in found]

    return names


def test_creep_does_not_begin_anew_where_the_verdicts_of_the_first_name_were_pruned(
    names_on_the_way,
):
    assert names_on_the_way({"winter", "spring"}, None) == ["winter", "spring"]
    # All windows that winter judged went, with their verdicts.
    assert names_on_the_way({"spring"}, Window(day(0), day(40))) == ["winter", "spring"]
    # A name that no window was judged by is on no way.
    assert names_on_the_way({"spring"}, None) == ["spring"]
    assert names_on_the_way(set(), None) == ["winter", "spring"]


def test_nor_where_the_first_version_was_erased_and_another_stands_in(
    names_on_the_way, monkeypatch
):
    known = STORED[NAMES[0]]
    events = (
        *known.events,
        Event(2, 2, "activate", day(0), day(50), gate="erasure"),
        Event(3, 1, "erase", day(0), day(50)),
    )
    stand_in = replace(known.versions[0], version=2)
    monkeypatch.setitem(STORED, NAMES[0], Stored((*known.versions, stand_in), events))
    assert names_on_the_way({"spring"}, None) == ["winter", "spring"]
