"""SQL of what evaluation takes from a row: score, truth, decision, and what the baseline says.

Each function gives an expression over one row, DOUBLE, that no row makes fail. A truth or
decision is 1 or 0; NULL or NaN is missing, NULL out; -1 is a label that is neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sparkdrift.spec.evaluation import Evaluation
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.names import quote, string

MISSING = "CAST(NULL AS DOUBLE)"
ODD = "-1D"
WHOLE_SCORE = ""
"""The only score of a model that has one, where others have one for each class."""


@dataclass(frozen=True)
class Named:
    """The columns that score, decision and label stand in; None: there is none."""

    score: str | None
    decision: str | None
    label: str | None


@dataclass(frozen=True)
class OneScore:
    """A score with its truth and the decision for it, of a class or of the model (WHOLE_SCORE)."""

    name: str
    score: str
    label: str
    decision: str


def evaluation_of(spec: MonitorSpec) -> Evaluation:
    """The section `evaluation`, asked for where it is declared; ValueError where it is not."""
    if spec.evaluation is None:
        raise ValueError(f"the monitor {spec.monitor} has no section `evaluation`")
    return spec.evaluation


def binned_operations(spec: MonitorSpec) -> tuple[str, ...]:
    """The signals whose events are counted by score bin: shares, of a model with one score."""
    if spec.evaluation is None or spec.evaluation.task == "multiclass":
        return ()
    return tuple(name for name, one in spec.operations.items() if one.is_share)


def label_column(spec: MonitorSpec) -> str | None:
    """What the label is called in the rows that are watched, joined from elsewhere or not."""
    labels = spec.evaluation and spec.evaluation.labels
    return spec.prediction.label or (labels.label if labels else None)


def watched_columns(spec: MonitorSpec) -> Named:
    """The columns of the watched table, with labels from elsewhere joined to it."""
    return Named(spec.prediction.score, spec.prediction.decision, label_column(spec))


def scores_of(spec: MonitorSpec, evaluation: Evaluation, columns: Named) -> tuple[OneScore, ...]:
    """What is binned: the score of the model, or that of each class against all others."""
    if evaluation.task == "multiclass":
        return tuple(_classes(evaluation, columns))
    score = MISSING if columns.score is None else f"CAST({quote(columns.score)} AS DOUBLE)"
    if evaluation.task == "regression":
        return (OneScore(WHOLE_SCORE, score, _number(columns.label), MISSING),)
    positive = evaluation.positive
    label = _binary(columns.label) if positive.label is None else _test(positive.label)
    if positive.decision is not None:
        decision = _test(positive.decision)
    elif columns.decision is not None:
        decision = _known(_binary(columns.decision))
    else:
        decision = _by_threshold(evaluation, score)
    return (OneScore(WHOLE_SCORE, score, label, decision),)


def rule_of(evaluation: Evaluation) -> str:
    """What the baseline decides, or what it predicts of a number; NULL: there is none."""
    if evaluation.baseline.rule is not None:
        return _test(evaluation.baseline.rule)
    if evaluation.baseline.value is not None:
        return f"CAST(({evaluation.baseline.value}) AS DOUBLE)"
    return MISSING


def value_of(evaluation: Evaluation) -> str:
    """What a row is worth, in business units; NULL: nobody says."""
    return MISSING if evaluation.value is None else f"CAST(({evaluation.value}) AS DOUBLE)"


def renamed(spec: MonitorSpec, own: Named) -> Mapping[str, str]:
    """Columns of an evaluation set to be read under the names that the spec's conditions use.

    By the name they get; what they are called there.
    """
    usual = watched_columns(spec)
    pairs = ((getattr(usual, key), getattr(own, key)) for key in ("score", "decision", "label"))
    return {to: of for to, of in pairs if to and of and to.lower() != of.lower()}


def _test(condition: str) -> str:
    return f"CAST(({condition}) AS DOUBLE)"


def _number(column: str | None) -> str:
    return MISSING if column is None else f"CAST({quote(column)} AS DOUBLE)"


def _binary(column: str | None) -> str:
    if column is None:
        return MISSING
    name = quote(column)
    number = f"try_cast({name} AS DOUBLE)"
    return (
        f"CASE WHEN {name} IS NULL OR isnan({number}) THEN {MISSING}"
        f" WHEN {number} IN (0D, 1D) THEN {number} ELSE {ODD} END"
    )


def _known(decision: str) -> str:
    """A decision that is neither counts as missing."""
    return f"nullif({decision}, {ODD})"


def _by_threshold(evaluation: Evaluation, score: str) -> str:
    first = next(iter(evaluation.thresholds.values()), None)
    if first is None:
        return MISSING
    return f"CAST({score} >= double('{first.value!r}') AS DOUBLE)"


def _classes(evaluation: Evaluation, columns: Named) -> list[OneScore]:
    scores = {
        name: f"CAST({quote(column)} AS DOUBLE)" for name, column in evaluation.classes.items()
    }
    names = list(scores)
    listed = ", ".join(map(string, names))

    def held(column: str, name: str, other: str) -> str:
        text = f"CAST({quote(column)} AS STRING)"
        return (
            f"CASE WHEN {text} IS NULL THEN {MISSING} WHEN {text} = {string(name)} THEN 1D"
            f" WHEN {text} IN ({listed}) THEN 0D ELSE {other} END"
        )

    def decided(position: int, name: str) -> str:
        if columns.decision is not None:
            return held(columns.decision, name, MISSING)
        # The greatest score decides; of equal ones the class that is named first.
        own = scores[name]
        wins = [
            f"{own} {'>' if other < position else '>='} {scores[names[other]]}"
            for other in range(len(names))
            if other != position
        ]
        every = " AND ".join(f"{score} <= double('Infinity')" for score in scores.values())
        return f"CASE WHEN {every} THEN CAST(({' AND '.join(wins)}) AS DOUBLE) END"

    return [
        OneScore(
            name,
            score,
            MISSING if columns.label is None else held(columns.label, name, ODD),
            decided(position, name),
        )
        for position, (name, score) in enumerate(scores.items())
    ]
