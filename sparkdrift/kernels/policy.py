"""The thresholds of a monitor as executors need them: plain values, no spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sparkdrift.explain.signals import METRIC

GRADES = ("warning", "minor", "major", "critical")
"""Severities, mildest first."""


@dataclass(frozen=True)
class Suppression:
    """Windows that start in [begin, end) call nobody; features: all where it is empty."""

    begin: datetime
    end: datetime
    reason: str
    features: frozenset[str] = frozenset()

    def covers(self, start: datetime, feature: str) -> bool:
        return self.begin <= start < self.end and (not self.features or feature in self.features)


@dataclass(frozen=True)
class AlertRules:
    """least: the severity from which on a window counts towards an alert; major, critical:
    multiples of the limit, weighed by importance (1 where a feature is not listed);
    comparisons: of which the rows count at all."""

    least: str = "minor"
    major: float = 2.0
    critical: float = 4.0
    importance: Mapping[str, float] = field(default_factory=dict)
    suppressions: tuple[Suppression, ...] = ()
    comparisons: tuple[str, ...] = ("baseline",)

    def weight(self, feature: str) -> float:
        return self.importance.get(feature, 1.0)

    def severity(self, status: str, magnitude: float, feature: str) -> str | None:
        """A grade for a warning or drift, else None. Only what drifted is more than a warning."""
        if status == "warning":
            return "warning"
        if status != "drifted":
            return None
        weighed = magnitude * self.weight(feature)
        if weighed >= self.critical:
            return "critical"
        return "major" if weighed >= self.major else "minor"

    def counts(self, severity: str | None) -> bool:
        """Whether a measured window of this severity counts towards an alert."""
        return severity is not None and GRADES.index(severity) >= GRADES.index(self.least)

    def suppression(self, start: datetime, feature: str) -> str | None:
        """Why the window calls nobody; None where it does. The first that covers it is told."""
        covering = (one.reason for one in self.suppressions if one.covers(start, feature))
        return next(covering, None)


@dataclass(frozen=True)
class Policy:
    """effect and warn: shifts in reference sd; overrides: (effect, warn) by feature name;
    season: weekday or hour, None for no strata; season_shown: only where the reference's own
    windows show it; season_steps: windows from one to that a season earlier, None where there is
    none; bins: how many to cut where no reference has any; the shares: from which change on
    (0..1) they are material; multivariate: whether there are rows of several columns together;
    outputs: the model's score and decision, which are no inputs; vectors: the projections of
    each vector, by its name."""

    effect: float
    warn: float
    overrides: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    null_share: float = 0.02
    nan_share: float = 0.02
    infinite_share: float = 0.02
    new_categories: float = 0.01
    out_of_range: float = 0.01
    alerts: AlertRules = AlertRules()
    season: str | None = None
    season_shown: bool = True
    season_steps: int | None = None
    bins: int = 10
    multivariate: bool = False
    outputs: frozenset[str] = frozenset()
    vectors: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def thresholds(self, feature: str) -> tuple[float, float]:
        """(effect, warn) of one feature."""
        return self.overrides.get(feature, (self.effect, self.warn))

    @cached_property
    def projections(self) -> frozenset[str]:
        """The columns that are projections of a vector."""
        return frozenset(part for parts in self.vectors.values() for part in parts)

    def is_input(self, column: str) -> bool:
        """Whether it is an input of the model: neither its output nor a metric."""
        return column not in self.outputs and not column.startswith(METRIC)

    @property
    def share_limits(self) -> Mapping[str, float]:
        """The limits of shares by the names of their tests, as the spec has them."""
        return {
            "null": self.null_share,
            "nan": self.nan_share,
            "infinite": self.infinite_share,
            "new": self.new_categories,
            "range": self.out_of_range,
        }

    @property
    def test_limits(self) -> Mapping[str, float]:
        """The same with the tests that stand in for a distance."""
        numbers, categories = self.out_of_range, self.new_categories
        return {
            **self.share_limits,
            **dict.fromkeys(("rare_value", "single_value"), numbers),
            **dict.fromkeys(("rare_category", "single_category", "grown_category"), categories),
        }
