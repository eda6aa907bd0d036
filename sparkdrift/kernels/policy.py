"""The thresholds of a monitor as executors need them: plain values, no spec."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Policy:
    """effect and warn: shifts in reference sd; overrides: (effect, warn) by feature name;
    the rest: changes of a share (0..1) from which on they are material."""

    effect: float
    warn: float
    overrides: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    null_share: float = 0.02
    nan_share: float = 0.02
    infinite_share: float = 0.02
    new_categories: float = 0.01
    out_of_range: float = 0.01

    def thresholds(self, feature: str) -> tuple[float, float]:
        """(effect, warn) of one feature."""
        return self.overrides.get(feature, (self.effect, self.warn))
