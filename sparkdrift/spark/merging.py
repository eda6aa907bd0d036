"""Merging stored profile rows: roll-ups and references without reading the source.

Counters add, sketches merge natively, moments combine by Chan's formula, categories
add up within their stated bounds. Rows of different definitions are never merged:
the definition is part of the key.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.categories import SHOWN, most_frequent
from sparkdrift.spark.joins import joined
from sparkdrift.spark.metrics import MERGED_CELLS
from sparkdrift.spark.profiling import GRID
from sparkdrift.spark.sql import quote
from sparkdrift.spark.weighing import Rates, sampling_rates

# Chan, Golub & LeVeque (1983), in window order so that the result does not depend on the plan.
_MOMENTS = """
aggregate(
  array_sort(collect_list(CASE WHEN moments.n > 0 THEN struct(merged_from, moments) END)),
  struct(0L AS n, 0D AS mean, 0D AS m2),
  (a, b) -> struct(
    a.n + b.moments.n AS n,
    a.mean + (b.moments.mean - a.mean) * b.moments.n / (a.n + b.moments.n) AS mean,
    a.m2 + b.moments.m2
      + pow(b.moments.mean - a.mean, 2) * (a.n * b.moments.n / (a.n + b.moments.n)) AS m2))
"""
_SUMS = (
    "row_count",
    "null_count",
    "nan_count",
    "positive_infinity_count",
    "negative_infinity_count",
    "zeros",
)


def merge_profiles(rows: DataFrame, keys: Sequence[str], limit: int) -> DataFrame:
    """Profile rows merged per `keys`, with the columns FIGURES and STATE but for `value`.

    `rows` have the columns of `profiles` and `merged_from`, the window that each is of;
    `limit` is how many categories stay listed.
    Windows in which a feature could not be measured add their row count and nothing
    else. Adds `merged_windows`, `input_digest`, the digest of all rows' own, and the newest
    `source_version`. Asks at once how the rows were sampled; the rest runs when it is read.
    """
    by = [*keys, "kind", "definition_hash"]
    rates = sampling_rates(rows)
    grouped = rows.groupBy(*by).agg(*_aggregates(), *rates.aggregates())
    listed = _merged_categories(rows.where("categories IS NOT NULL"), by, limit)
    return _figures(joined(grouped, listed, by), rates)


def merged_digest(digests: str = "input_digest") -> str:
    """SQL aggregate: what a merged row says of the rows it was merged from."""
    return f"sha2(array_join(array_sort(collect_list({digests})), ','), 256)"


def _aggregates() -> list[Column]:
    present = "row_count - null_count"
    unmeasured = "CASE WHEN status = 'schema_changed' THEN merged_from END"
    return [
        *(F.sum(name).alias(name) for name in _SUMS),
        F.min("min").alias("min"),
        F.max("max").alias("max"),
        F.min("min_length").alias("min_length"),
        F.max("max_length").alias("max_length"),
        F.expr(
            f"sum(avg_length * ({present})) / nullif(sum(CASE WHEN avg_length IS NOT NULL "
            f"THEN {present} END), 0)"
        ).alias("avg_length"),
        F.expr("hll_union_agg(hll, true)").alias("hll"),
        F.expr(_MOMENTS).alias("moments"),
        F.expr(MERGED_CELLS).alias("cells"),
        F.expr("sum(coalesce(categories.offset, 0L))").alias("carried"),
        # Of the states, not of their listed items: those that are not listed are rows too.
        F.expr("sum(categories.total)").alias("total"),
        F.expr("max_by(data_type, merged_from)").alias("data_type"),
        F.max("state_version").alias("state_version"),
        F.max("source_version").alias("source_version"),
        # A distinct aggregate would make a group of each window first, sketches and all.
        F.expr("size(collect_set(merged_from))").alias("merged_windows"),
        F.expr(f"size(collect_set({unmeasured}))").alias("unmeasured"),
        F.expr("max(moments IS NOT NULL)").alias("numeric"),
        F.expr("max(CASE WHEN status = 'schema_changed' THEN reason END)").alias("reason"),
        F.expr(merged_digest()).alias("input_digest"),
    ]


def _merged_categories(rows: DataFrame, keys: Sequence[str], limit: int) -> DataFrame:
    counted = (
        rows.select(*map(_column, keys), F.expr("inline_outer(categories.items)"))
        .groupBy(*keys, "item")
        .agg(F.sum("count").alias("count"))
    )
    return most_frequent(counted, keys, limit).drop("total")


def _figures(merged: DataFrame, rates: Rates) -> DataFrame:
    """Derive the figures from merged state. Each step is an analysis of the whole plan: two."""
    measured = "numeric AND moments.n > 0"
    state = {
        **rates.figures(),
        "moments": (
            f"CASE WHEN numeric THEN struct(moments.n AS n, CASE WHEN {measured} THEN"
            f" moments.mean END AS mean, CASE WHEN {measured} THEN moments.m2 END AS m2) END"
        ),
        "categories": (
            "CASE WHEN items IS NOT NULL THEN struct(items, dropped + carried AS offset, total,"
            " dropped + carried = 0 AS exact) END"
        ),
        "frequent_items": f"slice(items, 1, {SHOWN})",
        "status": (
            "CASE WHEN unmeasured = merged_windows THEN 'schema_changed'"
            " WHEN row_count = 0 THEN 'insufficient_data' ELSE 'ok' END"
        ),
        "reason": (
            "CASE WHEN unmeasured > 0 THEN"
            " concat(unmeasured, ' of ', merged_windows, ' windows: ', reason) END"
        ),
    }
    derived = {
        "kll": "CASE WHEN numeric THEN kll END",
        "mean": "moments.mean",
        "stddev": "sqrt(moments.m2 / nullif(moments.n, 0))",
        "quantiles": (
            "CASE WHEN kll_sketch_get_n_double(kll) > 0 THEN "
            f"kll_sketch_get_quantile_double(kll, array({GRID})) END"
        ),
        "distinct_count": (
            "CASE WHEN categories.exact THEN distinct_listed"
            " WHEN hll IS NOT NULL THEN"
            " greatest(coalesce(distinct_listed, 0L), hll_sketch_estimate(hll)) END"
        ),
    }
    for step in (state, derived):
        merged = merged.withColumns({name: F.expr(sql) for name, sql in step.items()})
    helpers = ("items", "dropped", "total", "carried", "distinct_listed", "numeric", "unmeasured")
    return merged.drop(*helpers, *rates.helpers)


def _column(name: str) -> Column:
    return F.col(quote(name))
