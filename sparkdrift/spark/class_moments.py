"""Moments of features by class of the label: states per window, from labelled rows alone.

Of a number rows, mean and squared deviations by class; of a category, rows by category and class.
Where the label is a number itself, the state of the pair, and moments of the label by category.
A row is cut into parts of a few numbers each, as the exact figures of numbers are (`counters`).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.changed_states import MOMENTS as MOMENTS
from sparkdrift.kernels.feature_association import REST
from sparkdrift.kernels.freezing import WINDOW_BINS_SQL, WINDOW_SHARES_SQL, WINDOW_UNSEEN_SQL
from sparkdrift.spark.counters import WINDOW, finite
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.local_rows import local_rows
from sparkdrift.spark.profiles import stored_rows
from sparkdrift.spark.sql import in_windows, quote, string
from sparkdrift.spec.digests import STATE_VERSION, moments_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature, Resolution
from sparkdrift.spec.scoring import OneScore
from sparkdrift.store import Store
from sparkdrift.windows import Window, contiguous

MOST_CATEGORIES = 100
"""Categories of a window that are kept apart, the most frequent; the others share one."""
_NUMBERS_AT_ONCE, _PAIRS_AT_ONCE = 4, 2
_QUOTED = "coalesce(regexp_extract(to_json(array(y)), '^.(.*).$', 1), 'null')"


@dataclass(frozen=True)
class Target:
    """What features go with: SQL over a row. number: a DOUBLE, else a class as text; NULL: not
    known."""

    sql: str
    number: bool


def target_of(spec: MonitorSpec, scores: Sequence[OneScore]) -> Target | None:
    """The declared outcome, else the label as `scores_with_labels` has it; None without either."""
    outcome = spec.debt_limits.outcome
    if outcome is not None:
        return Target(finite(f"try_cast({quote(outcome)} AS DOUBLE)"), number=True)
    evaluation = spec.evaluation
    if evaluation is None or not scores or not spec.has_association:
        return None
    if evaluation.task == "regression":
        return Target(finite(scores[0].label), number=True)
    if evaluation.task == "binary":
        label = scores[0].label
        return Target(f"CASE {label} WHEN 1D THEN '1' WHEN 0D THEN '0' END", number=False)
    cases = " ".join(f"WHEN {one.label} = 1D THEN {string(one.name)}" for one in scores)
    return Target(f"CASE {cases} END", number=False)


def associated_features(
    spark: SparkSession,
    store: Store,
    spec: MonitorSpec,
    resolution: Resolution,
    windows: Sequence[Window],
) -> list[Feature]:
    """The features that can be read in these windows: what failed in a profile is left out."""
    rows = (
        stored_rows(spark, store, spec, spec.windows.grain)
        .where("status = 'schema_changed'")
        .where(in_windows("window_start", contiguous(windows)))
        .select("column_name")
        .distinct()
    )
    with few_rows(spark):
        failed = {row["column_name"] for row in rows.collect()}
    taken = {column for _, column in spec.prediction.columns()} | {spec.debt_limits.outcome}
    return [
        one
        for one in resolution.usable
        if one.kind in ("numeric", "categorical")
        and one.name not in failed
        and one.column not in taken
    ]


def class_moments(
    rows: DataFrame,
    spec: MonitorSpec,
    features: Sequence[Feature],
    target: Target,
    sign: str = "1",
) -> DataFrame:
    """window_start, slice, kind, name, columns, cells, own_definition of each feature and class.

    rows: source rows with their window in WINDOW, labels joined. columns: feature, class (NULL: the
    label is a number), categories. Rows of each value of `sign`, as in `count_scores`, have states
    of their own, with it beside: moments are not taken away by subtraction.
    """
    numbers = [one for one in features if one.kind == "numeric"]
    texts = [one for one in features if one.kind == "categorical"]
    narrow = rows.selectExpr(
        f"{quote(WINDOW)} AS window_start",
        f"{sign} AS sign",
        f"{target.sql} AS y",
        *(f"{finite(f'CAST({one.sql} AS DOUBLE)')} AS n{i}" for i, one in enumerate(numbers)),
        *(f"CAST({one.sql} AS STRING) AS c{i}" for i, one in enumerate(texts)),
    ).where("y IS NOT NULL")
    parts = []
    if numbers:
        found = _pairs(narrow, len(numbers)) if target.number else _numbers(narrow, len(numbers))
        parts.append(_named(found, spec, numbers))
    if texts:
        found = _by_category(narrow, len(texts), number=target.number)
        parts.append(_named(found, spec, texts))
    return parts[0] if len(parts) == 1 else parts[0].unionByName(parts[1])


def frozen_moments(
    rows: DataFrame, spec: MonitorSpec, features: Sequence[Feature], target: Target
) -> DataFrame | None:
    """The same of an evaluation set, as rows of reference_profiles; None without a feature.

    rows have one window, as `reference_rows` gives them.
    """
    taken = {column for _, column in spec.prediction.columns()} | {spec.debt_limits.outcome}
    own = [
        one
        for one in features
        if one.kind in ("numeric", "categorical") and one.column not in taken
    ]
    if not own:
        return None
    return class_moments(rows, spec, own, target).selectExpr(
        "slice_key",
        "slice_value",
        f"concat({string(':' + MOMENTS)}, name) AS column_name",
        "kind",
        "CAST(cells[0] AS BIGINT) AS row_count",
        "struct(CAST(NULL AS ARRAY<DOUBLE>) AS edges, columns AS items, cells AS counts) AS bins",
        f"CAST(array() AS {WINDOW_BINS_SQL}) AS window_bins",
        f"CAST(NULL AS {WINDOW_SHARES_SQL}) AS window_shares",
        f"CAST(NULL AS {WINDOW_UNSEEN_SQL}) AS window_unseen",
        f"{STATE_VERSION} AS state_version",
        "'ok' AS status",
        "CAST(NULL AS STRING) AS reason",
        "own_definition AS definition_hash",
    )


def _named(found: DataFrame, spec: MonitorSpec, features: Sequence[Feature]) -> DataFrame:
    """window_start, f, y, items, cells as rows of states."""
    known = local_rows(
        found.sparkSession,
        [
            (i, one.name, json.dumps(one.name, ensure_ascii=False), moments_hash(spec, one))
            for i, one in enumerate(features)
        ],
        {"f": "int", "feature": "string", "quoted": "string", "own_definition": "string"},
    )
    return found.join(F.broadcast(known), "f").selectExpr(
        "window_start",
        f"{string(WHOLE)} AS slice_key",
        f"{string(WHOLE)} AS slice_value",
        f"{string(MOMENTS)} AS kind",
        # As a JSON array, like the name of a pair.
        f"concat('[', quoted, ', ', {_QUOTED}, ']') AS name",
        "concat(array(feature, y), items) AS columns",
        "cells",
        "own_definition",
        "sign",
    )


def _cut(narrow: DataFrame, count: int, size: int) -> DataFrame:
    """A row for each part of `size` numbers: window_start, y, part, v0, v1, ..."""
    each = ", ".join(
        f"struct({part} AS part, "
        + ", ".join(
            f"{f'n{i}' if i < count else 'CAST(NULL AS DOUBLE)'} AS v{i - part * size}"
            for i in range(part * size, (part + 1) * size)
        )
        + ")"
        for part in range(-(-count // size))
    )
    return narrow.selectExpr("window_start", "sign", "y", f"inline(array({each}))")


def _unfolded(summed: DataFrame, count: int, size: int, cells: Sequence[str], y: str) -> DataFrame:
    """Back from parts to a row for each number; `cells` has {j} for the place in the part."""
    each = ", ".join(
        f"struct(CAST(part * {size} + {j} AS INT) AS f, "
        f"array({', '.join(f'CAST({one.format(j=j)} AS DOUBLE)' for one in cells)}) AS cells)"
        for j in range(size)
    )
    none = "CAST(array() AS ARRAY<STRING>) AS items"
    return summed.selectExpr("window_start", "sign", y, none, f"inline(array({each}))").where(
        f"f < {count} AND cells[0] > 0"
    )


def _numbers(narrow: DataFrame, count: int) -> DataFrame:
    size = _NUMBERS_AT_ONCE
    sums = [
        F.expr(f"{sql}(v{j})").alias(f"{name}{j}")
        for j in range(size)
        for name, sql in (("n", "count"), ("m", "avg"), ("s", "var_pop"))
    ]
    summed = _cut(narrow, count, size).groupBy("window_start", "sign", "part", "y").agg(*sums)
    return _unfolded(summed, count, size, ("n{j}", "m{j}", "s{j} * n{j}"), "y")


def _pairs(narrow: DataFrame, count: int) -> DataFrame:
    """The label is a number: the state of each pair, over the rows in which both are finite."""
    size = _PAIRS_AT_ONCE
    both = "CASE WHEN v{j} IS NOT NULL THEN y END"
    aggregates = {
        "n": "count(v{j})",
        "mx": "avg(v{j})",
        "my": f"avg({both})",
        "sx": "var_pop(v{j})",
        "sy": f"var_pop({both})",
        "xy": "covar_pop(v{j}, y)",
    }
    sums = [
        F.expr(sql.format(j=j)).alias(f"{name}{j}")
        for j in range(size)
        for name, sql in aggregates.items()
    ]
    summed = _cut(narrow, count, size).groupBy("window_start", "sign", "part").agg(*sums)
    cells = ("n{j}", "mx{j}", "my{j}", "sx{j} * n{j}", "sy{j} * n{j}", "xy{j} * n{j}")
    return _unfolded(summed, count, size, cells, "CAST(NULL AS STRING) AS y")


def _by_category(narrow: DataFrame, count: int, *, number: bool) -> DataFrame:
    """Rows by category and class, or moments of the label by category."""
    each = ", ".join(f"struct({i} AS f, c{i} AS item)" for i in range(count))
    long = narrow.selectExpr("window_start", "sign", "y", f"inline(array({each}))").where(
        "item IS NOT NULL"
    )
    if number:
        counted = long.groupBy("window_start", "sign", "f", "item").agg(
            F.expr("CAST(count(*) AS DOUBLE)").alias("n"),
            F.expr("avg(y)").alias("m"),
            F.expr("var_pop(y)").alias("s"),
        )
        counted = counted.withColumn("y", F.expr("CAST(NULL AS STRING)"))
    else:
        counted = long.groupBy("window_start", "sign", "f", "item", "y").agg(
            F.expr("CAST(count(*) AS DOUBLE)").alias("n")
        )
    ranked = counted.withColumn(
        "total", F.expr("sum(n) OVER (PARTITION BY window_start, sign, f, item)")
    ).withColumn(
        "place",
        F.expr("dense_rank() OVER (PARTITION BY window_start, sign, f ORDER BY total DESC, item)"),
    )
    kept = f"CASE WHEN place <= {MOST_CATEGORIES} THEN item ELSE {string(REST)} END"
    shared = ("window_start", "sign", "f", "y")
    rest = ranked.withColumn("item", F.expr(kept)).groupBy(*shared, "item")
    if number:
        pooled = rest.agg(
            F.expr("sum(n)").alias("n"),
            F.expr("sum(n * m) / sum(n)").alias("m"),
            F.expr("sum(n * s)").alias("within"),
            F.expr("sum(n * m * m) - sum(n * m) * sum(n * m) / sum(n)").alias("between"),
            F.expr("count(*)").alias("parts"),
        ).withColumn(
            "s", F.expr("CASE WHEN parts = 1 THEN within ELSE within + greatest(between, 0D) END")
        )
        one = "struct(item, array(n, m, s) AS cells)"
    else:
        pooled, one = rest.agg(F.expr("sum(n)").alias("n")), "struct(item, array(n) AS cells)"
    return (
        pooled.groupBy(*shared)
        .agg(F.expr(f"array_sort(collect_list({one}))").alias("found"))
        .selectExpr(
            *shared,
            "transform(found, one -> one.item) AS items",
            "flatten(transform(found, one -> one.cells)) AS cells",
        )
    )
