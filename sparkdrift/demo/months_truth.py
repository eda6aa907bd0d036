"""What is really so in the demo `months`: written beside its data, for no step to read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from typing import Any

from sparkdrift.demo.months import BEGIN, LABEL_DELAY_DAYS, LIVE_WEEK, WEEKS, Claims, MonthsLog
from sparkdrift.measures.intervals import wilson


@dataclass(frozen=True)
class Week:
    """One window: real figures over all of its rows, labels that have not arrived included.

    low, high: the 95 % interval of the accuracy.
    """

    begin: date
    accuracy: float
    low: float
    high: float
    decision_rate: float
    prevalence: float
    override_rate: float


@dataclass(frozen=True)
class Truth:
    """evaluated: accuracy on the evaluation set. significant: begin of the first week since going
    live whose real accuracy is below that by more than the tolerated loss, with its whole
    interval; None: there is none. labelled: when the labels of that week had arrived."""

    evaluated: float
    weeks: tuple[Week, ...]
    significant: date | None
    labelled: date | None

    def document(self) -> dict[str, Any]:
        """As it stands in the file, dates as texts."""
        shown = asdict(self)
        for week in shown["weeks"]:
            week["begin"] = week["begin"].isoformat()
        for name in ("significant", "labelled"):
            shown[name] = shown[name].isoformat() if shown[name] else None
        return shown


def truth(log: MonthsLog, tolerated_loss: float) -> Truth:
    """The truth of a log; tolerated_loss in points of accuracy, 0.03 for three of a hundred."""
    evaluated = log.evaluation().accuracy
    weeks = tuple(_week(number, log.week(number)) for number in range(WEEKS))
    worse = [one.begin for one in weeks[LIVE_WEEK:] if one.high < evaluated - tolerated_loss]
    known = timedelta(days=7 + LABEL_DELAY_DAYS)
    return Truth(evaluated, weeks, worse[0] if worse else None, worse[0] + known if worse else None)


def _week(number: int, claims: Claims) -> Week:
    right = claims.inspect == claims.finding
    figure = wilson(right.sum(), len(right))
    return Week(
        BEGIN + timedelta(weeks=number),
        float(figure.value),
        float(figure.low),
        float(figure.high),
        float(claims.inspect.mean()),
        float(claims.finding.mean()),
        float(claims.overridden.mean()),
    )
