"""A monitor spec as frozen models: what a user may write, and nothing else.

One field per YAML key; the description of a field is what an error names as
accepted. What concerns several fields at once is checked in `checks.py`, what
concerns the real table in `resolving.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field, PrivateAttr

from sparkdrift.spec.alerts import Alerts
from sparkdrift.spec.assumptions import Assumptions, DependenceEntry
from sparkdrift.spec.evaluation import Dashboard, Evaluation, Outcome
from sparkdrift.spec.features import Features
from sparkdrift.spec.feedback import SHAPED, Feedback
from sparkdrift.spec.health_policy import Policy
from sparkdrift.spec.hooks import Hook
from sparkdrift.spec.importance import FeatureDebt, Importance
from sparkdrift.spec.location import Location
from sparkdrift.spec.maintenance import Maintenance
from sparkdrift.spec.metrics import PREFIX, Metric, MetricEntry
from sparkdrift.spec.model import ModelIdentity
from sparkdrift.spec.operations import Operation
from sparkdrift.spec.origin import Loc, Origin
from sparkdrift.spec.payload import Payload
from sparkdrift.spec.policy import INPUTS, Degraded, Drift, Thresholds
from sparkdrift.spec.privacy import Privacy
from sparkdrift.spec.values import (
    ColumnName,
    Duration,
    Identifier,
    Keep,
    LocalDate,
    LocalTime,
    Section,
    SliceKeys,
    Text,
)

Grain = Literal["hour", "day", "week", "month"]
Season = Literal["weekday", "hour"]
_SEASONS: Mapping[Grain, Season] = {"day": "weekday", "hour": "hour"}
Rollup = Literal["day", "week", "month"]

SketchSize = Annotated[int, Field(ge=8, le=8192, description="a whole number from 8 to 8192")]


class Source(Location):
    """The table that is watched. `payload`: it is a serving log of JSON texts."""

    payload: Payload | None = None


class Timestamp(Section):
    column: ColumnName
    zone: str = Field(default="UTC", description="an IANA time zone such as Europe/Berlin")


class Windows(Section):
    """How event time is cut; `lateness` is how long after its end a window stays open."""

    grain: Grain = "day"
    lateness: Duration = timedelta(0)
    begin: LocalDate | None = None
    rollups: tuple[Rollup, ...] = Field(default=(), description="a list of day, week, month")
    on_vanished: Literal["keep", "empty"] = "keep"

    def merged_from(self, rollup: str) -> str:
        """The grain that a roll-up is merged from: days where there are any."""
        return "day" if rollup != "day" and "day" in self.rollups else self.grain


class Retention(Section):
    """How long windows of each grain are kept after their end; `sparkdrift prune` takes the rest.

    None: for ever. It is counted back from the end of the newest stored window.
    """

    hour: Keep = None
    day: Keep = None
    week: Keep = None
    month: Keep = None

    def of(self, grain: str) -> timedelta | None:
        found: timedelta | None = getattr(self, grain)
        return found


MOST_SLICE_VALUES = 1000
"""A slice of more values than this is not profiled, unless `slice_values` says which count."""
OTHER = ":other"
"""The slice value that all values share which `slice_values` does not list."""

SliceValues = Annotated[
    tuple[Text, ...],
    Field(
        min_length=1,
        max_length=MOST_SLICE_VALUES,
        description=f"a list of 1 to {MOST_SLICE_VALUES} values, as text",
    ),
]


class Prediction(Section):
    """The columns of the model's output; `label_delay` is how late the truth arrives.

    `key`: what tells a prediction from every other, such as an application's number.
    """

    key: SliceKeys | None = None
    score: ColumnName | None = None
    decision: ColumnName | None = None
    label: ColumnName | None = None
    label_delay: Duration | None = None

    def columns(self) -> Iterator[tuple[str, str]]:
        """Pairs of role (score, decision, label) and column, for those that are given."""
        for role in ("score", "decision", "label"):
            column = getattr(self, role)
            if column is not None:
                yield role, column


class Reference(Location):
    """What windows are compared with: an interval of the monitored table, or another table."""

    name: Identifier = "baseline"
    begin: LocalTime | None = None
    end: LocalTime | None = None

    @property
    def is_scanned(self) -> bool:
        """Whether it is another table, to be scanned, instead of stored profiles to be merged."""
        return self.table is not None or self.path is not None


class Sketch(Section):
    """How much state is kept, and how many rows reach the sketches.

    `k` is the size of the KLL sketches, `categories` how many are tracked per window.
    `sampling_error` is what sampling may add to the rank of a quantile (99 %): only as many
    rows as that needs reach the KLL; without it every row does. `distinct`: whether numbers
    have a count of distinct values, or only categories.
    """

    k: SketchSize = 400
    reference_k: SketchSize = 1600
    categories: int = Field(
        default=1000, ge=10, le=100_000, description="a whole number, 10 to 100000"
    )
    sampling_error: float | None = Field(
        default=None, ge=0.001, le=0.1, description="a number from 0.001 to 0.1"
    )
    distinct: Literal["all", "categorical"] = "all"


class MonitorSpec(Section):
    """One monitor: one source table, watched for one model, with one owner."""

    monitor: Identifier
    title: Text | None = None
    owner: Text = Field(description="who answers for the verdict: a person or a team")
    model: ModelIdentity = ModelIdentity()
    source: Source = Field(description="a mapping with 'table' or 'path'")
    timestamp: Timestamp = Field(description="a mapping with 'column'")
    windows: Windows = Windows()
    retention: Retention = Retention()
    features: Features = Field(
        description="a mapping with 'numeric', 'categorical', 'vector', 'text' or 'auto'"
    )
    prediction: Prediction = Prediction()
    slices: tuple[SliceKeys, ...] = Field(
        default=(), description="a list; each entry a column, or a list of 1 to 3 columns"
    )
    slice_values: Mapping[ColumnName, SliceValues] = Field(
        default_factory=dict,
        description="a mapping from columns of slices to the values that have a slice; "
        "the others share ':other'",
    )
    metrics: Mapping[Identifier, MetricEntry] = Field(
        default_factory=dict, description="a mapping from names to how each is computed"
    )
    feedback: Feedback | None = None
    operations: Mapping[Identifier, Operation] = Field(
        default_factory=dict, description="a mapping from names to what is counted of each"
    )
    evaluation: Evaluation | None = None
    importance: Importance | None = None
    feature_debt: FeatureDebt | None = None
    reference: Reference | None = None
    drift: Drift = Drift()
    alerts: Alerts = Alerts()
    dependence: DependenceEntry | None = Field(
        default=None, description="auto, or a mapping, see below"
    )
    assumptions: Assumptions | None = None
    privacy: Privacy | None = None
    sketch: Sketch = Sketch()
    degraded: Degraded | None = None
    policy: Policy = Policy()
    maintenance: Maintenance | None = None
    on_verdict: tuple[Hook, ...] = Field(
        default=(),
        description="a list of mappings with 'verdicts' and what is to be done",
        repr=False,
    )

    _origin: Origin = PrivateAttr(default_factory=Origin)

    @property
    def origin(self) -> Origin:
        """The file and lines this was read from; empty for a spec made in code."""
        return self._origin

    def with_origin(self, origin: Origin) -> MonitorSpec:
        """The same spec, said to come from `origin`."""
        copy = self.model_copy()
        copy._origin = origin
        return copy

    @property
    def model_id(self) -> str:
        return self.model.id or self.monitor

    @property
    def model_version(self) -> str | None:
        return self.model.version

    @property
    def debt_limits(self) -> FeatureDebt:
        """The limits of the debt of features, the defaults where none are given."""
        return self.feature_debt or FeatureDebt()

    @property
    def has_importance(self) -> bool:
        """Whether anything says how much features count."""
        return self.importance is not None or bool(self.alerts.importance)

    @property
    def importance_changes(self) -> bool:
        """Whether importances may be others in another window: they are estimated in each, or
        have times."""
        own = self.importance
        return own is not None and (own.estimate is not None or own.time is not None)

    @property
    def has_association(self) -> bool:
        """Whether there is, or is to be, a column that features are associated with."""
        own = self.evaluation
        if own is None:
            return False
        labelled = self.prediction.label is not None or own.positive.label is not None
        return labelled or own.labels is not None or self.debt_limits.outcome is not None

    @property
    def has_feature_debt(self) -> bool:
        """Whether the debt of features is told: where the spec asks for it, or declares labels or
        how much features count."""
        declared = self.feature_debt is not None or self.evaluation is not None
        return declared or self.has_importance

    @property
    def dashboard(self) -> Dashboard | None:
        """What the dashboard says; None without it, or without `evaluation`."""
        return self.evaluation.dashboard if self.evaluation else None

    @property
    def outcome(self) -> Outcome | None:
        """The business outcome; None without it, or without `evaluation`."""
        return self.evaluation.outcome if self.evaluation else None

    @property
    def season(self) -> Season | None:
        """What windows are told apart by when they are compared with their reference."""
        chosen, grain = self.drift.seasonal, self.windows.grain
        if chosen == "auto":
            return _SEASONS.get(grain)
        return None if chosen == "none" else chosen

    @property
    def names_together(self) -> tuple[str, ...]:
        """The names of drift rows that are of several columns: of all inputs, and vectors."""
        if not self.drift.multivariate:
            return ()
        return (INPUTS, *(vector.name for vector in self.features.vector))

    @property
    def counted_metrics(self) -> Mapping[str, Metric]:
        """The declared metrics, the share of rows that the model shaped, the operations, and what
        payloads lack."""
        shaped = {} if self.feedback is None else {SHAPED: self.feedback.metric}
        operations = {name: one.metric for name, one in self.operations.items()}
        payload = {} if self.source.payload is None else self.source.payload.metrics
        return {**self.metrics, **shaped, **operations, **payload}

    def place_of_metric(self, name: str) -> Loc:
        """Where the metric `name` is declared."""
        if self.feedback is not None and name == SHAPED:
            return ("feedback", "shaped")
        own = self.operations.get(name)
        if own is not None:
            return ("operations", name, "expression" if own.is_share else "value")
        if self.source.payload is not None and name in self.source.payload.metrics:
            return ("source", "payload")
        return ("metrics", name)

    def all_thresholds(self) -> dict[str, Thresholds]:
        """What holds for each feature and vector that is declared or overridden, and each metric.

        By the name that stands in `column_name`. For other features, found by `auto`,
        `drift.thresholds` holds.
        """
        default = self.drift.thresholds
        found = {f.name: default.changed(f.entry) for _, _, f in self.features.declared()}
        found |= {one.name: default.changed(one) for one in self.features.vector}
        for name, override in self.drift.overrides.items():
            found[name] = found.get(name, default).changed(override)
        return found | {
            PREFIX + name: metric.thresholds for name, metric in self.counted_metrics.items()
        }

    def thresholds(self, name: str) -> Thresholds:
        """What holds for the feature `name`; for many features, take `all_thresholds`."""
        return self.all_thresholds().get(name, self.drift.thresholds)
