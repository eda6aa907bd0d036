"""A source with one fault planted on each day, and what a whole run made of it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import source_tables
from monitors import new_store, rows_of, run, spec_of

from sparkdrift.spec.models import MonitorSpec
from sparkdrift.store import Store

ROWS = 1000
REFERENCE_DAYS = range(6)
"""The days that the reference covers; it is in force from the day after on."""

CALM, NULLS, NANS, INFINITE, NEW_CATEGORY, OUT_OF_RANGE, CONSTANT, SHIFTED = range(6, 14)
EMPTY, ONE_ROW, FIVE_ROWS, ALL_NULL, CLOSING = range(14, 19)
SIZES = {EMPTY: 0, ONE_ROW: 1, FIVE_ROWS: 5, CLOSING: 1}

NUMERIC = ("amount", "sensor", "steady")
CATEGORICAL = ("product", "channel")


def day_table(day: int, rng) -> pa.Table:
    count = SIZES.get(day, ROWS)
    amount, sensor = rng.normal(100, 20, count), rng.normal(0, 1, count)
    shares = [0.2, 0.3, 0.5] if day == SHIFTED else [0.5, 0.3, 0.2]
    product = rng.choice(["card", "loan", "lease"], count, p=shares).tolist()
    some = rng.random(count)
    missing = some < {NULLS: 0.4, ALL_NULL: 1.1}.get(day, 0.0)
    if day == NANS:
        amount[some < 0.1] = np.nan
    if day == INFINITE:
        amount[some < 0.05] = np.inf
    if day == OUT_OF_RANGE:
        amount[some < 0.05] = 10_000
    if day == NEW_CATEGORY:
        product = ["crypto" if u < 0.08 else p for u, p in zip(some, product, strict=True)]
    if day == CONSTANT:
        sensor[:] = 0.25
    if day == SHIFTED:
        sensor += 0.9
    return pa.table(
        {
            "ts": source_tables.instants(day, count, rng),
            "day": pa.array([day] * count, pa.int32()),
            "amount": pa.array(amount, mask=missing),
            "sensor": sensor,
            "steady": rng.gamma(2, 3, count),
            "product": pa.array(product, pa.string()),
            "channel": pa.array(rng.choice(["web", "branch"], count).tolist(), pa.string()),
        }
    )


@dataclass(frozen=True)
class Planted:
    """The source rows, the spec, and the store after one run; read only: `copied` is for writes."""

    rows: pa.Table
    path: Path
    spec: MonitorSpec
    store: Store
    drift: list[dict]
    references: list[dict]

    def verdict(self, day: int, column: str) -> dict:
        start = source_tables.day_start(day)
        found = [
            row
            for row in self.drift
            if (row["window_start"], row["column_name"]) == (start, column)
        ]
        assert len(found) == 1
        return found[0]

    def values(self, column: str, *days: int) -> np.ndarray:
        """The finite values of a numeric column on these days."""
        chosen = self.rows.filter(pa.compute.is_in(self.rows["day"], pa.array(days, pa.int32())))
        values = chosen[column].drop_null().to_numpy()
        return values[np.isfinite(values)]

    def texts(self, column: str, *days: int) -> list[str]:
        chosen = self.rows.filter(pa.compute.is_in(self.rows["day"], pa.array(days, pa.int32())))
        return chosen[column].to_pylist()

    def reference(self, column: str) -> dict:
        return next(row for row in self.references if row["column_name"] == column)

    def copied(self, folder: Path) -> Store:
        """The store once more, for a test that goes on writing."""
        shutil.copytree(str(self.store.directory), folder)
        return Store(directory=str(folder))


def planted_spec(path: Path, **sections) -> MonitorSpec:
    usual = {
        "features": {"numeric": list(NUMERIC), "categorical": list(CATEGORICAL)},
        "reference": {"begin": "2024-01-01", "end": "2024-01-07"},
        "sketch": {"k": 8192},
        # A shift of half an sd is what 1,000 rows can find four times out of five.
        "drift": {"effect_size": 0.5, "warn_at": 0.3},
    }
    return spec_of(path, **{**usual, **sections})


def plant(spark, folder: Path) -> Planted:
    rng = np.random.default_rng(11)
    rows = pa.concat_tables([day_table(day, rng) for day in range(CLOSING + 1)])
    path = folder / "source"
    source_tables.write(spark, path, rows)
    spec = planted_spec(path)
    store = new_store(spark, folder / "store")
    run(spark, store, spec, "first")
    return Planted(
        rows,
        path,
        spec,
        store,
        rows_of(spark, store, "drift").to_pylist(),
        rows_of(spark, store, "reference_profiles").to_pylist(),
    )
