"""Questions to a store in a folder that are answered while Java starts.

Python waits for Java with nothing to do, and Java, once it is there, first reads classes for each
question. An answer stands as long as no table was written to since; else it is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sparkdrift.embedded import readable, without_spark
from sparkdrift.embedded.unanswered import UnansweredError

if TYPE_CHECKING:
    from sparkdrift.spark.answers import Ask
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.store import Store

Found = TypeVar("Found")
Commits = dict[str, tuple[str, int]]


class Ahead(Generic[Found]):
    """What `questions` make of the answers of a store, for the specs that a command was given."""

    def __init__(self, questions: Callable[[Ask, Sequence[MonitorSpec]], Found]) -> None:
        self._questions = questions
        self._stopped = Event()
        self._asked: Future[tuple[Path, Commits, Found]] | None = None

    def about(self, store: Store, specs: Sequence[MonitorSpec]) -> None:
        """What the questions are about, before they are asked."""
        self._about = store, specs

    def begin(self) -> Callable[[], None]:
        """The work of asking, for a thread; from now on `taken` waits for its end."""
        store, specs = self._about
        asked = self._asked = Future()

        def questions(ask: Ask) -> Found:
            def unless_stopped(statement: str, limit: int) -> list[dict[str, Any]]:
                self._go_on()
                return ask(statement, limit)

            return self._questions(unless_stopped, specs)

        def work() -> None:
            try:
                folder = readable(store)
                # Before anything is read: what is written from here on shows.
                before = _commits(folder)
                asked.set_result((folder, before, without_spark(store, questions)))
            except BaseException as error:
                asked.set_exception(error)

        return work

    def stop(self) -> None:
        """Nobody takes the answer any more: the next question is not asked."""
        self._stopped.set()

    def _go_on(self) -> None:
        if self._stopped.is_set():
            raise UnansweredError("nobody waits for it")

    def taken(self) -> Found | None:
        """What was found, for the first who asks; None where nothing was asked, where the store was
        written to since, and where it failed: whoever asks then as usual meets what is wrong where
        a journal says so.

        To be taken right before the step that needs it: its journal says that it began to read
        then.
        """
        asked, self._asked = self._asked, None
        if asked is None:
            return None
        try:
            folder, before, found = asked.result()
            return found if _commits(folder) == before else None
        except Exception:
            return None


def _commits(folder: Path) -> Commits:
    """The newest commit of each table of a store: its name, and when its file was written, which
    tells it from one of a table that was made anew."""
    newest = {}
    for log in folder.glob("*/_delta_log"):
        found = max(log.glob("*.json"), key=lambda file: file.name, default=None)
        if found is not None:
            newest[log.parent.name] = (found.name, found.stat().st_mtime_ns)
    return newest
