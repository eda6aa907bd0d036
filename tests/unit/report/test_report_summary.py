"""The page for a model owner, from rows as the tables answer them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from rich.cells import cell_len
from rich.console import Console

from sparkdrift.report.facts import Findings, sort_verdicts
from sparkdrift.report.summary import summary
from sparkdrift.spec.loading import parse_spec

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
SPEC = """
monitor: m
title: A model
owner: ours
model: {id: scorer, version: "7"}
source: {table: t}
timestamp: {column: ts}
features: {numeric: [a, b, c], categorical: [k]}
slices: [region]
reference: {begin: 2025-01-01, end: 2025-02-01}
"""
DEGRADED = """
degraded:
  metric: roc_auc
  tolerated_loss: 0.03
  value_per_point: 9000
  currency: EUR
  retire: queue by arrival
"""


def on(number):
    return START + timedelta(days=number)


def verdict(name, slice_key="*", slice_value="*", **more):
    row = {
        "slice_key": slice_key,
        "slice_value": slice_value,
        "column_name": name,
        "windows": 100,
        "runs": 0,
        "ok": 100,
        "warning": 0,
        "drifted": 0,
        "lasting": False,
        "newest_status": "ok",
        "since": None,
        "until": None,
        "reason": None,
        "effect": None,
        "new_categories": None,
        "new_category_share": None,
    }
    return row | more


def drifting(name, slice_key="*", slice_value="*", since=50, **more):
    known = {"lasting": True, "since": on(since), "until": on(100), "ok": 50, "drifted": 50}
    return verdict(name, slice_key, slice_value, **known, reason="shifted by 0.9 sd", **more)


def page(found, width=80, spec=SPEC, note=None):
    console = Console(width=width, highlight=False)
    with console.capture() as capture:
        console.print(summary(parse_spec(spec), found, note=note))
    return capture.get()


def flat(text):
    return " ".join(text.split())


COVERAGE = [
    {
        "granularity": "day",
        "windows": 100,
        "rows": 5_000,
        "empty": 2,
        "vanished": 0,
        "begin": START,
        "end": on(100),
    }
]


def test_every_feature_has_one_place():
    found = sort_verdicts(
        [
            drifting("a"),
            verdict("b", since=on(3), until=on(9), reason="was off", ok=90, drifted=10),
            verdict("c"),
            verdict("k", ok=10),
            drifting("a", "region", "north"),
            drifting("c", "region", "north"),
        ]
    )
    assert [row["column_name"] for row in found.lasting] == ["a"]
    assert [row["column_name"] for row in found.passed] == ["b"]
    assert found.quiet == []  # c is quiet over all rows, and not in the north
    assert found.unclear == ["k"]
    assert [row["column_name"] for row in found.only_in_slices] == ["c"]
    assert [row["slice_value"] for row in found.elsewhere["a"]] == ["north"]


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (drifting(":inputs"), "since 2025-02-20 shifted by 0.9 sd"),
        (verdict(":inputs", since=on(3), until=on(9), reason="shifted by 0.4 sd"),
         "2025-01-04 to 2025-01-10, and over: shifted by 0.4 sd"),
        (verdict(":inputs"), "quiet"),
        (verdict(":inputs", ok=10), "not judged in most windows"),
    ],
)  # fmt: skip
def test_all_inputs_together_have_a_line_and_are_no_feature(row, told):
    text = flat(page(Findings(coverage=COVERAGE, verdicts=[row, verdict("b")])))
    assert f"All inputs together {told}" in text
    assert ":inputs" not in text
    assert "All inputs together" not in flat(page(Findings(verdicts=[verdict("b")])))


def test_a_vector_is_not_said_to_be_quiet_in_slices():
    slices = [verdict("a", "region", "north"), verdict("a", "region", "south")]
    found = Findings(coverage=COVERAGE, verdicts=[drifting("a"), drifting("embedding"), *slices])
    text = flat(page(found))
    assert text.count("; in no slice by itself") == 1


def test_the_page_says_what_was_watched_and_found():
    found = Findings(
        coverage=COVERAGE,
        verdicts=[drifting("a"), verdict("b"), drifting("a", "region", "north"),
                  verdict("a", "region", None), drifting("b", "region", None, since=70)],
        silences=[{"column_name": "c", "silent_windows": 0, "constant_windows": 3,
                   "constant_since": on(90), "constant_until": on(93), "value": "0.5"}],
    )  # fmt: skip
    text = flat(page(found, note="Synthetic data."))
    assert "Synthetic data." in text
    assert "scorer, version 7; owner ours" in text
    assert "5,000 rows in 100 windows of a day, 2025-01-01 to 2025-04-11 (UTC); 2 empty" in text
    assert "a since 2025-02-20 shifted by 0.9 sd; in 1 of 2 slices" in text
    assert "b since 2025-03-12 region is NULL: shifted by 0.9 sd" in text
    assert "one single value, 0.5, in 3 days" in text
    assert "Quiet" not in text
    assert "nobody has said yet when this model is too old" in text


def test_what_counts_as_degraded_is_repeated():
    text = flat(page(Findings(), spec=SPEC + DEGRADED))
    assert (
        "What the owner calls degraded roc_auc worse by more than 0.03 (9,000 EUR per 0.01 and "
        "window) in 2 of 3"
    ) in text
    assert "queue by arrival" in text


def test_what_was_not_measured_is_named():
    found = Findings(
        verdicts=[verdict("a", "region", "north", ok=12)],
        unmeasured=[
            {"status": "no_reference", "slice_key": "*", "slice_value": "*", "comparisons": 60,
             "windows": 60, "features": 1, "column_name": "a", "reason": "none was in force",
             "begin": START, "end": on(60)},
            {"status": "insufficient_data", "slice_key": "region", "slice_value": "north",
             "comparisons": 88, "windows": 88, "features": 1, "column_name": "a",
             "reason": "too few rows", "begin": START, "end": on(60)},
            {"status": "schema_changed", "slice_key": "*", "slice_value": "*", "comparisons": 4,
             "windows": 4, "features": 1, "column_name": "b", "reason": "b is a struct now",
             "begin": START, "end": on(4)},
        ],
    )  # fmt: skip
    text = flat(page(found))
    assert "60 windows, 2025-01-01 to 2025-03-02: none was in force" in text
    assert "region = north 88" in text
    assert "b schema_changed: all rows, 4 windows: b is a struct now" in text
    assert "move together" in text


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_and_data_can_not_drive_the_terminal(width):
    bad = "x\x1b[2J\u202e[red]" + "y" * 90
    found = Findings(
        coverage=COVERAGE,
        verdicts=[
            drifting(bad, new_categories=[{"item": bad, "count": 1}], new_category_share=0.2),
            drifting("a", "region", bad),
        ],
    )
    text = page(found, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "[red]" in text


def assumption(name, kind="independence", other=None, **more):
    row = {
        "assumption": kind,
        "column_name": name,
        "other_column": other,
        "windows": 90,
        "measured": 90,
        "source": "learned",
        "expected": "a correlation of 0.00",
        "status": "violated",
        "reason": "a correlation of 0.60, +0.60",
        "since": on(60),
        "violated_windows": 30,
    }
    return row | more


def test_pairs_that_move_together_are_named_once_it_lasts():
    found = Findings(
        coverage=COVERAGE,
        assumptions=[
            assumption("a", other="b"),
            assumption("b", other="c", violated_windows=1),
            assumption("c", other="a", status="ok", since=None, violated_windows=None),
            assumption("k", "domain", expected="one of 'x'", reason="9 of 90 rows break it"),
        ],
    )
    text = flat(page(found, width=100, spec=SPEC + "dependence: auto\n"))
    assert "Move together in another way a since 2025-03-02 with b: a correlation of 0.60" in text
    assert "Assumptions that fail k since 2025-03-02 one of 'x' (learned): 9 of 90 rows" in text
    assert "with c" not in text
    assert "with a" not in text
    assert "on its own" not in text


def test_without_dependence_the_page_says_that_pairs_were_not_watched():
    assert "move together is not looked at" in flat(page(Findings(coverage=COVERAGE)))
