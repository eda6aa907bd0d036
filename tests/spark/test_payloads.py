"""Serving logs of JSON texts: every form of a batch, and what does not fit is counted."""

from __future__ import annotations

import json

import pyarrow as pa
import pytest
from monitors import new_store, rows_of, run, spec_of
from source_tables import TIMESTAMP, day_start, write

from sparkdrift.errors import SourceError
from sparkdrift.spark.source import source_of

pytestmark = [pytest.mark.spark, pytest.mark.classic]

FIELDS = {"income": "double", "region": "string", "since": "date"}
NORTH = {"income": 10.5, "region": "north", "since": "2020-02-29"}
SOUTH = {"income": 20, "region": "south", "since": None}
TWO = [("north", 10.5), ("south", 20.0)]


def call(request, response) -> tuple[str, str]:
    return tuple(one if isinstance(one, str) else json.dumps(one) for one in (request, response))


BATCHES = {
    "records": call({"dataframe_records": [NORTH, SOUTH]}, {"predictions": [0.1, 0.2]}),
    "split": call(
        {
            "dataframe_split": {
                "columns": ["region", "income", "since"],
                "data": [["north", 10.5, "2020-02-29"], ["south", 20, None]],
            }
        },
        {"predictions": [{"score": 0.1}, {"score": 0.2}]},
    ),
    "instances": call({"instances": [NORTH, SOUTH]}, {"outputs": [[0.1], [0.2]]}),
    "inputs": call({"inputs": [NORTH, SOUTH]}, [0.1, 0.2]),
    "columns": call(
        {"inputs": {name: [NORTH[name], SOUTH[name]] for name in FIELDS}},
        {"predictions": [0.1, 0.2]},
    ),
}
"""One batch of two rows, in every form."""

ODD = {
    "no json": (call("{income: ", {"predictions": [0.1]}), [(None, None, None, 1, 0, 0, 1)]),
    "no batch": (call({"messages": []}, {"predictions": [0.1]}), [(None, None, None, 1, 0, 0, 1)]),
    "same key twice": (
        call('{"instances": [{"income": 1, "income": 2}]}', {"predictions": [0.1]}),
        [(None, None, None, 1, 0, 0, 1)],
    ),
    "line of another length": (
        call(
            {"dataframe_split": {"columns": ["income", "region"], "data": [[1, "a"], [2]]}},
            {"predictions": [0.1, 0.2]},
        ),
        [(1.0, "a", 0.1, 0, 0, 0, 0), (None, None, 0.2, 1, 0, 0, 0)],
    ),
    "another type": (
        call({"instances": [{"income": "much", "region": 7}]}, {"predictions": ["high"]}),
        [(None, "7", None, 0, 2, 0, 0)],
    ),
    "a number in quotes": (
        call({"instances": [{"income": "1e3", "region": "a"}]}, {"predictions": ["0.5"]}),
        [(1000.0, "a", 0.5, 0, 0, 0, 0)],
    ),
    "undeclared": (
        call({"instances": [{"income": 1, "age": 3, "x": [1]}]}, {"predictions": [0.1]}),
        [(1.0, None, 0.1, 0, 0, 2, 0)],
    ),
    "too few answers": (
        call({"instances": [NORTH, SOUTH]}, {"predictions": [0.1]}),
        [(10.5, "north", None, 0, 0, 0, 1), (20.0, "south", None, 0, 0, 0, 1)],
    ),
    "an answer of another name": (
        call({"instances": [NORTH]}, {"predictions": [{"label": 1}]}),
        [(10.5, "north", None, 0, 0, 0, 0)],
    ),
    "failed": (
        call({"instances": [NORTH]}, {"error_code": "BAD"}),
        [(10.5, "north", None, 0, 0, 0, 1)],
    ),
    "empty": (call({"instances": []}, {"predictions": []}), []),
}
COUNTED = ("income", "region", "score", "payload_unreadable", "payload_mismatched")
COUNTED += ("payload_undeclared", "payload_unpaired")


def log_of(day: int, calls: dict[str, tuple[str, str]]) -> pa.Table:
    return pa.table(
        {
            "id": list(calls),
            "request_time": pa.array([day_start(day)] * len(calls), TIMESTAMP),
            "status_code": pa.array([200] * len(calls), pa.int32()),
            "request": [request for request, _ in calls.values()],
            "response": [response for _, response in calls.values()],
        }
    )


def payload_spec(path, **sections):
    usual = {
        "source": {
            "path": str(path),
            "filter": "status_code = 200",
            "payload": {"fields": FIELDS, "predictions": {"score": "double"}},
        },
        "timestamp": {"column": "request_time"},
        "features": {
            "auto": True,
            "numeric": [{"name": "log_income", "expression": "log(income)"}],
        },
        "prediction": {"score": "score"},
    }
    return spec_of(path, **{**usual, **sections})


@pytest.fixture(scope="module")
def log(spark, workspace):
    """A day of batches that fit, a day of others, and the call that closes it."""
    path = workspace / "log"
    odd = {name: texts for name, (texts, _) in ODD.items()}
    days = [BATCHES, odd, {"closing": BATCHES["records"]}]
    rows = [log_of(day, calls) for day, calls in enumerate(days)]
    failed = log_of(0, {"refused": ("{}", "{}")})
    rows[0] = pa.concat_tables(
        [rows[0], failed.set_column(2, "status_code", pa.array([400], pa.int32()))]
    )
    write(spark, path, pa.concat_tables(rows))
    return path


@pytest.fixture(scope="module")
def flattened(spark, log):
    return source_of(spark, payload_spec(log)).rows(spark).toArrow().to_pylist()


@pytest.mark.parametrize("name", BATCHES)
def test_every_form_of_a_batch_gives_its_rows(flattened, name):
    found = [row for row in flattened if row["id"] == name]
    assert [(row["region"], row["income"]) for row in found] == TWO
    assert [row["score"] for row in found] == [0.1, 0.2]
    assert [str(row["since"]) for row in found] == ["2020-02-29", "None"]
    assert [row["payload_row"] for row in found] == [0, 1]
    assert {row[one] for row in found for one in COUNTED[3:]} == {0}
    assert {row["status_code"] for row in found} == {200}


@pytest.mark.parametrize("name", ODD)
def test_what_does_not_fit_is_counted_and_kept(flattened, name):
    found = [row for row in flattened if row["id"] == name]
    assert [tuple(row[one] for one in COUNTED) for row in found] == ODD[name][1]


def test_a_run_watches_the_rows_of_the_batches(spark, workspace, log):
    store = new_store(spark, workspace / "store")
    outcome = run(spark, store, payload_spec(log), "payload")
    assert len(outcome.profiled.due) == 2
    rows = rows_of(spark, store, "profiles", "granularity = 'day'").to_pylist()
    by_name = {(row["window_start"], row["column_name"]): row for row in rows}
    watched = {name for _, name in by_name}
    assert {"income", "region", "score", "log_income", ":table"} <= watched
    assert "payload_row" not in watched
    assert "payload_mismatched" not in watched
    first, second = day_start(0), day_start(1)
    assert by_name[first, ":table"]["row_count"] == 2 * len(BATCHES)
    assert by_name[first, "income"]["mean"] == pytest.approx(15.25)
    assert by_name[first, "metric:payload_mismatched"]["value"] == 0
    expected = [row for _, answers in ODD.values() for row in answers]
    assert by_name[second, ":table"]["row_count"] == len(expected)
    for place, name in enumerate(COUNTED[3:], 3):
        share = sum(row[place] > 0 for row in expected) / len(expected)
        assert by_name[second, f"metric:{name}"]["value"] == pytest.approx(share)
    assert run(spark, store, payload_spec(log), "again").profiled.due == ()


def test_a_log_without_such_columns_is_told(spark, log):
    wrong = {"path": str(log), "payload": {"request": "body", "fields": FIELDS}}
    with pytest.raises(SourceError, match=r"'body' for a JSON text, and .* has no such column"):
        source_of(spark, payload_spec(log, source=wrong))
    wrong["payload"] = {"request": "status_code", "fields": FIELDS}
    with pytest.raises(SourceError, match=r"has it as int; its texts are id, request, response"):
        source_of(spark, payload_spec(log, source=wrong))
    wrong["payload"] = {"fields": {"ID": "string"}}
    with pytest.raises(SourceError, match=r"makes the column 'ID', and .* has one of that name"):
        source_of(spark, payload_spec(log, source=wrong))
