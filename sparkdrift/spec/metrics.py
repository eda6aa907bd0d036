"""Custom metrics: what a user may write under `metrics`, and why some kinds are refused.

A metric is stored as a few cells that merge by sum, minimum or maximum, so it rolls up
and slices like a built-in figure; its value is computed from merged cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from sparkdrift.spec.policy import Thresholds
from sparkdrift.spec.values import Section, refusal

PREFIX = "metric:"
"""What stands before a metric's name in `column_name`, so that it never meets a feature's."""

MetricKind = Literal["sum", "count", "min", "max", "ratio", "derived"]
KINDS: tuple[MetricKind, ...] = get_args(MetricKind)

# In standard deviations between the reference's windows. One window against a fortnight of
# them finds 6 in four cases out of five (measures/window_evidence.py).
EFFECT = 6.0
WARN = 3.0
ACCEPTED_EFFECT = (
    "a shift above 0 and up to 100, in standard deviations between the reference's windows"
)
_ACCEPTED_RATIO = "a list of two SQL expressions, or {of: .., over: ..}"
_ACCEPTED_ONE = f"one of {', '.join(KINDS)}"

_AVG = "write {ratio: [x, 1]}: the sum of x over the number of its rows"
_QUANTILES = (
    "list the column under features.numeric, which keeps a mergeable sketch of its quantiles"
)
_DISTINCT = "list the column under features, which keeps a mergeable sketch of its distinct values"
_SPREAD = (
    "keep what it is made of, which can: n: {count: x IS NOT NULL}, s: {sum: x}, "
    "ss: {sum: x * x}, sd: {derived: sqrt(ss / n - (s / n) * (s / n))}"
)
# Aggregates whose results of two windows don't give the result of both, with what does.
_UNMERGEABLE: Mapping[str, str] = {
    **dict.fromkeys(("avg", "mean", "average"), _AVG),
    **dict.fromkeys(("median", "percentile", "percentile_approx", "quantile", "mode"), _QUANTILES),
    **dict.fromkeys(("count_distinct", "distinct", "approx_count_distinct"), _DISTINCT),
    **dict.fromkeys(("stddev", "std", "variance", "var", "stddev_pop", "stddev_samp"), _SPREAD),
    **dict.fromkeys(
        ("first", "last", "any_value"), "a window has no order that two windows could share"
    ),
}

SqlValue = Annotated[str, Field(description="an SQL expression on the columns of one row")]
SqlTest = Annotated[str, Field(description="an SQL condition on the columns of one row")]
MetricEffect = Annotated[float, Field(gt=0, le=100, description=ACCEPTED_EFFECT)]


class Ratio(Section):
    """The sum of `of` over the sum of `over`, over the rows where neither is NULL."""

    of: SqlValue
    over: SqlValue


def _ratio(value: Any) -> Any:
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise refusal("a ratio has two parts", _ACCEPTED_RATIO)
        return {"of": value[0], "over": value[1]}
    if isinstance(value, str):
        raise refusal("a ratio has two parts", _ACCEPTED_RATIO)
    return value


class Metric(Section):
    """One named aggregate; exactly one of the kinds (see `checks.py`)."""

    sum: SqlValue | None = None
    count: SqlTest | None = None
    min: SqlValue | None = None
    max: SqlValue | None = None
    ratio: Annotated[Ratio | None, BeforeValidator(_ratio)] = Field(
        default=None, description=_ACCEPTED_RATIO
    )
    derived: str | None = Field(
        default=None, description="arithmetic over other metrics, such as revenue / customers"
    )
    effect_size: MetricEffect = EFFECT
    warn_at: MetricEffect = WARN

    @property
    def kinds(self) -> tuple[MetricKind, ...]:
        """The kinds that are given: one, in a spec that passed its checks."""
        return tuple(kind for kind in KINDS if getattr(self, kind) is not None)

    @property
    def kind(self) -> MetricKind:
        return self.kinds[0]

    @property
    def thresholds(self) -> Thresholds:
        return Thresholds(self.effect_size, self.warn_at)

    def expressions(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """The SQL on source rows that it reads, each with its place below the metric."""
        if self.ratio is not None:
            yield ("ratio", "of"), self.ratio.of
            yield ("ratio", "over"), self.ratio.over
        for kind in ("sum", "count", "min", "max"):
            text = getattr(self, kind)
            if text is not None:
                yield (kind,), text

    def definition(self) -> list[str]:
        """What gives its cells their meaning: the kind, then the texts."""
        texts = [self.derived] if self.derived is not None else [t for _, t in self.expressions()]
        return [self.kind, *(text.strip() for text in texts)]


def _metric(value: Any) -> Any:
    if isinstance(value, Metric):
        return value
    if not isinstance(value, Mapping):
        raise refusal("a metric says how it is computed", f"a mapping with {_ACCEPTED_ONE}")
    for key in value:
        advice = _UNMERGEABLE.get(str(key).lower())
        if advice is not None:
            raise refusal(
                f"'{key}' can't be merged: the results of two windows don't give that of both",
                f"{_ACCEPTED_ONE}; {advice}",
            )
    return value


MetricEntry = Annotated[Metric, BeforeValidator(_metric)]
