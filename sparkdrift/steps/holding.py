"""A spec held against its tables: every problem at once, or what will be watched."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparkdrift.errors import Problem, SourceError, SpecError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.spec.resolving import Resolution


def held(spark: SparkSession, spec: MonitorSpec, known: Sequence[Problem]) -> Resolution:
    """What the tables allow of a spec; `known` are the problems of its file.

    Raises SpecError with these and those of the tables, in the order of the lines; SourceError
    where the table is not there and nothing else is wrong.
    """
    problems = list(known)
    try:
        found = _resolved(spark, spec, problems)
    except SourceError as error:
        if not problems:
            raise
        problems.append(error.problem)
    if problems:
        in_order = sorted(dict.fromkeys(problems), key=lambda problem: problem.line or 0)
        raise SpecError(in_order)
    return found


def _resolved(spark: SparkSession, spec: MonitorSpec, problems: list[Problem]) -> Resolution:
    """What the table allows of a spec; what is wrong is added to `problems`, table after table."""
    from sparkdrift.spark.evaluation_sources import evaluation_problems
    from sparkdrift.spark.expressions import resolve_reference_source, resolve_source
    from sparkdrift.spark.importance_tables import importance_problems
    from sparkdrift.spark.metrics import checked
    from sparkdrift.spark.source import reference_of, source_of
    from sparkdrift.spec.sound import NO_TIMESTAMP

    source = source_of(spark, spec)
    found = checked(spark, source, spec, resolve_source(spark, spec, source))
    problems += [one for one in found.problems if one.given != NO_TIMESTAMP]
    other = reference_of(spark, spec)
    if other is not None:
        features = [one.feature for one in found.watched]
        others = resolve_reference_source(spark, spec, features, other)
        others = checked(spark, other, spec, others)
        problems += [one for one in others.problems if one.given != NO_TIMESTAMP]
    problems += evaluation_problems(spark, spec, source)
    problems += importance_problems(spark, spec)
    return found
