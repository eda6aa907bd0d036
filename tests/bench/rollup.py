"""Roll-ups: a year of stored days merged into months, from the command line, in a new process."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.asked import Asked
from tests.bench.demo import command
from tests.bench.table import Measured

_DAYS, _NUMERIC, _CATEGORICAL = 365, 80, 20
# Rows per day: sketches that are exact, and sketches that have dropped items (k = 400).
_ROWS = (500, 5_000)
_DISTINCT = (3, 10, 50, 200, 2_000)
_START = datetime(2025, 1, 1, tzinfo=timezone.utc)


def rollup(_: Asked) -> Iterator[Measured]:
    """`sparkdrift profile --granularity month` on a year of days, the source's files gone."""
    for rows in _ROWS:
        with tempfile.TemporaryDirectory() as folder:
            spec, store = stored_days(Path(folder), rows)
            for file in Path(folder, "log").glob("*.parquet"):
                file.unlink()
            used = command(["profile", str(spec), "--granularity", "month", "--store", store])
            yield Measured(
                f"roll-up, {rows} rows a day",
                used.seconds,
                target="<= 20 s with session start",
                note=f"{_DAYS} days x {_NUMERIC + _CATEGORICAL} features to months; {used}",
            )


def stored_days(folder: Path, rows: int) -> tuple[Path, str]:
    """(spec, store) of a year of days, profiled; the source is `folder`/log."""
    from deltalake import write_deltalake

    rng = np.random.default_rng(rows)
    for first in range(0, _DAYS, 30):
        table = _days(range(first, min(first + 30, _DAYS)), rows, rng)
        write_deltalake(str(folder / "log"), table, mode="append")
    spec = folder / "year.yml"
    spec.write_text(
        json.dumps(
            {
                "monitor": "year",
                "owner": "bench",
                "source": {"path": str(folder / "log")},
                "timestamp": {"column": "ts"},
                "features": {
                    "numeric": [f"n{i}" for i in range(_NUMERIC)],
                    "categorical": [f"c{i}" for i in range(_CATEGORICAL)],
                },
            }
        )
    )
    store = str(folder / "store")
    closed = _START + timedelta(days=_DAYS)
    command(["profile", str(spec), "--store", store, "--as-of", closed.isoformat()])
    return spec, store


def _days(days: range, rows: int, rng: np.random.Generator) -> Any:
    import pyarrow as pa

    count = len(days) * rows
    micros = (
        np.repeat(np.array(days, np.int64) * 86_400_000_000, rows)
        + rng.integers(0, 86_400_000_000, count)
        + int(_START.timestamp()) * 1_000_000
    )
    columns: dict[str, Any] = {"ts": pa.array(micros, pa.timestamp("us", tz="UTC"))}
    for i in range(_NUMERIC):
        columns[f"n{i}"] = np.round(rng.normal(i, 1 + i % 7, count), 2)
    for i in range(_CATEGORICAL):
        distinct = _DISTINCT[i % len(_DISTINCT)]
        # Frequent and rare items, as real categories have them.
        codes = np.minimum(rng.zipf(1.3, count), distinct) - 1
        names = pa.array([f"value {code:05}" for code in range(distinct)])
        columns[f"c{i}"] = pa.DictionaryArray.from_arrays(
            pa.array(codes.astype(np.int32)), names
        ).dictionary_decode()
    return pa.table(columns)
