from __future__ import annotations

import numpy as np
import pytest

from sparkdrift.measures.categorical import (
    EMPTY,
    Categories,
    count,
    l_infinity_bounds,
    look_alikes,
    merge,
    merge_all,
    new_items,
    new_share,
    total_variation_bounds,
    unseen_share,
    vanished_share,
)


def state(items, counts, offset=0, total=None, exact=True):
    return Categories(
        tuple(items),
        np.array(counts, dtype=np.int64),
        offset,
        sum(counts) if total is None else total,
        exact,
    )


def test_count_keeps_the_largest_and_says_what_it_lost():
    values = ["a"] * 5 + ["b"] * 3 + ["c"] * 2 + [None] + ["d"] * 2
    assert count(values, 10) == state("abcd", [5, 3, 2, 2])
    cut = count(values, 2)
    assert cut == state("ab", [5, 3], offset=2, total=12, exact=False)
    assert cut.bounds("a") == (5, 7)
    assert cut.bounds("c") == (0, 2)
    assert cut.bounds("never") == (0, 2)
    assert cut.residual == 4


def test_ties_are_cut_by_name():
    assert count(["b", "a", "c"], 2).items == ("a", "b")


def test_merge_adds_counts_and_offsets():
    a = state("ab", [5, 3], offset=2, total=12, exact=False)
    b = state("bc", [4, 1], total=5)
    assert merge(a, b, 10) == state("bac", [7, 5, 1], offset=2, total=17, exact=False)
    assert merge(a, b, 2) == state("ba", [7, 5], offset=3, total=17, exact=False)
    assert merge(a, EMPTY, 10) == a


def test_the_rows_left_over_bound_the_slack():
    loose = state("ab", [5, 3], offset=100, total=9, exact=False)
    assert loose.slack == 1
    assert loose.bounds("a") == (5, 6)


def test_one_truncation_is_tighter_than_a_chain():
    parts = [
        count([f"item{i}" for i in range(j, j + 5)] + ["top"] * 9, 20) for j in range(0, 50, 5)
    ]
    chain = EMPTY
    for part in parts:
        chain = merge(chain, part, 3)
    once = merge_all(parts, 3)
    assert once.total == chain.total == 140
    assert once.offset < chain.offset


@pytest.mark.parametrize(
    "wrong",
    [
        {"items": "ab", "counts": [1]},
        {"items": "aa", "counts": [1, 1]},
        {"items": "a", "counts": [0]},
        {"items": "a", "counts": [5], "total": 4, "exact": False},
        {"items": "a", "counts": [5], "offset": 1},
        {"items": "a", "counts": [5], "total": 6},
        {"items": "a", "counts": [5], "offset": -1, "exact": False},
    ],
)
def test_contradictions_are_refused(wrong):
    with pytest.raises(ValueError, match=r"counts|exact"):
        state(**wrong)


def test_limit_is_checked():
    with pytest.raises(ValueError, match="at least 1"):
        count(["a"], 0)


def test_exact_distances_have_no_width():
    a, b = count("aaaabb", 9), count("abc", 9)
    tv = total_variation_bounds(a, b)
    assert (tv.value, tv.low, tv.high) == pytest.approx((1 / 3, 1 / 3, 1 / 3))
    assert tv.certain
    top = l_infinity_bounds(a, b)
    assert (top.value, top.low, top.high) == pytest.approx((1 / 3, 1 / 3, 1 / 3))


def test_truncated_distances_have_bounds():
    cut = count("aaaabbcd", 2)
    tv = total_variation_bounds(cut, cut)
    assert tv.value == 0
    assert tv.high > 0
    assert not tv.certain


def test_new_and_vanished():
    reference, window = count("aaabbc", 9), count("aaddde", 9)
    share = new_share(reference, window)
    assert (share.value, share.low, share.high) == pytest.approx((4 / 6,) * 3)
    assert share.certain
    assert new_items(reference, window) == (("d", 3), ("e", 1))
    assert vanished_share(reference, window).value == pytest.approx(0.5)


def test_new_is_uncertain_when_the_reference_was_cut():
    share = new_share(count("aaabbc", 2), count("aacd", 9))
    assert (share.value, share.low, share.high) == (0.5, 0.0, 0.5)
    assert not share.certain
    assert vanished_share(count("aab", 9), count("aac", 1)).low == 0


def test_unseen_share():
    assert unseen_share(count("aaabbcd", 9)) == pytest.approx(2 / 7)
    assert np.isnan(unseen_share(count("aaabbcd", 2)))
    assert np.isnan(unseen_share(EMPTY))


def test_empty_sides_are_nan():
    full = count("ab", 9)
    for figure in (total_variation_bounds, l_infinity_bounds, new_share, vanished_share):
        assert np.isnan(figure(full, EMPTY).value)
        assert np.isnan(figure(EMPTY, full).high)


def test_look_alikes_differ_by_case_or_white_space_only():
    known = count(["retail"] * 5 + ["bank loan"] * 3 + ["RETAIL"] * 2 + ["straße"], 10)
    seen = count(["Retail"] * 4 + ["bankloan"] * 2 + ["bank\u00a0 Loan"] + ["retai", "STRASSE"], 10)
    assert look_alikes(known, seen) == (
        ("Retail", 4, "retail"),
        ("bankloan", 2, "bank loan"),
        ("STRASSE", 1, "straße"),
        ("bank\u00a0 Loan", 1, "bank loan"),
    )
    assert look_alikes(known, known) == ()
    assert look_alikes(EMPTY, seen) == ()
