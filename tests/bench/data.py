"""Seeded source tables: made once, by Arrow, and kept as Delta tables in the folder of the data.

A table is a folder named after all that it depends on. It is written beside its place
and moved there when it is whole, so an interrupted run leaves no half of one.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pyarrow as pa

START = datetime(2025, 1, 1, tzinfo=timezone.utc)
NUMBERS = tuple(f"x{i:02d}" for i in range(20))
DISTINCT = (5, 20, 100, 1_000, 10_000, 100_000)
"""Values of the texts, in the order of TEXTS."""
TEXTS = tuple(f"s{count}" for count in DISTINCT)

_TIMESTAMP = pa.timestamp("us", tz="UTC")
_DAY = 86_400_000_000
# Another number where the rows change, so that kept tables of before are not taken.
_VERSION = 1


def kept(folder: Path, name: str, parts: Iterable[pa.Table]) -> Path:
    """The Delta table `name`, written from `parts`, one file each, unless it is there already."""
    from deltalake import write_deltalake

    place = folder / f"{name}-v{_VERSION}"
    if place.exists():
        return place
    print(f"making {place} ...", file=sys.stderr, flush=True)
    draft = place.with_name(f"{place.name}.draft")
    shutil.rmtree(draft, ignore_errors=True)
    for part in parts:
        write_deltalake(str(draft), part, mode="append", target_file_size=2**40)
    return draft.rename(place)


def events(folder: Path, rows: int, days: int) -> Path:
    """The table of the case `engine`: NUMBERS and TEXTS, `rows` over `days`, a file per day."""
    rows = max(rows, days)
    return kept(folder, f"events-{rows}-{days}", map(event_day, range(days), _split(rows, days)))


def event_day(day: int, rows: int) -> pa.Table:
    """One day. Of the numbers, by turns: normal, prices rounded to cents, small whole numbers,
    skewed; every third has 1 % NULL, one 0.1 % NaN. Texts have frequencies by Zipf's law, and
    the third 5 % NULL.
    """
    rng = np.random.default_rng([_VERSION, day])
    columns = {"ts": instants(day, rows, rng)}
    for i, name in enumerate(NUMBERS):
        values = (
            lambda i=i: rng.normal(10 * i, 1 + i, rows),
            lambda: np.round(rng.lognormal(3, 1, rows), 2),
            lambda: rng.poisson(20, rows).astype(float),
            lambda: rng.gamma(2, 2, rows),
        )[i % 4]()
        if i == 4:
            values[rng.random(rows) < 0.001] = np.nan
        columns[name] = pa.array(values, mask=rng.random(rows) < 0.01 if i % 3 == 0 else None)
    for name, distinct in zip(TEXTS, DISTINCT, strict=True):
        columns[name] = zipf_texts(rows, distinct, rng, nulls=0.05 if distinct == 100 else 0.0)
    return pa.table(columns)


def instants(day: float, rows: int, rng: np.random.Generator, days: float = 1) -> pa.Array:
    """`rows` instants in order, at random within `days` from day number `day` on."""
    first = int(START.timestamp()) * 1_000_000 + int(day * _DAY)
    return pa.array(np.sort(rng.integers(0, int(days * _DAY), rows)) + first, _TIMESTAMP)


def day_start(day: int) -> datetime:
    return START + timedelta(days=day)


def zipf_texts(rows: int, distinct: int, rng: np.random.Generator, nulls: float = 0.0) -> pa.Array:
    """Texts with the frequencies 1, 1/2, 1/3, ... of `distinct` values."""
    shares = np.cumsum(1 / np.arange(1, distinct + 1))
    codes = np.searchsorted(shares / shares[-1], rng.random(rows)).astype(np.int32)
    values = pa.array([f"value_{i:06d}" for i in range(distinct)])
    mask = rng.random(rows) < nulls if nulls else None
    return pa.DictionaryArray.from_arrays(pa.array(codes, mask=mask), values).cast(pa.string())


def wide(folder: Path, rows: int, columns: int, days: int = 10) -> Path:
    """`columns` numbers f0000, f0001, ...: every other one with 1,000 values, else continuous."""

    def day(number: int, count: int) -> pa.Table:
        rng = np.random.default_rng([_VERSION, number])
        found = {"ts": instants(number, count, rng)}
        for i in range(columns):
            values = rng.normal(i, 1 + i % 7, count)
            found[wide_name(i)] = np.round(values * 2) / 2 if i % 2 else values
        return pa.table(found)

    return kept(folder, f"wide-{rows}-{columns}-{days}", map(day, range(days), _split(rows, days)))


def wide_name(i: int) -> str:
    return f"f{i:04d}"


def many_values(folder: Path, rows: int, distinct: int, days: int = 10) -> Path:
    """A text `item` of `distinct` values, each at least once, and a text `key` of 100."""

    def day(number: int, count: int) -> pa.Table:
        rng = np.random.default_rng([_VERSION, number])
        # A stretch of the values in whole, and the rest from the first thousand.
        share = min(count, -(-distinct // days))
        codes = np.concatenate(
            [np.arange(share) + number * share, rng.integers(0, 1_000, count - share)]
        )
        items = pa.array([f"item_{code:08d}" for code in rng.permutation(codes).tolist()])
        keys = zipf_texts(count, 100, rng)
        return pa.table({"ts": instants(number, count, rng), "item": items, "key": keys})

    name = f"values-{rows}-{distinct}-{days}"
    return kept(folder, name, map(day, range(days), _split(rows, days)))


def many_slices(folder: Path, rows: int, distinct: int) -> Path:
    """One day of a text `key` with `distinct` values and three numbers."""
    rng = np.random.default_rng(_VERSION)
    columns = {"ts": instants(0, rows, rng)}
    columns["key"] = pa.array([f"key_{i:06d}" for i in rng.integers(0, distinct, rows).tolist()])
    columns |= {name: pa.array(rng.normal(size=rows)) for name in NUMBERS[:3]}
    return kept(folder, f"slices-{rows}-{distinct}", [pa.table(columns)])


def skewed(folder: Path, rows: int, share: float, days: int = 10) -> Path:
    """`days` days of five numbers and two texts; the first day has this share of all rows."""
    counts = [int(rows * share), *_split(rows - int(rows * share), days - 1)]

    def day(number: int, count: int) -> pa.Table:
        names = ["ts", *NUMBERS[:5], *TEXTS[:2]]
        return event_day(number, count).select(names)

    return kept(folder, f"skewed-{rows}-{share}-{days}", map(day, range(days), counts))


def tiny_windows(folder: Path, windows: int, rows_each: int = 10) -> Path:
    """`windows` hours with `rows_each` rows: three numbers and a text, in ten files."""

    def part(number: int, hours: int) -> pa.Table:
        rng = np.random.default_rng([_VERSION, number])
        rows = hours * rows_each
        first = number * (windows // 10)
        micros = rng.integers(0, _DAY // 24, rows) + np.repeat(np.arange(hours), rows_each) * (
            _DAY // 24
        )
        begin = int(START.timestamp()) * 1_000_000 + first * (_DAY // 24)
        columns = {"ts": pa.array(micros + begin, _TIMESTAMP)}
        columns |= {name: pa.array(rng.normal(size=rows)) for name in NUMBERS[:3]}
        return pa.table({**columns, TEXTS[0]: zipf_texts(rows, 5, rng)})

    windows = max(10, windows // 10 * 10)
    return kept(folder, f"tiny-{windows}-{rows_each}", map(part, range(10), [windows // 10] * 10))


def _split(rows: int, parts: int) -> list[int]:
    """`rows` as evenly as whole numbers go."""
    return [rows // parts + (i < rows % parts) for i in range(parts)]
