"""A look at few rows of a batch, before it is profiled by slices.

What it says decides how fast the passes are and how many rows are sketched. Every figure
is right without it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.counters import finite
from sparkdrift.spark.slicing import WHOLE, Slices, slice_name
from sparkdrift.spec.models import MOST_SLICE_VALUES
from sparkdrift.spec.resolving import Feature

_ROWS = 20_000
# Values that are looked at, at most, whatever the number of features.
_VALUES = 10_000_000
# Combinations of at most this share of the rows are counted jointly.
_JOINTLY = 0.25
# A value of a slice with less than this share of the rows is not frequent.
_FREQUENT = 1 / 64


@dataclass(frozen=True)
class Look:
    """What few rows hold.

    `centres`: a value near the mean, by numeric feature. `jointly`: text features whose
    combinations with the slices' columns are far fewer than the rows. `shares`: by
    slice_key, a cautious share of the rows for its frequent values.
    """

    centres: Mapping[str, float] = field(default_factory=dict)
    jointly: frozenset[str] = frozenset()
    shares: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def look(
    rows: DataFrame,
    numeric: Sequence[Feature],
    categorical: Sequence[Feature],
    slices: Slices,
) -> Look:
    """Look at a few of `rows`; without slices there is nothing to decide."""
    if not slices.keys:
        return Look()
    features = len(numeric) + len(categorical) + len(slices.columns)
    few = rows.selectExpr(
        *slices.selected(),
        *(f"{finite(f'CAST({f.sql} AS DOUBLE)')} AS f{i}" for i, f in enumerate(numeric)),
        *(f"CAST({f.sql} AS STRING) AS c{i}" for i, f in enumerate(categorical)),
    ).limit(max(100, min(_ROWS, _VALUES // features)))
    cell = ", ".join(slices.names)
    aggregates = ["count(*) AS rows"]
    aggregates += [f"avg(f{i}) AS f{i}" for i in range(len(numeric))]
    aggregates += [
        f"approx_count_distinct(xxhash64({cell}, c{i})) AS c{i}" for i in range(len(categorical))
    ]
    row = few.agg(*map(F.expr, aggregates)).collect()[0]
    return Look(
        centres={f.name: row[f"f{i}"] for i, f in enumerate(numeric) if row[f"f{i}"] is not None},
        jointly=frozenset(
            f.name for i, f in enumerate(categorical) if row[f"c{i}"] <= _JOINTLY * row["rows"]
        ),
        shares=_shares(few, slices, row["rows"]),
    )


def _shares(few: DataFrame, slices: Slices, rows: int) -> dict[str, dict[str, float]]:
    found = (
        few.selectExpr(slices.repeated())
        .where(f"slice_key <> '{WHOLE}' AND slice_value IS NOT NULL")
        .groupBy("slice_key", "slice_value")
        .count()
        .where(f"count >= {rows * _FREQUENT}")
        .collect()
    )
    shares: dict[str, dict[str, float]] = {}
    for row in found:
        share = row["count"] / rows
        # Two standard errors less than what was seen.
        cautious = share - 2 * (share * (1 - share) / rows) ** 0.5
        shares.setdefault(row["slice_key"], {})[row["slice_value"]] = cautious
    return shares


def crowded(rows: DataFrame, slices: Slices) -> dict[str, int]:
    """The slices with more than MOST_SLICE_VALUES values in `rows`, by name; about how many."""
    if not slices.keys:
        return {}
    counts = [
        f"approx_count_distinct({slices.value(keys)}) AS v{i}" for i, keys in enumerate(slices.keys)
    ]
    row = rows.selectExpr(*slices.selected()).agg(*map(F.expr, counts)).collect()[0]
    found = {slice_name(keys): int(row[f"v{i}"]) for i, keys in enumerate(slices.keys)}
    return {name: values for name, values in found.items() if values > MOST_SLICE_VALUES}
