"""sparkdrift from Python: read a store, run and evaluate monitors, make pages.

Importing this loads neither Spark nor numpy: the first call does. Each function takes `store` (a
folder or catalog.schema; None: SPARKDRIFT_STORE, else ./sparkdrift-store), and `spark`, a session
to work in (None: the active one, as in a notebook, else one that is started). A session that was
there keeps its settings. What goes wrong on purpose is a SparkdriftError; its subclasses stand in
`sparkdrift.errors`. What has no function here is called as on the command line:
`sparkdrift.cli.main(["reference", "list", "credit.yml"])`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date, datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context, Options
    from sparkdrift.steps.evaluate import Evaluated
    from sparkdrift.store import Store

Moment = date | datetime
"""A day or time of the monitor's zone, or a datetime with an offset."""


class Tables:
    """The tables and views of a store, by name: `tables["current_drift"]` is a DataFrame.

    Each is as the store is when rows are asked for. In a notebook it shows what there is.
    """

    def __init__(self, spark: SparkSession, store: Store) -> None:
        self._spark, self._store = spark, store

    def __getitem__(self, name: str) -> DataFrame:
        """The rows of a table or view. Raises UsageError, with the nearest name, for another."""
        from sparkdrift.spark.reading import frame

        return frame(self._spark, self._store, name)

    def __iter__(self) -> Iterator[str]:
        from sparkdrift.spark.views import NAMES

        return iter(NAMES)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in set(self)

    def sql(self, statement: str, limit: int = 1000) -> Rows:
        """The first `limit` rows of a query in which tables and views stand by their plain names.

        Raises UsageError for a statement that does not only read, or that Spark refuses.
        """
        from sparkdrift.spark.querying import ask

        answer = ask(self._spark, self._store, statement, limit)
        return Rows(answer.columns, answer.rows, answer.more)

    def __repr__(self) -> str:
        return f"<sparkdrift.Tables of {self._store}: {', '.join(self)}>"

    def _repr_html_(self) -> str:
        from sparkdrift.report.page.shown import table_html
        from sparkdrift.spark.reading import about

        return table_html(f"The store {self._store}", ("name", "what it holds"), about())


@dataclass(frozen=True)
class Rows:
    """Rows of a query; times are aware UTC. `more`: there were more than were asked for."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    more: bool = False

    def __len__(self) -> int:
        return len(self.rows)

    def dicts(self) -> list[dict[str, Any]]:
        """Each row by column name; of columns alike the later ones have a number behind."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def _repr_html_(self) -> str:
        from sparkdrift.report.page.shown import table_html

        return table_html("and more" if self.more else "", self.columns, self.rows)


@dataclass(frozen=True)
class Evaluation:
    """What an evaluation did for one monitor; windows are counted, None: nothing to evaluate by.

    sets: evaluation sets that were frozen, missing: why others could not be. degraded and
    concept_drift: rows of `performance` of the measured windows that say so.
    """

    monitor: str
    run_id: str
    sets: tuple[str, ...]
    missing: dict[str, str]
    counted: int
    measured: int | None
    told: int | None
    degraded: int
    concept_drift: int

    def _repr_html_(self) -> str:
        return _shown(self)


@dataclass(frozen=True)
class Run:
    """What a run did for one monitor.

    profiled, judged: windows; rows: read from the source. statuses: how many verdicts of the judged
    windows have each. reference: the version that was frozen now, None: none was; blocked: why the
    gate left it a candidate.
    """

    monitor: str
    run_id: str
    profiled: int
    rows: int
    judged: int
    statuses: dict[str, int]
    reference: int | None
    blocked: tuple[str, ...]
    evaluation: Evaluation

    def _repr_html_(self) -> str:
        return _shown(self)


@dataclass(frozen=True)
class Page:
    """A page as HTML; a notebook shows it in a frame of its own, in which no script runs."""

    html: str

    def save(self, file: str | Path) -> Path:
        """Write it; returns the path. Raises UsageError where that can't be."""
        from sparkdrift.report.page.saving import save

        return save(Path(file), self.html)

    def _repr_html_(self) -> str:
        from sparkdrift.report.page.shown import framed

        return framed(self.html)


def read(store: str | None = None, *, spark: SparkSession | None = None) -> Tables:
    """The tables of a store. Raises StoreError where there is none, or one of another version."""
    from sparkdrift.spark.session import create_session
    from sparkdrift.store import open_store

    opened = open_store(store)
    session = spark or _active() or create_session()
    _require_store(session, opened)
    return Tables(session, opened)


def run(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Run:
    """Do all that is due for one monitor, as `sparkdrift run`.

    as_of: event time up to which data is complete; None: the newest event. begin, end: windows to
    compute again, due or not. run_id: the scheduler's, for the table `runs`.
    """
    from sparkdrift.steps.run import run_monitor

    loaded = _loaded(spec)
    options = _options(loaded, as_of, begin, end)
    with _working(store, spark, run_id) as context:
        done = run_monitor(context, loaded, options)
        number = context.journal.run_id
    return Run(
        monitor=loaded.monitor,
        run_id=number,
        profiled=len(done.profiled.due),
        rows=done.profiled.rows,
        judged=len(done.judged.windows),
        statuses=dict(done.findings.statuses),
        reference=None if done.reference is None else done.reference.version,
        blocked=tuple(done.blocked),
        evaluation=_evaluation(loaded, number, done.evaluated),
    )


def evaluate(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    as_of: Moment | None = None,
    begin: Moment | None = None,
    end: Moment | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Evaluation:
    """Measure performance and what of the evaluation went stale, as `sparkdrift eval`; the
    arguments are those of `run`."""
    from sparkdrift.steps.evaluate import evaluate as evaluate_monitor

    loaded = _loaded(spec)
    options = _options(loaded, as_of, begin, end)
    with _working(store, spark, run_id) as context:
        done = evaluate_monitor(context, loaded, options)
        return _evaluation(loaded, context.journal.run_id, done)


def page(
    spec: str | Path | MonitorSpec | None = None,
    store: str | None = None,
    *,
    last: int = 365,
    spark: SparkSession | None = None,
) -> Page:
    """The page of one model, as `sparkdrift report`; without a spec that of all models.

    last: so many windows, the newest.
    """
    from sparkdrift import __version__
    from sparkdrift.report.page.document import page as model_page
    from sparkdrift.report.page.fleet import fleet_page
    from sparkdrift.report.page.material import of_rows
    from sparkdrift.spark.report_rows import report_rows, watched_metric
    from sparkdrift.spark.session import open_session
    from sparkdrift.store import open_store

    loaded, opened = None if spec is None else _loaded(spec), open_store(store)
    with open_session(spark=spark) as session:
        _require_store(session, opened)
        with report_rows(session, opened) as ask:
            now = datetime.now(timezone.utc)
            if loaded is None:
                found = ask.fleet(), ask.unjudged()
                return Page(fleet_page(*found, str(opened), now, __version__))
            rows = ask.everything(loaded, last)
    material = of_rows(rows, watched_metric(loaded), str(opened), now, __version__)
    return Page(model_page(loaded, material))


def _evaluation(spec: MonitorSpec, run_id: str, done: Evaluated) -> Evaluation:
    measured, told = done.performed.windows, done.stale.windows
    return Evaluation(
        monitor=spec.monitor,
        run_id=run_id,
        sets=tuple(sorted(done.sets.made)),
        missing=dict(done.sets.missing),
        counted=len(done.counted.windows),
        measured=None if measured is None else len(measured),
        told=None if told is None else len(told),
        degraded=done.performed.degraded,
        concept_drift=done.performed.concept_drift,
    )


def _loaded(spec: str | Path | MonitorSpec) -> MonitorSpec:
    if isinstance(spec, str | Path):
        from sparkdrift.spec.loading import load_spec

        return load_spec(Path(spec))
    return spec


def _options(
    spec: MonitorSpec, as_of: Moment | None, begin: Moment | None, end: Moment | None
) -> Options:
    from sparkdrift.cli.arguments import options_for

    return options_for(spec, as_of, begin, end)


def _active() -> SparkSession | None:
    """The session of a notebook; None: there is none."""
    from sparkdrift.spark.session import active_session

    return active_session()


def _require_store(spark: SparkSession, store: Store) -> None:
    from sparkdrift.spark.migrate import store_version
    from sparkdrift.spark.versions import require_current
    from sparkdrift.store import no_store

    version = store_version(spark, store)
    if version is None:
        raise no_store(store)
    require_current(store, version)


@contextmanager
def _working(
    store: str | None, spark: SparkSession | None, run_id: str | None
) -> Iterator[Context]:
    """All that steps need; the store is created or brought up to date first, and held meanwhile."""
    from sparkdrift.spark.capabilities import check_delta, check_functions
    from sparkdrift.spark.migrate import migrate
    from sparkdrift.spark.session import open_session
    from sparkdrift.spark.shipping import ship_package, try_workers
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.journal import Journal
    from sparkdrift.store import locked, open_store

    opened = open_store(store)
    with locked(opened), open_session(spark=spark) as session:
        check_delta(session)
        ship_package(session)
        check_functions(session)
        try_workers(session)
        migrate(session, opened)
        journal = Journal(session, opened, run_id)
        try:
            yield Context(session, opened, journal)
        except BaseException:
            # What ended well before is still to be known; the error is what to report.
            with suppress(Exception):
                journal.close()
            raise
        journal.close()


def _shown(result: Run | Evaluation) -> str:
    """A result as a table of names and values, parts of it spelled out."""
    from dataclasses import fields

    from sparkdrift.report.page.shown import table_html

    lines: list[tuple[str, Any]] = []
    for field in fields(result):
        value = getattr(result, field.name)
        if isinstance(value, Evaluation):
            continue
        if isinstance(value, dict):
            value = ", ".join(f"{name} {count}" for name, count in sorted(value.items()))
        elif isinstance(value, tuple):
            value = "; ".join(map(str, value))
        lines.append((field.name.replace("_", " "), "not measured" if value is None else value))
    return table_html(type(result).__name__, ("", ""), lines)
