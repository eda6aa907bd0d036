"""What a row of staleness is, what it is judged by, and the verdicts that several figures share."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np

from sparkdrift.kernels.performance_rules import DEFAULT_LOSS, Rules
from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.evidence import LEAST_POWER
from sparkdrift.measures.intervals import Figure, power_to_tell
from sparkdrift.measures.score_bins import ScoreBins

OK, WARNING, DRIFTED = "ok", "warning", "drifted"
INSUFFICIENT, UNDETERMINED, NO_REFERENCE = "insufficient_data", "undetermined", "no_reference"
ALL = "*"
"""The subject of a figure that is of the whole set."""


@dataclass(frozen=True)
class Stale:
    """One row: a figure of one window and evaluation set; NaN where not measured.

    threshold_low: the lower limit, where a figure has one on either side.
    """

    figure: str
    subject: str
    status: str
    reason: str
    value: float = np.nan
    low: float = np.nan
    high: float = np.nan
    threshold: float = np.nan
    unit: str = "share"
    threshold_low: float = np.nan


@dataclass(frozen=True)
class Operating:
    """A threshold: its name and value, and from when it was calibrated, None where unknown."""

    name: str
    value: float
    calibrated_at: datetime | None = None


@dataclass(frozen=True)
class Accepted:
    """A metric of the dashboard, and the limit of its band; NaN: none is declared."""

    metric: str
    limit: float = np.nan


@dataclass(frozen=True)
class Terms:
    """An event time that holds for windows that start in [start, end); newest None: not known."""

    start: datetime
    end: datetime | None
    newest: datetime | None


@dataclass(frozen=True)
class StalePolicy:
    """The spec as executors need it. Ages in days, the other limits as shares; effect: the shift
    in sd that matters, warn: that warns, overrides: (effect, warn) by feature; score: the column
    whose gap counts beside the inputs; left_out: columns whose gap does not; recorded: whether
    decisions come from a column; sets: rows and newest event of each set's versions; metric,
    tolerated: of `degraded`; metrics: those of the model; slices: the columns of each slice key,
    combined: what the key of all of them together is called; accepted: those of the dashboard with
    the limits that the spec declares, reported: by metric from when on the dashboard's table has
    which limit, in order of time."""

    age: float
    training_age: float
    outside: float
    thin: float
    ess_ratio: float
    distrust_ess_ratio: float
    decision_rate: float
    threshold_age: float
    prior: float
    calibration_error: float
    missing_slices: float
    effect: float
    warn: float
    task: str = "binary"
    overrides: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    left_out: frozenset[str] = frozenset()
    thresholds: tuple[Operating, ...] = ()
    recorded: bool = False
    accepted: tuple[Accepted, ...] = ()
    reported: Mapping[str, tuple[tuple[datetime, float], ...]] = field(default_factory=dict)
    metrics: tuple[str, ...] = ()
    metric: str | None = None
    tolerated: float = DEFAULT_LOSS
    payoff: tuple[float, float, float, float] | None = None
    slices: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    combined: str = ""
    sets: Mapping[tuple[str, int], tuple[int, datetime | None]] = field(default_factory=dict)
    training: tuple[Terms, ...] = ()

    def thresholds_of(self, feature: str) -> tuple[float, float]:
        """(effect, warn) of a feature."""
        return self.overrides.get(feature, (self.effect, self.warn))

    def accepted_at(self, end: datetime) -> tuple[Accepted, ...]:
        """The metrics of the dashboard with the limits that hold at the end of a window: those of
        its table's newest rows before, else those that are declared."""
        found = {one.metric: one for one in self.accepted}
        for metric, rows in self.reported.items():
            place = bisect_left(rows, end, key=lambda row: row[0])
            if place:
                found[metric] = Accepted(metric, rows[place - 1][1])
        return tuple(found.values())

    def tolerance(self, metric: str, evaluated: float) -> float:
        """What of a metric may be lost, in its unit, as `performance` has it."""
        rules = Rules(metric=self.metric, tolerated=self.tolerated)
        return float(rules.tolerance(metric, floats(evaluated)))


@dataclass(frozen=True)
class EvaluationSet:
    """A version of an evaluation set. scores: by class ('*': of a binary model) its whole state;
    errors (B, 9): of a regression; slices: by slice key the values, and their states (S, B, ...)
    in the same order, of the class '*'; one key may combine those that are declared."""

    name: str
    version: int
    scores: Mapping[str, ScoreBins] = field(default_factory=dict)
    errors: Floats | None = None
    slices: Mapping[str, tuple[Sequence[str | None], Floats]] = field(default_factory=dict)


@dataclass(frozen=True)
class Gap:
    """A feature of a window held against the evaluation set: a row of `drift`."""

    column: str
    status: str
    reason: str
    effect: float
    low: float
    high: float
    outside: float
    rows: float
    importance: float


@dataclass(frozen=True)
class WindowState:
    """What is known of one window: its states by class, rows by slice key and value, gaps."""

    start: datetime
    end: datetime
    mature: bool
    digest: str
    scores: Mapping[str, ScoreBins] = field(default_factory=dict)
    errors: Floats | None = None
    slices: Mapping[str, Mapping[str | None, float]] = field(default_factory=dict)
    gaps: Sequence[Gap] = ()


def above(figure: Figure, limit: float) -> str:
    """Of what should not exceed a limit; `undetermined` where the interval holds the limit."""
    if np.isnan(figure.value):
        return INSUFFICIENT
    if figure.low > limit:
        return WARNING
    return OK if figure.high <= limit else UNDETERMINED


def below(figure: Figure, limit: float) -> str:
    """Of what should not fall below a limit."""
    if np.isnan(figure.value):
        return INSUFFICIENT
    if figure.high < limit:
        return WARNING
    return OK if figure.low >= limit else UNDETERMINED


def beyond(figure: Figure, limit: float) -> str:
    """Of a change that should be less than `limit` in either way.

    `ok` only where a change of that size would have been noticed, see `power`.
    """
    if np.isnan(figure.value) or np.isnan(figure.low):
        return INSUFFICIENT
    if figure.low > limit or figure.high < -limit:
        return WARNING
    inside = -limit <= figure.low and figure.high <= limit
    return OK if inside and power_to_tell(figure, limit) >= LEAST_POWER else UNDETERMINED


def judged(
    figure: str,
    subject: str,
    found: Figure,
    status: str,
    reason: str,
    threshold: float,
    unit: str = "share",
    threshold_low: float = np.nan,
) -> Stale:
    """The row of a figure with interval; an undetermined one says that it is too unsure."""
    if status == UNDETERMINED:
        reason += "; the interval is too wide to tell on which side of the limit it is"
    value, low, high = (float(part) for part in found)
    return Stale(figure, subject, status, reason, value, low, high, threshold, unit, threshold_low)


def unmeasured(
    figure: str,
    subject: str,
    reason: str,
    *,
    threshold: float = np.nan,
    unit: str = "share",
    status: str = INSUFFICIENT,
) -> Stale:
    """A row without a figure, which says why."""
    return Stale(figure, subject, status, f"not measured: {reason}", threshold=threshold, unit=unit)


def percent(share: float) -> str:
    return f"{100 * share:.3g} %"


def points(share: float) -> str:
    """'5 points' of a difference of shares of 0.05."""
    told = f"{100 * share:.3g}"
    return f"{told} point{'' if told in ('1', '-1') else 's'}"


def between(figure: Figure, unit: str = "share") -> str:
    """'3.1 % (2.5 % to 3.8 %)', in % for shares, else as numbers."""
    told = [percent(float(one)) if unit == "share" else f"{float(one):.3g}" for one in figure]
    return f"{told[0]} ({told[1]} to {told[2]})"
