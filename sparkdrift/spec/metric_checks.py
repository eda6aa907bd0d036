"""What must hold inside `metrics`, and between them and the features."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.errors import nearest
from sparkdrift.spec.derived import ACCEPTED, NotArithmeticError, parse_derived
from sparkdrift.spec.expressions import FUNCTIONS_LISTED, check_value
from sparkdrift.spec.findings import Finding, too_late
from sparkdrift.spec.metrics import KINDS, PREFIX, Metric
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc


def rules(spec: MonitorSpec) -> Iterator[Finding]:
    """Each metric has one kind, thresholds in order, and expressions that are accepted."""
    for name, metric in spec.metrics.items():
        loc: Loc = ("metrics", name)
        if len(metric.kinds) != 1:
            given = ", ".join(metric.kinds) or None
            message = "a metric has exactly one kind"
            yield Finding(loc, message, given, f"one of {', '.join(KINDS)}")
        if metric.warn_at >= metric.effect_size:
            key = "warn_at" if "warn_at" in metric.model_fields_set else "effect_size"
            yield too_late((*loc, key), metric.warn_at, metric.effect_size)
        for place, text in metric.expressions():
            for reason in check_value(text):
                accepted = f"an expression on the columns of one row; {FUNCTIONS_LISTED}"
                message = f"the metric can't be used: {reason}"
                yield Finding((*loc, *place), message, text, accepted)
        if metric.derived is not None:
            yield from _derived(spec, (*loc, "derived"), metric.derived)


def _derived(spec: MonitorSpec, loc: Loc, text: str) -> Iterator[Finding]:
    try:
        names = parse_derived(text).names
    except NotArithmeticError as error:
        yield Finding(loc, f"this is no arithmetic over metrics: {error}", text, ACCEPTED)
        return
    plain = [name for name, one in spec.metrics.items() if one.derived is None]
    for name in names:
        other: Metric | None = spec.metrics.get(name)
        if other is None:
            close = nearest(name, plain)
            message = "a derived metric reads metrics, and none is called so"
            yield Finding(loc, message, name, ", ".join(plain) or "a metric of this spec", close)
        elif other.derived is not None:
            message = "a derived metric can't be made of another derived one"
            yield Finding(loc, message, name, f"its parts: {other.derived}")
    if not names:
        yield Finding(loc, "a derived metric reads at least one metric", text, ", ".join(plain))


def names(spec: MonitorSpec) -> Iterator[Finding]:
    """No feature is called as a metric is stored."""
    stored = {PREFIX + name for name in spec.counted_metrics}
    for loc, _, feature in spec.features.declared():
        if feature.name in stored:
            message = "a metric is stored under the name of this feature"
            yield Finding(loc, message, feature.name, "another name for the metric")
