"""Profiling: source rows in, one row per window, slice and feature out.

Three passes over the source, whatever the number of features, slices and windows: exact
counters of all numeric features, their sketches, and one group-by for all categories.
Slices are made by repeating each row once per slice key, so each pass serves them all.
"""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.spark.categories import categorical_figures
from sparkdrift.spark.joins import joined
from sparkdrift.spark.schemas import FIGURES, STATE
from sparkdrift.spark.sql import quote, string
from sparkdrift.spec.digests import STATE_VERSION, definition_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature, ResolvedFeature

TABLE_ROW = ":table"
WHOLE = "*"
# 2^10 registers: 3.3 % error, at most about 1 kB; distinct counts of numbers are context.
HLL_LG_K = 10
KEYS = ("window_start", "slice_key", "slice_value")
# Where source rows carry their window; the source may have a column window_start of its own.
WINDOW = ":window"
# What only categories have.
OF_TEXTS = ("min_length", "max_length", "avg_length", "frequent_items", "categories")
GRID = ", ".join(f"{percent / 100}D" for percent in range(101))


def profile(
    spark: SparkSession,
    rows: DataFrame,
    spec: MonitorSpec,
    features: Sequence[ResolvedFeature],
    slices: Sequence[Sequence[str]],
    *,
    k: int,
) -> DataFrame:
    """One row per window, slice and feature, with the columns FIGURES and STATE of the tables.

    `rows` are source rows with their window's start in WINDOW. A feature with a problem gets
    a row with status `schema_changed` and no figure. Nothing runs until it is written.
    """
    measured = [one.feature for one in features if one.problem is None]
    numeric = [feature for feature in measured if feature.kind == "numeric"]
    categorical = [feature for feature in measured if feature.kind == "categorical"]
    lost = [one.feature for one in features if one.problem is not None]
    figures = _numeric_figures(_sliced(rows, slices, _numbers(numeric)), numeric, lost, k)
    if categorical:
        texts = [f"CAST({quote(f.column)} AS STRING) AS c{i}" for i, f in enumerate(categorical)]
        names = [feature.name for feature in categorical]
        counted = categorical_figures(
            _sliced(rows, slices, texts), names, KEYS, spec.sketch.categories
        )
        figures = figures.unionByName(counted, allowMissingColumns=True)
    else:
        absent = [column for column in (*FIGURES, *STATE) if column.name in OF_TEXTS]
        figures = figures.select(
            "*", *(F.lit(None).cast(column.type).alias(column.name) for column in absent)
        )
    described = described_features(spark, spec, features)
    return figures.join(F.broadcast(described), "column_name").withColumns(
        {
            "sample_weight": F.lit(1.0),
            "effective_rows": F.lit(None).cast("double"),
            "state_version": F.lit(STATE_VERSION),
            "status": F.expr(
                "CASE WHEN reason IS NOT NULL THEN 'schema_changed'"
                " WHEN row_count = 0 THEN 'insufficient_data' ELSE 'ok' END"
            ),
        }
    )


def described_features(
    spark: SparkSession, spec: MonitorSpec, features: Sequence[ResolvedFeature]
) -> DataFrame:
    """One row per feature, and one for ':table': its kind, type, definition and problem."""
    rows: list[tuple[str, str, str | None, str, str | None]] = [
        (TABLE_ROW, "table", None, definition_hash(spec, None), None)
    ]
    for one in features:
        reason = None if one.problem is None else one.problem.message
        if one.problem is not None and one.data_type is not None:
            reason = f"{reason}: it has type {one.data_type}"
        digest = definition_hash(spec, one.feature)
        rows.append((one.feature.name, one.feature.kind, one.data_type, digest, reason))
    return spark.createDataFrame(
        rows,
        "column_name string, kind string, data_type string, definition_hash string, reason string",
    )


def slice_name(keys: Sequence[str]) -> str:
    """What `slice_key` holds for a slice by these columns."""
    return ",".join(keys)


def _sliced(rows: DataFrame, slices: Sequence[Sequence[str]], columns: Sequence[str]) -> DataFrame:
    """Each row once for the whole table and once per slice, with only `columns` left."""
    cells = [f"struct({string(WHOLE)} AS slice_key, {string(WHOLE)} AS slice_value)"]
    for keys in slices:
        texts = [f"CAST({quote(key)} AS STRING)" for key in keys]
        # JSON for several keys: unlike a separator, it can't be mistaken for a value.
        value = texts[0] if len(keys) == 1 else f"to_json(array({', '.join(texts)}))"
        cells.append(f"struct({string(slice_name(keys))} AS slice_key, {value} AS slice_value)")
    narrow = rows.selectExpr(
        f"{quote(WINDOW)} AS window_start", f"array({', '.join(cells)}) AS cells", *columns
    )
    # Not by asking for the columns: over Spark Connect that is an analysis of the whole plan.
    names = [column.rsplit(" AS ", 1)[1] for column in columns]
    return narrow.selectExpr("window_start", "inline(cells)", *names)


def _numbers(features: Sequence[Feature]) -> list[str]:
    columns = []
    for i, feature in enumerate(features):
        value = f"CAST({quote(feature.column)} AS DOUBLE)"
        columns.append(f"{value} AS n{i}")
        # NaN compares greater than everything, so this leaves the finite values;
        # adding 0 turns -0.0 into 0.0, which must count as the same value.
        columns.append(
            f"CASE WHEN {value} > double('-Infinity') AND {value} < double('Infinity') "
            f"THEN {value} + 0D END AS f{i}"
        )
    return columns


def _numeric_figures(
    rows: DataFrame, features: Sequence[Feature], lost: Sequence[Feature], k: int
) -> DataFrame:
    counted = rows.groupBy(*KEYS).agg(*map(F.expr, _counters(len(features))))
    if features:
        sketched = rows.groupBy(*KEYS).agg(*map(F.expr, _sketches(len(features), k)))
        counted = joined(counted, sketched, KEYS)
    cells = [_cell(TABLE_ROW, None)]
    cells += [_cell(feature.name, None) for feature in lost]
    cells += [_cell(feature.name, i) for i, feature in enumerate(features)]
    long = counted.selectExpr(*KEYS, "row_count", f"inline(array({', '.join(cells)}))")
    return long.withColumn(
        "quantiles",
        # An empty sketch throws when read.
        F.expr(
            "CASE WHEN kll_sketch_get_n_double(kll) > 0 THEN "
            f"kll_sketch_get_quantile_double(kll, array({GRID})) END"
        ),
    )


def _counters(features: int) -> list[str]:
    """Exact aggregates. Apart from the sketches: beside one, Spark generates no code for them."""
    aggregates = ["count(*) AS row_count"]
    for i in range(features):
        aggregates += [
            f"count(n{i}) AS n{i}_present",
            f"count_if(isnan(n{i})) AS n{i}_nan",
            f"count_if(n{i} = double('Infinity')) AS n{i}_up",
            f"count_if(n{i} = double('-Infinity')) AS n{i}_down",
            f"count(f{i}) AS f{i}_n",
            f"avg(f{i}) AS f{i}_mean",
            f"var_pop(f{i}) AS f{i}_variance",
            f"min(f{i}) AS f{i}_min",
            f"max(f{i}) AS f{i}_max",
            f"count_if(f{i} = 0) AS f{i}_zeros",
        ]
    return aggregates


def _sketches(features: int, k: int) -> list[str]:
    aggregates = []
    for i in range(features):
        # xxhash64 of NULL is a number like any other.
        hashed = f"CASE WHEN f{i} IS NOT NULL THEN xxhash64(f{i}) END"
        aggregates += [
            f"kll_sketch_agg_double(f{i}, {k}) AS f{i}_kll",
            f"hll_sketch_agg({hashed}, {HLL_LG_K}) AS f{i}_hll",
        ]
    return aggregates


def _cell(name: str, i: int | None) -> str:
    """SQL struct with one feature's figures; all NULL for i = None."""
    fields = {
        "null_count": ("bigint", f"row_count - n{i}_present"),
        "nan_count": ("bigint", f"n{i}_nan"),
        "positive_infinity_count": ("bigint", f"n{i}_up"),
        "negative_infinity_count": ("bigint", f"n{i}_down"),
        "distinct_count": ("bigint", f"hll_sketch_estimate(f{i}_hll)"),
        "mean": ("double", f"f{i}_mean"),
        "stddev": ("double", f"sqrt(f{i}_variance)"),
        "min": ("double", f"f{i}_min"),
        "max": ("double", f"f{i}_max"),
        "zeros": ("bigint", f"f{i}_zeros"),
        "kll": ("binary", f"f{i}_kll"),
        "hll": ("binary", f"f{i}_hll"),
        "moments": (
            "struct<n:bigint,mean:double,m2:double>",
            f"struct(f{i}_n AS n, f{i}_mean AS mean, f{i}_variance * f{i}_n AS m2)",
        ),
    }
    parts = [f"{string(name)} AS column_name"]
    parts += [
        f"CAST({'NULL' if i is None else value} AS {sql_type}) AS {field}"
        for field, (sql_type, value) in fields.items()
    ]
    return f"struct({', '.join(parts)})"
