"""Category counts as one mergeable state: counted exactly, kept up to a number of items.

The state is struct<items, offset, total, exact>. A listed item occurs between its
count and its count + offset times, an unlisted one at most `offset` times; while
`exact`, offset is 0 and nothing is missing. Merging adds counts and offsets; keeping
only the largest items adds the largest dropped count to the offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F

from sparkdrift.spark.counters import WINDOW
from sparkdrift.spark.sketching import HLL_LG_K
from sparkdrift.spark.slicing import KEYS, Slices
from sparkdrift.spark.sql import quote, string

SHOWN = 20


@dataclass(frozen=True)
class Text:
    """A categorical feature: `sql` yields its value in a source row.

    `jointly`: rows are counted by all slice columns at once, and repeated per slice only
    then. That pays where the combinations are far fewer than the rows. `hidden`: what is counted
    are tokens, whose length says nothing.
    """

    name: str
    sql: str
    jointly: bool = True
    hidden: bool = False


def categorical_figures(
    rows: DataFrame, texts: Sequence[Text], slices: Slices, limit: int
) -> DataFrame:
    """Figures and state of text columns of source rows, per window and slice.

    One pass for all of them, or two where not all are counted jointly; NULL is counted
    apart and is no category.
    """
    alike = [
        group
        for jointly in (True, False)
        if (group := [text for text in texts if (text.jointly or not slices.keys) is jointly])
    ]
    counted = reduce(
        DataFrame.unionAll, (_counted(rows, group, slices, group[0].jointly) for group in alike)
    )
    figures = most_frequent(counted, (*KEYS, "column_name"), limit, also=_COUNTS)
    hidden = [text.name for text in texts if text.hidden]
    return (
        _without_lengths(figures, hidden)
        .withColumns(
            {
                "categories": F.expr(
                    "struct(items, dropped AS offset, total, dropped = 0 AS exact)"
                ),
                "frequent_items": F.expr(f"slice(items, 1, {SHOWN})"),
            }
        )
        .withColumnRenamed("distinct_listed", "distinct_count")
        .drop("items", "total", "dropped")
    )


def _counted(rows: DataFrame, texts: Sequence[Text], slices: Slices, jointly: bool) -> DataFrame:
    narrow = rows.selectExpr(
        f"{quote(WINDOW)} AS window_start",
        *slices.selected(),
        *(f"CAST({text.sql} AS STRING) AS c{i}" for i, text in enumerate(texts)),
    )
    by = ["window_start", *slices.names, "part", "item"]
    # Unlike an array of the columns, this copies no text.
    listed = ", ".join(f"c{i} AS `{i}`" for i in range(len(texts)))
    long = narrow.sparkSession.sql(
        f"SELECT {', '.join(by)}, 1L AS count FROM {{narrow}} "
        f"UNPIVOT INCLUDE NULLS (item FOR part IN ({listed}))",
        narrow=narrow,
    )
    if slices.keys and jointly:
        long = long.groupBy(*by).agg(F.count("*").alias("count"))
    long = slices.expanded(long, "part", "item", "count")
    summed = long.groupBy(*KEYS, "part", "item").agg(F.sum("count").alias("count"))
    names = ", ".join(string(text.name) for text in texts)
    name = f"element_at(array({names}), 1 + CAST(part AS INT)) AS column_name"
    return summed.selectExpr(*KEYS, name, "item", "count")


def _without_lengths(figures: DataFrame, names: Sequence[str]) -> DataFrame:
    if not names:
        return figures
    listed = ", ".join(map(string, names))
    return figures.withColumns(
        {
            length: F.expr(f"CASE WHEN column_name NOT IN ({listed}) THEN {length} END")
            for length in ("min_length", "max_length", "avg_length")
        }
    )


_PRESENT = "CASE WHEN item IS NOT NULL THEN count END"
_COUNTS = {
    "row_count": "sum(count)",
    "null_count": "coalesce(max(CASE WHEN item IS NULL THEN count END), 0L)",
    "min_length": "min(length(item))",
    "max_length": "max(length(item))",
    "avg_length": f"sum(length(item) * count) / nullif(sum({_PRESENT}), 0)",
    "hll": f"hll_sketch_agg(item, {HLL_LG_K})",
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
