"""Alerts of the demos held against what was planted; verdicts made by hand."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone

from sparkdrift.demo.flights import flights_spec
from sparkdrift.demo.reasons import NOT_PLANTED, credit_reasons, flights_reasons
from sparkdrift.spec.loading import parse_spec

BEGIN = date(2025, 1, 1)


def verdict(column, day=None, of=("*", "*")) -> dict:
    start = datetime(2025, 1, 1, 12, tzinfo=timezone.utc)
    since = None if day is None else start + timedelta(days=day)
    return {"column_name": column, "slice_key": of[0], "slice_value": of[1], "since": since}


def reasons(*verdicts, assumptions=()):
    found = credit_reasons(verdicts, assumptions, BEGIN, "UTC")
    return {(one.column_name, one.where): one for one in found}


def test_a_planted_shift_is_named_with_its_date():
    found = reasons(verdict("income", 140), verdict("income", 150, ("region", "north")))
    one = found["income", "all rows, and 1 of 1 slices"]
    assert one.since == date(2025, 5, 21)
    assert one.why.startswith("planted from 2025-04-01: income creeps up")


def test_a_shift_of_one_slice_is_right_there_only():
    found = reasons(
        verdict("bureau_score", 201, ("region", "north")),
        verdict("bureau_score", 201, ("region", "south")),
        verdict("score", 203, ("region", "north")),
    )
    assert found["bureau_score", "region = north"].why.startswith("planted from 2025-07-20")
    assert found["bureau_score", "region = south"].why == NOT_PLANTED
    why = found["score", "region = north"].why
    assert why == "the model's output follows bureau_score and income"


def test_what_was_planted_and_not_found_is_said():
    found = reasons(verdict("age", 100))
    assert found["age", "all rows"].why == NOT_PLANTED
    assert found["income", ""].why.endswith("not found")
    assert found["income", ""].since is None
    assert "no input" in found["overridden", ""].why
    assert found["debt_to_income", "with utilisation"].why.endswith("not found")


def test_a_dependence_is_found_among_the_assumptions():
    row = verdict("utilisation", 190) | {"other_column": "debt_to_income", "violated_windows": 4}
    one = reasons(assumptions=[row])["debt_to_income", "with utilisation"]
    assert one.since == date(2025, 7, 10)
    assert one.why.startswith("planted from 2025-06-30")


def test_every_feature_of_the_flights_has_a_reason_or_is_quiet():
    spec = parse_spec(flights_spec("/flights"))
    names = {feature.name for _, _, feature in spec.features.declared()} - {"distance", "origin"}
    found = flights_reasons([verdict(name, 3) for name in sorted(names)], "America/New_York")
    assert {one.column_name for one in found} == names
    assert all(one.why != "not known" for one in found)
    assert {one.since for one in found} == {date(2025, 1, 4)}
