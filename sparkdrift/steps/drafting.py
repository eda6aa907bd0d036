"""A monitor spec drafted by looking at a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sparkdrift.errors import SourceError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Drafted:
    """The text of a spec, and how many rows and columns the table has."""

    text: str
    rows: int
    columns: int


def drafted(spark: SparkSession, table: str, monitor: str, owner: str | None) -> Drafted:
    """A spec for a Delta table, its name or its folder; raises SourceError where it has no rows."""
    from sparkdrift.spark.describing import describe
    from sparkdrift.spark.source import open_source
    from sparkdrift.spec.drafting import draft_spec

    path = _folder(table)
    name = None if path else table
    source = open_source(
        spark, table=name, path=path, row_filter=None, named_by=("the name", "TABLE")
    )
    rows, columns = describe(spark, source)
    if not rows:
        raise SourceError(f"{table} has no rows; a spec can be drafted once it has some")
    text = draft_spec(columns, table=name, path=path, monitor=monitor, owner=owner, rows=rows)
    return Drafted(text, rows, len(columns))


def monitor_of(table: str) -> str:
    """The id of a monitor by the last name of its table."""
    from sparkdrift.spec.drafting import monitor_id

    path = _folder(table)
    return monitor_id(Path(path).name if path else table.replace("`", "").split(".")[-1])


def _folder(table: str) -> str | None:
    """The folder that `table` names, absolute where it is local, or None for a table's name."""
    if "://" in table:
        return table
    if "/" in table or Path(table).is_dir():
        return str(Path(table).expanduser().resolve())
    return None
