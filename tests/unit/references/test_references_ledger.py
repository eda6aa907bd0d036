"""What is owed after which events, counted by hand."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sparkdrift.references.ledger import entries
from sparkdrift.references.life import Event

START = datetime(2024, 1, 1, tzinfo=timezone.utc)


def life(text: str) -> list[Event]:
    """'+1 !2 -3': 1 activated, 2 forced, 3 rejected, one a day."""
    actions = {"+": "activate", "!": "force", "-": "reject", "?": "propose"}
    return [
        Event(number, int(one[1:]), actions[one[0]], START + timedelta(days=number))
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
        # Going back to it by a rollback opens nothing; forcing it again does.
        ("+1 !2 +1 +2 +1", [(2, 1, True, 2), (2, 2, False, 3)]),
        ("+1 !2 +1 !2", [(2, 1, True, 2), (2, 2, False, 3), (2, 3, True, 4)]),
        ("+1 !2 !3 +4", [(2, 1, True, 2), (2, 2, False, 3), (3, 1, True, 3), (3, 2, False, 4)]),
    ],
)
def test_a_forced_version_owes_until_another_takes_its_place(events, expected):
    assert rows(life(events)) == expected


def test_the_order_in_which_rows_arrive_changes_nothing():
    events = life("+1 !2 !3 +4")
    assert rows(events[::-1]) == rows(events)


def test_what_closed_a_debt_is_told():
    (opened, closed) = entries(life("+1 !2 +5"))
    assert (opened.evidence, closed.evidence) == ("", "version 5 took its place")
