"""What must hold inside `feedback`, and between it and the metrics."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.spec.expressions import FUNCTIONS_LISTED, check_value
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.findings import Finding, bad_filter, line_hint
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc

_DECISIONS: Loc = ("feedback", "decisions")


def rules(spec: MonitorSpec) -> Iterator[Finding]:
    """The condition is one that is accepted."""
    if spec.feedback is None:
        return
    for reason in check_value(spec.feedback.shaped):
        accepted = f"a condition on the columns of one row; {FUNCTIONS_LISTED}"
        message = f"the condition can't be used: {reason}"
        yield Finding(("feedback", "shaped"), message, spec.feedback.shaped, accepted)


def decisions(spec: MonitorSpec) -> Iterator[Finding]:
    """The table of decisions is one table, joined by a key that both have."""
    own = spec.feedback and spec.feedback.decisions
    if not own:
        return
    if (own.table is None) == (own.path is None):
        both = own.table is not None
        what = "the table of decisions"
        message = f"{what} has both a table and a path" if both else f"{what} is not named"
        yield Finding(_DECISIONS, message, accepted="either 'table' or 'path'")
    yield from bad_filter(own, *_DECISIONS)
    key = spec.prediction.key
    if key is None:
        message = "decisions are joined by the key of the prediction, and none is named"
        yield Finding(_DECISIONS, message, accepted="'prediction.key' as well")
    elif own.key is not None and len(own.key) != len(key):
        message = f"the key has {len(own.key)} columns here and {len(key)} there"
        message += line_hint(spec, ("prediction", "key"))
        accepted = "as many columns as 'prediction.key', in its order"
        yield Finding((*_DECISIONS, "key"), message, ", ".join(own.key), accepted)


def names(spec: MonitorSpec) -> Iterator[Finding]:
    """No other metric has the name of the share of shaped rows."""
    if spec.feedback is not None and SHAPED in spec.metrics:
        message = "the share of rows that the model shaped is stored under this name"
        yield Finding(("metrics", SHAPED), message, SHAPED, "another name for the metric")
