"""What must hold inside `feedback`, and between it and the metrics."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.spec.expressions import FUNCTIONS_LISTED, check_value
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.findings import Finding
from sparkdrift.spec.models import MonitorSpec


def rules(spec: MonitorSpec) -> Iterator[Finding]:
    """The condition is one that is accepted."""
    if spec.feedback is None:
        return
    for reason in check_value(spec.feedback.shaped):
        accepted = f"a condition on the columns of one row; {FUNCTIONS_LISTED}"
        message = f"the condition can't be used: {reason}"
        yield Finding(("feedback", "shaped"), message, spec.feedback.shaped, accepted)


def names(spec: MonitorSpec) -> Iterator[Finding]:
    """No other metric has the name of the share of shaped rows."""
    if spec.feedback is not None and SHAPED in spec.metrics:
        message = "the share of rows that the model shaped is stored under this name"
        yield Finding(("metrics", SHAPED), message, SHAPED, "another name for the metric")
