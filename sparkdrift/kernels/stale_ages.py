"""How old is what the model is measured by: the evaluation set, the training data, thresholds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sparkdrift.kernels.stale_rows import (
    ALL,
    NO_REFERENCE,
    OK,
    WARNING,
    EvaluationSet,
    Stale,
    StalePolicy,
    WindowState,
    unmeasured,
)

_DAY = timedelta(days=1)


def ages(policy: StalePolicy, held: EvaluationSet, window: WindowState) -> Iterator[Stale]:
    """eval_age, training_age, and threshold_age of each threshold, in days at the window's end."""
    rows, newest = policy.sets.get((held.name, held.version), (0, None))
    yield _age(
        "eval_age",
        ALL,
        window,
        newest,
        policy.age,
        f"newest event of the evaluation set of {rows} rows",
        "the evaluation set has no event time",
    )
    yield training_age(policy, window)
    yield from threshold_ages(policy, window)


def training_age(policy: StalePolicy, window: WindowState) -> Stale:
    """Against the training reference in force when the window began."""
    for one in policy.training:
        if one.start <= window.start and (one.end is None or window.start < one.end):
            return _age(
                "training_age",
                ALL,
                window,
                one.newest,
                policy.training_age,
                "newest event of the training data",
                "the training reference has no event time",
            )
    return unmeasured(
        "training_age",
        ALL,
        "no training reference was in force when the window began; freeze one with "
        "`sparkdrift snapshot SPEC --role training --table TABLE`",
        threshold=policy.training_age,
        unit="days",
        status=NO_REFERENCE,
    )


def threshold_ages(policy: StalePolicy, window: WindowState) -> Iterator[Stale]:
    """Of each operating threshold, from the day on that the spec says it was calibrated."""
    for one in policy.thresholds:
        yield _age(
            "threshold_age",
            one.name,
            window,
            one.calibrated_at,
            policy.threshold_age,
            f"threshold {one.value:g}, calibrated",
            f"evaluation.thresholds.{one.name} has no calibrated_at",
        )
    if not policy.thresholds:
        yield unmeasured(
            "threshold_age",
            ALL,
            "evaluation.thresholds declares no operating threshold",
            threshold=policy.threshold_age,
            unit="days",
        )


def _age(
    figure: str,
    subject: str,
    window: WindowState,
    since: datetime | None,
    limit: float,
    of: str,
    unknown: str,
) -> Stale:
    if since is None:
        return unmeasured(figure, subject, unknown, threshold=limit, unit="days")
    days = (window.end - since) / _DAY
    status = WARNING if days > limit else OK
    told = f"{days:.0f} days before the window's end" if days >= 0 else "after the window"
    text = f"{of} {since:%Y-%m-%d}, {told}; limit {limit:.0f} days"
    # An age is known exactly: both ends of its interval are itself.
    return Stale(figure, subject, status, text, days, days, days, limit, "days")
