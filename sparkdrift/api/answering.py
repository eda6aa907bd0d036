"""What is said to a verdict and of debts, with a name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

from sparkdrift.api.opening import Moment, instant, loaded, somebody, working
from sparkdrift.api.results import Answer, Verdict
from sparkdrift.api.tables import Rows, rows_of
from sparkdrift.api.watching import verdict_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spec.models import MonitorSpec


def accept(
    spec: str | Path | MonitorSpec,
    reason: str,
    store: str | None = None,
    *,
    window: Moment | None = None,
    by: str | None = None,
    spark: SparkSession | None = None,
) -> Answer:
    """Say that a verdict is accepted: it will be acted on. window: a time in it, None: the newest.

    Raises UsageError where there is no such verdict, or where it asks nothing of anybody.
    """
    return _answered("accepted", spec, reason, store, window, by, spark)


def decline(
    spec: str | Path | MonitorSpec,
    reason: str,
    store: str | None = None,
    *,
    window: Moment | None = None,
    by: str | None = None,
    spark: SparkSession | None = None,
) -> Answer:
    """Say that a verdict is declined: it stays open, with the name and the reason beside it."""
    return _answered("declined", spec, reason, store, window, by, spark)


def _answered(
    action: Literal["accepted", "declined"],
    spec: str | Path | MonitorSpec,
    reason: str,
    store: str | None,
    window: Moment | None,
    by: str | None,
    spark: SparkSession | None,
) -> Answer:
    from sparkdrift.steps.answering import answer_verdict

    own = loaded(spec)
    at = instant(own, window)
    with working(store, spark) as context:
        done = answer_verdict(context, own, action, at, by=somebody(by), reason=reason)
    row = done.verdict
    return Answer(
        own.monitor,
        row["window_start"],
        row["verdict"],
        done.action,
        done.seq,
        done.by,
        done.reason,
        row["due"],
    )


def debts(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    spark: SparkSession | None = None,
) -> Rows:
    """The open debts of a model, the dearest first, as `sparkdrift debt list`."""
    from sparkdrift.report.health import by_interest, debt_facts
    from sparkdrift.steps.health import judge_monitors

    own = loaded(spec)
    with working(store, spark) as context:
        found = judge_monitors(context, [own])[own.monitor]
    open_now = found.newest.debts if found.newest else found.booked
    currency = own.degraded.currency if own.degraded else None
    notes = [f"interest in {currency}"] if currency else []
    return rows_of(debt_facts(by_interest(open_now)), notes)


def debt(
    spec: str | Path | MonitorSpec,
    name: str,
    store: str | None = None,
    *,
    spark: SparkSession | None = None,
) -> Rows:
    """The life of one debt: all of its events, what was taken back included. A note says how
    it moves while it is open, or why that is not known.

    Raises UsageError, with the nearest, where there is none of this name.
    """
    from sparkdrift.report.health import course_line, debt_event_facts
    from sparkdrift.steps.answering_debts import life_of

    own = loaded(spec)
    with working(store, spark) as context:
        events, course = life_of(context, own, name)
    return rows_of(debt_event_facts(events), [course_line(course)])


def acknowledge(
    spec: str | Path | MonitorSpec,
    name: str,
    reason: str,
    store: str | None = None,
    *,
    by: str | None = None,
    spark: SparkSession | None = None,
) -> Verdict:
    """Say that a debt was seen; it stays open and due. Returns the verdict that stands now."""
    return _said("acknowledged", spec, name, reason, store, by, None, None, spark)


def waive(
    spec: str | Path | MonitorSpec,
    name: str,
    reason: str,
    until: Moment,
    store: str | None = None,
    *,
    by: str | None = None,
    spark: SparkSession | None = None,
) -> Verdict:
    """Let a debt be up to a point of event time; then it opens again."""
    return _said("waived", spec, name, reason, store, by, until, None, spark)


def assign(
    spec: str | Path | MonitorSpec,
    name: str,
    reason: str,
    to: str,
    store: str | None = None,
    *,
    by: str | None = None,
    spark: SparkSession | None = None,
) -> Verdict:
    """Give a debt to somebody else."""
    from sparkdrift.errors import UsageError

    if not to.strip():
        raise UsageError("`to` is empty; accepted is a person or a team")
    return _said("assigned", spec, name, reason, store, by, None, to.strip(), spark)


def _said(
    action: Literal["acknowledged", "waived", "assigned"],
    spec: str | Path | MonitorSpec,
    name: str,
    reason: str,
    store: str | None,
    by: str | None,
    until: Moment | None,
    owner: str | None,
    spark: SparkSession | None,
) -> Verdict:
    from sparkdrift.steps.answering_debts import Said, answer_debt

    own = loaded(spec)
    said = Said(action, somebody(by), reason, instant(own, until), owner)
    with working(store, spark) as context:
        done = answer_debt(context, own, name, said)
    return verdict_of(own, done.judged)
