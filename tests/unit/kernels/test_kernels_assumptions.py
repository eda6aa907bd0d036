"""Checks of features and pairs: what is violated, what is open, and what was not measured."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta, timezone
from itertools import product

import datasketches
import numpy as np
import pyarrow as pa
import pytest

from sparkdrift.kernels.concluding import conclude
from sparkdrift.kernels.expectations import CHECKED, NOTHING, Expectations, Rule, check_batch
from sparkdrift.kernels.feature_checks import EARLIER, REFERENCE, WINDOW, check_features
from sparkdrift.kernels.pair_checks import check_pairs
from sparkdrift.measures.dependence import EMPTY, merge_states, pair_states

SEED = 3
START = datetime(2024, 1, 1, tzinfo=timezone.utc)
ITEMS = pa.list_(pa.struct([("item", pa.string()), ("count", pa.int64())]))
STATE = pa.struct(
    [("items", ITEMS), ("offset", pa.int64()), ("total", pa.int64()), ("exact", pa.bool_())]
)
INSTANT = pa.timestamp("us", "UTC")
FEATURES = pa.schema(
    [("part", pa.int32()), ("window_start", INSTANT), ("window_end", INSTANT)]
    + [("reference_version", pa.int32()), ("column_name", pa.string()), ("kind", pa.string())]
    + [(name, pa.int64()) for name in ("row_count", "null_count", "nan_count")]
    + [(f"{sign}_infinity_count", pa.int64()) for sign in ("positive", "negative")]
    + [("min", pa.float64()), ("max", pa.float64()), ("kll", pa.binary()), ("categories", STATE)]
    + [(name, pa.string()) for name in ("definition_hash", "status", "reason")]
)
PAIRS = pa.schema(
    [
        ("part", pa.int32()),
        ("window_start", INSTANT),
        ("name", pa.string()),
        ("reference_version", pa.int32()),
        ("row_count", pa.int64()),
        ("cells", pa.list_(pa.float64())),
        ("windows", pa.list_(pa.list_(pa.float64()))),
        ("definition_hash", pa.string()),
    ]
)


def day(number):
    return START + timedelta(days=number)


def row(number, part=WINDOW, **more):
    known = {
        "part": part,
        "window_start": None if part == REFERENCE else day(number),
        "window_end": None if part == REFERENCE else day(number + 1),
        "reference_version": 1,
        "column_name": "x",
        "null_count": 0,
        "definition_hash": "d",
        "status": "ok",
        "reason": None,
    }
    return known | more


def numbers(number, values, part=WINDOW, k=4096, **more):
    values = np.asarray(values, dtype=float)
    sketch = datasketches.kll_doubles_sketch(k)
    sketch.update(values)
    found = {
        "kind": "numeric",
        "row_count": len(values),
        "nan_count": 0,
        "positive_infinity_count": 0,
        "negative_infinity_count": 0,
        "min": values.min(),
        "max": values.max(),
        "kll": sketch.serialize(),
    }
    return row(number, part, **{**found, **more})


def texts(number, counts, part=WINDOW, unlisted=0, **more):
    total = sum(counts.values()) + unlisted
    items = [{"item": item, "count": rows} for item, rows in counts.items()]
    state = {"items": items, "offset": unlisted, "total": total, "exact": not unlisted}
    return row(number, part, kind="categorical", row_count=total, categories=state, **more)


def concluded(batches):
    found = list(conclude()(iter(sorted_by_window(batches))))
    return [one for batch in found for one in batch.to_pylist()]


def sorted_by_window(batches):
    table = pa.Table.from_batches(list(batches), schema=None).sort_by("window_start")
    return table.to_batches()


def checks(rows, expected, assumption):
    batch = pa.RecordBatch.from_pylist(rows, schema=FEATURES)
    found = concluded(check_features(expected)(iter([batch])))
    return [one for one in found if one["assumption"] == assumption]


def pair_checks_of(rows, expected):
    batch = pa.RecordBatch.from_pylist(rows, schema=PAIRS)
    return concluded(check_pairs(expected)(iter([batch])))


DECLARED = Expectations(learned=False, rules={"x": Rule(range=(0.0, 10.0))})


@pytest.mark.parametrize(
    ("values", "status", "violations", "examples"),
    [
        (range(11), "ok", 0, []),
        ([0, 5, 10.5], "violated", 1, ["10.5"]),
        ([-2, 5, 11, 12], "violated", 3, ["-2", "12"]),
    ],
)
def test_a_declared_range_is_about_the_rows(values, status, violations, examples):
    (found,) = checks([numbers(0, values)], DECLARED, "range")
    assert (found["status"], found["violations"]) == (status, violations)
    assert found["examples"] == examples
    assert found["share"] == pytest.approx(violations / len(values))
    assert (found["source"], found["expected"]) == ("declared", "from 0 to 10")


def test_infinities_break_a_range_on_their_side_only():
    known = numbers(0, [1, 2], row_count=6, positive_infinity_count=3, nan_count=1)
    (found,) = checks([known], DECLARED, "range")
    assert (found["violations"], found["rows"]) == (3, 5)
    open_above = Expectations(learned=False, rules={"x": Rule(range=(0.0, None))})
    (found,) = checks([known], open_above, "range")
    assert (found["violations"], found["status"]) == (0, "ok")


def test_extremes_outside_a_range_count_where_no_row_was_sketched():
    """Of a feature that is mostly NULL a sample may hold nothing."""
    known = numbers(0, range(1, 51)) | {"min": -5.0, "max": 12.0, "kll": None}
    (found,) = checks([known], DECLARED, "range")
    assert found["violations"] == 2
    assert found["status"] in ("violated", "undetermined")
    assert found["examples"] == ["-5", "12"]


def test_what_the_sketch_cannot_tell_is_undetermined():
    rng = np.random.default_rng(SEED)
    values = rng.uniform(0, 1, 20_000)
    statuses = {}
    for tolerate in (0.01, 0.1, 0.3):
        rule = Expectations(learned=False, rules={"x": Rule(range=(0.1, None), tolerate=tolerate)})
        (found,) = checks([numbers(0, values, k=200)], rule, "range")
        statuses[tolerate] = found["status"]
        assert found["low"] < (values < 0.1).mean() < found["high"]
    assert statuses == {0.01: "violated", 0.1: "undetermined", 0.3: "ok"}


def test_a_learned_range_tolerates_a_few_rows_beyond_it():
    rng = np.random.default_rng(SEED)
    known = numbers(None, rng.uniform(0, 1, 4000), REFERENCE)
    few, many = rng.uniform(0, 1, (2, 1000))
    few[:2], many[:200] = 2.0, 2.0
    rows = [known, numbers(0, few), numbers(1, many)]
    quiet, loud = checks(rows, Expectations(), "range")
    assert (quiet["status"], quiet["violations"]) == ("ok", 2)
    assert (loud["status"], loud["violations"]) == ("violated", 200)
    assert loud["q_value"] < 0.1
    assert loud["p_material"] < 0.01


def test_a_domain_counts_what_is_foreign_and_what_is_not_listed():
    known = texts(None, {"a": 500, "b": 500}, REFERENCE)
    fine = texts(0, {"b": 1000})
    odd = texts(1, {"a": 50, "c": 30, "d": 20})
    one, other = checks([known, fine, odd], Expectations(), "domain")
    assert (one["status"], other["status"]) == ("ok", "violated")
    assert (other["violations"], other["examples"]) == (50, ["c", "d"])
    rule = Expectations(learned=False, rules={"x": Rule(domain=frozenset("ab"), tolerate=0.1)})
    (found,) = checks([texts(0, {"a": 90}, unlisted=20)], rule, "domain")
    assert found["status"] == "undetermined"


@pytest.mark.parametrize(
    ("seen", "status", "said"),
    [
        ({"b": 1}, "insufficient_data", "1 of 1 rows break it (100 %)"),
        ({"a": 4, "b": 1}, "insufficient_data", "above the limit of 1 %, but not surely"),
        ({"a": 1}, "insufficient_data", "too few rows: 1,"),
        ({"a": 5}, "insufficient_data", "too few rows: 5,"),
        ({}, "insufficient_data", "no row has a value"),
        # Twice the limit, 2 %, would go unseen (none or one of 100 rows) in 40 % of such windows.
        ({"a": 100}, "insufficient_data", "would be found 60 % of the time"),
        ({"a": 990, "b": 11}, "insufficient_data", "above the limit of 1 %"),
        ({"a": 1000, "b": 1}, "ok", "1 of 1,001 rows"),
        ({"a": 1000, "b": 100}, "violated", "100 of 1,100 rows"),
        ({"b": 10}, "violated", "10 of 10 rows"),
    ],
)
def test_what_few_rows_cannot_show_is_not_measured(seen, status, said):
    known = texts(None, {"a": 20_000}, REFERENCE)
    (found,) = checks([known, texts(0, seen)], Expectations(), "domain")
    assert found["status"] == status
    assert said in found["reason"]


def test_few_rows_are_never_green_whatever_the_limit():
    known = [numbers(None, range(5000), REFERENCE), texts(None, {"a": 5000}, REFERENCE)]
    for limit in (0.0, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0):
        loose = Expectations(new_categories=limit, out_of_range=limit, null_share=limit)
        for n in (0, 1, 5):
            of_n = [{"a": n} if n else {}, [1] * n or [0]]
            rows = [numbers(0, of_n[1], row_count=n, min=None, max=None, kll=None)]
            for reference, window in zip(known, [*rows, texts(0, of_n[0])], strict=True):
                batch = pa.RecordBatch.from_pylist([reference, window], schema=FEATURES)
                found = concluded(check_features(loose)(iter([batch])))
                assert {one["status"] for one in found} == {"insufficient_data"}, (limit, n)


def test_two_nulls_of_twenty_rows_are_not_ok():
    clean = numbers(None, range(1000), REFERENCE)
    window = numbers(0, range(18), row_count=20, null_count=2)
    (found,) = checks([clean, window], Expectations(), "not_null")
    assert found["status"] == "insufficient_data"
    assert "2 of 20 rows break it (10 %), above the limit of 2 %" in found["reason"]


def test_a_reference_of_nothing_but_null_teaches_nothing():
    known = texts(None, {}, REFERENCE, null_count=1000)
    (found,) = checks([known, texts(0, {"b": 1000})], Expectations(), "domain")
    assert (found["status"], found["violations"]) == ("no_reference", None)
    assert "no value" in found["reason"]
    empty = texts(None, {}, REFERENCE)
    (found,) = checks([empty, texts(0, {"b": 9}, null_count=5)], Expectations(), "not_null")
    assert found["status"] == "no_reference"


def test_values_that_a_window_does_not_list_leave_a_learned_domain_open():
    known = texts(None, {"a": 20_000}, REFERENCE)
    rows = [known, texts(0, {"a": 900, "b": 2}, unlisted=98), texts(1, {"a": 9990}, unlisted=10)]
    rows.append(texts(2, {"a": 500, "b": 400}, unlisted=100))
    found = checks(rows, Expectations(), "domain")
    assert [one["status"] for one in found] == ["undetermined", "ok", "violated"]
    assert "between 0.2 and 10 % of the rows break it" in found[0]["reason"]


def test_a_reference_that_lists_not_all_values_teaches_no_domain():
    known = texts(None, {"a": 50}, REFERENCE, unlisted=9)
    (found,) = checks([known, texts(0, {"b": 100})], Expectations(), "domain")
    assert (found["status"], found["violations"]) == ("undetermined", None)


def test_no_null_is_learned_where_there_was_none():
    clean, holed = (numbers(None, range(9), REFERENCE, null_count=n) for n in (0, 1))
    window = numbers(0, range(5), row_count=1000, null_count=995)
    (found,) = checks([clean, window], Expectations(), "not_null")
    assert (found["status"], found["share"]) == ("violated", 0.995)
    assert checks([holed, window], Expectations(), "not_null") == []
    declared = Expectations(rules={"x": Rule(not_null=True)})
    assert checks([holed, window], declared, "not_null")[0]["status"] == "violated"
    assert (
        checks([clean, window], Expectations(rules={"x": Rule(not_null=False)}), "not_null") == []
    )


def test_without_a_reference_or_of_another_definition_nothing_is_learned():
    (found,) = checks([numbers(0, [1], reference_version=0)], Expectations(), "range")
    assert (found["status"], found["value"]) == ("no_reference", None)
    known = numbers(None, [0, 9], REFERENCE, definition_hash="old")
    (found,) = checks([known, numbers(0, [1])], Expectations(), "range")
    assert found["status"] == "no_reference"
    assert "definition changed" in found["reason"]


def test_a_column_that_is_gone_says_so():
    gone = row(0, kind="numeric", row_count=10, status="schema_changed", reason="gone")
    (found,) = checks([numbers(None, [0, 9], REFERENCE), gone], Expectations(), "range")
    assert (found["status"], found["reason"], found["violations"]) == (
        "schema_changed",
        "gone",
        None,
    )


def test_order_is_of_neighbouring_windows():
    rng = np.random.default_rng(SEED)
    values = rng.normal(size=(4, 500)) + np.array([[0], [3], [2.99], [0]])
    windows = [0, 1, 2, 5]
    rows = [numbers(d, v) for d, v in zip(windows, values, strict=True)]
    rows += [numbers(d, v, EARLIER) for d, v in zip(windows, values, strict=True)]
    rows.sort(key=lambda one: one["window_start"])
    found = checks(rows, Expectations(learned=False, rising={"x": 1}), "monotone")
    statuses = [one["status"] for one in found]
    assert statuses[:2] == ["insufficient_data", "ok"]
    assert statuses[2] in ("ok", "undetermined")
    # The window before is missing: a fall since two days earlier is no verdict.
    assert statuses[3] == "insufficient_data"
    found = checks(rows, Expectations(learned=False, rising={"x": -1}), "monotone")
    assert found[1]["status"] == "violated"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"definition_hash": "old"}, "the definition changed since the window before"),
        ({"status": "schema_changed", "reason": "gone"}, "was not measured: gone"),
    ],
)
def test_order_is_not_of_windows_of_another_meaning(more, said):
    before = numbers(0, np.arange(500) + 1000, EARLIER, **more)
    rows = [before, numbers(1, np.arange(500))]
    (found,) = checks(rows, Expectations(learned=False, rising={"x": 1}), "monotone")
    assert (found["status"], found["value"]) == ("insufficient_data", None)
    assert said in found["reason"]


@pytest.mark.parametrize(
    ("mode", "text"),
    [
        ("show", "one of 'a', 'b'"),
        ("hash", "one of " + ", ".join(hashlib.sha256(v).hexdigest()[:12] for v in (b"a", b"b"))),
        ("none", "one of the 2 values of the reference"),
    ],
)
def test_learned_values_are_told_as_examples_are(mode, text):
    known = texts(None, {"b": 50, "a": 50}, REFERENCE)
    expected = Expectations(examples=mode)
    (found,) = checks([known, texts(0, {"a": 100})], expected, "domain")
    assert found["expected"] == text
    declared = Expectations(rules={"x": Rule(domain=frozenset("ab"))}, examples=mode)
    (found,) = checks([known, texts(0, {"a": 100})], declared, "domain")
    assert found["expected"] == "one of 'a', 'b'"


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("show", ["c"]),
        ("hash", [hashlib.sha256(b"c").hexdigest()[:12]]),
        ("none", []),
    ],
)
def test_examples_are_shown_hashed_or_left_out(mode, shown):
    rule = Rule(domain=frozenset("ab"))
    expected = Expectations(learned=False, rules={"x": rule}, examples=mode)
    (found,) = checks([texts(0, {"a": 5, "c": 3})], expected, "domain")
    assert found["examples"] == shown
    assert ("such as c" in found["reason"]) == (mode == "show")


def state(rho, n, rng):
    x, own = rng.normal(size=(2, n))
    y = rho * x + np.sqrt(1 - rho**2) * own
    return pair_states(np.column_stack([x, y]), [(0, 1)], [0, 0])[0].tolist()


def pair_row(number, cells, part=WINDOW, **more):
    known = {
        "part": part,
        "window_start": None if part == REFERENCE else day(number),
        "name": '["x", "y"]',
        "reference_version": 1,
        "row_count": 1000,
        "cells": cells,
        "definition_hash": "d",
    }
    return known | more


ALL = Expectations(dependent=None)


def test_a_pair_is_held_against_its_reference():
    rng = np.random.default_rng(SEED)
    windows = [state(0.3, 2000, rng) for _ in range(12)]
    whole = state(0.3, 24_000, rng)
    known = pair_row(None, whole, REFERENCE, windows=windows)
    rows = [known, pair_row(0, state(0.3, 2000, rng)), pair_row(1, state(0.7, 2000, rng))]
    rows += [pair_row(2, state(0.3, 50, rng)), pair_row(3, None, definition_hash=None)]
    rows += [pair_row(4, EMPTY.tolist()), pair_row(5, None, row_count=0, definition_hash=None)]
    found = pair_checks_of(rows, ALL)
    assert [one["status"] for one in found] == ["ok", "violated", *["insufficient_data"] * 4], SEED
    assert found[1]["value"] == pytest.approx(0.4, abs=0.06)
    assert "too few rows" in found[2]["reason"]
    assert "stored without the pair" in found[3]["reason"]
    assert found[5]["reason"] == "the window has no rows"
    assert {(one["column_name"], one["other_column"]) for one in found} == {("x", "y")}


def test_a_constant_side_is_no_change():
    flat = pair_states([[1.0, 2.0], [2.0, 2.0], [3.0, 2.0], [4.0, 2.0]], [(0, 1)], [0, 0])[0]
    rng = np.random.default_rng(SEED)
    known = pair_row(None, state(0.3, 500, rng), REFERENCE, windows=[])
    (found,) = pair_checks_of([known, pair_row(0, flat.tolist())], ALL)
    assert (found["status"], found["correlation"]) == ("insufficient_data", None)
    assert "constant" in found["reason"]
    other = pair_row(None, flat.tolist(), REFERENCE, windows=[])
    (found,) = pair_checks_of([other, pair_row(0, state(0.3, 500, rng))], ALL)
    assert found["status"] == "no_reference"


def test_a_pair_without_a_reference_says_why():
    rng = np.random.default_rng(SEED)
    reasons = [
        pair_checks_of([pair_row(0, state(0, 99, rng), reference_version=version)], ALL)[0]
        for version in (0, 1)
    ]
    assert {one["status"] for one in reasons} == {"no_reference"}
    assert "in force" in reasons[0]["reason"]
    assert "frozen without this pair" in reasons[1]["reason"]


def test_declared_independence_needs_no_reference():
    rng = np.random.default_rng(SEED)
    expected = Expectations(independent=frozenset(['["x", "y"]']))
    rows = [pair_row(0, state(0.0, 3000, rng)), pair_row(1, state(0.4, 3000, rng))]
    found = pair_checks_of(rows, expected)
    assert [one["status"] for one in found] == ["ok", "violated"]
    assert {one["source"] for one in found} == {"declared"}


def test_order_of_a_pair_is_the_sign_of_its_correlation():
    rng = np.random.default_rng(SEED)
    expected = Expectations(with_other={'["x", "y"]': ("y", "x", 1)})
    rows = [pair_row(i, state(rho, 400, rng)) for i, rho in enumerate((0.5, 0.0, -0.5))]
    found = pair_checks_of(rows, expected)
    assert [one["status"] for one in found] == ["ok", "undetermined", "violated"], SEED
    assert {(one["column_name"], one["other_column"]) for one in found} == {("y", "x")}


def test_the_tests_of_a_window_are_one_family():
    """One p of 0.005 among 200 quiet ones is no news; alone it is, as one of at least ten."""
    tested = {"window_start": day(0), "p_material": 1e-9, "value": 0.5, "limit": 0.1, "power": 0.9}
    tested |= {"reason": "a correlation of 0.50, +0.50"}
    crowd = [tested | {"p_unusual": p, "column_name": "x"} for p in np.linspace(0.1, 1, 200)]
    hit = tested | {"p_unusual": 0.005, "column_name": "x"}
    batch = check_batch([hit, *crowd], CHECKED)
    unseen = concluded([batch])
    assert {one["status"] for one in unseen} == {"insufficient_data"}
    told = "+0.50, beyond the limit of 0.1, which can't be told from what is usual or from chance"
    assert unseen[0]["reason"].endswith(told)
    (alone,) = concluded([check_batch([hit])])
    assert (alone["status"], alone["q_value"]) == ("violated", pytest.approx(0.05))
    (unsure,) = concluded([check_batch([hit | {"p_material": 0.4}])])
    assert unsure["status"] == "warning"


def test_a_pair_beyond_its_limit_is_never_ok():
    """Every combination of unusual, material, power, size and rows, each in a window of its own."""
    chance = {True: 1e-6, False: 0.9, None: None}
    cases = list(
        product(
            [True, False, None],
            [True, False, None],
            [0.0, 0.79, 0.8, 1.0, None],
            [0.0, 0.1, -0.1, 0.11, -0.5, None],
            [29, 30],
        )
    )
    checks = [
        {"window_start": day(i), "column_name": "x", "other_column": "y", "limit": 0.1}
        | {"p_unusual": chance[unusual], "p_material": chance[material], "reason": "a change"}
        | {"value": value, "power": power, "rows": rows}
        for i, (unusual, material, power, value, rows) in enumerate(cases)
    ]
    found = concluded([check_batch(checks)])
    for case, one in zip(cases, found, strict=True):
        unusual, material, power, value, rows = case
        beyond = value is None or abs(value) > 0.1
        able = power is not None and power >= 0.8 and rows >= 30
        expected = "ok" if able and not beyond else "insufficient_data"
        if unusual and (material or beyond):
            expected = "violated" if material else "warning"
        assert one["status"] == expected, case
        assert expected != "insufficient_data" or one["reason"], case


def test_a_lone_pair_is_quiet_in_quiet_windows():
    """Held through the kernels: a family of one test is judged as one of ten."""
    rng = np.random.default_rng(SEED)
    windows = [state(0.3, 100, rng) for _ in range(30)]
    known = pair_row(None, merged(windows), REFERENCE, windows=windows)
    quiet = [pair_row(i, state(0.3, 100, rng)) for i in range(1000)]
    found = pair_checks_of([known, *quiet], ALL)
    alarms = sum(one["status"] in ("violated", "warning") for one in found)
    # A tenth of ten tests: about 1 % of these windows; alone it was a warning in a tenth.
    assert alarms <= 25, SEED
    assert any(one["p_unusual"] < 0.1 for one in found), SEED


def merged(states):
    whole = EMPTY
    for one in states:
        whole = merge_states(whole, one)
    return whole.tolist()


def test_a_window_without_a_check_keeps_the_row_that_says_so():
    bare = {"column_name": ":table", "assumption": NOTHING, "status": "undetermined"}
    check = {"column_name": "x", "assumption": "range", "status": "ok"}
    rows = [bare | {"window_start": day(0)}, bare | {"window_start": day(1)}]
    rows.insert(1, check | {"window_start": day(0)})
    found = concluded([check_batch(rows)])
    assert [(one["window_start"], one["assumption"]) for one in found] == [
        (day(0), "range"),
        (day(1), NOTHING),
    ]
