"""The rows of a version made again from its source, held against those that are stored.

Counts, smallest and largest values must be the same. Distinct values, sums, quantiles and
categories must be to within the errors of both, which are told to every reader of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pyspark.sql import DataFrame

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.compared import KEYS
from sparkdrift.measures.sketch_error import rank_error
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
# Twice the 99 % bound of each sketch, five standard deviations of a sample: of a thousand features
# none is off by so much.
_BOUNDS, _DEVIATIONS = 2.0, 5.0


@dataclass(frozen=True)
class Differing:
    """A row that comes out otherwise. exact, estimated: what of it, by name; rows, nulls: stored
    and made again, None where one of both lacks the row."""

    column: str
    slice: str
    exact: tuple[str, ...]
    estimated: tuple[str, ...]
    stored: tuple[int, int] | None
    again: tuple[int, int] | None

    @property
    def where(self) -> str:
        return f"{self.column} ({self.slice})" if self.slice else self.column


def differing(stored: DataFrame, again: DataFrame, k: int | None, own_k: int) -> list[Differing]:
    """Rows of a reference that differ from those made again, those of the whole table first.

    Both have the columns of `reference_profiles`. Held against each other are rows of one
    definition; what only one side has differs as well, but for rows of features whose definition
    the other side has otherwise. k, own_k: sizes of the quantile sketches of both.
    """
    kept = "kind IN ('numeric', 'categorical', 'metric', 'table') AND status <> 'schema_changed'"
    columns = [*KEYS, "definition_hash", *_READ]
    sides = [
        frame.where(kept).selectExpr(*map(quote, KEYS), f"struct({_listed(columns)}) AS {side}")
        for side, frame in (("s", stored), ("a", again))
    ]
    both = sides[0].join(sides[1], list(KEYS), "full")
    errors = [_BOUNDS * float(rank_error(one)) if one else 0.0 for one in (k, own_k)]
    exact = [
        f"CASE WHEN NOT (s.{name} <=> a.{name}) THEN {string(told)} END"
        for name, told in _NAMES.items()
    ]
    estimated = [
        f"CASE WHEN NOT coalesce({holds}, true) THEN {string(told)} END"
        for told, holds in _estimates(sum(errors)).items()
    ]
    found = (
        both.where("s IS NULL OR a IS NULL OR s.definition_hash = a.definition_hash")
        .selectExpr(
            *map(quote, KEYS),
            "CASE WHEN s IS NOT NULL THEN struct(s.row_count AS n, s.null_count AS m) END AS s",
            "CASE WHEN a IS NOT NULL THEN struct(a.row_count AS n, a.null_count AS m) END AS a",
            f"CASE WHEN s IS NULL OR a IS NULL THEN array('rows')"
            f" ELSE array_compact(array({', '.join(exact)})) END AS exact",
            f"CASE WHEN s IS NULL OR a IS NULL THEN array()"
            f" ELSE array_compact(array({', '.join(estimated)})) END AS estimated",
        )
        .where("size(exact) > 0 OR size(estimated) > 0")
        .collect()
    )
    rows = sorted(found, key=lambda row: (row["slice_key"] != WHOLE, *(str(row[k]) for k in KEYS)))
    return [_differing(row) for row in rows]


_READ: Final = (
    *_NAMES,
    *("distinct_count", "mean", "stddev", "value", "quantiles", "categories", "moments"),
    *("sample_weight", "effective_rows"),
)


def _listed(columns: list[str]) -> str:
    return ", ".join(dict.fromkeys(map(quote, columns)))


def _estimates(error: float) -> dict[str, str]:
    """By name: a condition that holds where both sides are one within their errors; NULL: either
    side has no such figure."""
    # Of the rows that a sample is worth, on the side that is worth less.
    worth = "least({})".format(
        ", ".join(f"coalesce({one}.effective_rows, {one}.moments.n)" for one in "sa")
    )
    sampled = (
        f"CASE WHEN {worth} < s.moments.n THEN {_DEVIATIONS} / sqrt(nullif({worth}, 0)) ELSE 0 END"
    )
    least = "1 / nullif(s.moments.n, 0)"
    points = f"CAST(ceil(100 * ({error!r} + 0.5 * {sampled} + {least})) AS INT)"
    listed = "map_from_entries(transform(a.categories.items, x -> struct(x.item, x.count)))"
    offsets = "s.categories.offset + a.categories.offset"
    return {
        "distinct": "abs(s.distinct_count - a.distinct_count) <="
        f" {_DISTINCT} * greatest(s.distinct_count, a.distinct_count) + 1",
        "mean": f"abs(s.mean - a.mean) <= {_SUMS} * (abs(s.mean) + s.stddev)"
        f" + 2 * s.stddev * {sampled}",
        "value": f"abs(s.value - a.value) <= {_SUMS} * abs(s.value)",
        "quantiles": "forall(sequence(1, 99), i -> s.quantiles[i] BETWEEN"
        f" a.quantiles[greatest(i - {points}, 0)] AND a.quantiles[least(i + {points}, 100)])",
        "categories": "forall(s.categories.items, x ->"
        f" abs(x.count - coalesce({listed}[x.item], 0)) <= {offsets})",
    }


def _differing(row: Any) -> Differing:
    whole = row["slice_key"] == WHOLE
    counts = [
        None if one is None else (one["n"] or 0, one["m"] or 0) for one in (row["s"], row["a"])
    ]
    return Differing(
        row["column_name"],
        "" if whole else f"{row['slice_key']} = {row['slice_value']}",
        tuple(row["exact"]),
        tuple(row["estimated"]),
        *counts,
    )
