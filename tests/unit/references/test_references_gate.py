"""The gate: what passes, what is told, what blocks, and what is not measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import evidence
from sparkdrift.measures.binned import d_statistic
from sparkdrift.references.gate import (
    Check,
    Column,
    Gap,
    Limits,
    Origins,
    Overlap,
    blocking,
    contamination,
    creep,
    domain,
    labels,
    overlap,
    sample_size,
    schema,
    shaped,
    step,
    verdict,
)

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
    unknown = creep([gap("income", None, material=None)], {"income": chain}, LIMITS)
    assert verdicts(unknown) == {"income": "not_measured"}


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
    for unknown in (None, Origins(1000, 0, 0)):
        assert verdicts(contamination(unknown, None)) == {":table": "not_measured"}


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


def test_labels_that_could_not_be_counted_are_not_measured():
    (check,) = labels("evaluation", None, None, "the version is gone")
    assert (check.verdict, check.reason, check.value) == (
        *("not_measured", "the version is gone", None),
    )


def test_of_many_columns_that_block_the_gravest_are_named():
    checks = step([gap(f"c{i}", 0.4 + i, material=True) for i in range(6)], LIMITS)
    (told,) = blocking(checks)
    assert told == (
        "step: c5 is 5.40 sd from version 1 (limit 0.32); c4 is 4.40 sd from version 1 (limit "
        "0.32); c3 is 3.40 sd from version 1 (limit 0.32); and 3 more columns"
    )


@pytest.mark.parametrize(
    ("influenced", "expected"), [(0, "passed"), (200, "passed"), (201, "blocked")]
)
def test_a_version_that_the_model_shaped_beyond_the_limit_is_blocked(influenced, expected):
    (check,) = shaped(1000, 1000, influenced, 0.2)
    assert (check.column, check.verdict) == (":table", expected)
    assert (check.value, check.limit) == (influenced / 1000, 0.2)


def test_the_share_is_of_rows_of_which_it_is_known():
    (check,) = shaped(1000, 400, 100, 0.3)
    assert check.value == 0.25
    ends = stats.binomtest(100, 400).proportion_ci(0.95, method="wilson")
    assert f"{100 * ends.low:.1f} to {100 * ends.high:.1f} %" in check.reason
    assert "of 60.0 % it is not known" in check.reason


@pytest.mark.parametrize("why", [None, "the column is gone"])
def test_a_share_of_nothing_is_not_measured_and_never_passes(why):
    (check,) = shaped(1000, 0, 0, 0.2, why)
    assert (check.verdict, check.value) == ("not_measured", None)
    assert why is None or check.reason == why


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
    assert (check.verdict, check.value) == ("not_measured", None)
    assert check.reason == "no reference of the role training is in force"
    unknown = Overlap(reason="the keys were not read")
    for known, expected in ((0.0, "not_measured"), (0.5, "blocked")):
        found = [Overlap(OTHER, 1, known, known, known, 10, True), unknown]
        (check,) = overlap("evaluation", found, 0.01)
        assert check.verdict == expected
