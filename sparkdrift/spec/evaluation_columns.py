"""The section `evaluation` held against the columns of its tables, one table after the other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sparkdrift.errors import Problem
from sparkdrift.spec.columns import (
    ACCEPTED_ATOMIC,
    ACCEPTED_NUMERIC,
    ACCEPTED_TEXT,
    ACCEPTED_TIMESTAMP,
    Columns,
    base_type,
    is_atomic,
    is_numeric,
    is_text,
    is_timestamp,
)
from sparkdrift.spec.evaluation import Evaluation, EvaluationSet
from sparkdrift.spec.expressions import identifiers
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.scoring import Named, label_column, renamed
from sparkdrift.spec.selecting import missing

_SECTION = "evaluation"
_NUMBERS = (is_numeric, ACCEPTED_NUMERIC)
_TIMES = (is_timestamp, ACCEPTED_TIMESTAMP)
_TEXTS = (is_text, ACCEPTED_TEXT)
_VALUES = (is_atomic, ACCEPTED_ATOMIC)
Schema = Mapping[str, str]
Expression = tuple[Loc, str, str]
"""Where an expression stands, its text, and what it gives: condition or number."""


def set_columns(spec: MonitorSpec, one: EvaluationSet, schema: Schema) -> Named:
    """What score, decision and label are called in an evaluation set.

    Without a decision that was recorded there, the threshold decides.
    """
    decision = one.decision or spec.prediction.decision
    if one.decision is None and decision is not None:
        decision = decision if Columns(schema).type_of(decision) else None
    return Named(one.score or spec.prediction.score, decision, one.label or spec.prediction.label)


def as_watched(spec: MonitorSpec, one: EvaluationSet, schema: Schema) -> Schema:
    """The columns of an evaluation set by the names under which the spec's conditions find them."""
    own = {name.lower(): kind for name, kind in schema.items()}
    other = renamed(spec, set_columns(spec, one, schema))
    hidden = {name.lower() for name in other}
    kept = {name: kind for name, kind in schema.items() if name.lower() not in hidden}
    return kept | {to: own[of.lower()] for to, of in other.items() if of.lower() in own}


def with_labels(spec: MonitorSpec, schema: Schema, labels: Schema | None) -> Schema:
    """The columns of the watched table, the label joined to it from the table of labels."""
    label = label_column(spec)
    if labels is None or label is None or spec.evaluation is None or not spec.evaluation.labels:
        return schema
    kind = Columns(labels).type_of(spec.evaluation.labels.label or label)
    kept = {name: of for name, of in schema.items() if name.lower() != label.lower()}
    return kept if kind is None else {**kept, label: kind}


def expressions_of_rows(evaluation: Evaluation) -> Iterator[Expression]:
    """What is read of each watched row, but for what makes its label positive."""
    asked = (
        (("positive", "decision"), evaluation.positive.decision, "condition"),
        (("baseline", "rule"), evaluation.baseline.rule, "condition"),
        (("baseline", "value"), evaluation.baseline.value, "number"),
        (("value",), evaluation.value, "number"),
    )
    for place, text, what in asked:
        if text is not None:
            yield (_SECTION, *place), text, what


def expressions_of_labels(evaluation: Evaluation) -> Iterator[Expression]:
    if evaluation.positive.label is not None:
        yield (_SECTION, "positive", "label"), evaluation.positive.label, "condition"


def watched_problems(spec: MonitorSpec, schema: Schema, labels: Schema | None) -> list[Problem]:
    """What the watched table lacks. `labels`: the columns of the table of labels, if it is one."""
    evaluation = spec.evaluation
    if evaluation is None:
        return []
    columns = Columns(with_labels(spec, schema, labels))
    plain = Columns(schema)
    found = [
        *(_column(spec, ("prediction", "key"), key, plain, _VALUES) for key in _key(spec)),
        *(
            _column(spec, (_SECTION, "classes", name), column, plain, _NUMBERS)
            for name, column in evaluation.classes.items()
        ),
        _decidable(spec, ("prediction", "decision"), spec.prediction.decision, plain, "decision"),
        _column(spec, ("feature_debt", "outcome"), spec.debt_limits.outcome, plain, _VALUES),
    ]
    if evaluation.labels is None:
        label = spec.prediction.label
        found.append(_decidable(spec, ("prediction", "label"), label, plain, "label"))
    expressions = list(expressions_of_rows(evaluation))
    if evaluation.labels is None:
        expressions += expressions_of_labels(evaluation)
    return _some(found) + _unknown(spec, expressions, columns)


def set_problems(spec: MonitorSpec, name: str, schema: Schema) -> list[Problem]:
    """What the table of an evaluation set lacks."""
    evaluation = spec.evaluation
    if evaluation is None:
        return []
    one, loc, columns = evaluation.sets[name], (_SECTION, "sets", name), Columns(schema)
    own = set_columns(spec, one, schema)
    found = [_column(spec, (*loc, "timestamp"), one.timestamp, columns, _TIMES)]
    if evaluation.task != "multiclass":
        found.append(_column(spec, _at(loc, one, "score"), own.score, columns, _NUMBERS))
    found += [
        _column(spec, loc, column, columns, _NUMBERS) for column in evaluation.classes.values()
    ]
    found.append(_column(spec, _at(loc, one, "label"), own.label, columns, _VALUES))
    found.append(_decidable(spec, _at(loc, one, "label"), own.label, columns, "label"))
    found.append(_column(spec, (*loc, "decision"), one.decision, columns, _VALUES))
    found.append(_decidable(spec, _at(loc, one, "decision"), own.decision, columns, "decision"))
    expressions = list(expressions_of_labels(evaluation))
    if evaluation.positive.decision is not None:
        place = (_SECTION, "positive", "decision")
        expressions.append((place, evaluation.positive.decision, "condition"))
    read = Columns(as_watched(spec, one, schema))
    return (
        _some(found) + _unknown(spec, expressions, read) + _filter(spec, loc, one.filter, columns)
    )


def labels_problems(spec: MonitorSpec, schema: Schema, watched: Schema) -> list[Problem]:
    """What the table of labels lacks. `watched`: the columns of the watched table."""
    labels = spec.evaluation and spec.evaluation.labels
    if not labels or spec.evaluation is None:
        return []
    loc, columns, there = (_SECTION, "labels"), Columns(schema), Columns(watched)
    found: list[Problem | None] = []
    for own, theirs in zip(labels.key or _key(spec), _key(spec), strict=False):
        place = (*loc, "key") if labels.key else loc
        found.append(_column(spec, place, own, columns, _VALUES))
        one, other = columns.type_of(own), there.type_of(theirs)
        if one and other and _family(one) != _family(other):
            message = f"the key {own!r} can't be joined with {theirs!r} of the watched table"
            accepted = f"a column of the same type, {other}"
            found.append(spec.origin.problem(place, message, given=one, accepted=accepted))
    name = labels.label or spec.prediction.label
    found.append(_column(spec, _at(loc, labels, "label"), name, columns, _VALUES))
    found.append(_decidable(spec, _at(loc, labels, "label"), name, columns, "label"))
    found.append(_column(spec, (*loc, "known_at"), labels.known_at, columns, _TIMES))
    usual = label_column(spec)
    read = dict(schema)
    if name and usual and name.lower() != usual.lower() and columns.type_of(name):
        read = {**read, usual: str(columns.type_of(name))}
    expressions = list(expressions_of_labels(spec.evaluation))
    found += _unknown(spec, expressions, Columns(read))
    return _some(found) + _filter(spec, loc, labels.filter, columns)


def dashboard_problems(spec: MonitorSpec, schema: Schema) -> list[Problem]:
    """What the table of the dashboard lacks."""
    dashboard = spec.evaluation and spec.evaluation.dashboard
    if not dashboard:
        return []
    loc, columns = (_SECTION, "dashboard"), Columns(schema)
    kinds = {"time": _TIMES, "metric": _TEXTS, "value": _NUMBERS, "limit": _NUMBERS}
    found = [
        _column(spec, (*loc, key), getattr(dashboard, key), columns, kinds.get(key, _VALUES))
        for key in ("time", "metric", "value", "limit", "model")
    ]
    return _some(found) + _filter(spec, loc, dashboard.filter, columns)


def outcome_problems(spec: MonitorSpec, schema: Schema) -> list[Problem]:
    """What the table of the business outcome lacks."""
    outcome = spec.evaluation and spec.evaluation.outcome
    if not outcome:
        return []
    loc, columns = (_SECTION, "outcome"), Columns(schema)
    found = [_column(spec, (*loc, "timestamp"), outcome.timestamp, columns, _TIMES)]
    expressions = [((*loc, "expression"), outcome.expression, "number")]
    return (
        _some(found)
        + _unknown(spec, expressions, columns)
        + _filter(spec, loc, outcome.filter, columns)
    )


def _key(spec: MonitorSpec) -> tuple[str, ...]:
    return spec.prediction.key or ()


def _at(loc: Loc, section: object, key: str) -> Loc:
    """Where a column is named: here, or with the prediction's."""
    return (*loc, key) if getattr(section, key) is not None else loc


def _some(found: Iterable[Problem | None]) -> list[Problem]:
    return [one for one in found if one is not None]


def _column(
    spec: MonitorSpec,
    loc: Loc,
    name: str | None,
    columns: Columns,
    kind: tuple[object, str],
) -> Problem | None:
    """Why a column is not there or of a wrong type, or None."""
    suits, accepted = kind
    if name is None:
        return None
    data_type = columns.type_of(name)
    if data_type is None:
        return missing(spec, loc, name, columns)
    if callable(suits) and suits(data_type):
        return None
    message = f"the column {name!r} has another type than is needed here"
    return spec.origin.problem(loc, message, given=data_type, accepted=accepted)


def _decidable(
    spec: MonitorSpec, loc: Loc, name: str | None, columns: Columns, role: str
) -> Problem | None:
    """Of a binary model a label or decision is 0 or 1, unless a condition tells what is positive;
    of a regression model a label is a number."""
    evaluation = spec.evaluation
    data_type = None if name is None else columns.type_of(name)
    if evaluation is None or data_type is None or not is_atomic(data_type):
        return None
    if evaluation.task == "regression" and role == "label" and not is_numeric(data_type):
        message = f"the column {name!r} can't be the number that is predicted"
        return spec.origin.problem(loc, message, given=data_type, accepted=ACCEPTED_NUMERIC)
    told = getattr(evaluation.positive, role)
    if evaluation.task != "binary" or told is not None:
        return None
    if is_numeric(data_type) or base_type(data_type) == "boolean":
        return None
    message = f"the column {name!r} does not say by itself which {role} is positive"
    accepted = f"0 and 1, true and false, or 'evaluation.positive.{role}': a condition such as "
    accepted += f"{name} = 'yes'"
    return spec.origin.problem(loc, message, given=data_type, accepted=accepted)


def _family(data_type: str) -> str:
    if is_numeric(data_type):
        return "number"
    return "text" if is_text(data_type) else base_type(data_type)


def _unknown(
    spec: MonitorSpec, expressions: Iterable[Expression], columns: Columns
) -> list[Problem]:
    """The columns in expressions that the table lacks."""
    return [
        missing(spec, loc, name, columns)
        for loc, text, _ in expressions
        for name in identifiers(text)
        if columns.type_of(name) is None
    ]


def _filter(spec: MonitorSpec, loc: Loc, text: str | None, columns: Columns) -> list[Problem]:
    return [] if text is None else _unknown(spec, [((*loc, "filter"), text, "condition")], columns)
