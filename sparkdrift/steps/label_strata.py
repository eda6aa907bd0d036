"""The strata that rows to label are drawn from, and how many rows each has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from sparkdrift.errors import SourceError
from sparkdrift.measures.label_sample import score_groups
from sparkdrift.references.life import Name
from sparkdrift.spark.evaluation_sources import labels_of, open_named
from sparkdrift.spark.label_queue import (
    Strata,
    candidates,
    counted,
    taken_keys,
)
from sparkdrift.spark.profiles import window_rows
from sparkdrift.spark.reference_life import read_references
from sparkdrift.spark.score_totals import ROLE, Counted
from sparkdrift.spark.slicing import slices_of
from sparkdrift.spark.source import Source, source_of
from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.evaluation_columns import set_columns
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.names import quote
from sparkdrift.spec.scoring import Named, evaluation_of, scores_of, watched_columns
from sparkdrift.steps.context import Context

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


class LabelStrata:
    """What the strata are, and how many rows of the windows and of the set each has."""

    def __init__(
        self,
        context: Context,
        spec: MonitorSpec,
        evaluation: Evaluation,
        name: str,
        keys: tuple[str, ...],
        counts: Counted,
    ) -> None:
        self._context, self._spec, self._evaluation = context, spec, evaluation
        self._keys, self._counts = keys, counts
        self.remarks: tuple[str, ...] = ()
        self._watched = source_of(context.spark, spec)
        self._set = self._pinned(name)
        self._strata = self._made()

    def _pinned(self, name: str) -> Source:
        """The evaluation set's table at the version that was frozen."""
        spec, own = self._spec, Name(self._spec.monitor, ROLE, name)
        stored = read_references(self._context.spark, self._context.store, spec.monitor, [own])
        version = stored[own].by_number[self._counts.version].source_version
        loc = ("evaluation", "sets", name)
        return open_named(self._context.spark, spec, self._evaluation.sets[name], loc, version)

    def _made(self) -> Strata:
        edges, rows = self._counts.state.edges, self._counts.state.column("rows")
        groups = score_groups(rows)
        cuts = tuple(float(edges[i]) for i in np.flatnonzero(np.diff(groups)))
        columns = {column.lower() for column in self._set.schema}
        shared = [
            keys for keys in self._spec.slices if all(column.lower() in columns for column in keys)
        ]
        lacking = [",".join(keys) for keys in self._spec.slices if keys not in shared]
        if lacking:
            text = f"the evaluation set lacks the columns of the slices {', '.join(lacking)}"
            self.remarks += (f"{text}: rows are not balanced over these",)
        return Strata(cuts, slices_of(self._spec, shared))

    def candidates(self, queues: Sequence[Source]) -> tuple[DataFrame, dict[str, tuple[int, int]]]:
        """(rows as `label_queue.candidates` has them; by stratum rows and those that are free)."""
        spec, spark = self._spec, self._context.spark
        labels = labels_of(spark, spec)
        arriving = None
        labelled = "false"
        if labels is not None and self._evaluation.labels is not None:
            arriving = (labels, self._evaluation.labels.key or self._keys, label_known(spec))
        else:
            labelled = f"{self._truth(watched_columns(spec))} IS NOT NULL"
        rows = window_rows(spark, self._watched, spec, self._counts.windows)
        score = scores_of(spec, self._evaluation, watched_columns(spec))[0].score
        stratified = self._strata.stratified(
            rows, score, *(quote(key) for key in self._keys), f"{labelled} AS labelled"
        )
        taken = taken_keys(spark, self._keys, arriving, queues)
        found = candidates(stratified, self._keys, taken)
        counts = counted(found, "free")
        if counts is None:
            raise _too_many(self._strata)
        seen = round(float(self._counts.state.total("rows")))
        left = seen - sum(rows for rows, _ in counts.values())
        if left > 0:
            self.remarks += (
                f"{left:,} of {seen:,} rows are not counted: no key, or one that another row has",
            )
        return found, counts

    def labelled(self, found: Mapping[str, Any]) -> dict[str, int]:
        """By stratum: labelled rows of the evaluation set."""
        spec = self._spec
        columns = set_columns(spec, self._evaluation.sets[self._counts.name], self._set.schema)
        score = scores_of(spec, self._evaluation, columns)[0].score
        rows = self._set.rows(self._context.spark)
        truth = f"{self._truth(columns)} AS label"
        known = self._strata.stratified(rows, score, truth).where("label IN (0D, 1D)")
        counts = counted(known)
        if counts is None:
            raise _too_many(self._strata)
        return {stratum: rows for stratum, (rows, _) in counts.items() if stratum in found}

    def _truth(self, columns: Named) -> str:
        return scores_of(self._spec, self._evaluation, columns)[0].label


def label_known(spec: MonitorSpec) -> str:
    """SQL over the table of labels: whether a row has one. Where no column is named that holds it,
    by the condition that tells the positive ones."""
    evaluation = evaluation_of(spec)
    column = (evaluation.labels and evaluation.labels.label) or spec.prediction.label
    told = quote(column) if column else f"({evaluation.positive.label})"
    return f"{told} IS NOT NULL"


def _too_many(strata: Strata) -> SourceError:
    return SourceError(
        f"the slices {', '.join(strata.slices.columns)} have too many combinations of values to "
        "balance a sample over; list the values that count under slice_values"
    )
