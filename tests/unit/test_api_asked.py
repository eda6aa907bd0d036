"""Who answers what Python asks of a store: the reader without Java, or a session."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from sparkdrift.api import opening
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.store import Store


@pytest.fixture
def engines(monkeypatch):
    """Both as what they answer; nothing is started."""

    @contextmanager
    def without(store, folder):
        yield lambda statement, limit: [{"by": "duckdb"}]

    @contextmanager
    def reading(store, spark):
        yield spark or "started", Store(directory=store)

    @contextmanager
    def by_spark(session, store):
        yield lambda statement, limit: [{"by": session}]

    monkeypatch.setattr("sparkdrift.embedded.asking.asking", without)
    monkeypatch.setattr("sparkdrift.spark.querying.asking", by_spark)
    monkeypatch.setattr(opening, "reading", reading)
    monkeypatch.setattr(opening, "active", lambda: None)


def answer(ask, session, place):
    (row,) = ask("SELECT 1", 5)
    return row["by"], session, str(place)


def test_a_folder_needs_no_session(engines):
    assert opening.asked("/stores/credit", None, answer) == ("duckdb", None, "/stores/credit")


def test_a_session_that_is_there_is_used(engines, monkeypatch):
    given = opening.asked("/stores/credit", "mine", answer)
    assert given == ("mine", "mine", "/stores/credit")
    monkeypatch.setattr(opening, "active", lambda: "of the notebook")
    assert opening.asked("/stores/credit", None, answer)[0] == "started"


def test_what_is_left_to_spark_is_asked_again(engines):
    def asks(ask, session, place):
        if session is None:
            raise UnansweredError("its dashboard is elsewhere")
        return answer(ask, session, place)

    assert opening.asked("/stores/credit", None, asks)[0] == "started"


@pytest.mark.parametrize("lacking", [[], ["duckdb"]])
def test_a_catalog_is_read_by_spark_and_so_is_a_folder_without_the_extra(
    engines, monkeypatch, lacking
):
    monkeypatch.setattr("sparkdrift.embedded.missing", lambda: lacking)
    store = "/stores/credit" if lacking else "main.monitoring"
    assert opening.asked(store, None, answer)[0] == "started"
