"""What is stored of the health of monitors, by whichever reader is quicker."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sparkdrift.embedded import without_spark
from sparkdrift.embedded.unanswered import UnansweredError
from sparkdrift.spark.health_findings import Stored, stored_by_ask, stored_by_spark
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context


def health_stored(context: Context, specs: Sequence[MonitorSpec]) -> Stored:
    """Rows of evidence and events of debts, as they are now.

    Of a store in a folder by DuckDB, where it is installed: a Java that has just started plans
    these questions for longer than it takes to write the verdicts of a hundred models.
    """
    if not specs:
        return Stored({}, {})
    with suppress(UnansweredError):
        return without_spark(context.store, lambda ask: stored_by_ask(ask, specs))
    return stored_by_spark(context.spark, context.store, specs)
