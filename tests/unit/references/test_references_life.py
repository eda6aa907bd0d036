"""The life of a reference: states, and what is refused with which next step."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import (
    Event,
    Name,
    Term,
    before,
    chain,
    newest_number,
    require,
    require_name,
    states,
    terms,
)

NAME = Name("credit", "baseline", "baseline")


def day(number: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(days=number)


def life(*steps: tuple[int, str, int], by: str = "ada", reason: str = "") -> list[Event]:
    return [
        Event(seq, version, action, day(start), at=day(40), by=by, reason=reason)
        for seq, (version, action, start) in enumerate(steps, 1)
    ]


def test_a_life_from_candidate_to_rejected():
    events = life((1, "activate", 0), (2, "propose", 0))
    assert states(events, [1, 2, 3]) == {1: "active", 2: "candidate", 3: "candidate"}
    events += [Event(3, 2, "force", day(5)), Event(4, 3, "reject", day(0))]
    assert states(events, [1, 2, 3]) == {1: "retired", 2: "forced", 3: "rejected"}
    assert terms(events) == (Term(1, day(0), day(5)), Term(2, day(5), None, forced=True))


def test_a_rejected_version_is_not_revived_by_a_later_proposal():
    events = life((1, "reject", 0), (1, "propose", 0), (1, "retire", 0))
    assert states(events, [1]) == {1: "rejected"}


def test_what_is_in_force_stays_so_even_if_a_row_says_it_is_retired():
    """Such a row is refused before it is written; by another hand it leaves no window alone."""
    events = life((1, "activate", 0), (1, "retire", 0))
    assert states(events, [1]) == {1: "active"}
    assert states([*events, Event(3, 2, "activate", day(3))], [1, 2]) == {1: "retired", 2: "active"}


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ([], None),
        ([(1, "activate", 0)], None),
        ([(1, "activate", 0), (2, "activate", 3)], 1),
        ([(1, "activate", 0), (2, "activate", 3), (3, "force", 5)], 2),
        # Rolled back once, then again.
        ([(1, "activate", 0), (2, "activate", 3), (3, "force", 5), (2, "activate", 5)], 1),
        # What was rejected since is passed over.
        ([(1, "activate", 0), (2, "activate", 3), (3, "force", 5), (2, "reject", 0)], 1),
    ],
)
def test_rolling_back_goes_to_the_version_before(steps, expected):
    assert before(life(*steps)) == expected


def test_a_chain_begins_with_the_first_version_or_with_the_last_that_was_forced():
    events = life((1, "activate", 0), (2, "activate", 3), (3, "activate", 5))
    assert chain(events) == (1, 2, 3)
    assert chain([*events, Event(4, 2, "activate", day(5))]) == (1, 2)
    forced = [*events, Event(4, 4, "force", day(6)), Event(5, 5, "activate", day(7))]
    assert chain(forced) == (4, 5)
    assert chain([*forced, Event(6, 3, "activate", day(7))]) == (1, 2, 3)
    assert chain([]) == ()


def test_a_version_that_does_not_exist_is_told_with_those_that_do():
    with pytest.raises(SnapshotError) as error:
        require("activate", 9, [], range(1, 4), NAME)
    assert str(error.value) == (
        "reference baseline of credit: there is no version 9; stored: 1, 2, 3. "
        "`sparkdrift reference list SPEC` shows them"
    )
    with pytest.raises(SnapshotError, match=r"stored: 1, ..., 996, 997, 998, 999, 1000\."):
        require("activate", 9999, [], range(1, 1001), NAME)


def test_a_rejected_version_can_not_be_promoted():
    events = life((1, "activate", 0), (2, "reject", 0), reason="a test load was in it")
    with pytest.raises(SnapshotError) as error:
        require("activate", 2, events, range(1, 4), NAME)
    assert str(error.value) == (
        "reference baseline of credit: version 2 can't be promoted: it is rejected "
        "(reject by ada on 2024-02-10: a test load was in it). Accepted: 3; a rejected version "
        "stays rejected: freeze another with `sparkdrift snapshot SPEC`"
    )


@pytest.mark.parametrize("action", ["activate", "force", "retire", "reject"])
def test_the_version_in_force_is_left_alone(action):
    events = life((1, "activate", 0))
    with pytest.raises(SnapshotError, match=r"version 1 can't be \w+: it is active \(activate"):
        require(action, 1, events, [1, 2], NAME)


@pytest.mark.parametrize(
    ("action", "version", "accepted"),
    [
        ("activate", 2, True),
        ("activate", 1, True),
        ("force", 1, True),
        ("retire", 2, True),
        ("retire", 1, False),
        ("reject", 1, True),
        ("reject", 2, True),
        ("reject", 4, False),
        ("retire", 4, False),
    ],
)
def test_what_may_happen_to_candidates_and_retired_ones(action, version, accepted):
    events = life((1, "activate", 0), (2, "propose", 0), (3, "activate", 5), (4, "reject", 0))
    if accepted:
        require(action, version, events, range(1, 5), NAME)
    else:
        with pytest.raises(SnapshotError, match=r"nothing is to be done|stays rejected"):
            require(action, version, events, range(1, 5), NAME)


def test_an_unknown_name_is_told_with_the_nearest():
    known = [NAME, Name("credit", "training", "training")]
    require_name(NAME, known)
    with pytest.raises(SnapshotError) as error:
        require_name(Name("credit", "baseline", "basline"), known)
    assert str(error.value) == (
        "there is no reference basline of the role baseline of credit; stored: baseline "
        "(baseline), training (training); did you mean 'baseline'? `sparkdrift run SPEC` or "
        "`sparkdrift snapshot SPEC` freezes one"
    )


def test_numbers_go_on_from_the_last():
    assert newest_number([]) == 0
    assert newest_number(life((1, "propose", 0), (1, "activate", 0))) == 2
