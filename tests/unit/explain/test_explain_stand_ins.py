"""Tests that stand in for a distance: the explanation tells what the reason of the row does."""

from __future__ import annotations

import pytest
from test_explain import bins, row

from sparkdrift.explain.explaining import explain_window
from sparkdrift.explain.sentences import tell
from sparkdrift.explain.told_shares import told_grown, told_share


def part(item: str, reference: float, share: float) -> dict:
    return {"item": item, "reference": reference, "share": share}


def told(tests: list[str] | None, reason: str, **figures) -> str:
    found = {"status": "drifted", "reason": reason, "alerting_tests": tests, **figures}
    (one,) = explain_window([row(0, **found)])
    assert one is not None
    return tell(one)


GREW = "'c300' grew by +2.1 points or more"
WANDERS = [part("c000", 0.09, 0.126), part("c300", 0.0, 0.021), part("c001", 0.03, 0.02)]


@pytest.mark.parametrize("tests", [["grown_category"], None])
def test_a_category_that_grew_is_told_and_not_the_one_that_wanders_most(tests):
    text = told(tests, GREW, carriers=WANDERS)
    assert text == "amount: 'c300' went up by 2.1 points (0.0 % to 2.1 % of the rows)"


def test_of_a_category_that_is_not_stored_among_those_that_moved_the_reason_is_read():
    assert told(["grown_category"], GREW, carriers=WANDERS[::2]) == (
        "amount: 'c300' went up by 2.1 points"
    )
    named = 'it\'s "new"; so'
    assert told_grown(f"x; {named!r} grew by +3.0 points or more") == (named, 0.03)


USUAL = [part("<= 0", 0.999, 0.96), part("> 0", 0.001, 0.04)]


def test_rare_values_have_a_share_and_no_deviations():
    reason = "the share of rare values changed by +3.9 points: the median did not move"
    text = told(["rare_value"], reason, shift=0.07, effect=0.0, carriers=USUAL)
    assert text == "amount: rare values went up by 3.9 points (0.1 % to 4.0 % of the rows > 0)"
    assert told_share(text, "amount") == "rare values went up by 3.9 points"


def test_a_rare_category_is_named_though_the_usual_one_moved_as_far():
    carriers = [part("a", 0.999, 0.96), part("b", 0.001, 0.04)]
    text = told(["rare_category"], "the share of rare categories changed", carriers=carriers)
    assert text.startswith("amount: 'b' went up by 3.9 points")


@pytest.mark.parametrize("tests", [["single_value"], None])
def test_one_single_value_is_no_move_by_deviations(tests):
    reason = "every value is 0; no window of the reference was one single value"
    only = [part("<= 0", 0.98, 1.0), part("> 0", 0.02, 0.0)]
    text = told(tests, reason, shift=-0.03, effect=0.0, carriers=only)
    assert text == "amount: every value is the same (98 % to 100 % of the rows <= 0)"


def test_a_share_farther_beyond_its_limit_goes_first_and_the_distance_always():
    reason = "the share of NULLs changed by +30.0 points; the share of rare values changed by +3.9"
    figures = {"shift": 0.07, "effect": 0.9, "carriers": USUAL, "null_delta": 0.3}
    assert told(["null", "rare_value"], reason, **figures).startswith("amount: NULLs went up")
    assert told(["shift", "rare_value"], reason, **figures).startswith("amount moved up")


def test_a_bin_that_did_not_grow_carries_nothing_that_is_out_of_range():
    figures = {"shift": -0.05, "effect": 0.05, "out_of_range_share": 0.04, "n_eff": 2000}
    reason = "the share outside the reference's range changed by +4.0 points, below it"
    figures |= {"below_range_share": 0.04}
    full = [part("<= 0", 0.9995, 1.0), part("> 0", 0.0005, 0.0)]
    text = told(["range"], reason, carriers=full, **figures)
    assert text.endswith("are values outside the reference's range, below it")
    ends = [part("> 9", 0.1, 0.14), part("<= 1", 0.1, 0.1)]
    text = told(["range"], reason, carriers=ends, **{**figures, "below_range_share": 0.0})
    assert text.endswith("above it (10 % to 14 % of the rows > 9)")


NULLS = "the share of NULLs changed by +5.0 points"


@pytest.mark.parametrize(
    ("reason", "q_value", "first"),
    [
        (f"{NULLS}, beyond the limit of 2, but not surely", 0.05, "amount: NULLs"),
        (f"shifted by 0.25 sd (limit 0.32): the median moved up; {NULLS}", 0.2, "amount moved up"),
    ],
)
def test_of_older_rows_the_distance_alerts_where_the_reason_begins_with_it(reason, q_value, first):
    """Their q-value is of the family, and would say the opposite of both."""
    figures = {"shift": 0.25, "effect": 0.25, "carriers": bins(0.09, 0.11), "null_delta": 0.05}
    figures |= {"q_value": q_value, "p_material": 0.9, "status": "warning"}
    assert told(None, reason, **figures).startswith(first)
