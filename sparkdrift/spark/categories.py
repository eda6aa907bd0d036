"""Category counts as one mergeable state: counted exactly, kept up to a number of items.

The state is struct<items, offset, total, exact>. A listed item occurs between its
count and its count + offset times, an unlisted one at most `offset` times; while
`exact`, offset is 0 and nothing is missing. Merging adds counts and offsets; keeping
only the largest items adds the largest dropped count to the offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from sparkdrift.spark.sql import string

SHOWN = 20
_HLL_LG_K = 10


def categorical_figures(
    rows: DataFrame, names: Sequence[str], keys: Sequence[str], limit: int
) -> DataFrame:
    """Figures and state of the text columns c0, c1, ... of `rows`, called `names`, per key.

    One group-by counts all columns at once; NULL is counted apart and is no category.
    """
    cells = ", ".join(
        f"struct({string(name)} AS column_name, c{i} AS item)" for i, name in enumerate(names)
    )
    counted = (
        rows.selectExpr(*keys, f"inline(array({cells}))")
        .groupBy(*keys, "column_name", "item")
        .agg(F.count("*").alias("count"))
    )
    by = (*keys, "column_name")
    figures = most_frequent(counted, by, limit, also=_COUNTS)
    return (
        figures.withColumn(
            "categories",
            F.expr("struct(items, dropped AS offset, total, dropped = 0 AS exact)"),
        )
        .withColumn("frequent_items", F.expr(f"slice(items, 1, {SHOWN})"))
        .withColumnRenamed("distinct_listed", "distinct_count")
        .drop("items", "total", "dropped")
    )


_PRESENT = "CASE WHEN item IS NOT NULL THEN count END"
_COUNTS = {
    "row_count": "sum(count)",
    "null_count": "coalesce(max(CASE WHEN item IS NULL THEN count END), 0L)",
    "min_length": "min(length(item))",
    "max_length": "max(length(item))",
    "avg_length": f"sum(length(item) * count) / nullif(sum({_PRESENT}), 0)",
    "hll": f"hll_sketch_agg(item, {_HLL_LG_K})",
}


def most_frequent(
    counted: DataFrame, keys: Sequence[str], limit: int, also: Mapping[str, str] | None = None
) -> DataFrame:
    """The `limit` most frequent items of each group; ties go to the smaller item.

    `counted` has `keys`, item and count. Per group: `items`, their `total` with the ones
    left out, `dropped` (the largest count left out), `distinct_listed`, and what `also`
    aggregates. By a ranking window, which spills to disk, instead of one list per group.
    """
    by_count = Window.partitionBy(*keys).orderBy(
        F.col("item").isNull(), F.col("count").desc(), F.col("item")
    )
    ranked = counted.withColumn("rank", F.row_number().over(by_count))
    kept = f"CASE WHEN item IS NOT NULL AND rank <= {limit} THEN struct(rank, item, count) END"
    over = f"CASE WHEN item IS NOT NULL AND rank > {limit} THEN count END"
    aggregates = {
        "top": f"array_sort(collect_list({kept}))",
        "total": f"coalesce(sum({_PRESENT}), 0L)",
        "dropped": f"coalesce(max({over}), 0L)",
        "distinct_listed": "count(item)",
        **(also or {}),
    }
    figures = ranked.groupBy(*keys).agg(*(F.expr(e).alias(n) for n, e in aggregates.items()))
    items = "transform(top, t -> struct(t.item AS item, t.count AS count))"
    return figures.withColumn("items", F.expr(items)).drop("top")
