"""The gate, of a version's rows: alerts, labels, shaped rows, keys; what is not known of them."""

from __future__ import annotations

import pytest
from scipy import stats
from test_references_gate import column, gap, verdicts

from sparkdrift.references.gate import verdict
from sparkdrift.references.gate_rows import (
    Origins,
    Overlap,
    contamination,
    labels,
    overlap,
    shaped,
)


def test_rows_from_alerted_windows_block_by_their_share_or_by_what_they_move():
    few, many = Origins(1000, 1000, 40), Origins(1000, 600, 60)
    assert verdicts(contamination(few, None)) == {":table": "passed"}
    found = contamination(many, [gap("age", 0.1), gap("income", 0.4, material=True)])
    assert verdicts(found) == {":table": "blocked", "age": "passed", "income": "blocked"}
    assert found[0].value == 60 / 600
    assert found[0].reason == (
        "10.0 % of the rows that were judged are from windows in which an alert stood; 40 % were "
        "not judged"
    )
    assert verdicts(contamination(few, [gap("income", 0.4, material=True)])) == {
        ":table": "passed",
        "income": "blocked",
    }
    for nothing in (None, Origins(1000, 0, 0), Origins(1000, 499, 1)):
        assert verdicts(contamination(nothing, None)) == {":table": "not_measured"}


def test_windows_that_were_to_be_judged_and_were_not_block_until_they_are():
    for due, judged, expected in (
        (1000, 0, "blocked"),
        (300, 300, "blocked"),
        # Before any reference was in force there was nothing to compare them with.
        (100, 300, "not_measured"),
        (0, 300, "not_measured"),
        (500, 500, "passed"),
    ):
        (check,) = contamination(Origins(1000, judged, 0, due), None)
        assert check.verdict == expected, (due, judged)
        assert ("`sparkdrift drift SPEC`" in check.reason) == (expected == "blocked")


def test_what_can_not_be_judged_any_more_is_not_asked_for():
    (check,) = contamination(Origins(1000, 0, 0, 1000, lost=1000), None)
    assert check.verdict == "blocked"
    assert "`sparkdrift drift SPEC`" not in check.reason
    assert "can't be judged any more" in check.reason
    (check,) = contamination(Origins(1000, 0, 0, 1000, lost=400), None)
    assert "`sparkdrift drift SPEC`" in check.reason


def test_what_a_column_is_without_those_rows_is_to_be_known():
    few, columns = Origins(1000, 1000, 40), {"age": column(), "flag": column(), "empty": column(0)}
    unmeasured = [gap(one, None, material=None) for one in ("age", "empty")]
    constant = gap("flag", None, material=None, outside=0.0)
    assert verdicts(contamination(few, [*unmeasured, constant], columns)) == {
        ":table": "passed",
        "age": "blocked",
        "empty": "not_measured",
        "flag": "passed",
    }


@pytest.mark.parametrize(
    ("role", "labelled", "expected"),
    [
        ("evaluation", 950, "passed"),
        ("evaluation", 500, "blocked"),
        ("training", 500, "blocked"),
        ("baseline", 500, "warned"),
        ("baseline", 0, "warned"),
    ],
)
def test_only_roles_that_need_labels_are_blocked_without(role, labelled, expected):
    assert verdicts(labels(role, 1000, labelled)) == {":table": expected}


@pytest.mark.parametrize(
    ("role", "expected"), [("evaluation", "blocked"), ("training", "blocked"), ("baseline", None)]
)
def test_labels_that_could_not_be_counted_block_roles_that_need_them(role, expected):
    (check,) = labels(role, None, None, "the version is gone")
    assert (check.verdict, check.value) == (expected or "not_measured", None)
    assert check.reason.endswith("the version is gone")


@pytest.mark.parametrize(
    ("influenced", "expected"), [(0, "passed"), (200, "passed"), (201, "blocked")]
)
def test_a_version_that_the_model_shaped_beyond_the_limit_is_blocked(influenced, expected):
    (check,) = shaped(1000, 1000, influenced, 0.2)
    assert (check.column, check.verdict) == (":table", expected)
    assert (check.value, check.limit) == (influenced / 1000, 0.2)


def test_the_share_is_of_rows_of_which_it_is_known():
    (check,) = shaped(1000, 600, 150, 0.3)
    assert (check.verdict, check.value) == ("passed", 0.25)
    ends = stats.binomtest(150, 600).proportion_ci(0.95, method="wilson")
    assert f"{100 * ends.low:.1f} to {100 * ends.high:.1f} %" in check.reason
    assert "of 40.0 % it is not known" in check.reason


@pytest.mark.parametrize(
    ("known", "influenced", "expected"),
    [
        # One row of a million, or fewer than half of them, tell of no other row.
        (1, 0, "not measured"),
        (499_999, 0, "not measured"),
        (500_000, 0, "passed"),
        (500_000, 99_900, "not measured"),
        (999_999, 210_000, "found"),
        (1, 1, "found"),
        # Of all rows it is known, so there is nothing that chance could have left out.
        (1_000_000, 200_000, "passed"),
    ],
)
def test_a_share_that_may_be_beyond_the_limit_does_not_pass(known, influenced, expected):
    (check,) = shaped(1_000_000, known, influenced, 0.2)
    assert check.verdict == ("passed" if expected == "passed" else "blocked")
    assert (check.value is None) == (expected == "not measured")
    assert check.reason.startswith("not measured: ") == (expected == "not measured")


@pytest.mark.parametrize("why", [None, "the column is gone"])
def test_a_share_that_the_spec_asks_for_and_nobody_knows_does_not_pass(why):
    (check,) = shaped(1000, 0, 0, 0.2, why)
    assert (check.verdict, check.value) == ("blocked", None)
    assert why is None or check.reason == f"not measured: {why}"


OTHER = "reference training of m"


def test_an_evaluation_set_that_was_trained_on_is_blocked_and_says_by_how_much():
    found = Overlap(OTHER, 2, 0.03, 0.024, 0.037, 12_000, False)
    (check,) = overlap("evaluation", [found], 0.01)
    assert (check.verdict, check.value, check.limit) == ("blocked", 0.03, 0.01)
    assert check.against == 2
    assert check.reason == (
        "3.0 % of 12,000 keys are in both: reference training of m version 2 has them as well "
        "(95 % interval 2.4 to 3.7 %, limit 1 %)"
    )


def test_few_shared_keys_pass():
    found = Overlap(OTHER, 2, 0.01, 0.01, 0.01, 12_000, True)
    (check,) = overlap("training", [found], 0.01)
    assert check.verdict == "passed"
    assert "every key was looked at" in check.reason


def test_what_is_not_known_of_keys_does_not_pass():
    (check,) = overlap("evaluation", [], 0.01)
    # Nothing was trained that is known here: there is nothing to hold it against.
    assert (check.verdict, check.value) == ("not_measured", None)
    assert check.reason == "no reference of the role training is in force"
    assert verdict([check]) == "passed"
    unread = Overlap(reason="the keys were not read")
    for known in (0.0, 0.5):
        found = [Overlap(OTHER, 1, known, known, known, 10, True), unread]
        (check,) = overlap("evaluation", found, 0.01)
        assert check.verdict == "blocked"
        assert check.value == (known or None)
    (check,) = overlap("evaluation", [unread], 0.01)
    assert (check.verdict, check.reason) == ("blocked", "not measured: the keys were not read")
