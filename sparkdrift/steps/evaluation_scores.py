"""What a version of an evaluation set has besides its features: scores, and what was declared."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sparkdrift.errors import Problem, SnapshotError, SpecError
from sparkdrift.references.life import Name
from sparkdrift.spark.cardinality import crowded
from sparkdrift.spark.class_moments import frozen_moments, target_of
from sparkdrift.spark.evaluation_sources import labels_of, row_problems, value_lacking
from sparkdrift.spark.evaluation_states import Looked, evaluation_rows, look_at
from sparkdrift.spark.labels import joined_labels, scores_with_labels
from sparkdrift.spark.references import reference_rows
from sparkdrift.spark.slicing import combination, slices_of
from sparkdrift.spark.source import Source
from sparkdrift.spec.digests import set_hash
from sparkdrift.spec.evaluation import Evaluation, EvaluationSet
from sparkdrift.spec.evaluation_columns import as_watched, set_columns, set_problems
from sparkdrift.spec.models import MOST_SLICE_VALUES, MonitorSpec
from sparkdrift.spec.resolving import Feature
from sparkdrift.spec.scoring import Named, evaluation_of, label_column, renamed, scores_of
from sparkdrift.steps.context import Context
from sparkdrift.steps.journal import Record

ROLE = "evaluation"


def measures_scores(spec: MonitorSpec, name: Name) -> bool:
    """Whether a version of this reference has scores."""
    return name.role == ROLE and spec.evaluation is not None


def declared_set(spec: MonitorSpec, name: Name) -> EvaluationSet:
    """The section of a set; one that is not declared has the columns of the prediction."""
    own = spec.evaluation.sets.get(name.name) if spec.evaluation else None
    return own or EvaluationSet()


def timestamp_of(spec: MonitorSpec, name: Name) -> str:
    """The column by which the rows of a version are dated: an evaluation set may have its own."""
    own = declared_set(spec, name).timestamp if measures_scores(spec, name) else None
    return own or spec.timestamp.column


def as_set(spec: MonitorSpec, name: Name, source: Source) -> Source:
    """The table of a set, its columns under the names that the spec has for them."""
    own = declared_set(spec, name)
    other = renamed(spec, set_columns(spec, own, source.schema))
    return replace(source, schema=dict(as_watched(spec, own, source.schema)), renamed=other)


def score_rows(
    context: Context,
    spec: MonitorSpec,
    name: Name,
    source: Source,
    slices: Sequence[Sequence[str]],
    features: Sequence[Feature],
    record: Record,
    *,
    watched: bool,
) -> Any:
    """The states of the set's scores, and of its features by class, as rows of a reference.

    `source` as `as_set` gives it. `watched`: it is the watched table, so its labels may be in a
    table of their own. Raises SnapshotError, with nothing written, for a set that measures
    nothing, and SpecError where it lacks a column.
    """
    evaluation = evaluation_of(spec)
    rows = reference_rows(context.spark, source)
    labels = labels_of(context.spark, spec) if watched else None
    if watched:
        schema = None if labels is None else labels.schema
        _refuse(row_problems(context.spark, spec, source.schema, schema))
        rows = joined_labels(context.spark, spec, rows, labels)
        scores = scores_with_labels(spec, labels)
    else:
        if name.name in evaluation.sets:
            _refuse(set_problems(spec, name.name, source.schema))
        scores = scores_of(spec, evaluation, _columns(spec, source))
    why = "" if watched else value_lacking(context.spark, spec, source.schema)
    if why:
        # What a row is worth is no reason to have no set at all.
        evaluation = evaluation.model_copy(update={"value": None})
        record.warnings.append(f"evaluation set {name}: no value of its rows is known: {why}")
    looked = look_at(rows, evaluation, scores)
    where = f"{name} ({source.name}, version {source.version})"
    for one in looked:
        require_scores(one, where, evaluation)
        record.warnings += told(one, where, evaluation)
    keys = _with_combination(rows, spec, slices, where, record)
    found = evaluation_rows(
        rows, evaluation, scores, looked, slices_of(spec, keys), set_hash(spec, name.name)
    )
    target = target_of(spec, scores) if spec.debt_limits.outcome is None else None
    moments = None if target is None else frozen_moments(rows, spec, features, target)
    return found if moments is None else found.unionByName(moments)


def declared(spec: MonitorSpec, name: Name) -> str:
    """What the dashboard showed and how the thresholds were made when a set was frozen, as JSON.

    `definition`: the digest of what its states mean.
    """
    evaluation = evaluation_of(spec)
    content = evaluation.model_dump(mode="json", include={"task", "thresholds"})
    dashboard = evaluation.dashboard
    content["dashboard"] = {} if dashboard is None else dashboard.model_dump(mode="json")["metrics"]
    content["definition"] = set_hash(spec, name.name)
    return json.dumps(content, sort_keys=True, ensure_ascii=False)


def definition_in(text: str | None) -> str | None:
    """The digest in what `declared` wrote; None where nothing was."""
    return None if text is None else str(json.loads(text).get("definition"))


def require_scores(one: Looked, where: str, evaluation: Evaluation) -> None:
    """Raise SnapshotError where an evaluation set measures nothing, or not what it seems to."""
    what = f"evaluation set {where}"
    of = f" of the class {one.name}" if one.name else ""
    if not one.rows:
        raise SnapshotError(
            f"{what} has no rows: nothing is frozen; give another table, version or filter"
        )
    if one.missing == one.rows:
        raise SnapshotError(
            f"{what}: the score{of} is missing in all {one.rows:,} rows; nothing is frozen. Name "
            "the column that has it (`score` of the set, or prediction.score)"
        )
    if one.outside:
        raise SnapshotError(
            f"{what}: {one.outside:,} of {one.rows:,} rows have a score{of} outside [0, 1], from "
            f"{one.low:g} to {one.high:g}; nothing is frozen. Accepted are probabilities: map "
            "scores into [0, 1] in a view, or leave these rows out by `filter`"
        )
    if not one.labelled:
        odd = f" ({one.odd:,} labels are none that is known)" if one.odd else ""
        accepted = "numbers" if evaluation.task == "regression" else "0 and 1"
        if evaluation.task == "multiclass":
            accepted = "the names under `evaluation.classes`"
        raise SnapshotError(
            f"{what}: none of {one.rows:,} rows has a score{of} and a label{odd}; nothing is "
            f"frozen. Accepted are labels that are {accepted}, or `evaluation.positive.label`"
        )


def told(one: Looked, where: str, evaluation: Evaluation) -> list[str]:
    """What of a set is left out, or can't be measured, with numbers."""
    of = f", class {one.name}" if one.name else ""
    rows = f"of {one.rows:,} rows"
    lines = []
    if one.missing:
        lines.append(f"{one.missing:,} {rows} have no score: left out")
    unlabelled = one.rows - one.labelled - one.missing - one.odd
    if unlabelled > 0:
        lines.append(f"{unlabelled:,} {rows} have no label: counted as production rows are")
    if one.odd:
        lines.append(f"{one.odd:,} {rows} have a label that is neither 0 nor 1: left out")
    one_class = not (one.positives and one.negatives)
    if evaluation.task != "regression" and one_class:
        kind = "positive" if one.positives else "negative"
        lines.append(f"all {one.labelled:,} labels are {kind}: no ROC AUC, and no calibration")
    return [f"evaluation set {where}{of}: {line}" for line in lines]


def _with_combination(
    rows: Any, spec: MonitorSpec, slices: Sequence[Sequence[str]], where: str, record: Record
) -> Sequence[Sequence[str]]:
    """`slices` and, of several keys, their combination, by which the set is weighted to all of
    them at once: the keys' own states don't say how they go together."""
    together = combination(slices)
    if len(slices) < 2 or together in {tuple(one) for one in slices}:
        return slices
    too_many = crowded(rows, slices_of(spec, [together]))
    for name, values in too_many.items():
        record.warnings.append(
            f"evaluation set {where}: about {values:,} combinations of {name}, more than "
            f"{MOST_SLICE_VALUES:,}: it is weighted to production by one key at a time"
        )
    return slices if too_many else [*slices, together]


def _columns(spec: MonitorSpec, source: Source) -> Named:
    """What is read of a set whose columns have the spec's names."""
    known = {name.lower() for name in source.schema}

    def there(column: str | None) -> str | None:
        return column if column and column.lower() in known else None

    return Named(spec.prediction.score, there(spec.prediction.decision), there(label_column(spec)))


def _refuse(problems: Sequence[Problem]) -> None:
    if problems:
        raise SpecError(problems)
