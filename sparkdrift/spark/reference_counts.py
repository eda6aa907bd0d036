"""The exact ranks of a reference's quartiles in its source, at its version.

Of a sketch it is asked what share of the rows lies below its quartiles, which must be a quarter, a
half and three quarters, to within its error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from pyspark.sql import SparkSession

from sparkdrift.explain.signals import WHOLE
from sparkdrift.measures.sketch_error import rank_error
from sparkdrift.references.life import Name
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spark.source import Source
from sparkdrift.spark.sql import string
from sparkdrift.spec.resolving import Feature
from sparkdrift.store import Store

QUARTERS = (0.25, 0.5, 0.75)
_PER_RANKING = 30
# Twice the 99 % bound of a sketch, five standard deviations of a sample: of a thousand features
# none is off by so much.
BOUNDS, DEVIATIONS = 2.0, 5.0


@dataclass(frozen=True)
class Quartiles:
    """What a sketch says of a number, as it was defined: its quartiles, and how far their ranks may
    be off."""

    values: tuple[float, ...]
    error: float
    definition: str


@dataclass(frozen=True, order=True)
class Rank:
    """Shares of the finite rows that are below a value, and at or below it."""

    below: float
    at: float

    def off(self, share: float) -> float:
        """How far `share` is from any rank that the value has; 0: it is one of them."""
        return max(self.below - share, share - self.at, 0.0)


def stored_quartiles(
    spark: SparkSession, store: Store, name: Name, snapshot: Snapshot
) -> dict[str, Quartiles]:
    """The quartiles of each number of a version that was measured."""
    rows = (
        frozen_rows(spark, store, [(name, snapshot)])
        .where(f"slice_key = {string(WHOLE)} AND kind = 'numeric' AND kll IS NOT NULL")
        .where("status <> 'schema_changed' AND quantiles IS NOT NULL AND moments.n > 0")
        .selectExpr(
            "column_name",
            "definition_hash",
            "moments.n AS n",
            "coalesce(effective_rows, moments.n / sample_weight) AS effective_rows",
            *(f"quantiles[{round(100 * one)}] AS q{i}" for i, one in enumerate(QUARTERS)),
        )
        .collect()
    )
    return {
        row["column_name"]: Quartiles(
            tuple(row[f"q{i}"] for i in range(len(QUARTERS))),
            _error(row["n"], row["effective_rows"], snapshot.k),
            row["definition_hash"],
        )
        for row in rows
    }


def _error(n: int, effective: float | None, k: int | None) -> float:
    sketched = BOUNDS * float(rank_error(k)) if k else 0.0
    sampled = 0.0 if effective is None or effective >= n else DEVIATIONS * 0.5 / np.sqrt(effective)
    return sketched + float(sampled) + 1 / n


def source_ranks(
    spark: SparkSession,
    source: Source,
    features: Sequence[Feature],
    stored: Mapping[str, Quartiles],
) -> dict[str, tuple[Rank, ...]]:
    """The exact ranks that stored quartiles have in the source now, by feature."""
    numbers = [one for one in features if one.name in stored]
    found: dict[str, tuple[Rank, ...]] = {}
    for first in range(0, len(numbers), _PER_RANKING):
        part = numbers[first : first + _PER_RANKING]
        values = [f"CAST({one.sql} AS DOUBLE) AS x{i}" for i, one in enumerate(part)]
        asked = []
        for i, one in enumerate(part):
            finite = f"abs(x{i}) < double('Infinity')"
            asked.append(f"count_if({finite}) AS n{i}")
            for j, value in enumerate(stored[one.name].values):
                at = f"double('{value!r}')"
                asked.append(f"count_if({finite} AND x{i} < {at}) AS below{i}_{j}")
                asked.append(f"count_if({finite} AND x{i} <= {at}) AS at{i}_{j}")
        row = source.rows(spark).selectExpr(*values).selectExpr(*asked).collect()[0]
        for i, one in enumerate(part):
            n = max(int(row[f"n{i}"]), 1)
            found[one.name] = tuple(
                Rank(row[f"below{i}_{j}"] / n, row[f"at{i}_{j}"] / n) for j in range(len(QUARTERS))
            )
    return found
