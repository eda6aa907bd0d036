"""How a debt moves: the trend of the figure that its findings name, and whether it quickens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sparkdrift.measures.series import NotMeasured
from sparkdrift.measures.trend import Trend, trend

if TYPE_CHECKING:
    from sparkdrift.health.assessing import Health

LEVEL = 0.05
"""Of Mann and Kendall's test. A debt is looked at because it is open, not by how it moves."""


@dataclass(frozen=True)
class Course:
    """unit: of the figure, per window: 'sd', 'of the metric', or '' for a unit of its own.
    trend: None where nothing can be said, and `reason` says why."""

    unit: str = ""
    trend: Trend | None = None
    reason: str = ""

    @property
    def stands_out(self) -> bool:
        """Whether the figure has a trend that chance does not explain."""
        return self.trend is not None and self.trend.p_value < LEVEL

    @property
    def quickens(self) -> bool | None:
        """Whether it moved faster in the second half of the windows than in the first; False:
        slower; None: its 95 % interval allows both."""
        found = self.trend
        if found is None or found.acceleration_low <= 0 <= found.acceleration_high:
            return None
        return found.acceleration * found.slope > 0


def course_of(health: Sequence[Health], debt: str) -> Course:
    """The course of a debt up to the last of these windows, which are in order of time.

    Its windows are those since it was opened last; one in which it was not found, or whose finding
    has no figure, keeps its place and counts as not measured. Of a debt that is not open at the
    end there is none. Source: `measures.trend` (Theil-Sen, Mann-Kendall with Hamed and Rao's
    correction, a bootstrap of the acceleration).
    """
    figures: list[float] = []
    unit = ""
    for one in health:
        found = next((own for own in one.debts if own.name == debt), None)
        if found is None:
            figures = []
            continue
        seen = found.last_seen == one.window.start and found.finding.figure is not None
        figures.append(float(found.finding.figure or 0.0) if seen else float("nan"))
        unit = found.finding.unit
    if not figures:
        return Course(reason="it is not open in the newest window")
    if all(one != one for one in figures):
        return Course(reason="words tell it, and no figure")
    course = trend(figures)
    if isinstance(course, NotMeasured):
        return Course(unit, reason=course.reason)
    return Course(unit, course)
