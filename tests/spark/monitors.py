"""Monitor specs and contexts for tests, and what a run left in the store."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from functools import cache

import pyarrow as pa
import pytest

from sparkdrift.spark.commits import watched
from sparkdrift.spark.few_rows import few_rows
from sparkdrift.spark.migrate import migrate
from sparkdrift.spark.querying import asking
from sparkdrift.spark.report_rows import ReportRows
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.journal import Journal
from sparkdrift.steps.pages import asked_by
from sparkdrift.steps.profile import Plan, profile_windows
from sparkdrift.steps.run import Outcome, run_monitor
from sparkdrift.store import Store


def spec_of(path, **sections) -> MonitorSpec:
    """A spec over the Delta table in folder `path`; `sections` replace the usual ones."""
    return parse_spec(spec_text(path, **sections), "monitor.yml")


def spec_text(path, **sections) -> str:
    """The same as a file has it."""
    content = {
        "monitor": "credit",
        "owner": "tests",
        "source": {"path": str(path)},
        "timestamp": {"column": "ts", "zone": "UTC"},
        "features": {"numeric": ["amount", "score"], "categorical": ["product"]},
        **sections,
    }
    # JSON is YAML, and quotes every name for us.
    return json.dumps(content, ensure_ascii=False, default=str)


def new_store(spark, path) -> Store:
    """A store without rows: a copy of one that was made once, which is a second for each."""
    shutil.copytree(_empty(spark).name, path, dirs_exist_ok=True)
    return Store(directory=str(path))


@cache
def _empty(spark) -> tempfile.TemporaryDirectory:
    folder = tempfile.TemporaryDirectory(prefix="sparkdrift-empty-")
    migrate(spark, Store(directory=folder.name))
    return folder


def context_of(spark, store: Store, run_id: str | None = None) -> Context:
    return Context(spark, store, Journal(spark, store, run_id))


def run(spark, store: Store, spec: MonitorSpec, run_id: str | None = None, **options) -> Outcome:
    """One whole run, as the command line does it."""
    return run_monitor(context_of(spark, store, run_id), spec, Options(**options))


def profile_only(
    spark, store: Store, spec: MonitorSpec, run_id: str | None = None, **options
) -> Plan:
    """The profile step alone."""
    context = context_of(spark, store, run_id)
    plan = profile_windows(context, spec, Options(**options))
    context.journal.close()
    return plan


@contextmanager
def asked_of(spark) -> Iterator[list]:
    """The frames that are collected meanwhile: the questions that Spark is asked."""
    frame = type(spark.range(1))
    collect, asked = frame.collect, []

    def counting(self):
        asked.append(self)
        return collect(self)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(frame, "collect", counting)
        yield asked


@contextmanager
def brought_of(spark) -> Iterator[list]:
    """The schemas of all frames whose rows come to the driver meanwhile, by whatever call."""
    frame = type(spark.range(1))
    brought: list = []

    def noting(name):
        own = getattr(frame, name)

        def called(self, *arguments, **named):
            brought.append(self.schema)
            return own(self, *arguments, **named)

        return called

    with pytest.MonkeyPatch.context() as patched:
        for name in ("collect", "toArrow", "toPandas", "toLocalIterator", "take", "head", "tail"):
            patched.setattr(frame, name, noting(name))
        yield brought


class Crash(BaseException):
    """The end of a driver: nothing catches it."""


@contextmanager
def crashing(after: int | None = None) -> Iterator[list[str]]:
    """The tables that are written meanwhile, in order of the commits.

    after: the driver ends when so many were written, and writes no more. That is before the next
    write as well: between the two nothing is left behind.
    """
    written: list[str] = []

    def counting(point):
        when, change, table = point.split(maxsplit=2)
        if change not in ("replace", "insert", "delete"):
            return
        if when == "after":
            written.append(table)
        if after is not None and len(written) >= after:
            raise Crash

    with watched(counting):
        yield written


def content(spark, store: Store, tables: Iterable[str]) -> dict[str, list[str]]:
    """Rows of tables without what tells one run from another: its id, and when it wrote."""
    of_a_run = {"run_id", "created_at", "checked_at", "at", "seconds", "attempt"}
    found = {}
    for name in tables:
        rows = spark.table(store.table(name)).toArrow()
        kept = rows.select([one for one in rows.column_names if one not in of_a_run])
        found[name] = sorted(map(str, kept.to_pylist()))
    return found


def rows_of(spark, store: Store, table: str, where: str = "true") -> pa.Table:
    """Rows of a store's table as Arrow, in the order of their keys."""
    order = ["monitor", "window_start", "slice_key", "slice_value", "column_name"]
    frame = spark.table(store.table(table)).where(where)
    return frame.orderBy(*[name for name in order if name in frame.columns]).toArrow()


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=timezone.utc)


@contextmanager
def report_rows(spark, store: Store) -> Iterator[ReportRows]:
    """The questions of a page to a store, answered by Spark."""
    with few_rows(spark), asking(spark, store) as ask:
        yield asked_by(ask, spark)
