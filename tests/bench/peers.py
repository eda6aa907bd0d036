"""The same figures by other means: Spark's own percentiles, DuckDB, Polars."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import data, ours

QUANTILES = tuple(i / 10 for i in range(1, 10))
THREADS = 2
_DAY = 86_400_000_000
_SHOWN = 20


def percentile_rows(spark: Any, path: Path) -> Any:
    """By day: nine `percentile_approx` per number, and the counters that our profile has."""
    from pyspark.sql.functions import expr

    grid = ", ".join(map(str, QUANTILES))
    figures = ["count(*)"]
    for name in data.NUMBERS:
        finite = f"CASE WHEN abs({name}) < double('Infinity') THEN {name} END"
        figures += [f"percentile_approx({finite}, array({grid}))", f"count({name})"]
        figures += [f"count_if({name} = double('{one}'))" for one in ("NaN", "Infinity")]
        figures += [f"count_if({name} = double('-Infinity'))", f"count_if({name} = 0)"]
        of_finite = ("count", "avg", "var_pop", "min", "max", "approx_count_distinct")
        figures += [f"{function}({finite})" for function in of_finite]
    for name in data.TEXTS:
        figures += [f"count({name})", f"approx_count_distinct({name})"]
        figures += [f"{function}(length({name}))" for function in ("min", "max", "avg")]
    rows = spark.sql(f"SELECT *, date_trunc('day', ts) AS day FROM delta.`{path}`")
    return rows.groupBy("day").agg(*map(expr, figures))


def duckdb(path: str, repeats: int) -> float | None:
    """DuckDB: counts, min, max, approx_quantile, approx_top_k, approx_count_distinct, by day;
    two threads, the same files. None where it is not installed.
    """
    if importlib.util.find_spec("duckdb") is None:
        return None
    return _duckdb(files_of(path), "ts", data.NUMBERS, data.TEXTS, repeats)


def duckdb_source(files: list[str], timestamp: str, numbers: list[str], texts: list[str]) -> float:
    """The same for a table of the user's own; once after a warm-up."""
    return _duckdb(files, timestamp, numbers, texts, 1)


def _duckdb(
    files: Sequence[str], timestamp: str, numbers: Sequence[str], texts: Sequence[str], repeats: int
) -> float:
    import duckdb as engine

    figures = ["count(*)"]
    for name in map(_quoted, numbers):
        figures += [
            f"count({name}), min({name}), max({name}), approx_count_distinct({name})",
            f"count(*) FILTER (isnan({name}::DOUBLE))",
            f"approx_quantile({name}::DOUBLE, {list(QUANTILES)})",
        ]
    for name in map(_quoted, texts):
        figures.append(f"count({name}), min(length({name}::VARCHAR)), max(length({name}::VARCHAR))")
        figures.append(f"approx_count_distinct({name}), approx_top_k({name}::VARCHAR, {_SHOWN})")
    # By number of day: date_trunc of a time with a zone wants an extension.
    day = f"epoch_us({_quoted(timestamp)}) // {_DAY}"
    query = f"SELECT {day} AS day, {', '.join(figures)} FROM read_parquet({list(files)}) GROUP BY 1"
    with engine.connect(config={"threads": THREADS}) as connection:
        return ours.best(lambda: connection.execute(query).fetchall(), repeats)


def polars(path: str, repeats: int) -> float | None:
    """Polars: file by file, exact: counts, min, max, moments, quantiles, distinct, top 20;
    two threads. None where it is not installed.
    """
    os.environ["POLARS_MAX_THREADS"] = str(THREADS)  # read when it is imported
    if importlib.util.find_spec("polars") is None:
        return None
    files = files_of(path)
    return ours.best(lambda: [_exact_file(file) for file in files], repeats)


def _exact_file(file: str) -> tuple[Any, list[Any]]:
    import polars as pl

    table = pl.read_parquet(file, columns=[*data.NUMBERS, *data.TEXTS])
    figures = []
    for name in data.NUMBERS:
        column = pl.col(name)
        values = column.fill_nan(None).drop_nulls().sort()
        figures += [
            column.null_count().alias(f"{name} nulls"),
            column.is_nan().sum().alias(f"{name} nan"),
            (column == 0).sum().alias(f"{name} zeros"),
            values.mean().alias(f"{name} mean"),
            values.std().alias(f"{name} sd"),
            values.first().alias(f"{name} min"),
            values.last().alias(f"{name} max"),
            values.n_unique().alias(f"{name} distinct"),
            *(values.quantile(q).alias(f"{name} {q}") for q in QUANTILES),
        ]
    for name in data.TEXTS:
        column = pl.col(name)
        figures += [
            column.null_count().alias(f"{name} nulls"),
            column.n_unique().alias(f"{name} distinct"),
            column.str.len_chars().min().alias(f"{name} shortest"),
            column.str.len_chars().max().alias(f"{name} longest"),
        ]
    numbers = table.lazy().select(figures).collect()
    top = [table[name].value_counts(sort=True).head(_SHOWN) for name in data.TEXTS]
    return numbers, top


def files_of(path: str) -> list[str]:
    """The data files of a Delta table, or of a folder of Parquet files."""
    if (Path(path) / "_delta_log").is_dir():
        from deltalake import DeltaTable

        return sorted(file.removeprefix("file://") for file in DeltaTable(path).file_uris())
    return sorted(map(str, Path(path).rglob("*.parquet")))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
