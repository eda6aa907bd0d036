"""A spec, a store and a session, opened for one call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spark.answers import Ask
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context, Options
    from sparkdrift.store import Store

Found = TypeVar("Found")
Moment: TypeAlias = date | datetime
"""A day or time of the monitor's zone, or a datetime with an offset."""


def loaded(spec: str | Path | MonitorSpec) -> MonitorSpec:
    """The spec itself; raises SpecError with every problem of a file."""
    if isinstance(spec, str | Path):
        from sparkdrift.spec.loading import load_spec

        return load_spec(Path(spec))
    return spec


def instant(spec: MonitorSpec, time: Moment | None) -> datetime | None:
    """A time of the monitor's zone as an instant."""
    from sparkdrift.windows import local_instant

    return None if time is None else local_instant(time, spec.timestamp.zone)


def options_of(
    spec: MonitorSpec,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
) -> Options:
    """What a step is asked for; raises UsageError where begin is not before end."""
    from sparkdrift.steps.context import options_for

    return options_for(spec, as_of, begin, end)


def somebody(by: str | None) -> str:
    """Who decides; None: the user of this process."""
    from sparkdrift.steps.snapshot import user

    return by or user()


def active() -> SparkSession | None:
    """The session of a notebook; None: there is none."""
    from sparkdrift.spark.session import active_session

    return active_session()


@contextmanager
def session(spark: SparkSession | None) -> Iterator[SparkSession]:
    """A session that reads Delta, whose executors know the package."""
    from sparkdrift.spark.capabilities import check_delta
    from sparkdrift.spark.session import open_session
    from sparkdrift.spark.shipping import ship_package

    with open_session(spark=spark) as opened:
        check_delta(opened)
        ship_package(opened)
        yield opened


@contextmanager
def reading(store: str | None, spark: SparkSession | None) -> Iterator[tuple[SparkSession, Store]]:
    """A session and a store that is there."""
    from sparkdrift.spark.capabilities import check_functions
    from sparkdrift.steps.opening import require_store
    from sparkdrift.store import open_store

    place = open_store(store)
    with session(spark) as opened:
        require_store(opened, place)
        check_functions(opened)
        yield opened, place


def asked(
    store: str | None,
    spark: SparkSession | None,
    questions: Callable[[Ask, SparkSession | None, Store], Found],
) -> Found:
    """What `questions` make of what a store answers, of the session, if any, and of the store.

    Without Java where a store in a folder can be read so and no session is given or active.
    """
    from sparkdrift.embedded import without_spark
    from sparkdrift.embedded.unanswered import UnansweredError
    from sparkdrift.store import open_store

    place = open_store(store)
    if spark is None and active() is None:
        with suppress(UnansweredError):
            return without_spark(place, lambda ask: questions(ask, None, place))
    from sparkdrift.spark.querying import asking

    with reading(store, spark) as (opened, place), asking(opened, place) as ask:
        return questions(ask, opened, place)


@contextmanager
def working(
    store: str | None, spark: SparkSession | None, run_id: str | None = None, *, dry: bool = False
) -> Iterator[Context]:
    """All that steps need; the store is created or brought up to date first, and held meanwhile.

    `dry`: nothing is written; a store that is not there yet looks empty.
    """
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.journal import Journal
    from sparkdrift.steps.opening import closing, prepared
    from sparkdrift.store import locked, open_store

    place = open_store(store)
    with nullcontext() if dry else locked(place), session(spark) as opened:
        place = prepared(opened, place, dry=dry)
        with closing(Journal(opened, place, run_id)) as journal:
            yield Context(opened, place, journal)
