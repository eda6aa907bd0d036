"""A table of the user's own: its bare scan, our profile, and DuckDB's figures."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.bench import ours, peers
from tests.bench.asked import Asked
from tests.bench.table import Measured
from tests.bench.watching import apart


def source(asked: Asked) -> Iterator[Measured]:
    """`--source PATH`: columns and their kinds are chosen as `sparkdrift init` does."""
    if asked.source is None:
        raise ValueError("the case `source` needs --source PATH, a Delta or Parquet folder")
    path = str(Path(asked.source).resolve())
    with ours.session() as (spark, _):
        rows = spark.read.format(_format(path)).load(path)
        timestamp, numeric, texts = _chosen(rows, asked.timestamp)
        if timestamp is None:
            raise ValueError(f"{path} has no timestamp or date column; name one by --timestamp")
        spec = ours.monitor(path, numeric, texts, timestamp=timestamp)
        profiled = _profile(spark, rows, spec)
        floor = ours.best(
            lambda: ours.done(rows.select(timestamp, *numeric, *texts)), asked.repeats
        )
        mine = ours.best(lambda: ours.done(profiled), asked.repeats)
        count = rows.count()
    theirs, used = apart(peers.duckdb_source, peers.files_of(path), timestamp, numeric, texts)
    yield Measured(
        Path(path).name,
        mine,
        floor,
        "duckdb",
        theirs,
        note=f"{count:,} rows by day of {timestamp}, {len(numeric)} numbers, {len(texts)} texts, "
        f"not written; DuckDB: {used.peak}",
    )


def _format(path: str) -> str:
    return "delta" if (Path(path) / "_delta_log").is_dir() else "parquet"


def _chosen(rows: Any, timestamp: str | None) -> tuple[str | None, list[str], list[str]]:
    """(timestamp column, numbers, texts), by names and types alone."""
    from sparkdrift.spec.choosing import ColumnSummary, choose

    columns = [
        ColumnSummary(field.name, field.dataType.simpleString()) for field in rows.schema.fields
    ]
    choice = choose(columns)
    found = timestamp or (choice.timestamp.name if choice.timestamp else None)
    roles = [column for role, column in choice.roles.items() if role != "label"]
    numeric = [*choice.numeric, *(c for c in roles if c.data_type != "string")]
    texts = [*choice.categorical, *(c for c in roles if c.data_type == "string")]
    return (
        found,
        [column.name for column in numeric if column.name != found],
        [column.name for column in texts if column.name != found],
    )


def _profile(spark: Any, rows: Any, spec: Any) -> Any:
    """As `profiled_rows` does, but of rows that need not be a Delta table's."""
    from pyspark.sql.functions import expr

    from sparkdrift.spark.counters import WINDOW
    from sparkdrift.spark.profiling import profile
    from sparkdrift.spark.source import instant
    from sparkdrift.spark.window_columns import window_start
    from sparkdrift.spec.resolving import resolve

    types = {field.name: field.dataType.simpleString() for field in rows.schema.fields}
    column, zone = spec.timestamp.column, spec.timestamp.zone
    at = instant(column, types[column], zone)
    cut = rows.withColumn(WINDOW, expr(window_start(at, spec.windows.grain, zone)))
    watched = resolve(spec, types).watched
    return profile(spark, cut, spec, watched, [], k=spec.sketch.k)
