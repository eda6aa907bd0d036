"""The section `maintenance`: what has to be done to a model again and again, and by whom."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from sparkdrift.spec.values import Interval, LocalDate, Section, Text

Work = Literal["retraining", "evaluation_refresh", "metric_revalidation", "recalibration"]
WORKS: tuple[Work, ...] = (
    *("retraining", "evaluation_refresh"),
    *("metric_revalidation", "recalibration"),
)


class Upkeep(Section):
    """One kind of work: how often, who sees to it (default: the monitor's owner), last when."""

    every: Interval
    owner: Text | None = None
    last_done: LocalDate | None = None


class Maintenance(Section):
    """What is due when.

    Without `last_done`, a retraining is dated by the newest event of the training reference, a
    refresh of the evaluation by that of the newest evaluation set, and a recalibration by the
    newest `calibrated_at` of the thresholds.
    """

    retraining: Upkeep | None = None
    evaluation_refresh: Upkeep | None = None
    metric_revalidation: Upkeep | None = None
    recalibration: Upkeep | None = None

    def planned(self) -> Iterator[tuple[Work, Upkeep]]:
        """Each kind of work that is planned, in the order of the section."""
        for work in WORKS:
            upkeep: Upkeep | None = getattr(self, work)
            if upkeep is not None:
                yield work, upkeep
