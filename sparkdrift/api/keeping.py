"""A spec's beginning, the store's tables, and what leaves them."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from sparkdrift.api.opening import (
    Moment,
    loaded,
    options_of,
    reading,
    session,
    somebody,
    working,
)
from sparkdrift.api.results import Shown
from sparkdrift.api.tables import Rows, rows_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spec.models import MonitorSpec


@dataclass(frozen=True)
class Migration(Shown):
    """A store's version before, None: there was no store; and its version now.

    made_good: tables, and columns of tables, that somebody took away.
    """

    _absent: ClassVar[Mapping[str, str]] = {"had": "none: it was not there"}

    store: str
    had: int | None
    version: int
    made_good: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pruned(Shown):
    """Windows that went, or would; rows: of each table, by grain."""

    monitor: str
    dry_run: bool
    grains: Rows


@dataclass(frozen=True)
class Forgotten(Shown):
    """Windows that were profiled again, and versions of references that were erased.

    not_looked_at: versions made of other tables. exported_to: files to delete by hand. queues:
    tables of rows to label, where the rows are to be deleted by hand as well. unseen: begin and end
    of pruned windows whose rows roll-ups hold, where no windows were given.
    """

    monitor: str
    windows: tuple[tuple[datetime, datetime], ...]
    erased: Rows
    not_looked_at: tuple[str, ...]
    exported_to: tuple[str, ...]
    queues: tuple[str, ...] = ()
    unseen: tuple[datetime, datetime] | None = None


@dataclass(frozen=True)
class Draft(Shown):
    """A spec that was drafted from a table: read it and correct it."""

    monitor: str
    text: str
    rows: int
    columns: int

    def save(self, file: str | Path) -> Path:
        """Write it; returns the path. Raises UsageError where the file exists."""
        from sparkdrift.errors import UsageError

        path = Path(file)
        try:
            with path.open("x", encoding="utf-8") as stream:
                stream.write(self.text)
        except FileExistsError:
            raise UsageError(
                f"{path} exists and stays as it is; name another, or remove it"
            ) from None
        except OSError as error:
            raise UsageError(
                f"{path} can't be written: {error.strerror}; name a file in a folder that is there"
            ) from error
        return path


def draft(
    table: str,
    *,
    monitor: str | None = None,
    owner: str | None = None,
    spark: SparkSession | None = None,
) -> Draft:
    """A spec drafted by looking at a Delta table, its name or its folder, as `sparkdrift init`.

    Its `save` writes it. Raises SourceError where the table has no rows.
    """
    from sparkdrift.steps.drafting import drafted, monitor_of

    name = monitor or monitor_of(table)
    with session(spark) as opened:
        made = drafted(opened, table, name, owner)
    return Draft(name, made.text, made.rows, made.columns)


def validate(
    spec: str | Path, *, no_table: bool = False, spark: SparkSession | None = None
) -> Rows:
    """Every problem of a spec, held against its tables; no rows: there is none.

    no_table: the file alone, without Spark. Raises UsageError where the file can't be opened.
    """
    from sparkdrift.errors import SpecError
    from sparkdrift.spec.loading import read_spec
    from sparkdrift.steps.holding import held

    found = read_spec(Path(spec))
    try:
        if no_table or found.sound is None:
            found.usable()
        else:
            with session(spark) as opened:
                held(opened, found.sound, found.problems)
    except SpecError as error:
        return rows_of([vars(one) for one in error.problems])
    return rows_of([])


def doctor(store: str | None = None) -> Rows:
    """Whether this machine can do the work: each part, whether it is ok, and what was found."""
    from sparkdrift.steps.examining import examine

    seen = examine(store, lambda error: str(error) or type(error).__name__)
    return rows_of(seen.lines)


def migrate(store: str | None = None, *, spark: SparkSession | None = None) -> Migration:
    """Create the store's tables, or bring older ones up to this version.

    Tables and columns that somebody took away are made again, empty. Raises StoreError for a store
    that is newer, or has a column of another type.
    """
    from sparkdrift.spark.catalog_views import create_views
    from sparkdrift.spark.migrate import make_good
    from sparkdrift.spark.migrate import migrate as bring_up
    from sparkdrift.spark.schemas import STORE_VERSION
    from sparkdrift.store import locked, open_store

    place = open_store(store)
    with locked(place), session(spark) as opened:
        had = bring_up(opened, place)
        made = make_good(opened, place) if had is not None else []
        if had == STORE_VERSION:
            create_views(opened, place)
    return Migration(str(place), had, STORE_VERSION, tuple(made))


def maintain(
    store: str | None = None, *, dry_run: bool = False, spark: SparkSession | None = None
) -> Rows:
    """Join small files of the store's tables and remove old ones: what was done with each table.

    files, bytes: before and after. refused: why not all was done; the other tables go on.
    """
    from sparkdrift.spark.maintaining import maintain as keep_small
    from sparkdrift.store import locked

    with reading(store, spark) as (opened, place), nullcontext() if dry_run else locked(place):
        return rows_of([asdict(one) for one in keep_small(opened, place, dry=dry_run)])


def prune(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    dry_run: bool = False,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Pruned:
    """Delete windows that are older than `retention` in the spec keeps them.

    dry_run: only say which. Of a spec without retention there are no grains.
    """
    from sparkdrift.steps.prune import plan_prune
    from sparkdrift.steps.prune import prune as delete

    own = loaded(spec)
    with working(store, spark, run_id, dry=dry_run) as context:
        found = (plan_prune if dry_run else delete)(context, own)
    grains = [
        {
            "granularity": one.aged.granularity,
            "until": one.aged.until,
            "windows": len(one.aged.due),
            "cited": len(one.aged.cited),
            "waiting": len(one.aged.waiting),
            "rows": dict(one.rows),
        }
        for one in found
    ]
    return Pruned(own.monitor, dry_run, rows_of(grains))


def forget(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    begin: Moment | None = None,
    end: Moment | None = None,
    retain_hours: int = 168,
    role: str | None = None,
    by: str | None = None,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Forgotten:
    """After rows were deleted from the source: erase what the store holds of them.

    begin, end: the windows; None: those that changed since the last run. role: versions of it that
    were made of other tables are made again as well. retain_hours: VACUUM
    leaves files that were in use so lately, which hold what is to be erased until that is over.
    """
    from sparkdrift.steps.forget import forget as erase

    own = loaded(spec)
    options = options_of(own, None, begin, end)
    with working(store, spark, run_id) as context:
        done = erase(context, own, options, by=somebody(by), retain_hours=retain_hours, role=role)
    erased = [
        {
            "role": one.name.role,
            "name": one.name.name,
            "version": one.version,
            "digest": one.digest,
            "instead": one.instead,
            "why": one.why,
        }
        for one in done.erased
    ]
    windows = tuple((one.start, one.end) for one in done.windows)
    unseen = None if done.unseen is None else (done.unseen.start, done.unseen.end)
    told = rows_of(erased)
    return Forgotten(own.monitor, windows, told, done.elsewhere, done.files, done.queues, unseen)
