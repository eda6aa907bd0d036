"""The rows of a version made again from its source, held against those that are stored.

Counts, smallest and largest values must be the same. Distinct values, means, quantiles and
categories must be to within the errors of both, which are told to every reader of them. Of metrics
only the rows are counted again: sums that cancel depend on the order in which they are added up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pyspark.sql import DataFrame, Row
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.compared import KEYS
from sparkdrift.measures.sketch_error import rank_error
from sparkdrift.spark.profiling import TABLE_ROW
from sparkdrift.spark.reference_counts import BOUNDS, DEVIATIONS
from sparkdrift.spark.sql import quote, string

_NAMES: Final[Mapping[str, str]] = {
    "row_count": "rows",
    "null_count": "NULLs",
    "nan_count": "NaN",
    "positive_infinity_count": "+Infinity",
    "negative_infinity_count": "-Infinity",
    "zeros": "zeros",
    "min": "min",
    "max": "max",
    "min_length": "min_length",
    "max_length": "max_length",
}
"""What has no error, and what it is called."""
# Six standard errors of a sketch of distinct values with 2^10 registers, on both sides: a rounding
# of estimates, not a test of them.
_DISTINCT: Final = 0.2
# Sums are added up in another order.
_SUMS: Final = 1e-6


_COMPARED: Final = "kind IN ('numeric', 'categorical', 'metric') AND status <> 'schema_changed'"


@dataclass(frozen=True)
class Differing:
    """A row that comes out otherwise. exact, estimated: what of it, by name; rows, nulls: stored
    and made again."""

    column: str
    slice: str
    exact: tuple[str, ...]
    estimated: tuple[str, ...]
    stored: tuple[int, int]
    again: tuple[int, int]

    @property
    def where(self) -> str:
        return f"{self.column} ({self.slice})" if self.slice else self.column


@dataclass(frozen=True)
class Remade:
    """features: how many were held against each other over the whole table. differing: the rows
    that came out otherwise, those of the whole table first. left_out: features and slices
    that not all windows of the version have, as they came later: their rows are not those of its
    interval."""

    features: int
    differing: tuple[Differing, ...]
    left_out: tuple[str, ...] = ()


def remade(stored: DataFrame, again: DataFrame, k: int | None, own_k: int) -> Remade:
    """Hold the rows of a version against those that were made again.

    Both have the columns of `reference_profiles`. Held against each other is what both have under
    one definition: a spec that asks for other features, slices or definitions by now says nothing
    of the version. That none of its rows is missing is said by its digest. The number of rows of
    the table has no definition. Of windows that could not measure a feature its rows are counted
    and its NULLs are not. k, own_k: sizes of the quantile sketches of both.
    """
    table = f"column_name = {string(TABLE_ROW)}"
    sides = [
        frame.where(f"{table} OR ({_COMPARED})").selectExpr(
            *(f"{quote(key)} AS {side}_{key}" for key in KEYS),
            f"struct({', '.join(map(quote, _READ))}, {_ITEMS} AS listed, {_LATER} AS later,"
            f" {_UNREAD} AS unread) AS {side}",
        )
        for side, frame in (("s", stored), ("a", again))
    ]
    same = " AND ".join(f"s_{key} <=> a_{key}" for key in KEYS)
    errors = [BOUNDS * float(rank_error(one)) if one else 0.0 for one in (k, own_k)]
    exact = [
        f"CASE WHEN NOT (s.{name} <=> a.{name})"
        f"{' AND NOT s.unread' if name == 'null_count' else ''} THEN {string(told)} END"
        for name, told in _NAMES.items()
    ]
    estimated = [
        f"CASE WHEN NOT coalesce({holds}, true) THEN {string(told)} END"
        for told, holds in _estimates(sum(errors)).items()
    ]
    rows = (
        sides[0]
        .join(sides[1], F.expr(same))
        .where(f"s.definition_hash = a.definition_hash OR s_{table}")
        .selectExpr(
            *(f"s_{key} AS {quote(key)}" for key in KEYS),
            *(
                f"struct(coalesce({side}.row_count, 0) AS n, coalesce({side}.null_count, 0) AS m)"
                f" AS {side}"
                for side in "sa"
            ),
            f"array_compact(array({', '.join(exact)})) AS exact",
            f"array_compact(array({', '.join(estimated)})) AS estimated",
            "s.later AS later",
        )
        .where(
            f"size(exact) > 0 OR size(estimated) > 0 OR later IS NOT NULL"
            f" OR slice_key = {string(WHOLE)}"
        )
        .collect()
    )
    slices = _later_slices(stored)
    left_out = {row["later"] for row in rows if row["later"] is not None}
    rows = [row for row in rows if row["later"] is None and row["slice_key"] not in slices]
    rows.sort(key=lambda row: (row["slice_key"] != WHOLE, *(str(row[key]) for key in KEYS)))
    whole = [row for row in rows if row["slice_key"] == WHOLE and row["column_name"] != TABLE_ROW]
    found = (_differing(row) for row in rows if row["exact"] or row["estimated"])
    return Remade(
        len(whole), tuple(found), (*sorted(left_out), *(f"slice {key}" for key in sorted(slices)))
    )


def _later_slices(stored: DataFrame) -> set[str]:
    """Slices that some windows were profiled without: their rows are fewer than the table's."""
    counted = (
        stored.where(f"column_name = {string(TABLE_ROW)}")
        .groupBy("slice_key")
        .agg(F.sum("row_count").alias("rows"))
        .collect()
    )
    rows = {row["slice_key"]: row["rows"] for row in counted}
    return {key for key, own in rows.items() if own < rows.get(WHOLE, 0)}


_TABLE: Final = f"CASE WHEN column_name = {string(TABLE_ROW)} THEN row_count END"
# A feature or a slice that some windows were profiled without has fewer rows than the table.
_LATER: Final = (
    f"CASE WHEN row_count < max({_TABLE}) OVER (PARTITION BY slice_key, slice_value)"
    " THEN column_name END"
)
_UNREAD: Final = "status = 'ok' AND coalesce(reason LIKE '% of % windows: %', false)"
_READ: Final = (
    *_NAMES,
    *("distinct_count", "mean", "quantiles", "categories", "moments", "stddev"),
    *("sample_weight", "effective_rows", "definition_hash"),
)
_ITEMS: Final = "map_from_entries(transform(categories.items, x -> struct(x.item, x.count)))"


def _estimates(error: float) -> dict[str, str]:
    """By name: a condition that holds where both sides are one within their errors; NULL: either
    side has no such figure."""
    # Of the rows that a sample is worth, on the side that is worth less.
    own = "coalesce({0}.effective_rows, {0}.moments.n / {0}.sample_weight, {0}.moments.n)"
    worth = f"least({own.format('s')}, {own.format('a')})"
    sampled = (
        f"CASE WHEN {worth} < s.moments.n THEN {DEVIATIONS} / sqrt(nullif({worth}, 0)) ELSE 0 END"
    )
    least = "1 / nullif(s.moments.n, 0)"
    points = f"CAST(ceil(100 * ({error!r} + 0.5 * {sampled} + {least})) AS INT)"
    offsets = "s.categories.offset + a.categories.offset"
    within = " AND ".join(
        f"forall({one}.categories.items, x ->"
        f" abs(x.count - coalesce({other}.listed[x.item], 0)) <= {offsets})"
        for one, other in ("sa", "as")
    )
    return {
        "distinct": "abs(s.distinct_count - a.distinct_count) <="
        f" {_DISTINCT} * greatest(s.distinct_count, a.distinct_count) + 1",
        "mean": f"abs(s.mean - a.mean) <= {_SUMS} * (abs(s.mean) + s.stddev)"
        f" + 2 * s.stddev * {sampled}",
        "quantiles": "forall(sequence(1, 99), i -> s.quantiles[i] BETWEEN"
        f" a.quantiles[greatest(i - {points}, 0)] AND a.quantiles[least(i + {points}, 100)])",
        "categories": within,
    }


def _differing(row: Row) -> Differing:
    key, value = row["slice_key"], row["slice_value"]
    named = f"{key} is NULL" if value is None else f"{key} = {value}"
    return Differing(
        row["column_name"],
        "" if key == WHOLE else named,
        tuple(row["exact"]),
        tuple(row["estimated"]),
        (row["s"]["n"], row["s"]["m"]),
        (row["a"]["n"], row["a"]["m"]),
    )
