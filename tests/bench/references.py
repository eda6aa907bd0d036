"""References: a year of stored days frozen, a promotion, a long list; each by a command."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from tests.bench import data, ours
from tests.bench.asked import Asked
from tests.bench.demo import rows_scanned
from tests.bench.table import Measured
from tests.bench.watching import Used, command

_DAYS, _VERSIONS = 365, 1_000
# The most that stay apart: `COMPACTED_EVERY` events less one.
_APART = 49
# What is really profiled; the other days and features are copies of its rows.
_PROFILED, _NUMERIC, _CATEGORICAL, _COPIES = 30, 16, 4, 5
_DISTINCT = (3, 10, 50, 200)
# So many that a sketch of k = 400 has dropped items.
_ROWS_PER_DAY = 2_000


def references(asked: Asked) -> Iterator[Measured]:
    """Session start included. The files of the source are gone: no row of it could be read."""
    per_day = max(1, (asked.rows or _PROFILED * _ROWS_PER_DAY) // _PROFILED)
    days = _DAYS if asked.rows is None else 2 * _PROFILED
    path = data.kept(asked.data, f"references-{per_day}", _days(per_day))
    with tempfile.TemporaryDirectory() as folder:
        spec, store = _stored(Path(folder), path, days)
        used = _snapshot(spec, store, 0, days, "year")
        features = _COPIES * (_NUMERIC + _CATEGORICAL)
        yield Measured(
            f"snapshot of {days} stored days",
            used.seconds,
            target="<= 30 s, no source scan",
            note=f"{features} features; {used}; {rows_scanned(store, 'year'):,} source rows "
            "scanned, of a source without files",
        )
        _snapshot(spec, store, _PROFILED, 2 * _PROFILED, "candidate", "--candidate")
        before = _rows(store, "reference_events")
        used = command(["reference", "promote", spec, "2", "--reason", "bench", "--store", store])
        yield Measured(
            "promotion",
            used.seconds,
            target="one event row",
            note=f"through the gate; {used}; {_rows(store, 'reference_events') - before} more "
            "rows in reference_events",
        )
        few = command(["reference", "list", spec, "--store", store])
        _more_versions(store)
        used = command(["reference", "list", spec, "--store", store])
        yield Measured(
            f"{_rows(store, 'reference_snapshots'):,} versions listed",
            used.seconds,
            None,
            "2 versions",
            few.seconds,
            target="<= 10 s",
            note=f"a file for each of the newest {_APART} versions and events; {used}",
        )


def _snapshot(spec: str, store: str, first: int, end: int, run_id: str, *options: str) -> Used:
    interval = [f"{data.day_start(day):%Y-%m-%d}" for day in (first, end)]
    asked = ["--begin", interval[0], "--end", interval[1], "--run-id", run_id, *options]
    return command(["snapshot", spec, "--store", store, *asked])


def _stored(folder: Path, path: Path, days: int) -> tuple[str, str]:
    """(spec, store): the profiled days, copied to `days` of them and to more features.

    The source is a copy of the table at `path`, without its files.
    """
    import shutil

    from sparkdrift.spec.loading import load_spec

    log, spec, store = folder / "log", folder / "bench.yml", folder / "store"
    shutil.copytree(path, log)
    spec.write_text(
        json.dumps(
            {
                "monitor": "bench",
                "owner": "bench",
                "source": {"path": str(log)},
                "timestamp": {"column": "ts"},
                "features": {
                    "numeric": [f"n{i}" for i in range(_NUMERIC)],
                    "categorical": [f"c{i}" for i in range(_CATEGORICAL)],
                },
            }
        )
    )
    with ours.session() as (spark, _):
        made = ours.new_store(spark, store)
        ours.profile_step(spark, made, load_spec(spec), data.day_start(_PROFILED))
        _copy(spark, made, days)
    for file in log.glob("*.parquet"):
        file.unlink()
    return str(spec), str(store)


def _copy(spark: Any, store: Any, days: int) -> None:
    """Give every stored feature more names, and every window later copies."""
    rows = spark.table(store.table("profiles"))
    table = "CASE WHEN column_name = ':table' THEN array(1) ELSE"
    copies = f"{table} sequence(1, {_COPIES}) END"
    periods = -(-days // _PROFILED)
    expanded = rows.selectExpr("*", f"explode({copies}) AS copy").selectExpr(
        "*", f"explode(sequence(0, {periods - 1})) AS period"
    )

    def later(name: str) -> str:
        step = _PROFILED * 86_400_000_000
        return f"timestamp_micros(unix_micros({name}) + period * {step}L) AS {name}"

    changed = {
        "window_start": later("window_start"),
        "window_end": later("window_end"),
        "column_name": "if(copy = 1, column_name, concat(column_name, '_', copy)) AS column_name",
    }
    end = data.day_start(days).isoformat()
    (
        expanded.where("copy > 1 OR period > 0")
        .selectExpr(*(changed.get(name, f"`{name}`") for name in rows.columns))
        .where(f"window_start < TIMESTAMP'{end}'")
        .repartition(8)
        .write.format("delta")
        .mode("append")
        .save(store.path("profiles"))
    )


def _more_versions(store: str) -> None:
    """As many versions as a list is to have, each proposed, in files as snapshots leave them.

    A file each, which are joined after so many events; here after all but the newest.
    """
    from sparkdrift.spark.reference_tables import REFERENCE_EVENTS, REFERENCE_SNAPSHOTS
    from sparkdrift.spark.writer import compact
    from sparkdrift.store import Store

    last = _VERSIONS + 8
    with ours.session() as (spark, _):
        for table, where in (
            (REFERENCE_SNAPSHOTS, "version = 2"),
            (REFERENCE_EVENTS, "version = 2 AND action = 'propose'"),
        ):
            path = f"{store}/{table.name}"
            one = spark.read.format("delta").load(path).where(where)
            number = {"version": "CAST(id AS INT) AS version", "seq": "id AS seq"}
            names = [number.get(name, f"`{name}`") for name in one.columns]
            types = dict(one.dtypes)
            for first, end in ((10, last - _APART), (last - _APART, last)):
                many = spark.range(first, end, 1, end - first).crossJoin(one.hint("broadcast"))
                many = many.selectExpr(*names)
                for name in {"version", "seq"} & set(one.columns):
                    many = many.withColumn(name, many[name].cast(types[name]))
                many.write.format("delta").mode("append").save(path)
                if end < last:
                    compact(spark, Store(directory=store), table, "bench")


def _rows(store: str, table: str) -> int:
    from deltalake import DeltaTable

    return DeltaTable(f"{store}/{table}").to_pyarrow_table(columns=["version"]).num_rows


def _days(rows: int) -> Iterator[pa.Table]:
    """Numbers of several shapes, and texts of 3 to 200 values."""
    for day in range(_PROFILED):
        rng = np.random.default_rng([23, day])
        columns: dict[str, Any] = {"ts": data.instants(day, rows, rng)}
        for i in range(_NUMERIC):
            values = rng.normal(0, 1, rows)
            columns[f"n{i}"] = np.exp(values) if i % 4 == 3 else np.round(values, 1 + i % 4)
        for i in range(_CATEGORICAL):
            codes = rng.zipf(1.3, rows) % _DISTINCT[i]
            columns[f"c{i}"] = pa.array([f"value {code}" for code in codes])
        yield pa.table(columns)
