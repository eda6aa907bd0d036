"""Small source tables: seeded rows as Arrow, written to Delta by Spark."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import numpy as np
import pyarrow as pa

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
"""A Monday, and the first of a month."""


def instants(day: int, count: int, rng, start: datetime = START) -> pa.Array:
    """`count` random instants within day number `day` after `start`."""
    micros = np.sort(rng.integers(0, 86_400_000_000, count))
    begin = start + timedelta(days=day)
    return pa.array([begin + timedelta(microseconds=int(m)) for m in micros], TIMESTAMP)


TIMESTAMP = pa.timestamp("us", tz="UTC")


def day_rows(day: int, count: int, rng, shift: float = 0.0) -> pa.Table:
    """One day of the usual table: ts, amount, score, product, region."""
    return pa.table(
        {
            "ts": instants(day, count, rng),
            "amount": pa.array(rng.normal(100 + 20 * shift, 20, count)),
            "score": pa.array(rng.beta(2, 5, count)),
            "product": pa.array(rng.choice(["card", "loan", "lease"], count, p=[0.5, 0.3, 0.2])),
            "region": pa.array(rng.choice(["north", "south"], count)),
        }
    )


def closing_row(day: int) -> pa.Table:
    """One row at the first instant of day number `day`, which closes every day before it."""
    return pa.table(
        {
            "ts": pa.array([START + timedelta(days=day)], TIMESTAMP),
            "amount": [100.0],
            "score": [0.3],
            "product": ["card"],
            "region": ["north"],
        }
    )


def days(first: int, last: int, count: int, rng, shift: float = 0.0) -> pa.Table:
    """Days `first` to `last`, both included, of `count` rows each."""
    return pa.concat_tables([day_rows(day, count, rng, shift) for day in range(first, last + 1)])


def write(spark, path, rows: pa.Table, mode: str = "append", **options: str) -> None:
    """Write rows to the Delta table in folder `path`, in one file."""
    # As one chunk: pyspark 4.2 drops what follows an empty one.
    frame = spark.createDataFrame(rows.combine_chunks()).coalesce(1)
    writer = frame.write.format("delta").mode(mode)
    for key, value in options.items():
        writer = writer.option(key, value)
    writer.save(str(path))


def read(spark, path) -> pa.Table:
    """All rows of a Delta table, as Spark sees them now."""
    return spark.read.format("delta").load(str(path)).toArrow()


def day_start(day: int) -> datetime:
    """The first instant of day number `day`, UTC."""
    return START + timedelta(days=day)
