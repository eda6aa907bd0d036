"""What the gate says of single columns: which versions are compared, and from where on."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from sparkdrift.references.gate import Check, Limits, Missing
from sparkdrift.references.life import Name
from sparkdrift.spark.reference_differences import (
    FIGURES,
    Described,
    Difference,
    difference_of,
)
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.steps import gate_columns
from sparkdrift.steps.gate_columns import column_checks, gap_of

NAME = Name("credit", "baseline", "baseline")
CONTEXT = SimpleNamespace(spark=None, store=None)
STEP = 0.2
"""How many sd each column moves from version to version."""


def held(version: int) -> tuple[Name, Snapshot]:
    return NAME, Snapshot(version, "run", "t", None, None, 1, 100, "digest")


@pytest.fixture
def checks(monkeypatch):
    """The checks on the last of some versions; columns: by version, the definition of each."""

    def checked(columns: dict[int, dict[str, str]], way: list[int], candidate: int):
        asked = []

        def described(spark, store, versions):
            return [
                {
                    name: Described("numeric", "double", definition, "ok", 5000, 5000.0)
                    for name, definition in columns[one.version].items()
                }
                for _, one in versions
            ]

        def differences(spark, store, spec, pairs):
            asked.extend((earlier[1].version, later[1].version) for earlier, later in pairs)
            return [
                difference(earlier[1].version, later[1].version, name, columns)
                for earlier, later in pairs
                for name in columns[later[1].version]
                if name in columns[earlier[1].version]
            ]

        monkeypatch.setattr(gate_columns, "described", described)
        monkeypatch.setattr(gate_columns, "differences", differences)
        limits = Limits({}, 0.32, 10, 0.01, 0.01)
        monkeypatch.setattr(gate_columns, "limits_of", lambda spec: limits)
        found = column_checks(CONTEXT, None, [held(one) for one in way], held(candidate))
        return found, asked

    return checked


def difference(earlier: int, later: int, name: str, columns) -> Difference:
    figures = dict.fromkeys(FIGURES)
    same = columns[earlier][name] == columns[later][name]
    if same:
        effect = STEP * abs(later - earlier)
        figures |= {"effect": effect, "d_statistic": effect**2, "wasserstein_distance": effect}
        figures["p_material"] = 0.0 if effect > 0.32 else 1.0
    why = None if same else "the definition changed since the reference was frozen"
    own = (earlier, later, "*", "*", name, 5000, figures)
    return Difference(*own, reason=why, of=NAME.name, to=NAME.name)


def said(found: list[Check], name: str) -> dict[str, tuple[str, int | None]]:
    return {one.column: (one.verdict, one.against) for one in found if one.name == name}


def test_each_column_creeps_from_the_first_version_that_has_it(checks):
    columns = {one: {"age": "a"} | ({"late": "a"} if one > 2 else {}) for one in range(1, 6)}
    found, asked = checks(columns, [1, 2, 3, 4], 5)
    assert said(found, "step") == {"age": ("passed", 4), "late": ("passed", 4)}
    assert said(found, "creep") == {"age": ("blocked", 1), "late": ("blocked", 3)}
    assert sorted(asked) == [(1, 2), (1, 5), (2, 3), (3, 4), (3, 5), (4, 5)]


def test_a_column_that_came_last_has_taken_one_step(checks):
    columns = {1: {"age": "a"}, 2: {"age": "a"}, 3: {"age": "a", "late": "a"}}
    columns[4] = columns[3]
    found, _ = checks(columns, [1, 2, 3], 4)
    assert set(said(found, "creep")) == {"age"}
    assert set(said(found, "step")) == {"age", "late"}


def test_a_spec_that_defines_a_column_otherwise_neither_steps_nor_creeps_in_passing(checks):
    columns = {key: {"age": "a"} for key in (1, 2)} | {3: {"age": "b"}}
    found, _ = checks(columns, [1, 2], 3)
    assert said(found, "schema") == {"age": ("warned", 2)}
    assert said(found, "step") == {"age": ("blocked", 2)}
    assert said(found, "creep") == {"age": ("blocked", 1)}
    # Forced, it is the beginning of the next way.
    found, _ = checks(columns | {4: {"age": "b"}}, [3], 4)
    assert {one.verdict for one in found} == {"passed"}


def test_a_version_that_was_in_force_before_is_not_held_against_itself(checks):
    columns = {key: {"age": "a"} for key in (1, 2, 3)}
    found, asked = checks(columns, [1, 2, 3], 1)
    assert (1, 1) not in asked
    assert set(asked) == {(1, 2), (2, 3), (3, 1)}
    # Three versions on it is far from what is in force, whatever it was before.
    assert said(found, "step") == {"age": ("blocked", 3)}


def test_a_column_that_came_early_creeps_from_there_however_long_the_chain_is(checks, monkeypatch):
    """Only the last versions are held against each other, and where each column began."""
    monkeypatch.setattr(gate_columns, "LONGEST", 5)
    columns = {one: {"age": "a"} | ({"late": "a"} if one > 2 else {}) for one in range(1, 31)}
    found, asked = checks(columns, list(range(1, 30)), 30)
    assert said(found, "creep") == {"age": ("blocked", 1), "late": ("blocked", 3)}
    steps = [(1, 3), (3, 25), *((one, one + 1) for one in range(25, 30))]
    assert set(asked) == {*steps, (1, 30), (3, 30)}


def compared(**other) -> dict:
    """A row that the kernel of comparisons makes of two versions."""
    row = dict.fromkeys((*FIGURES, "slice_key", "slice_value", "new_categories", "moved"))
    row |= {"earlier": 1, "later": 2, "column_name": "age", "row_count": 5000}
    row |= {"unmeasured": None, "unmeasured_reason": None}
    row |= {"test_names": ["null", "nan", "infinite", "range"]}
    row |= {"test_deltas": [0.6, 0.01, 0.0, 0.5], "test_material": [1e-9, 0.4, math.nan, 1e-9]}
    return row | other


def test_shares_of_missing_values_reach_the_gate_with_the_limits_of_the_spec():
    limits = {"null": 0.05, "nan": 0.02, "infinite": 0.02}
    (nulls, nans) = gap_of(difference_of(compared(), ["baseline"]), NAME, limits).missing
    assert nulls == Missing("NULLs", 0.6, True, 0.05)
    assert nans == Missing("NaNs", 0.01, False, 0.02)
    # Of another definition or type, a share of rows is one of something else.
    for status in ("no_reference", "schema_changed"):
        other = difference_of(compared(unmeasured=status), ["baseline"])
        assert gap_of(other, NAME, limits).missing == ()
    empty = difference_of(compared(unmeasured="insufficient_data"), ["baseline"])
    assert gap_of(empty, NAME, limits).missing
    lacking = compared(test_names=None, test_deltas=None, test_material=None)
    assert gap_of(difference_of(lacking, ["baseline"]), NAME, limits).missing == ()
