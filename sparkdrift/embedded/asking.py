"""One query of a store in a folder, answered without Java."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from threading import Lock

import duckdb
import pyarrow as pa

from sparkdrift.embedded import tables, translating
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.errors import UsageError
from sparkdrift.spark.answers import QUERIES, Answer, Ask, distinct, no_column, reading
from sparkdrift.spark.monitor_views import monitor_views, names_one
from sparkdrift.spark.schemas import RUNS, TABLES
from sparkdrift.spark.sql import quote
from sparkdrift.spark.views import NAMES, VIEWS, mentioned, query_of, words_of
from sparkdrift.store import Store

_PLAIN = {name: quote(name) for name in NAMES}
_DESCRIBE = re.compile(r"\s*desc(?:ribe)?\s+(?:table\s+)?`?(\w+)`?\s*", re.IGNORECASE)
_SHOW = re.compile(r"\s*show\s+tables\s*", re.IGNORECASE)
_COLUMN = re.compile(r'^Binder Error: (?:Referenced column|Table|Values list) "(\w+)"[^"]*?'
                     r'(?:column named "(\w+)"|not found in FROM clause)')  # fmt: skip
_CANDIDATES = re.compile(r"Candidate bindings: (.*)")
_BATCH = 2048


def ask(store: Store, folder: Path, statement: str, limit: int) -> Answer:
    """What `sparkdrift.spark.querying.ask` answers, of a store whose folder is on this machine.

    Raises UsageError for what is no query and for a name that is not there, StoreError for a store
    that can't be read, UnansweredError for what Spark has to answer.
    """
    text, first = reading(statement)
    tables.require_store(store, folder)
    if first not in QUERIES:
        return _told_of_tables(folder, text, limit)
    connection = tables.connect(folder, mentioned(text) | _of_monitors(text))
    try:
        known = _views(connection, text)
        asked, names = translating.query(text, known)
        return _answer(connection, asked, names, text, limit)
    finally:
        connection.close()


@contextmanager
def asking(store: Store, folder: Path) -> Iterator[Ask]:
    """Questions of our own to one store, as `sparkdrift.spark.querying.asking` has them.

    Each of our statements is held against Spark by a test, so it is translated as a view is. A
    question raises UnansweredError where Spark has to answer.
    """
    tables.require_store(store, folder)
    connection, known, one_at_a_time = tables.connect(folder, set()), set[str](), Lock()

    def ask_(statement: str, limit: int) -> list[dict[str, object]]:
        with one_at_a_time:
            wanted = mentioned(statement) - known
            tables.add(connection, folder, wanted)
            for name in VIEWS:
                if name in wanted:
                    _create(connection, name, query_of(name, _PLAIN))
            known.update(wanted)
            asked = translating.view(statement)
            return _answer(connection, asked, None, statement, limit).dicts()

    try:
        yield ask_
    finally:
        connection.close()


def _of_monitors(text: str) -> set[str]:
    return {RUNS.name} if names_one(text) else set()


def _views(connection: duckdb.DuckDBPyConnection, text: str) -> set[str]:
    """Make the views that a query could mean; returns the names that it may read."""
    wanted = mentioned(text)
    for name in VIEWS:
        if name in wanted:
            _create(connection, name, query_of(name, _PLAIN))
    known = set(NAMES)
    if names_one(text):
        words = words_of(text)
        found = connection.execute("SELECT DISTINCT monitor FROM runs").fetchall()
        for (monitor,) in found:
            for name, query in monitor_views(monitor, _PLAIN).items():
                known.add(name.lower())
                if name.lower() in words:
                    _create(connection, name, query)
    return known


def _create(connection: duckdb.DuckDBPyConnection, name: str, query: str) -> None:
    try:
        connection.execute(f'CREATE TEMP VIEW "{name}" AS {translating.view(query)}')
    except duckdb.Error as error:
        raise UnansweredError(f"DuckDB does not take the view {name} ({_line(error)})") from None


def _answer(
    connection: duckdb.DuckDBPyConnection,
    asked: str,
    names: Sequence[str] | None,
    text: str,
    limit: int,
) -> Answer:
    try:
        reader = connection.sql(asked).to_arrow_reader(_BATCH)
        if not all(_as_sparks(field.type) for field in reader.schema):
            raise UnansweredError("a column of the result has a type that prints differently")
        rows: list[tuple[object, ...]] = []
        while len(rows) <= limit and (batch := next(reader, None)) is not None:
            rows += zip(*(_values(one) for one in batch.columns), strict=True)
        columns = reader.schema.names
    except duckdb.BinderException as error:
        raise _unknown_column(connection, error, text) or UnansweredError(_refused(error)) from None
    except (duckdb.Error, pa.ArrowException) as error:
        raise UnansweredError(_refused(error)) from None
    return Answer(distinct(names or columns), tuple(rows[:limit]), len(rows) > limit)


def _as_sparks(kind: pa.DataType) -> bool:
    """Whether values of a type are the same from both; a whole number of 128 bits is made so."""
    if pa.types.is_list(kind):
        return _as_sparks(kind.value_type) and not pa.types.is_decimal(kind.value_type)
    if pa.types.is_struct(kind):
        fields = [kind.field(place).type for place in range(kind.num_fields)]
        return all(_as_sparks(one) and not pa.types.is_decimal(one) for one in fields)
    if pa.types.is_decimal(kind):
        return bool(kind.precision == 38 and kind.scale == 0)
    return any(
        check(kind)
        for check in (
            *(pa.types.is_boolean, pa.types.is_integer, pa.types.is_floating, pa.types.is_date),
            *(pa.types.is_string, pa.types.is_binary, pa.types.is_null, _instant),
        )
    )


def _instant(kind: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(kind) and kind.tz is not None)


def _values(column: pa.Array) -> list[object]:
    if pa.types.is_decimal(column.type):
        whole: list[Decimal | None] = column.to_pylist()
        return [None if value is None else int(value) for value in whole]
    values: list[object] = column.to_pylist()
    return values


def _unknown_column(
    connection: duckdb.DuckDBPyConnection, error: duckdb.BinderException, text: str
) -> UsageError | None:
    """What Spark would say of a column that is not there; None: something else is wrong."""
    message = str(error)
    found = _COLUMN.search(message)
    if found is None:
        return None
    given = [one for one in found.groups() if one]
    listed = _CANDIDATES.search(message)
    if listed is not None:
        # They come with the table that has them, or alone; Spark's come as the query writes it.
        near = [one.strip().replace('"', "").split(".")[-1:] for one in listed[1].split(",")]
    else:
        table = translating.table_called(text, given[0])
        columns = _columns(connection, table) if table else []
        near = [[given[0], one] for one in get_close_matches(given[-1], columns, 5, 0.3)]
    return UsageError(no_column(given, near, text))


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    try:
        return list(connection.table(table).columns)
    except duckdb.Error:
        return []


def _told_of_tables(folder: Path, text: str, limit: int) -> Answer:
    """SHOW TABLES, and DESCRIBE of a table: what Spark answers, from what is known of them."""
    if _SHOW.fullmatch(text):
        connection = tables.connect(folder, {RUNS.name})
        monitors = connection.execute("SELECT DISTINCT monitor FROM runs ORDER BY 1").fetchmany(20)
        names = [*NAMES, *(name for (one,) in monitors for name in monitor_views(one, _PLAIN))]
        return _cut(("namespace", "tableName", "isTemporary"),
                    [("", name, True) for name in sorted(names)], limit)  # fmt: skip
    described = _DESCRIBE.fullmatch(text)
    for table in TABLES:
        if described is not None and table.name == described[1].lower():
            rows = [(one.name, one.type, one.comment) for one in table.columns]
            return _cut(("col_name", "data_type", "comment"), rows, limit)
    raise UnansweredError("it is no query of tables")


def _cut(columns: tuple[str, ...], rows: Sequence[tuple[object, ...]], limit: int) -> Answer:
    return Answer(columns, tuple(rows[:limit]), len(rows) > limit)


def _refused(error: Exception) -> str:
    return f"DuckDB does not answer it ({_line(error)})"


def _line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
