"""Explanations of hand-made drift rows: each kind, where it comes from, and how it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

import numpy as np
import pytest

from sparkdrift.explain.explaining import READ, explain, explain_window, with_first_seen
from sparkdrift.explain.sentences import tell
from sparkdrift.explain.signals import Limits
from sparkdrift.explain.told_shares import told_share, told_tests

DAYS, START = 14, 9
NOISE = 0.02 * np.random.default_rng(4).normal(size=(8, 2 * DAYS))


def at(day: int) -> datetime:
    return datetime(2024, 5, 1, tzinfo=timezone.utc) + timedelta(days=day)


def row(day: int, column: str = "amount", of=("*", "*"), rows: int = 1000, **figures) -> dict:
    return {
        "column_name": column,
        "window_start": at(day),
        "slice_key": of[0],
        "slice_value": of[1],
        "status": "ok",
        "row_count": rows,
        "n_eff": 0.9 * rows,
        "shift": None,
        "carriers": None,
        "effect": 0.0,
        "q_value": 0.9,
        "p_material": 0.9,
        "new_category_share": None,
        "new_categories": None,
        "null_delta": 0.0,
        "nan_delta": 0.0,
        "infinite_delta": 0.0,
        "out_of_range_share": None,
        **figures,
    }


def bins(low: float, high: float) -> list[dict]:
    return [
        {"item": "<= 1", "reference": 0.1, "share": low},
        {"item": "> 9", "reference": 0.1, "share": high},
        {"item": "1 to 9", "reference": 0.8, "share": 1 - low - high},
    ]


def alerting(shift: float | None) -> dict:
    return {"status": "drifted", "q_value": 0.001, "p_material": 0.001, "effect": abs(shift or 0.5)}


def numbers(shift: float, of=("*", "*"), rows: int = 1000, start: int = START, quiet=False, lane=0):
    """A column that moves by `shift` from `start` on."""
    found = []
    for day in range(DAYS):
        moved = shift if day >= start else 0.0
        verdict = alerting(moved) if moved and not quiet else {}
        value = moved + NOISE[lane, day]
        carriers = bins(0.1 - moved / 9, 0.1 + moved / 5)
        found.append(row(day, of=of, rows=rows, shift=value, carriers=carriers, **verdict))
    return found


def newest(rows, **more):
    (found,) = explain(rows, window=at(DAYS - 1), **more)
    return found


def test_a_number_that_moved():
    found = newest(numbers(0.5))
    assert (found.kind, found.direction) == ("values", "up")
    assert found.size == pytest.approx(0.5, abs=0.06)
    assert (found.since.start, found.since.low, found.since.high) == (at(9),) * 3
    assert found.where.kind == "unknown"
    text = tell(found)
    assert text.startswith("amount moved up by 0.5")
    assert text.endswith("(10 % to 4.4 % of the rows <= 1); since 2024-05-10")


def test_every_alerting_window_has_one_the_newest_first():
    found = explain(numbers(-0.5))
    assert [one.window_start for one in found] == [at(day) for day in (13, 12, 11, 10, 9)]
    assert {one.since.start for one in found} == {at(9)}
    assert {one.direction for one in found} == {"down"}


def test_one_slice_carries_it():
    north = numbers(1.6, ("region", "north"), 300, lane=1)
    south = numbers(0.0, ("region", "south"), 700, lane=2)
    app = numbers(0.5, ("channel", "app"), 500, lane=3)
    branch = numbers(0.5, ("channel", "branch"), 500, lane=4)
    found = newest(numbers(0.5) + north + south + app + branch)
    where = found.where
    assert (where.kind, where.key, where.value) == ("slice", "region", "north")
    assert where.rows == pytest.approx(0.3)
    assert where.carried == pytest.approx(1.0, abs=0.1)
    assert "region = north, 30 % of the rows, carries " in tell(found)


def test_what_moved_is_told_of_each_row_of_a_window_alone():
    """As `explain` tells it, but for the date: that takes other windows."""
    north = numbers(1.6, ("region", "north"), 300, lane=1)
    south = numbers(0.0, ("region", "south"), 700, lane=2)
    rows = [one for one in numbers(0.5) + north + south if one["window_start"] == at(DAYS - 1)]
    quiet = row(DAYS - 1, "age")
    whole, in_north, in_south, of_age = explain_window([*rows, quiet])
    assert in_south is None
    assert of_age is None
    dated = newest(numbers(0.5) + north + south)
    assert replace(dated, since=whole.since) == whole
    assert tell(whole) == tell(dated).removesuffix("; since 2024-05-10")
    assert tell(in_north).startswith("amount moved up by 1.6")
    assert tell(in_north).endswith("; where region = north")


@pytest.mark.parametrize(
    "named",
    [
        {"alerting_tests": ["range"]},
        {
            "alerting_tests": None,
            "reason": "the share outside the reference's range changed by +3.0 points, above it",
        },
    ],
    ids=["by its tests", "of an older store by its reason"],
)
def test_the_share_that_alerts_is_told_and_not_a_larger_one_that_is_usual(named):
    """Ten points of NULL that come and go anyway, beside three out of range that do not."""
    shares = {"null_delta": 0.1, "out_of_range_share": 0.03}
    one = row(0, status="drifted", effect=0.0, **shares, **named)
    for (found,) in (explain_window([one]), explain([one])):
        assert (found.kind, found.also) == ("range", ())
        assert "NULL" not in tell(found)


def test_a_shift_is_told_without_shares_that_no_test_held_to_be_certain():
    """What was stored as a shift alone is none of NULLs when it is read again."""
    given = alerting(0.5) | {"alerting_tests": ["shift"], "null_delta": 0.3}
    (found,) = explain([row(0, shift=0.5, carriers=bins(0.0, 0.2), **given)])
    assert (found.kind, found.also) == ("values", ())
    (older,) = explain(
        [row(0, shift=0.5, carriers=bins(0.0, 0.2), **alerting(0.5), null_delta=0.3)]
    )
    assert (older.kind, older.also) == ("values", ())
    # Nor is a shift told that was none: its effect was below what warns.
    gone = given | {"status": "warning", "alerting_tests": ["null"]}
    (found,) = explain([row(0, shift=0.1, carriers=bins(0.0, 0.2), **gone)])
    assert (found.kind, found.also) == ("null", ())


@pytest.mark.parametrize(
    ("reason", "named"),
    [
        (
            "shifted by 0.50 sd (limit 0.32); new categories 'crypto': 8.0 % of the rows",
            {"shift", "new"},
        ),
        ('new categories "it\'s": 8.0 % of the rows', {"new"}),
        ("the share of new categories changed by +1.2 points, beyond the limit of 1", {"new"}),
        ("no value is left: the share of NaNs changed by +100.0 points", {"nan"}),
        ("shifted by 0.50 sd (limit 0.32)", {"shift"}),
        ("'it\\'s; so' grew by +2.1 points or more", {"grown_category"}),
        ("every value is 0; no window of the reference was one single value", {"single_value"}),
    ],
)
def test_rows_of_an_older_store_name_their_tests_by_their_reason(reason, named):
    assert set(told_tests(reason)) == named


def test_everywhere_alike():
    app = numbers(0.5, ("channel", "app"), 600, lane=3)
    branch = numbers(0.5, ("channel", None), 400, lane=4)
    found = newest(numbers(0.5) + app + branch)
    assert found.where.kind == "alike"
    assert "everywhere alike" in tell(found)


def test_a_mix_that_changed():
    """Neither slice moved against its own reference, so the table did by their shares."""
    app = numbers(0.0, ("channel", "app"), 600, lane=3)
    branch = numbers(0.0, ("channel", "branch"), 400, lane=4)
    found = newest(numbers(0.5) + app + branch)
    assert (found.where.kind, found.where.key) == ("mix", "channel")
    assert "the mix of channel changed" in tell(found)


def test_a_slice_that_alerts_alone():
    loud = numbers(0.9, ("region", None), 100, lane=1)
    found = newest(numbers(0.0) + loud)
    assert (found.where.kind, found.where.value) == ("only", None)
    assert found.since.start == at(9)
    assert "only where region is NULL" in tell(found)


def test_a_category_and_a_new_one():
    def shares(loan: float) -> list[dict]:
        return [
            {"item": "loan", "reference": 0.3, "share": loan},
            {"item": "card", "reference": 0.7, "share": 1 - loan},
        ]

    rows = [
        row(
            day,
            "product",
            carriers=shares(0.5 + NOISE[0, day] if day >= START else 0.3 + NOISE[1, day]),
            new_category_share=0.08 if day >= START else 0.0,
            new_categories=[{"item": "crypto", "count": 80}] if day >= START else [],
            **(alerting(0.4) | {"alerting_tests": ["shift", "new"]} if day >= START else {}),
        )
        for day in range(DAYS)
    ]
    found = newest(rows)
    assert (found.kind, found.item, found.direction) == ("category", "loan", "up")
    assert found.size == pytest.approx(0.2, abs=0.05)
    assert (found.since.start, found.also) == (at(9), ("new",))
    assert "'loan' went up by 2" in tell(found)
    assert tell(found).endswith("besides: new categories")
    calm = [{**one, "alerting_tests": ["new"]} for one in rows]
    fresh = newest(calm)
    assert (fresh.kind, fresh.size) == ("new", 0.08)
    assert [one.item for one in fresh.carriers] == ["crypto"]
    assert "8.0 % of the rows are new categories, most of them 'crypto'" in tell(fresh)


def test_nulls_by_the_test_that_alerts():
    only = {"status": "drifted", "alerting_tests": ["null"]}
    rows = [
        row(day, shift=0.0, carriers=bins(0.1, 0.1), null_delta=0.3, **only)
        if day >= START
        else row(day, shift=0.0, carriers=bins(0.1, 0.1), null_delta=NOISE[0, day] / 10)
        for day in range(DAYS)
    ]
    found = newest(rows)
    assert (found.kind, found.direction, found.size) == ("null", "up", 0.3)
    assert found.since.start == at(9)
    assert "NULLs went up by 30.0 points" in tell(found)
    # Both alert: the one that is more multiples of its limit is told first.
    both = [
        {**one, "nan_delta": 0.2, "alerting_tests": ["null", "nan"]}
        if one["null_delta"] > 0.2
        else one
        for one in rows
    ]
    assert (newest(both).kind, newest(both).also) == ("null", ("nan",))
    assert newest(both, limits=Limits(null=0.1)).kind == "nan"


def test_a_shape_without_direction():
    rows = [
        row(day, shift=NOISE[0, day], effect=abs(NOISE[1, day]), carriers=bins(0.1, 0.1))
        if day < START
        else row(day, shift=0.01, carriers=bins(0.25, 0.25), **alerting(0.6))
        for day in range(DAYS)
    ]
    found = newest(rows)
    assert (found.kind, found.direction, found.since.start) == ("shape", "wider", at(9))
    assert "amount spread out (0.60 sd), its middle stayed" in tell(found)


def test_a_metric():
    rows = [
        {**one, "column_name": "metric:approved", "carriers": None, "n_eff": 14.0}
        for one in numbers(-3.0)
    ]
    found = newest(rows)
    assert (found.kind, found.direction, found.since.start) == ("metric", "down", at(9))
    assert tell(found).startswith("approved is 3.0 sd below usual")


@pytest.mark.parametrize(
    ("name", "figures", "kind", "told"),
    [
        (":inputs", {"d_statistic": 0.3}, "joint", "all inputs together moved by 0.60 sd; since"),
        (
            "embedding",
            {"d_statistic": None, "wasserstein_distance": 0.7},
            "vector",
            "embedding moved by 0.60 sd, averaged over its projections; since",
        ),
    ],
)
def test_several_columns_together_have_no_direction(name, figures, kind, told):
    rows = [
        row(day, name, effect=abs(NOISE[1, day]), **figures)
        if day < START
        else row(day, name, **figures, **alerting(0.6))
        for day in range(DAYS)
    ]
    found = newest(rows)
    assert (found.kind, found.direction, found.since.start) == (kind, "changed", at(9))
    assert tell(found).startswith(told)
    assert found.effect == 0.6


def test_rows_of_an_older_store_have_no_direction():
    old = [{**one, "shift": None, "carriers": None, "row_count": None} for one in numbers(0.5)]
    found = newest(old)
    assert (found.kind, found.direction) == ("shape", "changed")
    assert "changed its shape" in tell(found)
    with pytest.raises(ValueError, match=r"lacks shift.*sparkdrift migrate"):
        explain([{k: v for k, v in one.items() if k != "shift"} for one in old])


def test_starts_that_have_no_date():
    always = newest(numbers(0.5, start=0))
    assert always.since.start is None
    assert "before the first window" in tell(always)
    few = newest([one for one in numbers(0.5) if one["window_start"] >= at(9)])
    assert "5 of 5 windows were measured, 8 are needed" in tell(few)


def test_a_shift_that_ended_and_one_after_it():
    rows = numbers(0.5, start=4)
    for day in (8, 9, 10):
        rows[day] = numbers(0.0)[day - 8]
        rows[day]["window_start"] = at(day)
    found = {one.window_start: one for one in explain(rows)}
    assert found[at(5)].since.start == at(4)
    assert (found[at(5)].since.low, found[at(5)].since.ended) == (at(4), at(8))
    assert "since 2024-05-05, over by 2024-05-09" in tell(found[at(5)])
    # Six windows are too few for a change point: the alerts in a row are what is left.
    assert (found[at(13)].since.start, found[at(13)].since.low) == (at(11), None)
    assert "since 2024-05-12 by its alerts (" in tell(found[at(13)])


def test_sentences_are_one_safe_line():
    found = replace(newest(numbers(0.5)), column_name="a\nb\x1b[31m")
    assert tell(found).startswith("a?b?[31m moved")
    far = replace(found, size=-2.4, direction="down")
    assert "moved down by 2 sd or more" in tell(far)


@pytest.mark.parametrize(
    ("figures", "told"),
    [
        (
            {"comparison": "consecutive", "earlier_start": at(12)},
            " against the window of 2024-05-13 (",
        ),
        ({"comparison": "seasonal", "earlier_start": at(6)}, " against the window of 2024-05-07 ("),
        ({"comparison": "baseline", "stratum": "Sunday"}, " against the reference's Sundays ("),
        ({"stratum": "07:00"}, " against the reference's windows of 07:00 ("),
        ({"comparison": "origin"}, " against the first reference ("),
        (
            {"comparison": "training", "stratum": "Friday"},
            " against the training reference's Fridays (",
        ),
        ({"comparison": "baseline"}, " sd ("),
    ],
)
def test_what_it_is_against_is_told(figures, told):
    one = row(13, shift=0.5, carriers=bins(0.04, 0.2), **alerting(0.5), **figures)
    (stored,) = explain_window([one])
    (found,) = explain([one])
    for text in (tell(stored), tell(found)):
        assert text.startswith(f"amount moved up by 0.50 sd{told.removeprefix(' sd')}")
    # A share of NULLs has no strata.
    gone = row(13, null_delta=0.3, status="drifted", alerting_tests=["null"], **figures)
    (share,) = explain_window([gone])
    assert ("Sunday" in tell(share)) is False


def test_comparisons_are_told_one_by_one():
    of_origin = [{**one, "comparison": "origin"} for one in numbers(0.9)]
    steps = [{**one, "comparison": "consecutive"} for one in numbers(0.0)]
    found = explain([*numbers(0.5), *of_origin, *steps], window=at(DAYS - 1))
    assert [(one.comparison, round(one.size, 1)) for one in found] == [
        ("origin", 0.9),
        ("baseline", 0.5),
    ]
    assert {one.since.start for one in found} == {at(START)}


def test_comparisons_are_dated_one_by_one():
    """What is remembered of one series is not taken for that of another comparison."""
    later = [{**one, "comparison": "training"} for one in numbers(0.9, start=START + 4)]
    found = explain([*numbers(0.9), *later], window=at(DAYS - 1))
    assert {one.comparison: one.since.start for one in found} == {
        "baseline": at(START),
        "training": at(START + 4),
    }


def test_slices_of_another_stratum_are_not_added_up():
    """A small slice that shows no season is held against its whole week."""
    parts = [
        {**one, "stratum": "Sunday" if region == "north" else None}
        for region, moved, lane in (("north", 1.6, 1), ("south", 0.0, 2))
        for one in numbers(moved, ("region", region), 500, lane=lane)
    ]
    whole = [{**one, "stratum": "Sunday"} for one in numbers(0.8)]
    assert newest(whole + parts).where.kind == "unknown"
    assert newest(whole + [{**one, "stratum": "Sunday"} for one in parts]).where.value == "north"


def test_new_categories_have_the_window_in_which_they_were_first_seen():
    fresh = [{"item": "crypto", "count": 80}, {"item": "swap", "count": 20}]
    one = row(13, "product", new_category_share=0.1, new_categories=fresh)
    one |= {"status": "drifted", "alerting_tests": ["new"]}
    found = explain([one])
    seen = {("baseline", "product", "*", "*", "crypto"): at(9)}
    (dated,) = with_first_seen(found, seen)
    assert [carrier.first for carrier in dated.carriers] == [at(9), None]
    assert "most of them 'crypto' (first seen 2024-05-10), 'swap'" in tell(dated)
    sliced = {**one, "slice_key": "region", "slice_value": None}
    of_slice = {("baseline", "product", "region", None, "swap"): at(3)}
    (told,) = with_first_seen(explain([sliced]), of_slice)
    assert [carrier.first for carrier in told.carriers] == [None, at(3)]


def test_an_alert_says_how_it_goes_on():
    rows = numbers(0.5, start=2)
    grown = [
        {**one, "shift": one["shift"] + 0.03 * max(0, day - 2)} for day, one in enumerate(rows)
    ]
    found = newest(grown)
    assert found.course is not None
    assert not found.course.returning
    assert "; rising by 0.9" in tell(found)
    assert newest(rows).course is None


def test_every_column_that_is_read_is_named():
    """What the command line asks the store for is enough to explain by."""
    rows = [{name: one.get(name) for name in READ} for one in numbers(0.5)]
    (full,) = explain(numbers(0.5), window=at(13))
    assert explain(rows, window=at(13)) == [full]


def test_no_alert_no_explanation():
    assert explain(numbers(0.0)) == []
    assert explain([]) == []


@pytest.mark.parametrize(
    ("column", "test", "figures", "told"),
    [
        ("amount", "null", {"shift": 0.0, "null_delta": 0.12}, "NULLs went up by 12.0 points"),
        ("a: b", "nan", {"shift": 0.0, "nan_delta": -0.12}, "NaNs went down by 12.0 points"),
        ("x", "infinite", {"infinite_delta": 0.5}, "infinite values went up by 50.0 points"),
        (
            "product",
            "new",
            {"new_category_share": 0.08, "new_categories": [{"item": "it's; new", "count": 80}]},
            "8.0 % of the rows are new categories",
        ),
        (
            "amount",
            "range",
            {"shift": 0.0, "out_of_range_share": 0.05, "below_range_share": 0.0},
            "5.0 % of the rows are values outside the reference's range",
        ),
    ],
)
def test_what_a_share_did_is_told_without_a_distance_of_nothing(column, test, figures, told):
    (found,) = explain([row(0, column, status="drifted", alerting_tests=[test], **figures)])
    text = tell(found)
    assert " sd" not in text
    assert told_share(text, column) == told


def test_a_category_that_moved_is_not_named_where_shares_are_told():
    moved = [{"item": "it's: 'own'; 1", "reference": 0.2, "share": 0.45}]
    (found,) = explain([row(0, "product", carriers=moved, **alerting(None))])
    assert told_share(tell(found), "product") == "one of its categories went up by 25.0 points"
    (found,) = explain([row(0, shift=0.5, carriers=bins(0.0, 0.2), **alerting(0.5))])
    assert told_share(tell(found), "amount") is None


@pytest.mark.parametrize("shift", [0.001, None])
def test_where_nearly_all_is_one_value_no_distance_is_told(shift):
    """A flag that was set in some rows and is in none: D is not there, or nearly 0."""
    carriers = [{"item": "= 0", "reference": 0.97, "share": 1.0}]
    one = row(0, "flag", shift=shift, carriers=carriers, status="drifted")
    (found,) = explain([{**one, "effect": None, "wasserstein_distance": None}])
    text = tell(found)
    assert text.startswith("flag")
    assert " sd" not in text
    assert "nan" not in text
    assert shift is None or "(97 % to 100 % of the rows = 0)" in text


def test_a_number_without_d_is_no_vector_by_what_is_read_of_the_store():
    carriers = [{"item": "= 0", "reference": 0.97, "share": 1.0}]
    one = row(0, "flag", shift=0.001, carriers=carriers, status="drifted")
    one |= {"effect": None, "d_statistic": None, "wasserstein_distance": 0.2, "psi": 0.01}
    (found,) = explain([{name: value for name, value in one.items() if name in READ}])
    assert "projections" not in tell(found)
    assert found.kind != "vector"
