"""Exact figures of numbers: one pass over the rows for all of them.

A row is cut into parts of a few numbers each, and the parts are aggregated by one narrow
program. Spark compiles an aggregate to one method, and the wider it is the slower each
field gets; past 8,000 bytes Java does not compile it at all (200 fields in one aggregate
took 16 times as long). What is rare (NULL, NaN, zero) is counted under a FILTER, which
costs a comparison instead of a write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.slicing import KEYS, Slices
from sparkdrift.spark.sql import quote
from sparkdrift.spec.values_in_sql import NO_REMAINDER

# Where source rows carry their window; the source may have a column window_start of its own.
WINDOW = ":window"
NUMBERS_PER_PART = 4

Merge = Literal["sum", "min", "max"]


@dataclass(frozen=True)
class Number:
    """A numeric feature: `sql` yields its value in a source row.

    `index` tells it from others of the same pass. `remainder` is what the double leaves out
    of the value, as text.
    """

    index: int
    sql: str
    remainder: str = NO_REMAINDER

    @property
    def value(self) -> str:
        return f"CAST({self.sql} AS DOUBLE)"


@dataclass(frozen=True)
class Counter:
    """One exact figure: an aggregate of source rows, and how those of parts are merged."""

    name: str
    aggregate: str
    merge: Merge = "sum"

    @property
    def first(self) -> str:
        return f"{self.aggregate} AS {self.name}"

    @property
    def again(self) -> str:
        return f"{self.merge}({self.name}) AS {self.name}"


def finite(value: str) -> str:
    """SQL: a DOUBLE where it is finite, else NULL.

    NaN compares greater than everything, so this leaves the finite values; adding 0 turns
    -0.0 into 0.0, which must count as the same value.
    """
    return (
        f"CASE WHEN {value} > double('-Infinity') AND {value} < double('Infinity') "
        f"THEN {value} + 0D END"
    )


def counted(
    rows: DataFrame,
    numbers: Sequence[Number],
    slices: Slices,
    *,
    columns: Sequence[str] = (),
    extra: Sequence[Counter] = (),
) -> DataFrame:
    """One row per window and slice: row_count, the counters of all `numbers`, and `extra`.

    `rows` are source rows with their window in WINDOW. The numbers' counters stand in
    structs p0, p1, ...: `figures` reads them. `extra` counters read `columns`, further
    ones of a source row (`SQL AS name`).
    """
    parts = parts_of(numbers, NUMBERS_PER_PART)
    size = len(parts[0])
    wanted = [Counter("row_count", "count(*)")]
    wanted += [counter for position in range(size) for counter in _counters(position)]
    # Every part of a row carries these columns; one of the parts counts them.
    once = [Counter(c.name, f"{c.aggregate} FILTER (WHERE part = '0')", c.merge) for c in extra]
    narrow = rows.selectExpr(
        f"{quote(WINDOW)} AS window_start",
        *slices.selected(),
        *(f"{number.value} AS x{number.index}" for number in numbers),
        "CAST(NULL AS DOUBLE) AS no_x",
        *columns,
    )
    found = (
        cut(narrow, parts, {"n": "x"})
        .selectExpr("*", *(f"{finite(f'n{i}')} AS f{i}" for i in range(size)))
        .groupBy("window_start", *slices.names, "part")
        .agg(*(F.expr(counter.first) for counter in (*wanted, *once)))
    )
    if slices.keys:
        found = _by_slice(found, size, slices, (*wanted, *once))
    else:
        found = slices.expanded(found, *found.columns[1:])
    state = ", ".join(counter.name for counter in wanted[1:])
    side_by_side = [
        F.expr(f"any_value(struct({state})) FILTER (WHERE part = '{i}')").alias(f"p{i}")
        for i in range(len(parts))
    ]
    others = [
        F.expr(f"any_value({counter.name}) FILTER (WHERE part = '0')").alias(counter.name)
        for counter in (wanted[0], *extra)
    ]
    return found.groupBy(*KEYS).agg(*others, *side_by_side)


def figures(numbers: Sequence[Number]) -> dict[int, dict[str, str]]:
    """SQL of each number's exact figures, by its index, over what `counted` made of `numbers`."""
    return {
        number.index: _figures(f"p{i}.", position)
        for i, part in enumerate(parts_of(numbers, NUMBERS_PER_PART))
        for position, number in enumerate(part)
        if number is not None
    }


def parts_of(numbers: Sequence[Number], most: int) -> list[list[Number | None]]:
    """The numbers in parts of one size, `most` at most; None fills up. There is always a part."""
    count = max(1, -(-len(numbers) // most))
    size = max(1, -(-len(numbers) // count))
    filled: list[Number | None] = [*numbers]
    filled += [None] * (count * size - len(filled))
    return [filled[i * size : (i + 1) * size] for i in range(count)]


def cut(
    narrow: DataFrame, parts: Sequence[Sequence[Number | None]], fields: Mapping[str, str]
) -> DataFrame:
    """Each row once per part; one scan serves all parts.

    `fields`: by name in the parts, what the column is called in `narrow`, where it stands
    under its number's index: {"n": "x"} makes n0, n1, ... of x7, x8, ... A part that is not
    full has NULL, of the column that `narrow` has as "no_" and its name.
    """
    names = ", ".join(f"{field}{i}" for field in fields for i in range(len(parts[0])))
    listed = ", ".join(
        "("
        + ", ".join(
            f"no_{column}" if one is None else f"{column}{one.index}"
            for column in fields.values()
            for one in part
        )
        + f") AS `{i}`"
        for i, part in enumerate(parts)
    )
    return narrow.sparkSession.sql(
        f"SELECT * FROM {{narrow}} UNPIVOT INCLUDE NULLS (({names}) FOR part IN ({listed}))",
        narrow=narrow,
    )


def _counters(i: int) -> list[Counter]:
    n, f = f"n{i}", f"f{i}"
    return [
        Counter(f"{n}_null", f"count(*) FILTER (WHERE {n} IS NULL)"),
        Counter(f"{n}_nan", f"count(*) FILTER (WHERE isnan({n}))"),
        Counter(f"{n}_up", f"count(*) FILTER (WHERE {n} = double('Infinity'))"),
        Counter(f"{n}_down", f"count(*) FILTER (WHERE {n} = double('-Infinity'))"),
        Counter(f"{n}_zeros", f"count(*) FILTER (WHERE {f} = 0)"),
        Counter(f"{n}_sum", f"sum({f})"),
        Counter(f"{n}_variance", f"var_pop({f})"),
        Counter(f"{n}_min", f"min({f})", "min"),
        Counter(f"{n}_max", f"max({f})", "max"),
    ]


def _by_slice(found: DataFrame, size: int, slices: Slices, wanted: Sequence[Counter]) -> DataFrame:
    """Counters per combination of slice columns, added up per slice.

    Means and variances go through sums of deviations from a mean of the same window, so
    that a small variance survives beside a large mean.
    """
    centre: dict[str, str] = {}
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    for i in range(size):
        n, c = f"n{i}", f"c{i}"
        rows = _finite_rows(n)
        centre[c] = f"max({n}_sum / {rows}) OVER (PARTITION BY window_start, part)"
        there[f"{n}_sum"] = f"{n}_sum - {rows} * {c}"
        there[f"{n}_variance"] = (
            f"{rows} * ({n}_variance + ({n}_sum / {rows} - {c}) * ({n}_sum / {rows} - {c}))"
        )
        back[f"{n}_sum"] = f"{n}_sum + {rows} * {c}"
        variance = f"{n}_variance / {rows} - ({n}_sum / {rows}) * ({n}_sum / {rows})"
        back[f"{n}_variance"] = f"CASE WHEN {variance} < 0 THEN 0D ELSE {variance} END"
    names = [counter.name for counter in wanted]
    # An analysis of the window functions needs their inputs as columns of a frame of its own.
    moved = found.selectExpr("*", *(f"{text} AS {c}" for c, text in centre.items())).selectExpr(
        "window_start",
        "part",
        *slices.names,
        *centre,
        *(_changed(there, name) for name in names),
    )
    added = (
        slices.expanded(moved, "part", *names, *centre)
        .groupBy(*KEYS, "part")
        .agg(
            *(F.expr(counter.again) for counter in wanted),
            *(F.expr(f"max({c})").alias(c) for c in centre),
        )
    )
    return added.selectExpr(*KEYS, "part", *(_changed(back, name) for name in names))


def _finite_rows(n: str) -> str:
    """SQL of the finite rows; NULL for none, so that a division by them is NULL."""
    return f"nullif(row_count - {n}_null - {n}_nan - {n}_up - {n}_down, 0)"


def _changed(expressions: dict[str, str], name: str) -> str:
    return f"{expressions[name]} AS {name}" if name in expressions else name


def _figures(p: str, i: int) -> dict[str, str]:
    n = f"{p}n{i}"
    rows = f"(row_count - {n}_null - {n}_nan - {n}_up - {n}_down)"
    one = f"{n}_min = {n}_max"
    # Rounding may leave a trace of a variance, and of another mean, where all values are one.
    mean = f"CASE WHEN {one} THEN {n}_min ELSE {n}_sum / nullif({rows}, 0) END"
    variance = f"CASE WHEN {one} THEN 0D ELSE {n}_variance END"
    return {
        "null_count": f"{n}_null",
        "nan_count": f"{n}_nan",
        "positive_infinity_count": f"{n}_up",
        "negative_infinity_count": f"{n}_down",
        "mean": mean,
        "stddev": f"sqrt({variance})",
        "min": f"{n}_min",
        "max": f"{n}_max",
        "zeros": f"{n}_zeros",
        "moments": f"struct({rows} AS n, {mean} AS mean, {variance} * {rows} AS m2)",
    }
