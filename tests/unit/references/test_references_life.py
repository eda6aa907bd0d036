"""The life of a reference: states, and what is refused with which next step."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, timezone

import pytest

from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import (
    ERASURE,
    Event,
    Name,
    Term,
    before,
    chain,
    lineage,
    newest_number,
    stand_ins,
    states,
    terms,
    with_substitutes,
)
from sparkdrift.references.refusing import require, require_name, require_one_before

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


def versions_of(events: Iterable[Event]) -> tuple[int, ...]:
    """The chain of a reference that had one name only."""
    return tuple(version for _, version in chain({NAME: events}))


def test_a_chain_begins_with_the_first_version_or_with_the_last_that_was_forced():
    events = life((1, "activate", 0), (2, "activate", 3), (3, "activate", 5))
    assert versions_of(events) == (1, 2, 3)
    assert versions_of([*events, Event(4, 2, "activate", day(5))]) == (1, 2)
    forced = [*events, Event(4, 4, "force", day(6)), Event(5, 5, "activate", day(7))]
    assert versions_of(forced) == (4, 5)
    assert versions_of([*forced, Event(6, 3, "activate", day(7))]) == (1, 2, 3)
    assert versions_of([]) == ()


def test_a_chain_goes_on_under_other_names_in_order_of_time():
    """Named first, then otherwise, and the first way again."""
    other = Name("credit", "baseline", "spring")
    events = {
        NAME: [Event(1, 1, "activate", day(0), day(1)), Event(2, 2, "activate", day(6), day(7))],
        other: [Event(1, 1, "activate", day(3), day(4))],
    }
    assert chain(events) == [(NAME, 1), (other, 1), (NAME, 2)]
    # A clock that jumped back changes no order within a name.
    events[NAME][1] = Event(2, 2, "activate", day(6), day(0))
    assert chain(events) == [(NAME, 1), (NAME, 2), (other, 1)]
    events[other].append(Event(2, 2, "force", day(8), day(9)))
    events[NAME].append(Event(3, 3, "activate", day(9), day(10)))
    assert chain(events) == [(other, 2), (NAME, 3)]
    events[other].append(Event(3, 2, "erase", day(0), day(11)))
    assert chain(events) == [(NAME, 3)]


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


def test_an_erased_version_is_so_whatever_else_is_said_of_it():
    events = life((1, "activate", 0), (1, "erase", 0), (2, "erase", 0), (2, "propose", 0))
    assert states(events, [1, 2]) == {1: "erased", 2: "erased"}
    with pytest.raises(SnapshotError, match=r"it is erased .*its rows are gone: freeze another"):
        require("activate", 1, events, [1, 2], NAME)
    # There is no way back to it.
    events = life((1, "activate", 0), (2, "activate", 3), (1, "erase", 0))
    assert before(events) is None


@pytest.mark.parametrize(
    ("steps", "instead"),
    [
        ([(1, "activate", 0)], {1: 9}),
        ([(1, "activate", 0), (2, "force", 3), (3, "activate", 5)], {1: 9}),
        ([(1, "activate", 0), (2, "force", 3), (3, "activate", 5)], {2: 8, 3: 9}),
        ([(1, "activate", 0), (2, "activate", 3), (1, "activate", 5)], {1: 9}),
        ([(1, "activate", 0), (2, "activate", 3), (1, "activate", 1)], {2: 9}),
        ([(1, "propose", 0)], {1: 9}),
    ],
)
def test_substitutes_are_in_force_exactly_when_the_others_were(steps, instead):
    events = life(*steps)
    expected = tuple(
        Term(instead.get(one.version, one.version), one.start, one.end, one.forced)
        for one in terms(events)
    )
    written = [*events, *erasure(events, instead)]
    assert terms(written) == expected
    held = {one: instead[one] for one in {term.version for term in terms(events)} & set(instead)}
    assert stand_ins(written) == held
    # What was decided, and the way that led here, are as they were but for the numbers.
    assert [one.version for one in lineage(written)] == [
        held.get(one.version, one.version) for one in lineage(events)
    ]
    assert versions_of(written) == tuple(
        held.get(one, one) for one in versions_of(events) if one in held or one not in instead
    )
    back = before(events)
    assert before(written) == held.get(back, back)


def erasure(events, instead: dict[int, int]) -> list[Event]:
    """The events that an erasure writes."""
    rows = [
        ("force" if one.forced else "activate", one.version, one.start, ERASURE)
        for one in with_substitutes(events, instead)
    ]
    rows += [("erase", one, day(0), None) for one in instead]
    return [
        Event(seq, version, action, start, gate=gate)
        for seq, (action, version, start, gate) in enumerate(rows, len(events) + 1)
    ]


def test_a_stand_in_may_be_erased_too():
    events = life((1, "activate", 0), (2, "activate", 3))
    events = [*events, *erasure(events, {1: 3, 2: 4})]
    events = [*events, *erasure(events, {3: 5})]
    assert stand_ins(events) == {1: 5, 2: 4, 3: 5}
    assert [one.version for one in terms(events)] == [5, 4]
    assert (versions_of(events), before(events)) == ((5, 4), 5)


def test_an_erased_version_without_a_successor_is_no_step_of_a_chain():
    events = life((1, "activate", 0), (2, "activate", 3), (1, "erase", 0))
    assert versions_of(events) == (2,)


def test_going_back_to_a_version_that_was_forced_forces_it_once_more():
    """Else the ledger would say that it owes, and the version that it does not."""
    events = life((1, "activate", 0), (2, "force", 3), (1, "activate", 5), (2, "activate", 7))
    assert states(events, [1, 2]) == {1: "retired", 2: "forced"}
    assert [one.forced for one in terms(events)] == [False, True, False, True]
    passed = [*events[:3], Event(4, 2, "activate", day(7), gate="passed")]
    assert states(passed, [1, 2])[2] == "active"
    # The one that stands in for it is forced as well, now and where it is gone back to.
    written = [*events, *erasure(events, {2: 9})]
    assert states(written, [1, 2, 9]) == {1: "retired", 2: "erased", 9: "forced"}
    last = len(written)
    back = [Event(last + 1, 1, "activate", day(9)), Event(last + 2, 9, "activate", day(11))]
    assert states([*written, *back], [1, 2, 9])[9] == "forced"


def test_what_stands_in_for_a_version_without_a_term_is_known_by_the_erasure():
    """Another one took its place from the same start on, so no term of it was written anew."""
    events = life((1, "activate", 0), (2, "activate", 0), (3, "propose", 0))
    told = "digest abc: version 3 stands in for it"
    events += [Event(4, 1, "erase", day(0), reason=told)]
    assert stand_ins(events) == {1: 3}
    assert versions_of(events) == (3, 2)
    events += [Event(5, 4, "propose", day(0))]
    events += [Event(6, 3, "erase", day(0), reason="digest abc: version 4 stands in for it")]
    assert stand_ins(events) == {1: 4, 3: 4}
    gone = [*events[:3], Event(4, 1, "erase", day(0), reason="digest abc: it was rejected")]
    assert stand_ins(gone) == {}
    assert versions_of(gone) == (2,)


def test_going_back_from_a_version_of_the_past_asks_from_when_on():
    """It took the place of two: the one before was in force for a part of that alone."""
    events = life((1, "activate", 0), (2, "activate", 50), (3, "activate", 20))
    with pytest.raises(SnapshotError, match="Say from when on version 2 is to be in force") as told:
        require_one_before(events, 2, NAME)
    assert "version 1 from 2024-01-01 00:00, version 2 from 2024-02-20 00:00 UTC" in str(told.value)
    assert "rollback SPEC 1 --effective-from 2024-01-21T00:00Z`" in str(told.value)
    # There is no way back to an erased version: to what stands in for it there is.
    erased = [
        *events,
        Event(4, 4, "propose", day(0)),
        Event(5, 1, "erase", day(0), reason="digest abc: version 4 stands in for it"),
    ]
    with pytest.raises(SnapshotError, match="rollback SPEC 4 --effective-from 2024-01-21T00:00Z`"):
        require_one_before(erased, 2, NAME)
    # Done in these two steps, all is as it was.
    back = [*events, Event(4, 1, "activate", day(20)), Event(5, 2, "activate", day(50))]
    assert [(one.version, one.end) for one in terms(back)] == [
        (1, day(20)),
        (1, day(50)),
        (2, None),
    ]


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [(1, "activate", 0)],
        [(1, "activate", 0), (2, "activate", 5)],
        [(1, "activate", 0), (2, "activate", 5), (1, "activate", 5)],
        # From the same start on it took the place of one alone.
        [(1, "activate", 0), (2, "activate", 5), (3, "activate", 5)],
        [(1, "activate", 0), (2, "propose", 9), (3, "activate", 5)],
        [(1, "activate", 0), (1, "activate", 9), (3, "activate", 5)],
    ],
)
def test_going_back_asks_nothing_where_one_version_was_in_force_before(steps):
    require_one_before(life(*steps), 1, NAME)
