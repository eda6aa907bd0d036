"""Merging KLL sketches of samples that were drawn at different rates.

A sketch carries no weights, so one of every 16th row beside one of all rows would count
for a sixteenth of what it stands for. Before they meet, each is repeated w / min(w) times.
Rates are powers of two, so repeating is doubling: a sketch merged with itself keeps its
items and takes each for two rows. Sketches of one rate merge as they are, at no cost.
"""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

# An empty sketch throws when read.
_HELD = "kll_sketch_get_n_double(kll) > 0"
# Rows that a sketch stands for.
_STANDS_FOR = "CAST(kll_sketch_get_n_double(kll) AS DOUBLE) * sample_weight"


@dataclass(frozen=True)
class Rates:
    """The sampling of rows to be merged.

    weights: the different `sample_weight`, heaviest first, at least one; mixed: whether
    some row was itself merged from different ones.
    """

    weights: tuple[float, ...]
    mixed: bool

    @property
    def even(self) -> bool:
        """Whether every sketched row stands for equally many rows."""
        return len(self.weights) == 1 and not self.mixed

    def aggregates(self) -> list[Column]:
        """Per group of profile rows: one sketch for each weight, and what `figures` reads."""
        sketches = [
            F.expr(
                f"kll_merge_agg_double(CASE WHEN {_HELD}"
                + ("" if self.even else f" AND sample_weight = {weight!r}D")
                + " THEN kll END)"
            ).alias(f"kll_{i}")
            for i, weight in enumerate(self.weights)
        ]
        if self.even:
            return [*sketches, F.max("sample_weight").alias("sample_weight")]
        own = "coalesce(effective_rows, CAST(kll_sketch_get_n_double(kll) AS DOUBLE))"
        return [
            *sketches,
            F.expr(
                f"coalesce(min(CASE WHEN {_HELD} THEN sample_weight END), min(sample_weight))"
            ).alias("sample_weight"),
            F.expr(f"sum(CASE WHEN {_HELD} THEN {_STANDS_FOR} END)").alias("stands_for"),
            F.expr(f"sum(CASE WHEN {_HELD} THEN pow({_STANDS_FOR}, 2) / {own} END)").alias(
                "squares"
            ),
        ]

    def figures(self) -> dict[str, str]:
        """SQL for the merged `kll` and `effective_rows`, from the aggregates.

        Effective rows are (sum w n)^2 / sum w^2 n: the size of an evenly drawn sample that
        says as much (Kish, Survey Sampling, 1965, 11.7). NULL where sampling was even: the
        rows that the sketch holds.
        """
        if self.even:
            return {"kll": "kll_0", "effective_rows": "CAST(NULL AS DOUBLE)"}
        parts = ", ".join(
            f"struct({weight!r}D AS weight, kll_{i} AS kll)"
            for i, weight in enumerate(self.weights)
        )
        doubled = (
            "aggregate(sequence(1, CAST(round(log2(a.weight / c.weight)) AS INT)), a.kll,"
            " (s, i) -> kll_sketch_merge_double(s, s))"
        )
        # From the heaviest to the lightest, so that each step repeats all that came before.
        merged = (
            f"aggregate(filter(array({parts}), c -> kll_sketch_get_n_double(c.kll) > 0),"
            " CAST(NULL AS struct<weight: double, kll: binary>),"
            " (a, c) -> CASE WHEN a IS NULL THEN c ELSE struct(c.weight AS weight,"
            f" kll_sketch_merge_double({doubled}, c.kll) AS kll) END).kll"
        )
        return {
            "kll": f"coalesce({merged}, kll_0)",
            "effective_rows": "stands_for * stands_for / squares",
        }

    @property
    def helpers(self) -> tuple[str, ...]:
        """Aggregates that are no column of the tables."""
        sketches = tuple(f"kll_{i}" for i in range(len(self.weights)))
        return sketches if self.even else (*sketches, "stands_for", "squares")


def sampling_rates(rows: DataFrame) -> Rates:
    """Ask how the sketches of profile rows were sampled: one small query, no sketch is read."""
    found = (
        rows.where("moments.n > 0")
        .groupBy("sample_weight")
        .agg(F.count("effective_rows").alias("mixed"))
        .collect()
    )
    weights = sorted((float(row["sample_weight"]) for row in found), reverse=True)
    return Rates(tuple(weights) or (1.0,), any(row["mixed"] for row in found))
