"""Sketches of numbers: KLL for quantiles, HLL for distinct values, one pass for many.

Apart from the counters: beside a sketch, Spark generates no code for an aggregate.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.counters import WINDOW, Number, cut, finite, parts_of
from sparkdrift.spark.joins import joined
from sparkdrift.spark.sampling import Sampling
from sparkdrift.spark.slicing import KEYS, Slices
from sparkdrift.spark.sql import quote

# 2^10 registers: 3.3 % error, at most about 1 kB; distinct counts of numbers are context.
HLL_LG_K = 10
# An aggregate buffer holds a sketch per column and group: memory, not time, limits this.
SKETCHED_PER_PASS = 60
# As for counters, Java compiles no method of over 8,000 bytes: of 20 numbers side by side, what
# computes them had 8,010, and took three times as long.
SKETCHED_PER_PART = 10
_SEED = 20


def sketched(
    rows: DataFrame,
    numbers: Sequence[Number],
    slices: Slices,
    *,
    k: int,
    distinct: bool,
    sampling: Sampling | None,
) -> DataFrame:
    """One row per window and slice: f<i>_kll, f<i>_hll, and sample_weight.

    `distinct`: whether numbers have an HLL; it sees every row, also where only a sample
    reaches the KLL. sample_weight is how many rows a sketched one stands for.
    """
    if sampling is None:
        return _aggregated(_repeated(rows, numbers, slices), numbers, k=k, distinct=distinct)
    drawn = _repeated(rows, numbers, slices, f"rand({_SEED})")
    drawn = drawn.selectExpr("*", f"{sampling.share()} AS share").where("chance < share")
    sampled = _aggregated(drawn, numbers, k=k, distinct=False, weight="1D / share")
    if not distinct:
        return sampled
    # In a pass of its own, over all rows: beside a sample, every row would reach both.
    everything = _aggregated(_repeated(rows, numbers, slices), numbers, k=None, distinct=True)
    return joined(everything.drop("sample_weight"), sampled, KEYS)


def _repeated(
    rows: DataFrame, numbers: Sequence[Number], slices: Slices, chance: str = "0D"
) -> DataFrame:
    """Each row once per slice: its numbers x0, ..., and what a double leaves out of them r0, ..."""
    narrow = rows.selectExpr(
        f"{quote(WINDOW)} AS window_start",
        *slices.selected(),
        *(f"{number.value} AS x{number.index}" for number in numbers),
        *(f"{number.remainder} AS r{number.index}" for number in numbers),
        "CAST(NULL AS DOUBLE) AS no_x",
        "CAST(NULL AS STRING) AS no_r",
        f"{chance} AS chance",
    )
    return slices.expanded(narrow, *narrow.columns[1 + len(slices.names) :])


def _aggregated(
    rows: DataFrame,
    numbers: Sequence[Number],
    *,
    k: int | None,
    distinct: bool,
    weight: str = "1D",
) -> DataFrame:
    """KLL of size `k` (None: none) and HLL of the numbers, per window and slice.

    A row is cut into parts of some numbers each, which are brought side by side at the end.
    """
    parts = parts_of(numbers, SKETCHED_PER_PART)
    size = range(len(parts[0]))
    fields = [f"{finite(f'x{i}')} AS f{i}" for i in size]
    # xxhash64 of NULL is a number like any other; a NULL beside f leaves f's hash as it is.
    hashed = [f"CASE WHEN f{i} IS NOT NULL THEN xxhash64(f{i}, r{i}) END AS hash{i}" for i in size]
    # What an aggregate is given is computed before it: inside, Spark would interpret it.
    ready = (
        cut(rows, parts, {"x": "x", "r": "r"})
        .selectExpr("*", *fields)
        .selectExpr(
            *KEYS,
            "part",
            *(f"f{i}" for i in size),
            *(hashed if distinct else ()),
            f"{weight} AS weight",
        )
    )
    aggregates = [F.expr("any_value(weight)").alias("sample_weight")]
    for i in size:
        if k is not None:
            aggregates.append(F.expr(f"kll_sketch_agg_double(f{i}, {k})").alias(f"kll{i}"))
        if distinct:
            aggregates.append(F.expr(f"hll_sketch_agg(hash{i}, {HLL_LG_K})").alias(f"hll{i}"))
    by_part = ready.groupBy(*KEYS, "part").agg(*aggregates)
    return by_part.groupBy(*KEYS).agg(
        F.expr("any_value(sample_weight)").alias("sample_weight"),
        *(
            F.expr(f"any_value({kind}{i}) FILTER (WHERE part = '{number}')").alias(
                f"f{one.index}_{kind}"
            )
            for number, part in enumerate(parts)
            for i, one in enumerate(part)
            if one is not None
            for kind in (*(["kll"] if k is not None else []), *(["hll"] if distinct else []))
        ),
    )
