"""What a classifier found, as lines."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone

from sparkdrift.measures.domain_classifier import Told
from sparkdrift.measures.mutual_information import Change, Information
from sparkdrift.report.classification import classified
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps.classify import Classified, PairTold
from sparkdrift.windows import Window

SPEC = parse_spec("""
monitor: m
owner: o
source: {table: t}
timestamp: {column: ts, zone: Europe/Berlin}
features: {numeric: [income]}
reference: {begin: 2025-01-01, end: 2025-02-01}
""")
START = datetime(2025, 3, 4, 23, tzinfo=timezone.utc)
TOLD = Told(
    *(0.612, 0.01, 0.592, 0.632, 1e-9, 1e-4, 0.93),
    (("income", 0.08), ("a\x1b[2J", 0.01)),
    (5000, 3941),
)
FOUND = Classified(
    reference=Snapshot(3, "r", "t", None, None, 9, 90_000, "d"),
    window=Window(START, START.replace(day=5)),
    status="drifted",
    told=TOLD,
    effect=0.40,
    effect_low=0.33,
    effect_high=0.48,
    effect_size=0.32,
    features=18,
)


def test_the_verdict_its_figures_and_the_features():
    lines = list(classified(SPEC, FOUND))
    assert lines[0] == "m, 2025-03-05: drifted, the rows are told apart"
    assert "AUC 0.612 (95 %: 0.592 to 0.632)" in lines[1]
    assert "0.59 the most that a shift by 0.32 sd allows" in lines[1]
    assert "5,000 rows of the reference (baseline version 3) and 3,941 of the window" in lines[3]
    assert lines[5].split() == ["income", "0.080"]
    assert "\x1b" not in "".join(lines)


def test_a_quiet_window_names_no_feature():
    lines = list(classified(SPEC, replace(FOUND, status="ok")))
    assert lines[0].endswith("ok, the rows are not told apart")
    assert not [line for line in lines if "income" in line]


def test_declared_pairs_are_told_with_what_they_were():
    nan = float("nan")
    moved = Change(Information(0.001, 0.01, 900), Information(0.41, 0.01, 800), 0.409, 0.38, 0.44,
                   0.0, 0.0, 0.99)  # fmt: skip
    few = Change(Information(0.001, 0.01, 900), Information(nan, nan, 40), *[nan] * 7)
    pairs = (PairTold("x", "y", "drifted", moved), PairTold("x", "z", "insufficient_data", few))
    lines = list(classified(SPEC, replace(FOUND, pairs=pairs)))
    at = next(i for i, line in enumerate(lines) if "declared pairs" in line)
    told = "drifted: 0.410, 0.001 in the reference, +0.409 (+0.380 to +0.440)"
    assert lines[at + 1] == f"    x with y  {told}"
    assert lines[at + 2].endswith("insufficient_data: 40 rows have both values, 100 are needed")
    assert not [line for line in classified(SPEC, FOUND) if "declared pairs" in line]


def pair_line(one: PairTold) -> str:
    return list(classified(SPEC, replace(FOUND, pairs=(one,))))[-2]


def test_a_pair_without_power_says_how_many_rows_it_takes():
    before, now = Information(0.73, 0.01, 5000, 0.6), Information(0.74, 0.01, 5000, 0.6)
    quiet = Change(before, now, 0.01, -0.02, 0.04, 0.5, 0.9, 0.14, 31_613.0)
    told = pair_line(PairTold("x", "y", "insufficient_data", quiet))
    needed = "about 32,000 rows with both values are needed on each side"
    assert told.endswith(f"a change by 0.04 would be found 14 % of the time, {needed}")
    assert "needed" not in pair_line(PairTold("x", "y", "drifted", quiet))


def test_a_pair_of_a_constant_is_told_in_words():
    single = Information(0.0, 0.0, 500, 0.0)
    constant = Change(single, single, 0.0, *[float("nan")] * 6)
    told = pair_line(PairTold("x", "y", "insufficient_data", constant))
    assert told.endswith("insufficient_data: one of them has a single value on both sides, "
                         "which tells nothing of the other")  # fmt: skip
    assert "nan" not in told
