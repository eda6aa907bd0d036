"""Evaluation: how the model is measured, and by what its measuring may have gone stale.

Everything here is about rows with a score and a truth: evaluation sets, the labels that arrive
later, the operating thresholds, the dashboard that reports on the model, and what it would be
replaced by. Without this section no performance is measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from sparkdrift.spec.location import Location
from sparkdrift.spec.metrics import SqlTest, SqlValue
from sparkdrift.spec.policy import Metric, Share
from sparkdrift.spec.values import (
    ColumnName,
    Duration,
    Identifier,
    LocalDate,
    Section,
    SliceKeys,
    Text,
)

Task = Literal["binary", "multiclass", "regression"]
Goal = Literal["precision", "recall", "capacity", "cost"]
OutcomeGrain = Literal["day", "week", "month"]
Direction = Literal["up", "down"]

Probability = Annotated[float, Field(ge=0, le=1, description="a number from 0 to 1")]
PositiveShare = Annotated[float, Field(gt=0, le=1, description="a share above 0 and up to 1")]


class EvaluationSet(Location):
    """Rows with label and score by which the model is evaluated, frozen as a reference.

    Its role is `evaluation`, its name the key that it stands under. The columns are those of
    `prediction` unless named here. `timestamp`: when its rows happened; default: the monitor's
    timestamp column, where the table has it.
    """

    version: Annotated[int, Field(ge=0, description="a version of the Delta table")] | None = None
    timestamp: ColumnName | None = None
    score: ColumnName | None = None
    decision: ColumnName | None = None
    label: ColumnName | None = None


class Labels(Location):
    """A table of labels that arrive later, joined by key; the newest row of a key counts.

    `key`: default `prediction.key`; `label`: default `prediction.label`. `known_at`: when a label
    became known, by which restated ones are told from first ones.
    """

    key: SliceKeys | None = None
    label: ColumnName | None = None
    known_at: ColumnName | None = None


class Positive(Section):
    """What counts as positive, as conditions on a row; default: the columns, being 0 or 1.

    `decision` holds where the model said positive: the class that a high score stands for.
    """

    label: SqlTest | None = None
    decision: SqlTest | None = None


class Target(Section):
    """What an operating threshold is for; exactly one.

    precision, recall: at least so much. capacity: so large a share of rows is decided positive.
    cost: the largest value per row by `degraded.payoff`.
    """

    precision: PositiveShare | None = None
    recall: PositiveShare | None = None
    capacity: PositiveShare | None = None
    cost: Literal["payoff"] | None = None


class Threshold(Section):
    """An operating threshold: a row is positive where its score is at least `value`."""

    value: Probability
    calibrated_at: LocalDate | None = None
    calibrated_by: Text | None = None
    calibrated_on: Text | None = None
    target: Target | None = None


class Reported(Section):
    """A metric as a dashboard shows it. `value`: when it was accepted; the limits: its band."""

    value: float | None = Field(default=None, description="a number")
    at_least: float | None = Field(default=None, description="a number")
    at_most: float | None = Field(default=None, description="a number")


class Dashboard(Location):
    """What the dashboard says: a table with a row per metric and time, or the metrics alone.

    Without a table the metrics are computed from the evaluation set, as such dashboards do.
    Columns of the table: `time`, `metric`, `value`, and where it has them `limit` and `model`.
    """

    time: ColumnName | None = None
    metric: ColumnName | None = None
    value: ColumnName | None = None
    limit: ColumnName | None = None
    model: ColumnName | None = None
    metrics: Mapping[Metric, Reported] = Field(
        default_factory=dict, description="a mapping from metrics to value, at_least, at_most"
    )

    @property
    def has_table(self) -> bool:
        """Whether it has a table of its own."""
        return self.table is not None or self.path is not None


class Baseline(Section):
    """The simple rule that the model is held against on the same rows: what would replace it.

    `rule`: a condition on a row that decides positive. `value`: an expression that predicts a
    number, such as the last known one. Neither: a constant, the evaluation set's most frequent
    class. A regression without `value` has no baseline: what its mean would reach can't be told
    from sums of errors.
    """

    rule: SqlTest | None = None
    value: SqlValue | None = None


class Outcome(Location):
    """The business outcome that the metric should go with, from another table.

    `expression`: an SQL aggregate over the rows of a grain, `lag`: how much later than the
    predictions it shows, `better`: whether more of it is better (`up`) or less (`down`).
    """

    timestamp: ColumnName
    expression: SqlValue
    grain: OutcomeGrain = "week"
    lag: Duration = timedelta(0)
    better: Direction = "up"
    metric: Metric | None = None


class EvaluationLimits(Section):
    """From where on a figure of staleness warns. Source of the defaults: the project's own.

    `overlap`: from which share of its keys on, that training data have as well, an evaluation set
    is not put in force in passing.
    """

    age: Duration = Field(
        default=timedelta(days=90),
        title="from the newest event of the evaluation set to the window's end",
    )
    training_age: Duration = Field(
        default=timedelta(days=180),
        title="from the newest event of the training reference to the window's end",
    )
    dashboard_age: Duration = Field(
        default=timedelta(days=45),
        title="from the newest row of the dashboard's table to the window's end; past it that "
        "metric is missing evidence of the blind spot",
    )
    outside: Share = Field(
        default=0.01,
        title="rows of a feature outside the set's range or categories; of the scores, bins "
        "that the set lacks, above which no estimate is relied upon",
    )
    thin: Share = Field(
        default=0.1,
        title="rows in score bins of which the set has fewer than 30 rows",
    )
    ess_ratio: Share = Field(
        default=0.7,
        title="effective share of the set's rows on the window's mix of scores, below which it "
        "warns",
    )
    distrust_ess_ratio: Share = Field(
        default=0.4,
        title="the same, below which no metric is to rest on the set; must be less than ess_ratio",
    )
    decision_rate: Share = Field(
        default=0.2,
        title="relative change of the share decided positive, either way",
    )
    threshold_age: Duration = Field(
        default=timedelta(days=180),
        title="from calibrated_at of a threshold to the window's end",
    )
    prior: Share = Field(
        default=0.05,
        title="change of the share of positives, either way: 0.05 is 5 points",
    )
    calibration_error: Share = Field(
        default=0.05,
        title="mean distance of score and share of positives; of slope, intercept and Brier "
        "score as much of a change as such an error makes",
    )
    missing_slices: Share = Field(
        default=0.01,
        title="rows in values of a slice that the set has no row of",
    )
    overlap: Share = Field(
        default=0.01,
        title="keys of the set that training data have as well: above it the set is not put in "
        "force in passing",
    )


class Evaluation(Section):
    task: Task = "binary"
    positive: Positive = Positive()
    classes: Mapping[Text, ColumnName] = Field(
        default_factory=dict,
        description="a mapping from classes to the columns that hold their scores",
    )
    sets: Mapping[Identifier, EvaluationSet] = Field(
        default_factory=dict, description="a mapping from names to tables with label and score"
    )
    labels: Labels | None = None
    thresholds: Mapping[Identifier, Threshold] = Field(
        default_factory=dict, description="a mapping from names to operating thresholds"
    )
    dashboard: Dashboard | None = None
    baseline: Baseline = Baseline()
    groups: tuple[ColumnName, ...] = Field(
        default=(), description="a list of slices between which the model should be fair"
    )
    value: SqlValue | None = None
    outcome: Outcome | None = None
    metrics: tuple[Metric, ...] = Field(
        default=(), description="a list of metrics; default: all of the task"
    )
    limits: EvaluationLimits = EvaluationLimits()
