"""The gate: what passes, what is told, what blocks, and what is not measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sparkdrift.measures import evidence
from sparkdrift.measures.binned import d_statistic
from sparkdrift.references.gate import (
    Check,
    Column,
    Gap,
    Limits,
    Missing,
    blocking,
    sample_size,
    schema,
    verdict,
)
from sparkdrift.references.gate_moves import beginnings, creep, domain, step

LIMITS = Limits({"age": 0.5}, 0.32, 10, new=0.01, outside=0.01)
SEED = 71


def column(measured: float = 5000, **other: str) -> Column:
    usual = {"kind": "numeric", "family": "number", "definition": "a", "status": "ok"}
    return Column(**{**usual, **other}, measured=measured)


def verdicts(checks: list[Check]) -> dict[str, str]:
    return {one.column: one.verdict for one in checks}


def test_a_version_with_too_few_rows_for_a_verdict_is_blocked_where_the_present_one_had_them():
    after = {"age": column(900), "income": column(400), "rare": column(20), "gone": column(0)}
    before = {"age": column(), "income": column(), "rare": column(20)}
    assert verdicts(sample_size(after, before, LIMITS)) == {
        "age": "passed",
        "income": "blocked",
        # No worse than what is in force.
        "rare": "warned",
        "gone": "blocked",
    }


def test_of_few_rows_it_blocks_that_there_were_surely_more():
    """None of these is enough to find a shift, so what counts is what the present version had."""
    known = {name: column(150) for name in ("none", "half", "alike", "more")} | {"never": column(0)}
    own = {"none": column(0), "half": column(75), "alike": column(130), "more": column(170)}
    found = sample_size(own | {"never": column(0)}, known, LIMITS)
    assert verdicts(found) == {
        "none": "blocked",
        "half": "blocked",
        "alike": "warned",
        "more": "warned",
        "never": "warned",
    }
    assert "the version in force has 150" in blocking(found)[0]


def test_the_stated_power_is_that_of_the_test():
    """The share of windows, far larger than the reference, in which a shift is found."""
    rng = np.random.default_rng(SEED)
    m, bins, delta = 900, 10, 0.5
    (check,) = sample_size({"age": column(m)}, {}, LIMITS)
    edges = np.quantile(rng.normal(size=400_000), np.arange(1, bins) / bins)
    found, rounds = 0, 400
    limit = evidence.critical_d(1 / m, bins, evidence.material_limit(delta))
    window = np.histogram(rng.normal(delta, 1, 1_000_000), [-np.inf, *edges, np.inf])[0]
    for _ in range(rounds):
        known = np.histogram(rng.normal(size=m), [-np.inf, *edges, np.inf])[0]
        found += d_statistic(known, window) > limit
    assert check.value is not None
    assert found / rounds == pytest.approx(check.value, abs=0.06), f"seed {SEED}"


def test_what_the_present_version_has_must_be_there():
    before = {
        "kept": column(),
        "gone": column(),
        "lost": column(),
        "retyped": column(),
        "redefined": column(),
        "never": column(status="schema_changed"),
    }
    after = {
        "kept": column(),
        "lost": column(status="schema_changed"),
        "retyped": column(family="text"),
        "redefined": column(definition="b"),
        "never": column(status="schema_changed"),
        "fresh": column(),
    }
    found = schema(after, before, 3)
    assert verdicts(found) == {
        "gone": "blocked",
        "lost": "blocked",
        "retyped": "blocked",
        "redefined": "warned",
        "fresh": "warned",
    }
    assert {one.against for one in found} == {3}
    (renamed,) = schema({}, {"age": column()}, 3, "spring")
    assert renamed.reason == "is in version 3 of spring and not in this one"
    assert verdicts(schema(before, before, 3)) == {":table": "passed"}


def gap(column: str, effect: float | None, *, material: bool | None = False, **other) -> Gap:
    d = None if effect is None else effect**2
    return Gap(
        **{"earlier": 1, "later": 2, "distance": effect, **other},
        column=column,
        material=material,
        effect=effect,
        d=d,
    )


def test_new_categories_are_told_and_only_a_material_step_blocks():
    product = gap("product", 0.1, new=0.08, vanished=0.0)
    age = gap("age", 0.7, material=True, outside=0.004)
    found = domain([product, age], LIMITS)
    assert [(one.column, one.verdict, one.value) for one in found] == [
        ("product", "warned", 0.08),
        ("age", "passed", 0.004),
    ]
    checks = step([product, age, gap("kind", None, material=None, reason="other type")], LIMITS)
    assert verdicts(checks) == {"product": "passed", "age": "blocked", "kind": "not_measured"}
    assert blocking(checks) == ["step: age is 0.70 sd from version 1 (limit 0.5)"]
    assert verdict(checks) == "blocked"
    assert verdict([one for one in checks if one.column != "age"]) == "passed"
    renamed = step([gap("age", 0.7, material=True, of="spring")], LIMITS)
    assert blocking(renamed) == ["step: age is 0.70 sd from version 1 of spring (limit 0.5)"]


def test_what_blocks_below_the_limit_says_from_where_on_a_shift_counts():
    checks = step([gap("age", 0.3, material=True), gap("income", 0.3)], replace(LIMITS, effect={}))
    assert [one.reason for one in checks] == [
        "is 0.30 sd from version 1 (limit 0.32; surely more than 0.23, which is enough)",
        "is 0.30 sd from version 1 (limit 0.32)",
    ]


def test_many_small_steps_one_way_are_creep_and_to_and_fro_is_not():
    chain = [gap("income", 0.05, earlier=i, later=i + 1) for i in range(1, 25)]
    frog = [gap("income", 1.2, material=True, later=25)]
    checks = creep(frog, {"income": chain}, LIMITS)
    assert verdicts(step(chain, LIMITS)) == {"income": "passed"}
    assert verdicts(checks) == {"income": "blocked"}
    assert checks[0].reason == (
        "is 1.20 sd from version 1 (limit 0.32) after 24 steps of at most 0.05 sd, directness 1.00"
    )
    back = creep([gap("income", 0.02, later=25)], {"income": chain}, LIMITS)
    assert verdicts(back) == {"income": "passed"}
    assert "directness 0.02" in back[0].reason
    # One step is what `step` looks at.
    assert creep(frog, {"income": chain[:1]}, LIMITS) == []
    nothing = creep([gap("income", None, material=None)], {"income": chain}, LIMITS)
    assert verdicts(nothing) == {"income": "not_measured"}


def test_a_column_creeps_from_where_it_first_had_values():
    way = [{"age": column()}, {"age": column(), "late": column(0)}, {"late": column()}]
    assert beginnings(way) == {"age": 0, "late": 2}
    # Its rows were counted, and it was not there.
    assert beginnings([{"age": column(status="schema_changed")}, *way]) == {"age": 1, "late": 3}


def test_of_many_columns_that_block_the_gravest_are_named():
    checks = step([gap(f"c{i}", 0.4 + i, material=True) for i in range(6)], LIMITS)
    (told,) = blocking(checks)
    assert told == (
        "step: c5 is 5.40 sd from version 1 (limit 0.32); c4 is 4.40 sd from version 1 (limit "
        "0.32); c3 is 3.40 sd from version 1 (limit 0.32); and 3 more columns"
    )


NULLS = Missing("NULLs", 0.6, True, 0.02)


def test_values_that_are_missing_block_though_the_others_stand_where_they_did():
    moved = gap("age", 0.0, missing=(NULLS, Missing("NaNs", 0.3, False, 0.02)))
    (check,) = step([moved], LIMITS)
    assert (check.verdict, check.value, check.limit, check.against) == ("blocked", 0.6, 0.02, 1)
    assert check.reason == "has +60.0 points of NULLs since version 1 (limit 2)"
    # Of those that came back it is the same: windows are held against what is normal.
    (check,) = step([gap("age", 0.0, missing=(Missing("NULLs", -0.6, True, 0.02),))], LIMITS)
    assert (check.verdict, check.value) == ("blocked", 0.6)
    unsure = gap("age", 0.0, missing=(Missing("NULLs", 0.03, False, 0.02),))
    assert verdicts(step([unsure], LIMITS)) == {"age": "passed"}
    both = gap("age", 0.7, material=True, missing=(NULLS,))
    (check,) = step([both], LIMITS)
    assert (check.value, check.limit) == (0.7, 0.5)
    assert check.reason == (
        "is 0.70 sd from version 1 (limit 0.5); has +60.0 points of NULLs since version 1 (limit 2)"
    )


def test_a_column_that_fell_silent_blocks_though_there_is_no_distance():
    silent = gap("age", None, material=None, missing=(Missing("NULLs", 1.0, True, 0.02),))
    assert verdicts(step([silent], LIMITS)) == {"age": "blocked"}


def test_shares_of_missing_values_creep_as_well():
    chain = [gap("age", 0.0, earlier=i, later=i + 1) for i in range(1, 5)]
    (check,) = creep([gap("age", 0.0, later=5, missing=(NULLS,))], {"age": chain}, LIMITS)
    assert (check.verdict, check.value) == ("blocked", 0.6)
    assert check.reason.startswith("has +60.0 points of NULLs since version 1 (limit 2) after 4")


REDEFINED = "the definition changed since the reference was frozen"


def test_what_is_defined_otherwise_by_now_does_not_pass():
    """Neither the step nor the way since version 1 is known, so somebody has to want it."""
    unmeasured = gap("age", None, material=None, reason=REDEFINED, valued=True)
    (checked,) = step([unmeasured], LIMITS)
    assert (checked.verdict, checked.value) == ("blocked", None)
    assert checked.reason == f"not measured: can't be compared with version 1: {REDEFINED}"
    assert verdict([checked]) == "blocked"
    assert verdicts(creep([unmeasured], {"age": [gap("age", 0.1)] * 2}, LIMITS)) == {
        "age": "blocked"
    }


def test_where_there_is_nothing_to_compare_nothing_blocks():
    """As of a column that one of the two has no values of."""
    empty = gap("age", None, material=None, reason="it has no values", valued=False)
    assert verdicts(step([empty], LIMITS)) == {"age": "not_measured"}
    assert verdict(step([empty], LIMITS)) == "passed"


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({"outside": 0.0}, "passed"),
        ({"outside": 0.005, "new": None}, "passed"),
        ({"outside": 1.0}, "blocked"),
        ({"new": 0.4}, "blocked"),
        # Nothing is known of it.
        ({}, "blocked"),
    ],
)
def test_of_one_value_there_is_no_distance_but_it_is_known_who_left_it(shares, expected):
    (check,) = step([gap("flag", None, material=None, valued=True, **shares)], LIMITS)
    assert check.verdict == expected
    assert check.value == max((one for one in shares.values() if one is not None), default=None)
