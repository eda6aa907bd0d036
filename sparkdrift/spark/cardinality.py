"""How many values the slices of a batch have, and what that means for counting by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.slicing import Slices, slice_name
from sparkdrift.spark.sql import quote
from sparkdrift.spec.models import MOST_SLICE_VALUES
from sparkdrift.spec.resolving import Feature

_LOOKED_AT = 20_000
# Combinations of at most this share of the rows are counted jointly.
_JOINTLY = 0.25


def crowded(rows: DataFrame, slices: Slices) -> dict[str, int]:
    """The slices with more than MOST_SLICE_VALUES values in some window, by name; about how many.

    `rows` are source rows with their window in WINDOW. A slice of which each column has its
    values listed is bounded by the spec.
    """
    open_ended = [
        keys for keys in slices.keys if not all(key.lower() in slices.values for key in keys)
    ]
    if not open_ended:
        return {}
    counts = [
        F.expr(f"approx_count_distinct({slices.value(keys)})").alias(f"v{i}")
        for i, keys in enumerate(open_ended)
    ]
    by_window = rows.selectExpr(f"{quote(WINDOW)} AS window_start", *slices.selected())
    most = [F.max(f"v{i}").alias(f"v{i}") for i in range(len(open_ended))]
    row = by_window.groupBy("window_start").agg(*counts).agg(*most).collect()[0]
    found = {slice_name(keys): int(row[f"v{i}"] or 0) for i, keys in enumerate(open_ended)}
    return {name: values for name, values in found.items() if values > MOST_SLICE_VALUES}


def crowds(found: Mapping[str, int]) -> list[str]:
    """What `runs` says of each of them."""
    return [
        f"slice {name}: about {values:,} values in one window, more than {MOST_SLICE_VALUES:,}: "
        "nothing is profiled by it; list the values to watch under slice_values, the others then "
        "share ':other'"
        for name, values in found.items()
    ]


def few_combinations(
    rows: DataFrame, categorical: Sequence[Feature], slices: Slices
) -> frozenset[str]:
    """The text features whose combinations with the slices' columns are far fewer than the rows.

    Judged by a few of `rows`: it decides how fast counting is, and no figure.
    """
    if not slices.keys or not categorical:
        return frozenset()
    few = rows.selectExpr(
        *slices.selected(),
        *(f"CAST({f.sql} AS STRING) AS c{i}" for i, f in enumerate(categorical)),
    ).limit(_LOOKED_AT)
    cell = ", ".join(slices.names)
    combined = [
        F.expr(f"approx_count_distinct(xxhash64({cell}, c{i}))").alias(f"c{i}")
        for i in range(len(categorical))
    ]
    row = few.agg(F.count("*").alias("rows"), *combined).collect()[0]
    return frozenset(
        f.name for i, f in enumerate(categorical) if row[f"c{i}"] <= _JOINTLY * row["rows"]
    )
