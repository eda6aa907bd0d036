"""How a debt moves: the trend of the figure that its findings name, and whether it quickens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparkdrift.measures.series import NotMeasured
from sparkdrift.measures.trend import Trend, trend

if TYPE_CHECKING:
    from sparkdrift.health.assessing import Health
    from sparkdrift.health.findings import Finding

LEVEL = 0.05
"""Of Mann and Kendall's test. A debt is looked at because it is open, not by how it moves."""


@dataclass(frozen=True)
class Course:
    """unit: of the figure: 'sd', 'of the metric', or '' for its own. trend: per window; None where
    nothing can be said, and `reason` says why."""

    unit: str = ""
    trend: Trend | None = None
    reason: str = ""

    @property
    def stands_out(self) -> bool:
        """Whether the figure has a trend that chance does not explain."""
        return self.trend is not None and self.trend.p_value < LEVEL

    @property
    def quickens(self) -> bool | None:
        """As `Trend.quickens`; None where there is no trend as well."""
        return None if self.trend is None else self.trend.quickens


def course_of(health: Sequence[Health], debt: str) -> Course:
    """The course of a debt that is open in the last of these windows, which are in order of time.

    Its windows are the judged ones since it was opened. One in which it was not found keeps its
    place and counts as not measured; so does one whose figure is not that of the newest: of none,
    or found against other comparisons. Source: `measures.trend` (Theil-Sen, Mann-Kendall with
    Hamed and Rao's correction, a bootstrap of the acceleration).
    """
    newest = next((one for one in health[-1].debts if one.name == debt), None) if health else None
    if newest is None:
        return Course(reason="it is not open in the newest window")
    last = newest.finding
    figures = []
    for one in health:
        if one.window.start < newest.opened:
            continue
        found = next((own for own in one.debts if own.name == debt), None)
        seen = found is not None and found.last_seen == one.window.start
        figures.append(_figure(found.finding, last) if found is not None and seen else np.nan)
    if not np.isfinite(figures).any():
        return Course(reason="its findings have no figure that is the same in all windows")
    course = trend(figures)
    if isinstance(course, NotMeasured):
        return Course(last.unit, reason=course.reason)
    return Course(last.unit, course)


def _figure(one: Finding, newest: Finding) -> float:
    if one.figure is None or (one.unit, one.comparisons) != (newest.unit, newest.comparisons):
        return np.nan
    return one.figure
