"""Questions to a store in a folder that are answered while Java starts.

Python waits for Java with nothing to do, and Java, once it is there, first reads classes for each
question. An answer stands as long as no table was written to since; else it is asked for again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from sparkdrift.embedded import readable, without_spark
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.errors import SparkdriftError

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
        self._store: Store | None = None
        self._asked: Future[tuple[Commits, Found]] | None = None

    def begin(self, store: Store, specs: Sequence[MonitorSpec]) -> Callable[[], None]:
        """The work of asking, for a thread; from now on `taken` waits for its end."""
        self._store = store
        asked = self._asked = Future()

        def work() -> None:
            try:
                # Before anything is read: what is written from here on shows.
                before = _commits(readable(store))
                found = without_spark(store, lambda ask: self._questions(ask, specs))
                asked.set_result((before, found))
            except BaseException as error:
                asked.set_exception(error)

        return work

    def taken(self) -> Found | None:
        """What was found; None where nothing was asked, where Spark has to answer, where the store
        is none that can be read, or where it was written to since."""
        asked, self._asked = self._asked, None
        if asked is None or self._store is None:
            return None
        try:
            before, found = asked.result()
            return found if _commits(readable(self._store)) == before else None
        except (UnansweredError, SparkdriftError):
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
