"""Profiling: source rows in, one row per window, slice and feature out.

A few passes over the source, whatever the number of slices and windows: exact counters of
all numeric features, their sketches (distinct values apart where quantiles are of a sample),
and a group-by for all texts (with slices two, by how texts are counted). Only past
SKETCHED_PER_PASS numeric features are there more.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.spark.cardinality import few_combinations
from sparkdrift.spark.categories import Text, categorical_figures
from sparkdrift.spark.changes import Fingerprint
from sparkdrift.spark.counters import Number, counted
from sparkdrift.spark.counters import figures as exact_figures
from sparkdrift.spark.joins import joined
from sparkdrift.spark.local_rows import local_rows
from sparkdrift.spark.metrics import Counted, with_values
from sparkdrift.spark.metrics import counted as counted_metrics
from sparkdrift.spark.profile_tables import FIGURES, STATE
from sparkdrift.spark.sampling import Sampling, sampling
from sparkdrift.spark.sketching import SKETCHED_PER_PASS, sketched
from sparkdrift.spark.slicing import KEYS, Slices, meaning, slices_of
from sparkdrift.spark.sql import string
from sparkdrift.spark.table import Column
from sparkdrift.spec.digests import STATE_VERSION, definition_hash
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature, ResolvedFeature

TABLE_ROW = ":table"
GRID = ", ".join(f"{percent / 100}D" for percent in range(101))
_ELSEWHERE = frozenset(
    (
        *("kind", "data_type", "row_count", "quantiles"),
        *("value", "sample_weight", "effective_rows", "state_version"),
    )
)
# What a pass says of a feature; the rest is derived from it, or described.
_FOUND = tuple(column for column in (*FIGURES, *STATE) if column.name not in _ELSEWHERE)


def profile(
    spark: SparkSession,
    rows: DataFrame,
    spec: MonitorSpec,
    features: Sequence[ResolvedFeature],
    slices: Sequence[Sequence[str]],
    *,
    k: int,
    few: DataFrame | None = None,
    batch: Sequence[Fingerprint] = (),
) -> DataFrame:
    """One row per window, slice and feature, with the columns FIGURES and STATE of the tables.

    `rows` are source rows with their window's start in WINDOW; `few` of them, cheap to
    read, are looked at first where there are slices (default: some of all). `batch`: the windows
    with their rows, by which a sample is drawn if the spec allows it. A feature with a
    problem gets a row with status `schema_changed` and no figure. Nothing else runs until
    it is written.
    """
    measured = [one.feature for one in features if one.problem is None]
    numeric = [feature for feature in measured if feature.kind == "numeric"]
    categorical = [feature for feature in measured if feature.kind == "categorical"]
    by = slices_of(spec, slices)
    metrics = counted_metrics(spec, [one for one in measured if one.kind == "metric"])
    jointly = few_combinations(rows if few is None else few, categorical, by)
    share = sampling(spec.sketch.sampling_error, rows, by, batch)
    bare = [TABLE_ROW, *(one.feature.name for one in features if one.problem is not None)]
    groups = range(0, max(len(numeric), 1), SKETCHED_PER_PASS)
    parts = [
        _figures(
            rows,
            spec,
            numeric[first : first + SKETCHED_PER_PASS],
            by,
            k,
            share,
            [] if first else bare,
            Counted() if first else metrics,
        )
        for first in groups
    ]
    if categorical:
        texts = [
            Text(one.name, one.sql, one.name in jointly, one.hidden is not None)
            for one in categorical
        ]
        parts.append(_texts(categorical_figures(rows, texts, by, spec.sketch.categories)))
    figures = reduce(DataFrame.unionByName, parts)
    described = described_features(spark, spec, features)
    measured_rows = figures.join(F.broadcast(described), "column_name").withColumns(
        {
            "effective_rows": F.lit(None).cast("double"),
            "state_version": F.lit(STATE_VERSION),
            "definition_hash": F.expr(meaning(spec)),
            "status": F.expr(
                "CASE WHEN reason IS NOT NULL THEN 'schema_changed'"
                " WHEN row_count = 0 THEN 'insufficient_data' ELSE 'ok' END"
            ),
        }
    )
    return with_values(measured_rows, spec)


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
    names = ("column_name", "kind", "data_type", "definition_hash", "reason")
    return local_rows(spark, rows, dict.fromkeys(names, "string"))


def _figures(
    rows: DataFrame,
    spec: MonitorSpec,
    features: Sequence[Feature],
    slices: Slices,
    k: int,
    share: Sampling | None,
    bare: Sequence[str],
    metrics: Counted,
) -> DataFrame:
    """A row per window, slice and numeric feature or metric; of `bare` ones with its rows only."""
    numbers = [Number(i, one.sql, one.remainder) for i, one in enumerate(features)]
    wide = counted(rows, numbers, slices, columns=metrics.columns, extra=metrics.counters)
    cells = [_cell(name, {}) for name in bare]
    distinct = spec.sketch.distinct == "all"
    exact = exact_figures(numbers)
    for i, one in enumerate(features):
        found = exact[i] | {"kll": f"f{i}_kll", "sample_weight": "sample_weight"}
        if distinct:
            found |= {"hll": f"f{i}_hll", "distinct_count": f"hll_sketch_estimate(f{i}_hll)"}
        cells.append(_cell(one.name, found))
    cells += [_cell(name, {"cells": state}) for name, state in metrics.cells.items()]
    if numbers:
        sketches = sketched(rows, numbers, slices, k=k, distinct=distinct, sampling=share)
        wide = joined(wide, sketches, KEYS)
    return _numbers(wide.selectExpr(*KEYS, "row_count", f"inline(array({', '.join(cells)}))"))


def _cell(name: str, figures: dict[str, str]) -> str:
    """SQL struct with what is found of one feature; what is not named is NULL."""
    parts = [f"{string(name)} AS column_name"]
    parts += [
        f"CAST({figures.get(column.name, 'NULL')} AS {column.type}) AS {column.name}"
        for column in (*_FOUND, _WEIGHT)
    ]
    return f"struct({', '.join(parts)})"


_WEIGHT = Column("sample_weight", "double", "")
_OF_TEXTS = frozenset(
    (
        *("null_count", "distinct_count", "min_length", "max_length", "avg_length"),
        *("frequent_items", "categories", "hll"),
    )
)


def _numbers(rows: DataFrame) -> DataFrame:
    """With what is derived from the sketch of a number."""
    return rows.withColumns(
        {
            # An empty sketch throws when read.
            "quantiles": F.expr(
                "CASE WHEN kll_sketch_get_n_double(kll) > 0 THEN "
                f"kll_sketch_get_quantile_double(kll, array({GRID})) END"
            ),
            "sample_weight": F.expr("coalesce(sample_weight, 1D)"),
        }
    )


def _texts(rows: DataFrame) -> DataFrame:
    """With the columns that only numbers have."""
    absent = {c.name: F.lit(None).cast(c.type) for c in _FOUND if c.name not in _OF_TEXTS}
    quantiles = next(column for column in FIGURES if column.name == "quantiles")
    return rows.withColumns(
        absent | {"quantiles": F.lit(None).cast(quantiles.type), "sample_weight": F.lit(1.0)}
    )
