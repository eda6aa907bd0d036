"""The scores of an evaluation set: what is looked at first, the edges, and the states by slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.explain.signals import WHOLE
from sparkdrift.kernels.freezing import WINDOW_BINS_SQL, WINDOW_SHARES_SQL, WINDOW_UNSEEN_SQL
from sparkdrift.measures.score_bins import CLASS_BINS, edges_of, kept_quantiles, of_its_own
from sparkdrift.references.life import Name
from sparkdrift.spark.counters import finite
from sparkdrift.spark.frozen_rows import frozen_rows
from sparkdrift.spark.reference_life import ALWAYS, Snapshot
from sparkdrift.spark.scores import Cut, count_scores
from sparkdrift.spark.slicing import Slices
from sparkdrift.spark.sql import string
from sparkdrift.spec.digests import STATE_VERSION
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.scoring import WHOLE_SCORE, OneScore
from sparkdrift.store import Store
from sparkdrift.windows import Window

SCORES, ERRORS, VALUE = ":scores", ":errors", ":value"
"""What the states of an evaluation set are called among its features, before the class."""
# Ranks of the quantiles are off by one in so many at most: they only say where to cut.
_ACCURACY = 10_000


@dataclass(frozen=True)
class Looked:
    """One score of an evaluation set, as a first pass over score and label found it.

    outside: rows whose score is no share, low and high the extremes of these. odd: labels that
    are neither 0 nor 1. quantiles: of each class with rows.
    """

    name: str
    rows: int
    missing: int
    outside: int
    low: float | None
    high: float | None
    positives: int
    negatives: int
    odd: int
    quantiles: tuple[float, ...]
    heavy: tuple[float, ...] = ()

    @property
    def labelled(self) -> int:
        return self.positives + self.negatives

    def edges(self, evaluation: Evaluation) -> tuple[float, ...]:
        if evaluation.task == "regression":
            heavy = np.array(self.heavy)
            cuts = np.concatenate([self.quantiles, heavy, np.nextafter(heavy, np.inf)])
            return tuple(float(one) for one in np.unique(cuts))
        thresholds = [one.value for one in evaluation.thresholds.values()]
        return tuple(float(one) for one in edges_of(self.quantiles, self.heavy, thresholds))


def look_at(rows: DataFrame, evaluation: Evaluation, scores: Sequence[OneScore]) -> list[Looked]:
    """Two narrow passes over score and label: counts and quantiles, then the frequent scores.

    Of a score that is shared by one in CLASS_BINS rows of a class one of these quantiles, or the
    greatest score, is an instance: so only they are counted.
    """
    regression = evaluation.task == "regression"
    narrow = rows.selectExpr(
        *(f"{one.score} AS s{i}" for i, one in enumerate(scores)),
        *(f"{one.label} AS y{i}" for i, one in enumerate(scores)),
    )
    sums = [
        F.expr(sql).alias(f"{name}{i}")
        for i in range(len(scores))
        for name, sql in _looks(i, regression).items()
    ]
    row = narrow.agg(*sums).collect()[0].asDict()
    found = [_looked(one.name, i, row, regression) for i, one in enumerate(scores)]
    return _with_heavy(narrow, found, regression)


def _looks(i: int, regression: bool) -> dict[str, str]:
    s, y = f"s{i}", f"y{i}"
    missing = f"({s} IS NULL OR isnan({s}))"
    usable = f"{finite(s)} IS NOT NULL" if regression else f"{s} >= 0 AND {s} <= 1"
    outside = "false" if regression else f"NOT {missing} AND NOT coalesce({usable}, false)"
    yes = f"{finite(y)} IS NOT NULL" if regression else f"{y} = 1D"
    no = "false" if regression else f"{y} = 0D"
    odd = "false" if regression else f"{y} IS NOT NULL AND {y} NOT IN (0D, 1D)"
    steps = ", ".join(f"{k}D / {CLASS_BINS}D" for k in range(1, CLASS_BINS + 1))

    def quantiles(of: str) -> str:
        value = f"CASE WHEN {usable} AND {of} THEN {s} END"
        return f"approx_percentile({value}, array({steps}), {_ACCURACY})"

    return {
        "rows": "count(*)",
        "missing": f"count_if({missing})",
        "outside": f"count_if({outside})",
        "low": f"min(CASE WHEN {outside} THEN {s} END)",
        "high": f"max(CASE WHEN {outside} THEN {s} END)",
        "positives": f"count_if({usable} AND {yes})",
        "negatives": f"count_if({usable} AND {no})",
        "odd": f"count_if({odd})",
        "of_yes": quantiles(yes),
        "of_no": quantiles(no),
    }


def _looked(name: str, i: int, row: dict[str, Any], regression: bool) -> Looked:
    parts = [row[f"{of}{i}"] or () for of in ("of_yes", "of_no")]
    sizes = [int(row[f"{of}{i}"]) for of in ("positives", "negatives")]
    quantiles = {
        float(part[k - 1])
        for part, size in zip(parts, sizes, strict=True)
        if part
        for k in kept_quantiles(size, sum(sizes))
    }
    may_be_heavy = {float(one) for part in parts for one in part}
    counts = {key: int(row[f"{key}{i}"]) for key in ("rows", "missing", "outside", "odd")}
    return Looked(
        name=name,
        low=row[f"low{i}"],
        high=row[f"high{i}"],
        positives=int(row[f"positives{i}"]),
        negatives=int(row[f"negatives{i}"]),
        quantiles=tuple(sorted(quantiles)),
        heavy=tuple(sorted(may_be_heavy)),
        **counts,
    )


def _with_heavy(narrow: DataFrame, found: Sequence[Looked], regression: bool) -> list[Looked]:
    """With `heavy` only what is as frequent as that; before, what may be."""
    asked = [(i, one) for i, one in enumerate(found) if one.heavy]
    if not asked:
        return list(found)
    entries = ", ".join(f"struct({i} AS i, s{i} + 0D AS s, y{i} AS y)" for i, _ in asked)
    listed = " ".join(
        f"WHEN {i} THEN s IN ({', '.join(f'double({one!r})' for one in map(str, each.heavy))})"
        for i, each in asked
    )
    rows = (
        narrow.selectExpr(f"inline(array({entries}))")
        .where(f"CASE i {listed} END")
        .where(f"{finite('y')} IS NOT NULL" if regression else "y IN (0D, 1D)")
        .withColumn("y", F.expr("0D" if regression else "y"))
        .groupBy("i", "s", "y")
        .count()
        .collect()
    )
    heavy: dict[int, set[float]] = {}
    for row in rows:
        one = found[row["i"]]
        positive = not regression and row["y"] == 1
        size = one.labelled if regression else (one.positives if positive else one.negatives)
        if of_its_own(row["count"], size):
            heavy.setdefault(row["i"], set()).add(float(row["s"]))
    return [
        Looked(**{**vars(one), "heavy": tuple(sorted(heavy.get(i, ())))})
        for i, one in enumerate(found)
    ]


def evaluation_rows(
    rows: DataFrame,
    evaluation: Evaluation,
    scores: Sequence[OneScore],
    looked: Sequence[Looked],
    slices: Slices,
    definition: str,
) -> DataFrame:
    """The states of an evaluation set, as rows of reference_profiles: one per slice and score, and
    one of the value of its rows where `evaluation` has one.

    `rows` have ALWAYS as their window. A set with rows of one class only says so in its status.
    """
    always = (Window(ALWAYS, ALWAYS + timedelta(microseconds=1)),)
    regression = evaluation.task == "regression"
    prefix = ERRORS if regression else SCORES
    cuts = [
        Cut(
            prefix if one.name == WHOLE_SCORE else f"{prefix}:{one.name}",
            i,
            one.edges(evaluation),
            always,
        )
        for i, one in enumerate(looked)
    ]
    plain = evaluation.model_copy(update={"baseline": type(evaluation.baseline)()})
    found = count_scores(rows, plain, scores, cuts, slices, value_by_bin=True)
    found = found.where("kind <> 'left_out'")
    edges = " ".join(
        f"WHEN {string(cut.name)} THEN array({', '.join(f'double({str(e)!r})' for e in cut.edges)})"
        for cut in cuts
    )
    # Rows with a usable score bin by bin, and those without; of predictions, with target or not.
    size = 9 if regression else 12
    last = "size(cells)" if regression else "size(cells) - 3"
    places = f"filter(sequence(0, {last} - 1), i -> i % {size} = 0)"
    worth = "aggregate(filter(sequence(0, size(cells) - 1), i -> i % 3 = 0), 0D,"
    worth += " (a, i) -> a + cells[i])"
    is_value = f"kind = {string(VALUE[1:])}"
    each = "cells[i] + cells[i + 1]" if regression else "cells[i]"
    total = f"aggregate({places}, 0D, (a, i) -> a + {each})"
    if not regression:
        total += " + cells[size(cells) - 3] + cells[size(cells) - 2]"
    lacking = {cut.name: _lacking(one) for cut, one in zip(cuts, looked, strict=True)}
    said = " ".join(f"WHEN {string(n)} THEN {string(why)}" for n, why in lacking.items() if why)
    reason = "CAST(NULL AS STRING)"
    if said and not regression:
        reason = f"CASE WHEN NOT ({is_value}) THEN CASE name {said} END END"
    return found.selectExpr(
        "slice_key",
        "slice_value",
        f"CASE WHEN {is_value} THEN concat({string(VALUE)}, substring(name, {len(prefix) + 1}))"
        " ELSE name END AS column_name",
        f"CASE WHEN {is_value} THEN kind ELSE {string(prefix[1:])} END AS kind",
        f"CAST(CASE WHEN {is_value} THEN {worth} ELSE {total} END AS BIGINT) AS row_count",
        f"struct(CAST(CASE name {edges} END AS ARRAY<DOUBLE>) AS edges,"
        " CAST(NULL AS ARRAY<STRING>) AS items, cells AS counts) AS bins",
        f"CAST(array() AS {WINDOW_BINS_SQL}) AS window_bins",
        f"CAST(NULL AS {WINDOW_SHARES_SQL}) AS window_shares",
        f"CAST(NULL AS {WINDOW_UNSEEN_SQL}) AS window_unseen",
        f"{STATE_VERSION} AS state_version",
        f"CASE WHEN {reason} IS NULL THEN 'ok' ELSE 'insufficient_data' END AS status",
        f"{reason} AS reason",
        f"{string(definition)} AS definition_hash",
    )


@dataclass(frozen=True)
class Frozen:
    """One score of a version: its class ('': the only one), edges and state of the whole table."""

    name: str
    edges: tuple[float, ...]
    cells: tuple[float, ...]
    regression: bool


def frozen_scores(
    spark: SparkSession, store: Store, name: Name, snapshot: Snapshot
) -> list[Frozen]:
    """The scores of a version of an evaluation set; of other references none."""
    rows = (
        frozen_rows(spark, store, [(name, snapshot)])
        .where(f"slice_key = {string(WHOLE)}")
        .where(f"kind IN ({string(SCORES[1:])}, {string(ERRORS[1:])})")
        .selectExpr("column_name", "kind", "bins.edges AS edges", "bins.counts AS counts")
        .orderBy("column_name")
        .collect()
    )
    return [
        Frozen(
            row["column_name"][1:].partition(":")[2],
            tuple(row["edges"]),
            tuple(row["counts"]),
            row["kind"] == ERRORS[1:],
        )
        for row in rows
    ]


def _lacking(one: Looked) -> str:
    """Why less is measured than of a set with both classes, or ''."""
    if one.positives and one.negatives:
        return ""
    only, never = ("positive", "negative") if one.positives else ("negative", "positive")
    return (
        f"all {one.labelled:,} labels are {only}: what depends on {never} rows is not measured, "
        "such as ROC AUC"
    )
