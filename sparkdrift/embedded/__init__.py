"""Reading a store without Java: Delta tables by delta-rs, queries by DuckDB, translated by SQLGlot.

The only folder that imports these three; they are the extra `sql`. Whatever is not known to answer
as Spark does is left to Spark.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.util import find_spec
from typing import TYPE_CHECKING, TypeVar

from sparkdrift.embedded.unanswered import UnansweredError

if TYPE_CHECKING:
    from pathlib import Path

    from sparkdrift.spark.answers import Ask
    from sparkdrift.store import Store

Found = TypeVar("Found")
NEEDS = ("deltalake", "duckdb", "sqlglot")


def missing() -> list[str]:
    """Which of the three are not installed; asked without loading them."""
    return [name for name in NEEDS if find_spec(name) is None]


def readable(store: Store) -> Path:
    """The folder of a store that can be read without Spark.

    Raises UnansweredError for a store elsewhere, and where the extra `sql` is not installed.
    """
    lacking = missing()
    if store.local is None or lacking:
        raise UnansweredError(f"not installed: {', '.join(lacking)}" if lacking else "no folder")
    return store.local


def without_spark(store: Store, questions: Callable[[Ask], Found]) -> Found:
    """What `questions` make of the answers of a store in a folder.

    Raises UnansweredError where Spark has to answer: what is not `readable`, or a question or table
    that is not known to mean the same.
    """
    folder = readable(store)
    from sparkdrift.embedded.asking import asking

    with asking(store, folder) as ask:
        return questions(ask)
