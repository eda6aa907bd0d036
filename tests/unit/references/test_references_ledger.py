"""What is owed after which events, counted by hand."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sparkdrift.references.ledger import entries
from sparkdrift.references.life import ERASURE, Event

START = datetime(2024, 1, 1, tzinfo=timezone.utc)


def life(text: str) -> list[Event]:
    """'+1 *2 !3 -4 x1': 1 activated, 2 after it passed the gate, 3 forced, 4 rejected, 1 erased,
    one a day.

    '+4@1': as an erasure writes it, from the start of event 1.
    """
    actions = {
        "+": "activate",
        "*": "activate",
        "!": "force",
        "-": "reject",
        "?": "propose",
        "x": "erase",
    }
    return [
        Event(
            number,
            int(one[1:].partition("@")[0]),
            actions[one[0]],
            START + timedelta(days=int(one.partition("@")[2] or number)),
            gate=ERASURE if "@" in one else "passed" if one[0] == "*" else None,
        )
        for number, one in enumerate(text.split(), 1)
    ]


def rows(events: list[Event]) -> list[tuple[int, int, bool, int]]:
    return [(one.version, one.seq, one.opens, one.event.seq) for one in entries(events)]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ("", []),
        ("+1 ?2 +2", []),
        ("+1 !2", [(2, 1, True, 2)]),
        ("+1 !2 ?3 -3", [(2, 1, True, 2)]),
        ("+1 !2 +1", [(2, 1, True, 2), (2, 2, False, 3)]),
        # Going back to it asks no gate: it owes as before. What has passed the gate owes nothing.
        (
            "+1 !2 +1 +2 +1",
            [(2, 1, True, 2), (2, 2, False, 3), (2, 3, True, 4), (2, 4, False, 5)],
        ),
        ("+1 !2 +1 *2", [(2, 1, True, 2), (2, 2, False, 3)]),
        ("+1 !2 +1 *2 +1 +2", [(2, 1, True, 2), (2, 2, False, 3)]),
        ("+1 !2 +1 !2", [(2, 1, True, 2), (2, 2, False, 3), (2, 3, True, 4)]),
        ("+1 !2 !3 +4", [(2, 1, True, 2), (2, 2, False, 3), (3, 1, True, 3), (3, 2, False, 4)]),
    ],
)
def test_a_forced_version_owes_until_another_takes_its_place(events, expected):
    assert rows(life(events)) == expected


@pytest.mark.parametrize(
    ("before", "erasure", "after", "closing"),
    [
        # 1 is erased: 2 is forced as before, and owes as before.
        ("+1 !2", "+4@1 !2@2 x1", "", None),
        ("+1 !2", "+4@1 !2@2 x1", "+5", 6),
        # 2 itself: the one that stands in for it goes on owing in its name.
        ("+1 !2", "!4@2 x2", "", None),
        ("+1 !2", "!4@2 x2", "+5", 5),
        ("+1 !2", "!4@2 x2 !6@2 x4", "+7", 7),
        # Without one, what was owed is gone with it.
        ("+1 !2", "x2", "", 3),
        ("+1 !2", "!4@2 x2 x4", "", 5),
        # What was closed stays so.
        ("+1 !2 +3", "+4@1 !2@2 +3@3 x1 x2", "", 3),
    ],
)
def test_an_erasure_neither_opens_nor_settles_a_debt(before, erasure, after, closing):
    expected = [(2, 1, True, 2)] + ([(2, 2, False, closing)] if closing else [])
    assert rows(life(f"{before} {erasure} {after}")) == expected


def test_going_back_to_what_stands_in_for_a_forced_version_owes_again():
    events = life("+1 !2 !4@2 x2 +1 +4")
    assert rows(events) == [(2, 1, True, 2), (2, 2, False, 5), (4, 1, True, 6)]
    assert rows(life("+1 !2 !4@2 x2 +1 *4")) == [(2, 1, True, 2), (2, 2, False, 5)]


def test_the_order_in_which_rows_arrive_changes_nothing():
    events = life("+1 !2 !3 +4")
    assert rows(events[::-1]) == rows(events)


def test_what_closed_a_debt_is_told():
    (opened, closed) = entries(life("+1 !2 +5"))
    assert (opened.evidence, closed.evidence) == ("", "version 5 took its place")
