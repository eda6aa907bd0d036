"""A store's tables as DataFrames, and rows of a question."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sparkdrift.api.opening import active, reading

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from sparkdrift.spark.answers import Answer
    from sparkdrift.store import Store


class Tables:
    """The tables and views of a store, by name: `tables["current_drift"]` is a DataFrame.

    Each is as the store is when rows are asked for. In a notebook it shows what there is.
    """

    def __init__(self, spark: SparkSession, store: Store) -> None:
        self._spark, self._store = spark, store

    def __getitem__(self, name: str) -> DataFrame:
        """The rows of a table or view. Raises UsageError, with the nearest name, for another."""
        from sparkdrift.spark.reading import frame

        return frame(self._spark, self._store, name)

    def __iter__(self) -> Iterator[str]:
        from sparkdrift.spark.views import NAMES

        return iter(NAMES)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def sql(self, statement: str, limit: int = 1000) -> Rows:
        """The first `limit` rows of a query in which tables and views stand by their plain names.

        Raises UsageError for a statement that does not only read, or that Spark refuses.
        """
        from sparkdrift.spark.querying import ask

        return _rows(ask(self._spark, self._store, statement, limit))

    def __repr__(self) -> str:
        return f"<sparkdrift.Tables of {self._store}: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        from sparkdrift.report.page.shown import table_html
        from sparkdrift.spark.reading import about

        return table_html(f"The store {self._store}", ("name", "what it holds"), about())


@dataclass(frozen=True)
class Rows:
    """Rows of a query; times are aware UTC. `more`: there were more than were asked for.

    notes: what the reader should know of them, in words.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def dicts(self) -> list[dict[str, Any]]:
        """Each row by column name; of columns alike the later ones have a number behind."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def _repr_html_(self) -> str:
        from sparkdrift.report.page.shown import table_html

        told = "; ".join([*self.notes, *(["and more"] if self.more else [])])
        if not self.rows:
            told = "; ".join(["no rows", *self.notes])
        return table_html(told, self.columns, self.rows)


def rows_of(facts: Sequence[Mapping[str, Any]], notes: Sequence[str] = ()) -> Rows:
    """Mappings with the same keys as rows; none are no rows of no columns."""
    columns = tuple(dict.fromkeys(name for one in facts for name in one))
    rows = tuple(tuple(one.get(name) for name in columns) for one in facts)
    return Rows(columns, rows, notes=tuple(notes))


def _rows(answer: Answer) -> Rows:
    return Rows(answer.columns, answer.rows, answer.more)


def read(store: str | None = None, *, spark: SparkSession | None = None) -> Tables:
    """The tables of a store. Raises StoreError where there is none, or one of another version."""
    from sparkdrift.spark.session import create_session
    from sparkdrift.steps.opening import require_store
    from sparkdrift.store import open_store

    opened = open_store(store)
    session = spark or active() or create_session()
    require_store(session, opened)
    return Tables(session, opened)


def sql(
    statement: str,
    store: str | None = None,
    *,
    limit: int = 1000,
    spark: SparkSession | None = None,
) -> Rows:
    """The first `limit` rows of a query, as `sparkdrift sql`.

    A store in a folder is read without Java where `sparkdrift[sql]` is installed, no session is
    given or active, and the query is known to mean the same. Raises UsageError for what is no
    query, and for a name that is not there.
    """
    from sparkdrift.embedded import readable
    from sparkdrift.embedded.unanswered import UnansweredError
    from sparkdrift.store import open_store

    place = open_store(store)
    if spark is None and active() is None:
        with suppress(UnansweredError):
            folder = readable(place)
            from sparkdrift.embedded.asking import ask

            return _rows(ask(place, folder, statement, limit))
    from sparkdrift.spark.querying import ask as ask_spark

    with reading(store, spark) as (session, opened):
        return _rows(ask_spark(session, opened, statement, limit))
