"""Sketches of numbers: KLL for quantiles, HLL for distinct values, one pass for many.

Apart from the counters: beside a sketch, Spark generates no code for an aggregate.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.counters import WINDOW, Number, finite
from sparkdrift.spark.joins import joined
from sparkdrift.spark.sampling import Sampling
from sparkdrift.spark.slicing import KEYS, Slices
from sparkdrift.spark.sql import quote

# 2^10 registers: 3.3 % error, at most about 1 kB; distinct counts of numbers are context.
HLL_LG_K = 10
# An aggregate buffer holds a sketch per column and group: memory, not time, limits this.
SKETCHED_PER_PASS = 120
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
    drawn = _repeated(rows, numbers, slices, f"rand({_SEED}) AS chance")
    drawn = drawn.selectExpr("*", f"{sampling.share()} AS share").where("chance < share")
    sampled = _aggregated(drawn, numbers, k=k, distinct=False, weight="1D / share")
    if not distinct:
        return sampled
    # In a pass of its own, over all rows: beside a sample, every row would reach both.
    everything = _aggregated(_repeated(rows, numbers, slices), numbers, k=None, distinct=True)
    return joined(everything.drop("sample_weight"), sampled, KEYS)


def _repeated(rows: DataFrame, numbers: Sequence[Number], slices: Slices, *also: str) -> DataFrame:
    narrow = rows.selectExpr(
        f"{quote(WINDOW)} AS window_start",
        *slices.selected(),
        *(f"{finite(number.value)} AS f{number.index}" for number in numbers),
        *(f"{number.remainder} AS r{number.index}" for number in numbers),
        *also,
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
    """KLL of size `k` (None: none) and HLL of the numbers, per window and slice."""
    fields = [f"f{number.index}" for number in numbers]
    hashed = [
        # xxhash64 of NULL is a number like any other; a NULL beside f leaves f's hash as it is.
        f"CASE WHEN f{i} IS NOT NULL THEN xxhash64(f{i}, r{i}) END AS f{i}_hash"
        for i in ([number.index for number in numbers] if distinct else ())
    ]
    # What an aggregate is given is computed before it: inside, Spark would interpret it.
    ready = rows.selectExpr(*KEYS, *fields, *hashed, f"{weight} AS weight")
    aggregates = [F.expr("any_value(weight)").alias("sample_weight")]
    for name in fields:
        if k is not None:
            aggregates.append(F.expr(f"kll_sketch_agg_double({name}, {k})").alias(f"{name}_kll"))
        if distinct:
            hll = f"hll_sketch_agg({name}_hash, {HLL_LG_K})"
            aggregates.append(F.expr(hll).alias(f"{name}_hll"))
    return ready.groupBy(*KEYS).agg(*aggregates)
