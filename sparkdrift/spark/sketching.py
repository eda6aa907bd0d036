"""Sketches of numbers: KLL for quantiles, HLL for distinct values, one pass for many.

Apart from the counters: beside a sketch, Spark generates no code for an aggregate.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.counters import WINDOW, Number, finite
from sparkdrift.spark.sampling import Sampling
from sparkdrift.spark.slicing import KEYS, WHOLE, Slices
from sparkdrift.spark.sql import quote, string

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
    narrow = _narrow(rows, numbers, slices, sampled=sampling is not None)
    if slices.keys:
        repeated = narrow.selectExpr("*", slices.repeated())
    else:
        repeated = narrow.selectExpr("*", *(f"{string(WHOLE)} AS {key}" for key in KEYS[1:]))
    fields = [f"f{number.index}" for number in numbers]
    values = {name: name for name in fields}
    weight = "1D"
    if sampling is not None:
        repeated = repeated.selectExpr("*", f"{sampling.share()} AS share")
        if distinct:
            values = {name: f"CASE WHEN chance < share THEN {name} END" for name in fields}
        else:
            repeated = repeated.where("chance < share")
        weight = "1D / share"
    # What an aggregate is given is computed before it: inside, Spark would interpret it.
    ready = repeated.selectExpr(
        *KEYS,
        *(f"{text} AS {name}" for name, text in values.items()),
        *(
            # xxhash64 of NULL is a number like any other.
            f"CASE WHEN {name} IS NOT NULL THEN xxhash64({name}) END AS {name}_hash"
            for name in (fields if distinct else ())
        ),
        f"{weight} AS weight",
    )
    aggregates = [F.expr("any_value(weight)").alias("sample_weight")]
    for name in fields:
        aggregates.append(F.expr(f"kll_sketch_agg_double({name}, {k})").alias(f"{name}_kll"))
        if distinct:
            hll = f"hll_sketch_agg({name}_hash, {HLL_LG_K})"
            aggregates.append(F.expr(hll).alias(f"{name}_hll"))
    return ready.groupBy(*KEYS).agg(*aggregates)


def _narrow(
    rows: DataFrame, numbers: Sequence[Number], slices: Slices, *, sampled: bool
) -> DataFrame:
    return rows.selectExpr(
        f"{quote(WINDOW)} AS window_start",
        # Only where it is used: Spark moves nothing past a random column.
        *([f"rand({_SEED}) AS chance"] if sampled else []),
        *slices.selected(),
        *(f"{finite(number.value)} AS f{number.index}" for number in numbers),
    )
