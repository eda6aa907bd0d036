"""The tables of the section `evaluation`: found, pinned, and held against the spec."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pyspark.sql import SparkSession

from sparkdrift.errors import Problem, SourceError
from sparkdrift.spark.failures import FAILURES, reason
from sparkdrift.spark.source import Source, keys_of, open_source
from sparkdrift.spark.sql import ddl
from sparkdrift.spec.evaluation_columns import (
    Expression,
    Schema,
    as_watched,
    dashboard_problems,
    expressions_of_labels,
    expressions_of_rows,
    labels_problems,
    outcome_problems,
    set_problems,
    watched_problems,
    with_labels,
)
from sparkdrift.spec.expressions import identifiers
from sparkdrift.spec.location import Location
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc

_NUMBERS = frozenset(["byte", "short", "integer", "long", "float", "double", "decimal"])
_GIVEN = {"condition": frozenset(["boolean"]), "number": _NUMBERS}


def open_named(
    spark: SparkSession, spec: MonitorSpec, place: Location, loc: Loc, version: int | None = None
) -> Source:
    """A table that the spec names at `loc`; errors name its line."""
    try:
        return open_source(
            spark,
            table=place.table,
            path=place.path,
            row_filter=place.filter,
            version=version,
            named_by=keys_of(loc),
        )
    except SourceError as error:
        key = "table" if place.path is None else "path"
        raise spec.origin.located(error, (*loc, key)) from error.__cause__


def labels_of(spark: SparkSession, spec: MonitorSpec) -> Source | None:
    """The table that labels arrive in, where it is another one than the watched."""
    labels = spec.evaluation and spec.evaluation.labels
    return open_named(spark, spec, labels, ("evaluation", "labels")) if labels else None


def evaluation_problems(
    spark: SparkSession, spec: MonitorSpec, watched: Source
) -> tuple[Problem, ...]:
    """Everything that keeps the model from being evaluated, of all tables, in file order."""
    evaluation = spec.evaluation
    if evaluation is None:
        return ()
    found: list[Problem] = []
    labels: Schema | None = None
    if evaluation.labels is not None:
        labels = _schema(spark, spec, evaluation.labels, ("evaluation", "labels"), found)
        if labels is not None:
            found += labels_problems(spec, labels, watched.schema)
    found += row_problems(spark, spec, watched.schema, labels)
    for name, one in evaluation.sets.items():
        schema = _schema(spark, spec, one, ("evaluation", "sets", name), found, one.version)
        if schema is not None:
            found += set_problems(spec, name, schema)
            expressions = list(expressions_of_labels(evaluation))
            found += _refused(spark, spec, expressions, as_watched(spec, one, schema))
    dashboard, outcome = evaluation.dashboard, evaluation.outcome
    if dashboard is not None and (dashboard.table or dashboard.path):
        schema = _schema(spark, spec, dashboard, ("evaluation", "dashboard"), found)
        if schema is not None:
            found += dashboard_problems(spec, schema)
    if outcome is not None:
        schema = _schema(spark, spec, outcome, ("evaluation", "outcome"), found)
        if schema is not None:
            found += outcome_problems(spec, schema)
            total = [(("evaluation", "outcome", "expression"), outcome.expression, "number")]
            found += _refused(spark, spec, total, schema)
    return tuple(sorted(dict.fromkeys(found), key=lambda problem: problem.line or 0))


def row_problems(
    spark: SparkSession, spec: MonitorSpec, watched: Schema, labels: Schema | None
) -> list[Problem]:
    """The same of what is read of watched rows. `labels`: the columns of the table of labels."""
    evaluation = spec.evaluation
    if evaluation is None:
        return []
    if evaluation.labels is not None and labels is None:
        return []  # the table is missing, which is told already
    expressions = list(expressions_of_rows(evaluation))
    columns = with_labels(spec, watched, labels)
    if evaluation.labels is None:
        expressions += expressions_of_labels(evaluation)
    return [
        *watched_problems(spec, watched, labels),
        *_refused(spark, spec, expressions, columns),
    ]


def value_lacking(spark: SparkSession, spec: MonitorSpec, schema: Schema) -> str:
    """Why `evaluation.value` can't be computed of rows with these columns, or ''."""
    text = spec.evaluation and spec.evaluation.value
    if not text:
        return ""
    gone = sorted(_named(text) - {name.lower() for name in schema})
    if gone:
        return f"its table has no column {', '.join(gone)}"
    problems = _refused(spark, spec, [(("evaluation", "value"), text, "number")], schema)
    return problems[0].message if problems else ""


def _schema(
    spark: SparkSession,
    spec: MonitorSpec,
    place: Location,
    loc: Loc,
    found: list[Problem],
    version: int | None = None,
) -> Schema | None:
    """The columns of a table, or None with the problem that there is none."""
    try:
        return open_named(spark, spec, place, loc, version).schema
    except SourceError as error:
        found.append(error.problem)
        return None


def _refused(
    spark: SparkSession, spec: MonitorSpec, expressions: Sequence[Expression], columns: Schema
) -> list[Problem]:
    """Expressions that Spark can't compute, or that give something else than is needed.

    One look for all of them; only where that fails, one for each. Those that name a column that
    is missing are told already.
    """
    known = {name.lower() for name in columns}
    sound = [one for one in expressions if _named(one[1]) <= known]
    try:
        kinds = _kinds(spark, [text for _, text, _ in sound], columns)
    except FAILURES:
        return [one for each in sound for one in _alone(spark, spec, each, columns)]
    pairs = zip(sound, kinds, strict=True)
    return [one for each, kind in pairs for one in _unfit(spec, each, kind)]


def _alone(
    spark: SparkSession, spec: MonitorSpec, one: Expression, columns: Schema
) -> list[Problem]:
    loc, text, _ = one
    try:
        (kind,) = _kinds(spark, [text], columns)
    except FAILURES as error:
        message = f"the expression does not fit the table: {reason(error)}"
        accepted = "an expression on columns of the table that Spark can compute"
        return [spec.origin.problem(loc, message, given=text, accepted=accepted)]
    return _unfit(spec, one, kind)


def _unfit(spec: MonitorSpec, one: Expression, kind: str) -> list[Problem]:
    loc, text, what = one
    if kind in _GIVEN[what]:
        return []
    accepted = "a condition, which is true or false" if what == "condition" else "a number"
    message = f"the expression gives another type than is needed here, {kind}"
    return [spec.origin.problem(loc, message, given=text, accepted=accepted)]


def _kinds(spark: SparkSession, texts: Iterable[str], columns: Schema) -> list[str]:
    values = [f"({text}) AS e{i}" for i, text in enumerate(texts)]
    if not values:
        return []
    fields = spark.createDataFrame([], ddl(columns)).selectExpr(*values).schema.fields
    return [field.dataType.typeName() for field in fields]


def _named(text: str) -> set[str]:
    return {name.lower() for name in identifiers(text)}
