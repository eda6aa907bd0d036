"""Whether this machine can do the work, part by part, with the next step for each."""

from __future__ import annotations

import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from sparkdrift import __version__
from sparkdrift.errors import StoreError
from sparkdrift.spark.installed import require_pyspark
from sparkdrift.store import Store, open_store


class Examination:
    """The lines so far: each a part, whether it is well, and what was found.

    `told` puts an error into words.
    """

    def __init__(self, told: Callable[[Exception], str]) -> None:
        self._told = told
        self.lines: list[dict[str, Any]] = []

    def check(self, part: str, look: Callable[[], str]) -> bool:
        """Add a line: what `look` returns, or the error it raises."""
        try:
            found, well = look(), True
        except Exception as error:
            found, well = self._told(error), False
        self.lines.append({"part": part, "ok": well, "found": found})
        return well

    def skip(self, part: str, reason: str) -> None:
        self.lines.append({"part": part, "ok": False, "found": reason})

    @property
    def well(self) -> bool:
        return all(line["ok"] for line in self.lines)


def examine(store: str | None, told: Callable[[Exception], str]) -> Examination:
    """Look at every part, the session only where nothing before it is wrong.

    store: as open_store takes it. told: puts an error into words.
    """
    seen = Examination(told)
    seen.check("sparkdrift", lambda: f"{__version__} in {_folder()}")
    seen.check("python", lambda: f"{platform.python_version()} at {sys.executable}")
    seen.check("java", _java)
    if seen.check("spark", _spark):
        seen.check("delta jars", _jars)
    stores: list[Store] = []
    seen.check("store", lambda: _store(store, stores))
    with ExitStack() as stack:
        sessions: list[Any] = []
        if seen.well and seen.check("session", lambda: _session(stack, sessions)):
            _ask_spark(seen, sessions[0], stores[0])
        elif not sessions:
            seen.skip("session", "not started: solve the problems above, then run doctor again")
    return seen


def _ask_spark(seen: Examination, spark: Any, store: Store) -> None:
    from sparkdrift.spark.capabilities import check_delta, try_functions
    from sparkdrift.spark.checking import try_writing, zone_kept
    from sparkdrift.spark.migrate import store_version
    from sparkdrift.spark.runs import unfinished

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
        if seen.check("store version", version) and store_version(spark, store) is not None:
            seen.check("erasures", lambda: erasures(unfinished(spark, store, "forget")))
    seen.check("time zone", lambda: zone_kept(spark))


def erasures(begun: Mapping[str, datetime]) -> str:
    """What is told of erasures that began and did not end, by monitor; raises StoreError."""
    if not begun:
        return "all that were begun are done"
    told = "; ".join(
        f"that of {monitor}, begun {at:%Y-%m-%d %H:%M} UTC, did not end"
        for monitor, at in sorted(begun.items())
    )
    raise StoreError(
        f"{told}: values that were to be erased may still be there. `sparkdrift forget SPEC` "
        "completes it, whatever it was asked for; where one is at work now, wait for it"
    )


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


def _store(given: str | None, stores: list[Store]) -> str:
    stores.append(open_store(given))
    kind = "a directory" if stores[0].directory is not None else "a catalog schema"
    return f"{stores[0]} ({kind})"


def _session(stack: ExitStack, sessions: list[Any]) -> str:
    from sparkdrift.spark.session import open_session

    begun = time.monotonic()
    sessions.append(stack.enter_context(open_session()))
    return f"Spark {sessions[0].version} was ready in {time.monotonic() - begun:.1f} s"
