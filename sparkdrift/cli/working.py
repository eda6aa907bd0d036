"""A session, a store and a journal, opened for one command and closed after it."""

from __future__ import annotations

import importlib
import logging
import os
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Protocol

from rich.control import Control
from rich.segment import ControlType

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common
from sparkdrift.cli.progress import Bars
from sparkdrift.cli.stopping import quieten_py4j, stoppable
from sparkdrift.report.plain import named
from sparkdrift.spark.installed import require_pyspark
from sparkdrift.store import Store, locked, no_store, open_store

if TYPE_CHECKING:
    from sparkdrift.steps.context import Context
    from sparkdrift.steps.journal import Record

LOG = "sparkdrift.log"
_ERASE = Control(ControlType.CARRIAGE_RETURN, (ControlType.ERASE_IN_LINE, 2))


def log_file(common: Common, store: Store) -> Path | None:
    """Where the JSON lines of the steps go; None where no file was named or is near."""
    if common.log_file is not None:
        return common.log_file
    return None if store.local is None else store.local / LOG


class Meanwhile(Protocol):
    """begin: called where a Java is about to start; what it returns is done in a thread while it
    does. stop: nobody waits for that any more."""

    def begin(self) -> Callable[[], None]: ...

    def stop(self) -> None: ...


@contextmanager
def session(
    common: Common, *, brief: bool = False, meanwhile: Meanwhile | None = None
) -> Iterator[Any]:
    """A Spark session that reads Delta tables; its own output stays in a file.

    `brief`: for a command that looks at few rows (see `open_session`). `meanwhile`: what else to do
    while a Java starts.

    Raises SetupError with the next step where Java, Spark or Delta is missing.
    """
    quieten(common)
    require_pyspark()
    from sparkdrift.spark.capabilities import check_delta
    from sparkdrift.spark.session import open_session
    from sparkdrift.spark.shipping import ship_package

    output = Path(tempfile.gettempdir()) / f"sparkdrift-spark-{os.getpid()}.log"
    with ExitStack() as stack:

        def read() -> None:
            # The steps' modules, while Java starts. Where that fails they are waited for: what
            # they load can't be loaded while Python ends.
            reading = Thread(target=_read_then, args=(meanwhile and meanwhile.begin(),))
            reading.start()
            stack.callback(reading.join)
            if meanwhile is not None:
                stack.callback(meanwhile.stop)

        with _starting():
            spark = stack.enter_context(open_session(log=output, brief=brief, meanwhile=read))
        stack.enter_context(stoppable())
        # After a start that failed the file stays: the error names it.
        stack.callback(_leave, output, common)
        check_delta(spark)
        ship_package(spark)
        yield spark


@contextmanager
def existing_store(common: Common) -> Iterator[tuple[Any, Store]]:
    """A session and a store to read from; raises StoreError where nothing was ever written."""
    store = open_store(common.store)
    _require_folder(store)
    with session(common, brief=True) as spark:
        from sparkdrift.steps.opening import require_store

        require_store(spark, store)
        yield spark, store


@contextmanager
def work(
    common: Common,
    store: Store,
    *,
    dry: bool = False,
    brief: bool = False,
    meanwhile: Meanwhile | None = None,
) -> Iterator[tuple[Context, Bars]]:
    """All that steps need, on `store`, which is created or brought up to date first.

    `dry`: nothing is written anywhere; a store that is not there yet looks empty. `brief`:
    nothing is expected to be due. `meanwhile`: as of `session`.
    Raises SetupError where Spark lacks the sketch functions.
    """
    with (
        nullcontext() if dry else locked(store),
        session(common, brief=brief, meanwhile=meanwhile) as spark,
    ):
        from sparkdrift.steps.context import Context
        from sparkdrift.steps.journal import Journal
        from sparkdrift.steps.opening import closing, prepared

        store = prepared(spark, store, dry=dry)
        log = None if dry else log_file(common, store)
        with Bars(shown=not common.as_json) as bars:
            made = Journal(spark, store, common.run_id, log, partial(_finished, bars))
            with closing(made) as journal:
                yield Context(spark, store, journal, bars), bars


def _read_then(more: Callable[[], None] | None) -> None:
    try:
        importlib.import_module("sparkdrift.steps.run")
    finally:
        # Somebody waits for its end.
        if more is not None:
            more()


def quieten(common: Common) -> None:
    """Keep Python-side remarks of pyspark and its libraries from the user, unless -v."""
    if not common.verbose:
        warnings.filterwarnings("ignore")
        for name in ("py4j", "pyspark"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        quieten_py4j()


def _require_folder(store: Store) -> None:
    if store.local is not None and not store.local.is_dir():
        raise no_store(store)


@contextmanager
def _starting() -> Iterator[None]:
    """Say that Spark starts, and take the words back; nothing while the JVM owns stderr."""
    console = screen.err()
    if console.is_terminal:
        console.print("[dim]starting Spark ...[/]", end="\r")
    try:
        yield
    finally:
        if console.is_terminal:
            console.control(_ERASE)


def _finished(bars: Bars, step: Record) -> None:
    done = named(step.windows - step.vanished, "window") if step.windows else "done"
    if step.vanished:
        done += f" and {step.vanished:,} without rows any more"
    bars.finished(f"{step.monitor}: {step.step}", done, step.seconds)


def _leave(output: Path, common: Common) -> None:
    if common.verbose:
        if output.exists():
            screen.remark(f"Spark's own output is in {output}")
        return
    with suppress(OSError):
        output.unlink(missing_ok=True)
