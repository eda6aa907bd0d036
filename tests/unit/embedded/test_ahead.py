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


def about(store, questions, specs=()):
    made = Ahead(questions)
    made.about(store, list(specs))
    return made


def test_an_answer_is_taken_once(store):
    one = about(store, asked, ["spec"])
    one.begin()()
    assert one.taken() == ("answer", ["spec"])
    assert one.taken() is None


def test_nothing_was_asked():
    """As in a session that somebody else started."""
    assert Ahead(asked).taken() is None


def test_whoever_takes_it_waits(store):
    one = about(store, asked)
    thread = Thread(target=one.begin())
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
    one = about(store, asked)
    one.begin()()
    commit(store.local, table, 1)
    assert one.taken() is None


def test_so_is_one_that_was_written_to_while_it_answered(store):
    def questions(ask, specs):
        commit(store.local, "drift", 1)
        return asked(ask, specs)

    one = about(store, questions)
    one.begin()()
    assert one.taken() is None


def test_so_is_one_with_a_table_that_was_made_anew(store):
    """Its commits begin at 0 again."""
    one = about(store, asked)
    one.begin()()
    file = store.local / "drift" / "_delta_log" / f"{0:020}.json"
    then = file.stat().st_mtime_ns + 1
    os.utime(file, ns=(then, then))
    assert one.taken() is None


@pytest.mark.parametrize(
    "error", [UnansweredError("Spark has to"), StoreError("no store yet"), ImportError("DuckDB")]
)
def test_what_is_not_answered_is_left_to_spark(store, error):
    def questions(ask, specs):
        raise error

    one = about(store, questions)
    one.begin()()
    assert one.taken() is None


def test_a_catalog_is_left_to_spark():
    one = about(open_store("main.monitoring"), asked)
    one.begin()()
    assert one.taken() is None


def test_what_was_stopped_asks_no_more(store):
    """As where Java did not start: somebody waits for the thread to end."""
    done = []

    def questions(ask, specs):
        done.append(ask("SELECT 1", 1))
        one.stop()
        done.append(ask("SELECT 2", 1))

    one = about(store, questions)
    one.begin()()
    assert done == ["answer"]
    assert one.taken() is None
