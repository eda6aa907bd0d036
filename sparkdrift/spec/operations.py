"""Operations: label-free signals of how a model is worked with, and what is counted of each.

Overrides, escalations, complaints and the time a decision took say that something is wrong long
before a label does. Each signal is one more custom metric: counted in the pass that counts the
others, it rolls up, slices, drifts and is frozen into references as they are.
"""

from __future__ import annotations

from typing import Annotated, Literal, get_args

from pydantic import Field

from sparkdrift.spec.metrics import (
    ACCEPTED_EFFECT,
    EFFECT,
    WARN,
    Metric,
    MetricEffect,
    Ratio,
    SqlTest,
    SqlValue,
)
from sparkdrift.spec.values import Section

OperationKind = Literal[
    "override", "escalation", "abstention", "manual_review", "complaint", "latency", "other"
]
KINDS: tuple[OperationKind, ...] = get_args(OperationKind)
Worse = Literal["up", "down", "both"]

_Effect = Annotated[MetricEffect, Field(description=ACCEPTED_EFFECT)]


class Operation(Section):
    """One signal: the share of rows on which `expression` holds, or the mean of `value`.

    Exactly one of them (see `operation_checks.py`). Rows on which it is NULL are left out.
    `worse`: in which direction a change is one for the worse, and may alert.
    """

    expression: SqlTest | None = None
    value: SqlValue | None = None
    kind: OperationKind = "other"
    worse: Worse = "up"
    effect_size: _Effect = EFFECT
    warn_at: _Effect = WARN

    @property
    def is_share(self) -> bool:
        """Whether it is a share of rows; else it is the mean of a number."""
        return self.expression is not None

    @property
    def event(self) -> str:
        """SQL of one row: 1 where the condition holds, 0 where it does not, else NULL.

        CASE takes a condition alone, so that Spark refuses a number in its place. Of a mean the
        value itself.
        """
        if self.expression is None:
            return f"{self.value}"
        return f"CASE WHEN ({self.expression}) THEN 1 WHEN NOT ({self.expression}) THEN 0 END"

    @property
    def metric(self) -> Metric:
        """What is counted of it."""
        return Metric(
            ratio=Ratio(of=self.event, over="1"),
            effect_size=self.effect_size,
            warn_at=self.warn_at,
        )

    def meaning(self) -> list[str | None]:
        """What says what is counted, as texts."""
        texts = (self.expression, self.value)
        return [text if text is None else text.strip() for text in texts]
