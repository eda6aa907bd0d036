"""The sections that turn distances into verdicts, and verdicts into money."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from sparkdrift.spec.values import Section, Text

Metric = Literal[
    "accuracy",
    "precision",
    "recall",
    "f1",
    "specificity",
    "roc_auc",
    "average_precision",
    "brier",
    "mae",
    "rmse",
    "mape",
    "business_value",
]

Seasonal = Literal["auto", "weekday", "hour", "none"]

Comparison = Literal["baseline", "consecutive", "seasonal", "origin", "training"]
"""What a window is held against: the reference in force, the window before it, the one a
season earlier, version 1 of the reference, the reference of the role `training`."""

SEASON_STEPS: Mapping[str, int] = {"hour": 7 * 24, "day": 7, "month": 12}
"""How many windows of a grain earlier the comparison `seasonal` looks: a week, of months a year.

A week has none: years are no whole number of weeks."""

INPUTS = ":inputs"
"""The name of the rows that tell of all inputs together."""

_ACCEPTED_EFFECT = "a shift above 0 and up to 3, in standard deviations of the reference"
_ACCEPTED_SHARE = "a share from 0 to 1"

Effect = Annotated[float, Field(gt=0, le=3, description=_ACCEPTED_EFFECT)]
Share = Annotated[float, Field(ge=0, le=1, description=_ACCEPTED_SHARE)]


class Override(Section):
    """Thresholds of one feature; what is not given stays as it is for all."""

    effect_size: Effect | None = None
    warn_at: Effect | None = None


@dataclass(frozen=True)
class Thresholds:
    """What counts as drift for one feature, in standard deviations of the reference."""

    effect_size: float
    warn_at: float

    def changed(self, override: Override) -> Thresholds:
        """These thresholds, but for what `override` gives."""
        return Thresholds(
            override.effect_size or self.effect_size, override.warn_at or self.warn_at
        )


class Limits(Section):
    """From which change of a share (0..1) on a difference is material."""

    null_share: Share = 0.02
    nan_share: Share = 0.02
    infinite_share: Share = 0.02
    new_categories: Share = 0.01
    out_of_range: Share = 0.01


class Drift(Section):
    effect_size: Effect = 0.32
    warn_at: Effect = 0.2
    overrides: Mapping[str, Override] = Field(
        default_factory=dict, description="a mapping from feature names to effect_size, warn_at"
    )
    limits: Limits = Limits()
    bins: int = Field(default=10, ge=4, le=50, description="a whole number from 4 to 50")
    seasonal: Seasonal = "auto"
    comparisons: tuple[Comparison, ...] = Field(
        default=("baseline",),
        min_length=1,
        description="a list of baseline, consecutive, seasonal, origin, training",
    )

    multivariate: bool = Field(
        default=True, description="true or false: rows of all inputs, and of vectors, together"
    )

    @property
    def thresholds(self) -> Thresholds:
        """What holds for every feature without thresholds of its own."""
        return Thresholds(self.effect_size, self.warn_at)


class Payoff(Section):
    """Business units per case, for each cell of the confusion matrix; none is assumed."""

    true_positive: float = Field(description="a number")
    false_positive: float = Field(description="a number")
    false_negative: float = Field(description="a number")
    true_negative: float = Field(description="a number")


class Persistence(Section):
    """Degraded means: in `windows` out of the last `of` windows."""

    windows: int = Field(default=2, ge=1, le=1000, description="a whole number from 1 to 1000")
    of: int = Field(default=3, ge=1, le=1000, description="a whole number from 1 to 1000")


_AMOUNTS = ("mae", "rmse", "business_value")


class Degraded(Section):
    """From when on the owner calls the model degraded, and what that costs."""

    metric: Metric
    tolerated_loss: float = Field(
        gt=0,
        description="a number above 0 in the metric's own unit: 0.02 is two points of accuracy",
    )
    value_per_point: float | None = Field(
        default=None,
        gt=0,
        description="a number above 0: business units per window and point of the metric (0.01 of "
        "a share such as accuracy or mape, one unit of mae and rmse)",
    )
    payoff: Payoff | None = None
    currency: Text | None = None
    persistence: Persistence = Persistence()
    retire: Text | None = None

    @property
    def point(self) -> float:
        """What a point of the metric is in its own unit: 0.01 of a share, 1 of an amount."""
        return 1.0 if self.metric in _AMOUNTS else 0.01
