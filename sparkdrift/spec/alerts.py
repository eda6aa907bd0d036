"""From verdicts to alerts: when one stands, how severe it is, and when it is not to be told.

A row's status says what one window showed. Whether somebody is called depends on more:
how many windows in succession showed it, how far it went, how much the feature counts, and
whether it was expected.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Literal, get_args

from pydantic import Field

from sparkdrift.spec.policy import Comparison
from sparkdrift.spec.values import LocalTime, Section, Text

Grade = Literal["warning", "minor", "major", "critical"]
GRADES: tuple[Grade, ...] = get_args(Grade)
"""Severities, mildest first."""

MOST_WINDOWS = 30
"""How far back an alert looks at most: the view `alerts` gathers that many windows."""

_ACCEPTED_COUNT = f"a whole number from 1 to {MOST_WINDOWS}"
_ACCEPTED_NAME = "the name of a feature, of the score or decision, or metric:NAME"

Count = Annotated[int, Field(ge=1, le=MOST_WINDOWS, description=_ACCEPTED_COUNT)]
Multiple = Annotated[
    float, Field(ge=1, le=1000, description="a number from 1 to 1000, in multiples of the limit")
]
Weight = Annotated[
    float, Field(ge=0, le=100, description="a number from 0 to 100; 1 counts as usual")
]
Watched = Annotated[Text, Field(description=_ACCEPTED_NAME)]


class Severity(Section):
    """From which multiple of the limit on a drifted window is major, and critical."""

    major: Multiple = 2.0
    critical: Multiple = 4.0


class Suppression(Section):
    """Windows that overlap [begin, end) call nobody; their rows say why."""

    begin: LocalTime
    end: LocalTime
    reason: Text = Field(description="why: a holiday, a release")
    features: tuple[Watched, ...] = Field(
        default=(), description="a list of names as in column_name; default: all"
    )


class Alerts(Section):
    """An alert stands once `windows` of the last `of` measured windows counted towards it.

    `least`: the severity from which on a window counts. `comparisons`: of which comparisons the
    rows count, for alerts and for --fail-on; the others are for reading. `importance`: what the
    multiple of the limit is weighed by before `severity` is told from it.
    """

    windows: Count = 2
    of: Count = 3
    least: Grade = "minor"
    comparisons: tuple[Comparison, ...] = Field(
        default=("baseline",), min_length=1, description="a list of some of drift.comparisons"
    )
    severity: Severity = Severity()
    importance: Mapping[str, Weight] = Field(
        default_factory=dict,
        description="a mapping from names, as in column_name, to numbers from 0 to 100",
    )
    suppress: tuple[Suppression, ...] = Field(
        default=(), description="a list of mappings with 'begin', 'end', 'reason'"
    )

    def named(self) -> Iterator[tuple[tuple[str | int, ...], str]]:
        """(place in the spec, name) of everything that is named here."""
        for name in self.importance:
            yield ("alerts", "importance", name), name
        for position, one in enumerate(self.suppress):
            for place, name in enumerate(one.features):
                yield ("alerts", "suppress", position, "features", place), name
