"""What must hold inside `operations`, and between them and the metrics."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.spec.expressions import FUNCTIONS_LISTED, check_value
from sparkdrift.spec.feedback import SHAPED
from sparkdrift.spec.findings import Finding, line_hint, too_late
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc


def rules(spec: MonitorSpec) -> Iterator[Finding]:
    """Each signal has one expression, which is accepted, and thresholds in order."""
    for name, one in spec.operations.items():
        loc: Loc = ("operations", name)
        if (one.expression is None) == (one.value is None):
            both = one.value is not None
            message = (
                "the signal has both a condition and a value"
                if both
                else "the signal does not say what is counted"
            )
            accepted = "either 'expression', a condition, or 'value', a number such as a duration"
            yield Finding(loc, message, accepted=accepted)
        if one.warn_at >= one.effect_size:
            key = "warn_at" if "warn_at" in one.model_fields_set else "effect_size"
            yield too_late((*loc, key), one.warn_at, one.effect_size)
        for key in ("expression", "value"):
            text = getattr(one, key)
            for reason in check_value(text) if text is not None else ():
                what = "a condition" if key == "expression" else "a number"
                accepted = f"{what} on the columns of one row; {FUNCTIONS_LISTED}"
                message = f"the signal can't be used: {reason}"
                yield Finding((*loc, key), message, text, accepted)


def names(spec: MonitorSpec) -> Iterator[Finding]:
    """No signal is called as a metric is, since it is counted and stored as one."""
    for name in spec.operations:
        loc: Loc = ("operations", name)
        if name in spec.metrics:
            message = f"a metric has this name{line_hint(spec, ('metrics', name))}"
            yield Finding(loc, message, name, "another name for one of the two")
        elif spec.feedback is not None and name == SHAPED:
            message = "the share of rows that the model shaped is stored under this name"
            yield Finding(loc, message, name, "another name for the signal")
