"""Expressions of a spec held against a real table: their types, and rows on which they fail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import Problem, SetupError
from sparkdrift.spark.failures import FAILURES, condition, reason
from sparkdrift.spark.source import Source
from sparkdrift.spec.columns import Columns
from sparkdrift.spec.expressions import identifiers
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.resolving import Feature, Resolution, resolve, resolve_reference
from sparkdrift.spec.selecting import Analysed

VECTORS_NEED = "Spark >= 4.2 or Databricks Runtime >= 18.1"
# Class 22 of the SQL standard: a bad cast, a division by zero, an overflow, an index too far.
_DATA_EXCEPTION = "SQLSTATE: 22"
_CONDITION = re.compile(r"\[([A-Z_]+(?:\.[A-Z_]+)*)\]")
_TOLERANT = "NULL for such rows: try_divide, try_cast, try_add, try_multiply, get, try_element_at"


def resolve_source(spark: SparkSession, spec: MonitorSpec, source: Source) -> Resolution:
    """Hold `spec` against the monitored table; Spark is asked where it has expressions.

    Raises SetupError where the spec has vectors and this Spark can't measure them.
    """
    return resolve(spec, source.schema, _types(spark, spec, source), _decisions(source))


def resolve_reference_source(
    spark: SparkSession, spec: MonitorSpec, features: Sequence[Feature], source: Source
) -> Resolution:
    """Hold `features` of the monitored table against the table of a scanned reference."""
    types = _types(spark, spec, source)
    return resolve_reference(spec, features, source.schema, types, _decisions(source))


def _decisions(source: Source) -> dict[str, str] | None:
    return None if source.decided is None else source.decided.table.schema


def failing(spec: MonitorSpec, resolution: Resolution, rows: DataFrame) -> dict[str, Problem]:
    """The features whose expression fails on some of `rows`, by name, and why.

    One scan for each expression of the spec. Failures that are not about a value, such as
    a data file that is gone, are raised.
    """
    problems: dict[str, Problem] = {}
    places = {feature.name: loc for loc, _, feature in spec.features.declared()}
    for feature in resolution.usable:
        if feature.value is None or feature.value.definition[0] != "expression":
            continue
        try:
            # A hash needs the value itself, which an optimiser could leave out of a count.
            rows.selectExpr(f"bit_xor(xxhash64({feature.sql}))").collect()
        except FAILURES as error:
            if not of_a_value(error):
                raise
            problems[feature.name] = spec.origin.problem(
                places[feature.name],
                f"the expression of {feature.name!r} fails on some rows ({_named(error)}); "
                f"let it give {_TOLERANT}",
                given=str(feature.value.definition[1]),
            )
    return problems


def of_a_value(error: Exception) -> bool:
    """Whether Spark could not compute something of some row, such as a number of a text."""
    return _DATA_EXCEPTION in str(error)


def _types(spark: SparkSession, spec: MonitorSpec, source: Source) -> dict[str, Analysed]:
    if spec.features.vector:
        _check_vectors(spark)
    columns = Columns(source.schema)
    written = {
        str(feature.definition[1])
        for _, _, feature in spec.features.declared()
        if feature.definition is not None and feature.definition[0] == "expression"
    }
    # Of the others a column is missing, which resolving finds without Spark.
    known = [
        sql
        for sql in sorted(written)
        if all(columns.type_of(name) is not None for name in identifiers(sql))
    ]
    if not known:
        return {}
    try:
        return dict(zip(known, _analysed(spark, source, known), strict=True))
    except FAILURES:
        return {sql: _alone(spark, source, sql) for sql in known}


def _alone(spark: SparkSession, source: Source, sql: str) -> Analysed:
    try:
        return next(iter(_analysed(spark, source, [sql])))
    except FAILURES as error:
        return Analysed(None, reason(error))


def _analysed(spark: SparkSession, source: Source, written: Sequence[str]) -> Iterable[Analysed]:
    values = ", ".join(f"({sql}) AS e{i}" for i, sql in enumerate(written))
    frame = spark.sql(f"SELECT {values} FROM {source.shape}")
    return [Analysed(field.dataType.simpleString()) for field in frame.schema.fields]


def _check_vectors(spark: SparkSession) -> None:
    try:
        _ = spark.sql(
            "SELECT vector_norm(array(1F), 2F), vector_inner_product(array(1F), array(1F))"
        ).schema
    except FAILURES as error:
        raise SetupError(
            f"this Spark ({spark.version}) lacks vector_norm or vector_inner_product: "
            f"'features.vector' needs {VECTORS_NEED}; or leave it out of the spec"
        ) from error


def _named(error: Exception) -> str:
    """Spark's name for the failure; not its text, which quotes values of the table."""
    found = _CONDITION.search(str(error))
    return condition(error) or (found[1] if found else type(error).__name__)
