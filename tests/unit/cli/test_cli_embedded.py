"""Who answers what only reads: the embedded reader, and Spark where that one does not."""

from __future__ import annotations

from contextlib import contextmanager

import pytest

from sparkdrift.cli import embedded, screen
from sparkdrift.cli.common import Common
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.store import Store


@pytest.fixture
def engines(monkeypatch):
    """Both, as what they answer; what is said besides, line by line."""
    said: list[str] = []
    monkeypatch.setattr(screen, "remark", said.append)
    monkeypatch.setattr(embedded, "quieten", lambda _: None)

    @contextmanager
    def without(store, folder):
        yield lambda statement, limit: [{"by": "duckdb", "asked": statement, "of": folder.name}]

    @contextmanager
    def store(common):
        yield "a session", Store(directory=common.store)

    @contextmanager
    def spark(session, store):
        yield lambda statement, limit: [{"by": session}]

    monkeypatch.setattr("sparkdrift.embedded.asking.asking", without)
    monkeypatch.setattr(embedded, "existing_store", store)
    monkeypatch.setattr("sparkdrift.spark.querying.asking", spark)
    return said


def of(store: str) -> Common:
    return Common(store=store)


def answer(ask, session):
    (row,) = ask("SELECT 1", 5)
    return row["by"], session


def test_a_folder_needs_no_session(engines):
    assert embedded.asked(of("/stores/credit"), answer) == ("duckdb", None)
    assert engines == []


@pytest.mark.parametrize("store", ["main.monitoring", "s3://bucket/credit"])
def test_any_other_store_is_read_by_spark(engines, store):
    assert embedded.asked(of(store), answer) == ("a session", "a session")
    assert engines == []


def test_what_is_left_to_spark_is_said_and_asked_again(engines):
    def asks(ask, session):
        if session is None:
            raise UnansweredError("its dashboard is elsewhere")
        return answer(ask, session)

    assert embedded.asked(of("/stores/credit"), asks) == ("a session", "a session")
    assert engines == ["left to Spark: its dashboard is elsewhere"]


def test_without_the_extra_spark_answers(engines, monkeypatch):
    monkeypatch.setattr(embedded, "missing", lambda: ["duckdb"])
    assert embedded.asked(of("/stores/credit"), answer) == ("a session", "a session")
