"""Which judgement of a window counts, and by which references windows were judged."""

from __future__ import annotations

from datetime import datetime

import duckdb
import pyarrow as pa
import pytest
import sqlglot
from test_references_life import NAME, day, life

from sparkdrift.references.judging import able, due, judging
from sparkdrift.references.life import Event, Name
from sparkdrift.spark.gate_figures import judged_query
from sparkdrift.windows import Window

OTHER = Name("credit", "baseline", "spring")


def test_names_that_have_verdicts_have_judged():
    events = {NAME: life((1, "activate", 0)), OTHER: life((1, "activate", 5))}
    assert judging(events, {"spring"}, None) == {OTHER}
    assert judging(events, set(), None) == set()


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [(0, 3, set()), (0, 6, {NAME}), (4, 5, set()), (6, 7, {NAME}), (9, 20, {NAME, OTHER})],
)
def test_where_verdicts_were_pruned_whoever_was_in_force_may_have_judged(first, last, expected):
    events = {
        NAME: life((1, "activate", 5)),
        OTHER: life((1, "activate", 8)),
    }
    assert judging(events, set(), Window(day(first), day(last))) == expected


def test_a_version_that_went_back_before_the_pruned_windows_did_not_judge_them():
    """Going back from the same window on leaves version 2 without any."""
    events = {NAME: life((1, "propose", 0), (2, "propose", 0))}
    assert judging(events, set(), Window(day(0), day(9))) == set()


def test_verdicts_that_an_erasure_took_along_count():
    gone = life((1, "activate", 0), (1, "erase", 0))
    never = life((1, "propose", 0), (1, "erase", 0))
    assert judging({NAME: gone, OTHER: never}, set(), None) == {NAME}


def test_windows_are_due_once_any_reference_is_in_force():
    events = [life((1, "activate", 4)), life((1, "propose", 0))]
    days = [day(one) for one in range(6)]
    assert due(events, days) == {day(4), day(5)}
    assert due([], days) == set()


def row(start: int, version: int, *, alerting: bool, name: str = "baseline", policy: str = "p"):
    return {
        "monitor": "credit",
        "window_start": day(start),
        "column_name": "age",
        "comparison": "baseline",
        "reference_name": name,
        "reference_version": version,
        "alerting": alerting,
        "policy_hash": policy,
    }


def judged(drift: list[dict], events: list[tuple[str, Event]], current: list[dict] = ()):
    """(start, name, version, alerting) of the rows that count."""
    schema = pa.Table.from_pylist([row(0, 1, alerting=True)]).schema
    tables = {
        "drift": pa.Table.from_pylist(drift, schema),
        "current_drift": pa.Table.from_pylist(list(current), schema),
        "reference_events": pa.Table.from_pylist(
            [
                {"monitor": "credit", "role": "baseline", "name": name, "version": one.version}
                | {"action": one.action, "effective_from": one.effective_from}
                | {"created_at": one.at}
                for name, one in events
            ]
        ),
    }
    query = judged_query({name: name for name in tables}, "monitor = 'credit'")
    (translated,) = sqlglot.transpile(query, read="spark", write="duckdb")
    with duckdb.connect() as connection:
        for name, table in tables.items():
            connection.register(name, table)
        found = connection.sql(translated).to_arrow_table().to_pylist()
    kept = ("window_start", "reference_name", "reference_version", "alerting")
    assert len({one["window_start"] for one in found}) == len(found)
    return sorted(tuple(one[key] for key in kept) for one in found)


def put(version: int, start: int, at: int, action: str = "activate") -> Event:
    return Event(version, version, action, day(start), datetime(2024, 3, at).astimezone())


def test_what_recomputing_adds_under_a_newer_version_is_no_second_judgement():
    """Version 2 is in force from day 8 on; days 3 and 6 were judged again by it, day 2 first."""
    events = [("baseline", put(1, 5, 1)), ("baseline", put(2, 8, 2))]
    then = [row(6, 1, alerting=False), row(9, 2, alerting=True)]
    later = [row(day, 2, alerting=True) for day in (2, 3, 6)]
    kept = [(day(6), "baseline", 1, False), (day(9), "baseline", 2, True)]
    assert judged([*then, *later], events, then) == kept
    # Another name in the spec, and so none of these is in force: the same counts.
    assert judged([*then, *later], events) == kept
    # A version that was only proposed judged nothing.
    assert judged(later, [("baseline", put(2, 0, 2, "propose"))]) == []


def test_the_version_that_was_put_in_force_last_counts_and_of_its_policies_one_that_alerted():
    events = [("baseline", put(1, 0, 1)), ("spring", put(1, 4, 2))]
    drift = [
        row(5, 1, alerting=True),
        row(5, 1, alerting=False, name="spring"),
        row(3, 1, alerting=True, policy="p"),
        row(3, 1, alerting=False, policy="q"),
    ]
    assert judged(drift, events) == [
        (day(3), "baseline", 1, True),
        (day(5), "spring", 1, False),
    ]


def test_no_judging_can_follow_by_a_version_that_was_erased():
    own = [put(1, 0, 1), put(2, 5, 2), Event(3, 2, "erase", day(0))]
    windows = [day(3), day(7)]
    assert due([own], windows) == {day(3), day(7)}
    assert able([own], windows) == {day(3)}
    # Another name in force there has not lost its rows.
    assert able([own, [put(1, 6, 1)]], windows) == {day(3), day(7)}
