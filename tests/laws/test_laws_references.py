"""Laws of a reference's life: at most one version in force, whatever happened in what order."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from sparkdrift.references.life import (
    ACTIONS,
    ERASED,
    IN_FORCE,
    PUTTING,
    Event,
    before,
    in_force,
    states,
    terms,
)

ROOMY = settings(max_examples=120, deadline=None)
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
VERSIONS = range(1, 6)
DAYS = range(12)


def day(number: int) -> datetime:
    return START + timedelta(days=number)


@st.composite
def histories(draw) -> list[Event]:
    """Any events, sensible or not, in any order of arrival, each number given once."""
    what = st.tuples(st.sampled_from(VERSIONS), st.sampled_from(ACTIONS), st.sampled_from(DAYS))
    drawn = draw(st.lists(what, max_size=12))
    events = [
        Event(seq, version, action, day(start))
        for seq, (version, action, start) in enumerate(drawn, 1)
    ]
    return draw(st.permutations(events))


def slow_in_force(events: list[Event], at: datetime) -> int | None:
    """The rule as it is written down: the applicable promotion with the highest number."""
    applicable = [one for one in events if one.action in PUTTING and one.effective_from <= at]
    return max(applicable, key=lambda one: one.seq).version if applicable else None


@ROOMY
@given(histories())
def test_at_most_one_version_is_active_and_one_once_one_was_promoted(events):
    """Unless its rows were erased, and no other was promoted since."""
    found = states(events, VERSIONS)
    active = [version for version, state in found.items() if state in IN_FORCE]
    newest = [one.version for one in terms(events) if one.end is None]
    assert len(newest) == any(one.action in PUTTING for one in events)
    gone = {one.version for one in events if one.action == ERASED}
    assert active == [version for version in newest if version not in gone]
    assert {version for version, state in found.items() if state == "erased"} == gone


@ROOMY
@given(histories(), st.sampled_from(range(-1, 14)))
def test_a_window_meets_the_version_that_the_rule_names(events, number):
    assert in_force(events, day(number)) == slow_in_force(events, day(number))


@ROOMY
@given(histories(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_nothing(events, random):
    other = list(events)
    random.shuffle(other)
    # A row that arrives twice is one event.
    other += other[:2]
    assert terms(other) == terms(events)
    assert states(other, VERSIONS) == states(events, VERSIONS)
    assert before(other) == before(events)


@ROOMY
@given(histories())
def test_terms_follow_each_other_without_gap_or_overlap(events):
    found = terms(events)
    for one, following in pairwise(found):
        assert one.start < following.start
        assert one.end == following.start
    assert [one.end for one in found[-1:]] == [None] * bool(found)


@ROOMY
@given(histories(), st.sampled_from(VERSIONS), st.sampled_from(DAYS))
def test_one_more_promotion_is_in_force_from_its_own_start_on_and_changes_nothing_before(
    events, version, start
):
    more = [*events, Event(len(events) + 1, version, "activate", day(start))]
    for number in range(-1, 14):
        expected = version if number >= start else in_force(events, day(number))
        assert in_force(more, day(number)) == expected


@ROOMY
@given(histories())
def test_what_was_in_force_before_may_be_again(events):
    found = before(events)
    if found is not None:
        assert states(events, VERSIONS)[found] == "retired"
        assert any(one.version == found and one.action in PUTTING for one in events)
