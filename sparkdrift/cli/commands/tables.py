"""migrate and sql: the store's tables, brought up to date and read."""

from __future__ import annotations

import csv
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common
from sparkdrift.cli.embedded import without_java
from sparkdrift.cli.working import existing_store, session
from sparkdrift.errors import UsageError
from sparkdrift.report.plain import plain
from sparkdrift.store import Store, locked, open_store

if TYPE_CHECKING:
    from sparkdrift.spark.answers import Answer


def migrate(common: Common) -> None:
    """Create the store's tables, or bring older ones up to this version.

    Tables and columns that somebody took away are made again, empty. In a catalog it renews the
    views too.

    Example: sparkdrift migrate --store main.monitoring
    """
    store = open_store(common.store)
    with locked(store), session(common) as spark:
        from sparkdrift.spark.catalog_views import create_views
        from sparkdrift.spark.migrate import make_good
        from sparkdrift.spark.migrate import migrate as bring_up
        from sparkdrift.spark.schemas import STORE_VERSION

        had = bring_up(spark, store)
        made = make_good(spark, store) if had is not None else []
        if had == STORE_VERSION:
            create_views(spark, store)
    if common.as_json:
        screen.print_json(
            {"store": str(store), "had": had, "version": STORE_VERSION, "made_good": made}
        )
    elif made:
        screen.say(f"the store {store} lacked {', '.join(made)}: made again, empty")
    elif had == STORE_VERSION:
        screen.say(f"the store {store} has version {had} already")
    else:
        before = "new" if had is None else f"was version {had}"
        screen.say(f"the store {store} has version {STORE_VERSION} now ({before})")


def sql(
    common: Common,
    statement: Annotated[
        str, typer.Argument(metavar="QUERY", help="SELECT, WITH, SHOW, DESCRIBE or EXPLAIN.")
    ],
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1_000_000, help="Most rows shown.")
    ] = 100,
    as_csv: Annotated[bool, typer.Option("--csv", help="Comma-separated values.")] = False,
) -> None:
    r"""Query the store's tables by their plain names; `show tables` lists them.

    In Spark's SQL. A store in a folder is read without Java where `sparkdrift\[sql]` is installed
    and the query is known to mean the same; the rest is left to Spark.

    Example: sparkdrift sql "select * from current_drift where status = 'drifted'"
    """
    if as_csv and common.as_json:
        raise UsageError("both --csv and --json are given; accepted is one of them")
    answer = without_java(common, partial(_embedded, statement, limit))
    if answer is None:
        answer = _by_spark(common, statement, limit)
    if common.as_json:
        screen.print_json(answer.dicts())
    elif as_csv:
        _write_csv(answer)
    else:
        screen.show_rows(answer.columns, answer.rows)
    if answer.more:
        screen.remark(f"only the first {limit:,} rows are shown; --limit shows more")


def _by_spark(common: Common, statement: str, limit: int) -> Answer:
    with existing_store(common) as (spark, store):
        from sparkdrift.spark.querying import ask

        return ask(spark, store, statement, limit)


def _embedded(statement: str, limit: int, store: Store, folder: Path) -> Answer:
    from sparkdrift.embedded.asking import ask

    return ask(store, folder, statement, limit)


def _write_csv(answer: Answer) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([_seen(screen.cell(name)) for name in answer.columns])
    for row in answer.rows:
        writer.writerow(["" if value is None else _seen(screen.cell(value)) for value in row])


def _seen(cell: str) -> str:
    """On a terminal without what drives it; a file gets the value as it is."""
    return plain(cell) if sys.stdout.isatty() else cell
