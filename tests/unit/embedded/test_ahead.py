"""What is asked of a store while Java starts stands as long as nothing was written to it."""

from __future__ import annotations

import os
from threading import Thread

import pytest

from sparkdrift.embedded import ahead
from sparkdrift.embedded.ahead import Ahead
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.errors import StoreError
from sparkdrift.store import open_store


@pytest.fixture
def store(tmp_path):
    for table in ("runs", "drift"):
        commit(tmp_path, table, 0)
    return open_store(str(tmp_path))


@pytest.fixture(autouse=True)
def answers(monkeypatch):
    """A question is answered with the word `answer`."""
    monkeypatch.setattr(
        ahead, "without_spark", lambda _store, questions: questions(lambda _query, _limit: "answer")
    )


def commit(folder, table: str, number: int) -> None:
    log = folder / table / "_delta_log"
    log.mkdir(parents=True, exist_ok=True)
    (log / f"{number:020}.json").write_text("{}", encoding="utf-8")


def asked(ask, specs):
    return ask("SELECT 1", 1), specs


def test_an_answer_is_taken_once(store):
    one = Ahead(asked)
    one.begin(store, ["spec"])()
    assert one.taken() == ("answer", ["spec"])
    assert one.taken() is None


def test_nothing_was_asked():
    """As in a session that somebody else started."""
    assert Ahead(asked).taken() is None


def test_whoever_takes_it_waits(store):
    one = Ahead(asked)
    thread = Thread(target=one.begin(store, []))
    found = []
    waiting = Thread(target=lambda: found.append(one.taken()))
    waiting.start()
    waiting.join(0.05)
    assert waiting.is_alive()
    thread.start()
    waiting.join(10)
    assert found == [("answer", [])]


@pytest.mark.parametrize("table", ["runs", "drift", "new"])
def test_a_store_that_was_written_to_is_asked_again(store, table):
    one = Ahead(asked)
    one.begin(store, [])()
    commit(store.local, table, 1)
    assert one.taken() is None


def test_so_is_one_that_was_written_to_while_it_answered(store):
    def questions(ask, specs):
        commit(store.local, "drift", 1)
        return asked(ask, specs)

    one = Ahead(questions)
    one.begin(store, [])()
    assert one.taken() is None


def test_so_is_one_with_a_table_that_was_made_anew(store):
    """Its commits begin at 0 again."""
    one = Ahead(asked)
    one.begin(store, [])()
    file = store.local / "drift" / "_delta_log" / f"{0:020}.json"
    then = file.stat().st_mtime_ns + 1
    os.utime(file, ns=(then, then))
    assert one.taken() is None


@pytest.mark.parametrize("error", [UnansweredError("Spark has to"), StoreError("no store yet")])
def test_what_is_not_answered_is_left_to_spark(store, error):
    def questions(ask, specs):
        raise error

    one = Ahead(questions)
    one.begin(store, [])()
    assert one.taken() is None


def test_a_catalog_is_left_to_spark():
    one = Ahead(asked)
    one.begin(open_store("main.monitoring"), [])()
    assert one.taken() is None


def test_another_error_is_not_kept_quiet(store):
    one = Ahead(lambda ask, specs: 1 / 0)
    one.begin(store, [])()
    with pytest.raises(ZeroDivisionError):
        one.taken()
