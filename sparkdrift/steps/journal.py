"""What ran: rows in `runs`, and one JSON line per step in a log file.

`runs` is a log, not a commit marker: whether work is due is decided from the digests
of the rows themselves. A commit costs about a second, so the success of a step is written
together with what comes next, and `close` writes the last one. A step that finds nothing
to do has no row for its start.

The order of the rows says what came last, so it must not be the clock's alone, which may jump back:
no row is older than those that its monitor has.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparkdrift import __version__
from sparkdrift.errors import SparkdriftError
from sparkdrift.redacting import without_secrets
from sparkdrift.spark.alterations import alteration
from sparkdrift.spark.damage import damage
from sparkdrift.spark.failures import condition
from sparkdrift.spark.runs import (
    Begun,
    LookedUp,
    Success,
    begun,
    looked_up,
    recalled,
    write_runs,
)
from sparkdrift.store import Store
from sparkdrift.windows import Window

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


_RIGHT_AFTER = timedelta(microseconds=1)


@dataclass
class Record:
    """What one step has to say about itself; the step fills it in while it works.

    `vanished`: how many of the `windows` lost their rows, and were marked instead of computed.
    `during`: the windows of the batch that is at work.
    """

    monitor: str
    step: str
    inputs: list[tuple[str, str, int]] = field(default_factory=list)
    as_of: datetime | None = None
    windows: int = 0
    vanished: int = 0
    rows_scanned: int = 0
    scope_digest: str | None = None
    policy_hash: str | None = None
    warnings: list[str] = field(default_factory=list)
    seconds: float = 0.0
    started: bool = False
    during: str = ""

    def begin(self, windows: Sequence[Window]) -> None:
        """Remember which windows are at work, for an error that is to come."""
        first, last = windows[0].start, windows[-1].end
        self.during = f"windows {first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"


class Journal:
    """Writes the rows of one run; `close` flushes what was held back.

    `told` is called with each step that found work and did it.
    """

    def __init__(
        self,
        spark: SparkSession,
        store: Store,
        run_id: str | None = None,
        log: Path | None = None,
        told: Callable[[Record], None] | None = None,
    ) -> None:
        self.run_id = run_id or uuid.uuid4().hex[:12]
        self._spark, self._store, self._log, self._told = spark, store, log, told
        self._held: list[dict[str, Any]] = []
        # The time of each monitor's newest row; None: it has none.
        self._newest: dict[str, datetime | None] = {}
        # Only a run id that was given can have been used before: how often, by monitor and step.
        self._given = bool(run_id)
        self._attempts: dict[str, Mapping[str, int]] = {}
        self._said: Callable[[BaseException], str] = first_line

    @contextmanager
    def naming_kinds(self) -> Iterator[None]:
        """Write no more of errors than their kind: what Spark says may quote the value of a row."""
        before, self._said = self._said, kind
        try:
            yield
        finally:
            self._said = before

    @contextmanager
    def step(self, monitor: str, step: str) -> Iterator[Record]:
        """One step of one monitor: its end, good or bad, is written whatever happens.

        Raises StoreError or SourceError, with the next step, where storage or an altered table is
        what failed.
        """
        record = Record(monitor, step)
        begun = time.monotonic()
        try:
            yield record
        except BaseException as error:
            record.seconds = time.monotonic() - begun
            helping = self._diagnosed(record, error)
            # The first error is the one to report, even if the store is what broke.
            with suppress(Exception):
                self._write(self._row(record, "FAILED", helping or error))
            self._line(record, "FAILED", helping or error)
            if helping is not None:
                raise helping from error
            raise
        record.seconds = time.monotonic() - begun
        self._held.append(self._row(record, "SUCCEEDED"))
        self._line(record, "SUCCEEDED")
        if self._told is not None and record.started:
            self._told(record)

    def started(self, record: Record) -> None:
        """Say that the step found work and is about to write."""
        if not record.started:
            record.started = True
            self._write(self._row(record, "STARTED"))

    def started_together(self, records: Sequence[Record]) -> None:
        """The same of steps of several monitors, in one commit."""
        begun = [record for record in records if not record.started]
        self.look_up([record.monitor for record in begun])
        for record in begun:
            record.started = True
        if begun:
            self._write(*(self._row(record, "STARTED") for record in begun))

    @contextmanager
    def starting(self, *records: Record) -> Iterator[None]:
        """`started_together`, while the block goes on with what writes nothing: a commit leaves
        Python, and most of a core, with nothing to do. The block leaves the records alone: what
        they say then may be in these rows or not."""
        with ThreadPoolExecutor(1) as meanwhile:
            begun = meanwhile.submit(self.started_together, records)
            yield
            begun.result()

    def look_up(self, monitors: Collection[str]) -> None:
        """Ask now what writing rows of these monitors asks first, while the step reads."""
        known = self._newest.keys() & self._attempts.keys() if self._given else self._newest.keys()
        unknown = set(monitors) - known
        if unknown:
            run_id = self.run_id if self._given else None
            self.knows(unknown, looked_up(self._spark, self._store, unknown, run_id))

    def knows(self, monitors: Collection[str], found: Mapping[str, LookedUp]) -> None:
        """What `look_up` would find of these monitors."""
        for name in monitors:
            own = found.get(name)
            self._newest.setdefault(name, own.newest if own else None)
            self._attempts[name] = own.attempts if own else {}

    def close(self) -> None:
        """Write what was held back."""
        if self._held:
            self._write()

    def last_success(self, monitor: str, step: str) -> Success | None:
        """The newest success of `step` that covered everything due, or None.

        One of this run counts, also while it is held back.
        """
        for row in reversed(self._held):
            own = (row["monitor"], row["step"], row["phase"]) == (monitor, step, "SUCCEEDED")
            if own and row["scope_digest"] is not None:
                source = next((one for one in row["inputs"] if one[0] == "source"), None)
                return Success(
                    row["scope_digest"],
                    row["as_of"],
                    source and source[1],
                    source and source[2],
                    {role: (table_id, version) for role, table_id, version in row["inputs"]},
                )
        return self._recalled(monitor, step, "SUCCEEDED")

    def last_start(self, monitor: str, step: str) -> Success | None:
        """The same of its newest start, whatever came of that."""
        return self._recalled(monitor, step, "STARTED")

    def _recalled(self, monitor: str, step: str, phase: str) -> Success | None:
        found, newest = recalled(self._spark, self._store, monitor, step, phase)
        self._newest.setdefault(monitor, newest)
        return found

    def begun(self, monitor: str, step: str) -> tuple[Begun, ...]:
        """The starts of `step` that no success followed, oldest first."""
        return begun(self._spark, self._store, monitor, step)

    def _diagnosed(self, record: Record, error: BaseException) -> SparkdriftError | None:
        """What to say instead of an error that tells nobody what to do; None: it is the one."""
        if self._spark is None or not isinstance(error, Exception):
            return None
        during = f" ({record.during})" if record.during else ""
        with suppress(Exception):
            at_fault = f"{record.monitor}, {record.step}{during}"
            return damage(error, self._store, at_fault) or alteration(
                self._spark, self._store, error, at_fault
            )
        return None

    def _attempt(self, monitor: str, step: str) -> int:
        if self._given:
            self.look_up([monitor])
        return self._attempts.get(monitor, {}).get(step, 0) + 1

    def _in_order(self, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """With times that are none before those of their monitor's rows, whatever the clock says.

        All monitors that are not known yet are looked up in one question.
        """
        self.look_up({row["monitor"] for row in rows})
        ordered = []
        for row in rows:
            newest = self._newest[row["monitor"]]
            at = row["at"] if newest is None else max(row["at"], newest + _RIGHT_AFTER)
            self._newest[row["monitor"]] = at
            ordered.append({**row, "at": at})
        return ordered

    def _row(
        self, record: Record, phase: str, error: BaseException | None = None
    ) -> dict[str, Any]:
        return {
            "monitor": record.monitor,
            "run_id": self.run_id,
            "step": record.step,
            "attempt": self._attempt(record.monitor, record.step),
            "phase": phase,
            "at": datetime.now(timezone.utc),
            "inputs": record.inputs,
            "as_of": record.as_of,
            "windows": record.windows,
            "rows_scanned": record.rows_scanned,
            "seconds": record.seconds,
            "scope_digest": record.scope_digest,
            "policy_hash": record.policy_hash,
            "warnings": record.warnings,
            "error": None if error is None else self._said(error),
            "package_version": __version__,
        }

    def _write(self, *rows: Mapping[str, Any]) -> None:
        write_runs(self._spark, self._store, tuple(self._in_order([*self._held, *rows])))
        self._held = []

    def _line(self, record: Record, phase: str, error: BaseException | None = None) -> None:
        if self._log is None:
            return
        line = {
            "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            "run_id": self.run_id,
            "monitor": record.monitor,
            "step": record.step,
            "phase": phase,
            "windows": record.windows,
            "rows_scanned": record.rows_scanned,
            "seconds": round(record.seconds, 3),
            "warnings": record.warnings,
            "error": None if error is None else self._said(error),
        }
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with self._log.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def kind(error: BaseException) -> str:
    """The class of an error and Spark's name for what went wrong, of it or of what it came from."""
    named = ""
    one: BaseException | None = error
    while isinstance(one, Exception) and not named:
        named, one = condition(one), one.__cause__ or one.__context__
    return f"{type(error).__name__}{f' [{named}]' if named else ''}"


def first_line(error: BaseException) -> str:
    """An error on one line, with its kind in front unless it is one of ours, without secrets."""
    text = (without_secrets(str(error)).strip().splitlines() or [""])[0]
    return text if isinstance(error, SparkdriftError) else f"{type(error).__name__}: {text}"
