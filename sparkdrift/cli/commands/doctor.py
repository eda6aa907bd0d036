"""doctor: whether this machine can do the work, part by part, with the next step for each."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from rich.table import Table
from rich.text import Text

from sparkdrift import __version__
from sparkdrift.cli import screen
from sparkdrift.cli.common import Common, message
from sparkdrift.cli.working import quieten, require_pyspark
from sparkdrift.report.plain import plain
from sparkdrift.store import Store, open_store


class Examination:
    """The lines so far: each a part, whether it is well, and what was found."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []

    def check(self, part: str, look: Callable[[], str]) -> bool:
        """Add a line: what `look` returns, or the error it raises."""
        try:
            found, well = look(), True
        except Exception as error:
            found, well = message(error), False
        self.lines.append({"part": part, "ok": well, "found": found})
        return well

    def skip(self, part: str, reason: str) -> None:
        self.lines.append({"part": part, "ok": False, "found": reason})

    @property
    def well(self) -> bool:
        return all(line["ok"] for line in self.lines)


def doctor(common: Common) -> int:
    """Check Java, Spark, Delta, the sketch functions and write access to the store.

    Example: sparkdrift doctor --store ./sparkdrift-store
    """
    quieten(common)
    seen = Examination()
    seen.check("sparkdrift", lambda: f"{__version__} in {_folder()}")
    seen.check("python", lambda: f"{platform.python_version()} at {sys.executable}")
    seen.check("java", _java)
    if seen.check("spark", _spark):
        seen.check("delta jars", _jars)
    stores: list[Store] = []
    seen.check("store", lambda: _store(common, stores))
    with ExitStack() as stack:
        sessions: list[Any] = []
        if seen.well and seen.check("session", lambda: _session(stack, sessions)):
            _ask_spark(seen, sessions[0], stores[0])
        elif not sessions:
            seen.skip("session", "not started: solve the problems above, then run doctor again")
    if common.as_json:
        screen.print_json({"ok": seen.well, "checks": seen.lines})
    else:
        screen.show(_table(seen))
    return 0 if seen.well else 1


def _ask_spark(seen: Examination, spark: Any, store: Store) -> None:
    from sparkdrift.spark.capabilities import check_delta, try_functions
    from sparkdrift.spark.checking import try_writing, zone_kept
    from sparkdrift.spark.migrate import store_version

    def functions() -> str:
        try_functions(spark)
        return "KLL and HLL work"

    def delta() -> str:
        check_delta(spark)
        return "this session reads and writes Delta"

    def version() -> str:
        found = store_version(spark, store)
        return "no tables yet: the first command makes them" if found is None else str(found)

    seen.check("functions", functions)
    if seen.check("delta", delta):
        seen.check("write access", lambda: try_writing(spark, store))
        seen.check("store version", version)
    seen.check("time zone", lambda: zone_kept(spark))


def _folder() -> str:
    import sparkdrift

    return str(next(iter(sparkdrift.__path__)))


def _java() -> str:
    require_pyspark()
    from sparkdrift.spark.session import check_java

    version, path = check_java(), _java_path()
    return f"{version} at {path}"


def _java_path() -> str:
    home = os.environ.get("JAVA_HOME")
    return f"{home}/bin/java" if home else str(shutil.which("java"))


def _spark() -> str:
    require_pyspark()
    from sparkdrift.spark.checking import engine

    return engine()


def _jars() -> str:
    from sparkdrift.spark.checking import delta_jars

    return delta_jars()


def _store(common: Common, stores: list[Store]) -> str:
    stores.append(open_store(common.store))
    kind = "a directory" if stores[0].directory is not None else "a catalog schema"
    return f"{stores[0]} ({kind})"


def _session(stack: ExitStack, sessions: list[Any]) -> str:
    from sparkdrift.spark.session import open_session

    begun = time.monotonic()
    sessions.append(stack.enter_context(open_session()))
    return f"Spark {sessions[0].version} was ready in {time.monotonic() - begun:.1f} s"


def _table(seen: Examination) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in seen.lines:
        mark = Text("ok", style="green") if line["ok"] else Text("problem", style="bold red")
        table.add_row(mark, line["part"], Text(plain(line["found"])))
    return table
