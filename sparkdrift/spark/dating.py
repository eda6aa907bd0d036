"""Since when: the first window of the findings that a row belongs to, stored in the row.

The rule is that of the view `alerts`: an alert stands while `windows` of the last `of` measured
windows are findings, and began with the first of those that raised it. So a row depends on earlier
rows. What is written moves the dates of windows after it, which are written in the same
commit: no crash leaves one out, and a run with nothing to do asks nothing. Bounded by LOOK windows
on both sides: a start further back is taken over from the stored rows, and is not moved any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from sparkdrift.spark.sql import in_windows, quote
from sparkdrift.spark.table import Table
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.windows import Window, contiguous, window_at

LOOK = 90
"""Windows before what is written that its dates are read from, and after it that it dates again."""
_NUMBER, _HITS, _CARRIED, _WRITTEN = (f"_dating_{name}" for name in "nhcw")


@dataclass(frozen=True)
class Findings:
    """What a run of findings is: SQL conditions on a row, and m of n.

    keys: columns that tell one series of windows from another. measured: false for a window that
    neither continues a run nor ends it.
    """

    table: Table
    keys: tuple[str, ...]
    found: str
    measured: str
    columns: tuple[str, ...]
    windows: int = 1
    of: int = 1


@dataclass(frozen=True)
class Around:
    """Stored windows around those that are written: `before` is read, `after` is dated again."""

    before: tuple[Window, ...] = ()
    after: tuple[Window, ...] = ()


def around(
    spec: MonitorSpec, written: Sequence[Window], stored: Iterable[datetime], *, again: bool = True
) -> Around:
    """Of the `stored` starts those that count for the windows `written`, in any order.

    again: whether later ones are dated again.
    """
    own = {window.start for window in written}
    starts = sorted(own.union(stored))
    zone, grain = spec.timestamp.zone, spec.windows.grain
    after = set(_next_to(starts, own)) if again else set()
    before = set(_next_to(starts[::-1], own | after)) - after

    def windows(chosen: set[datetime]) -> tuple[Window, ...]:
        return tuple(Window(one, window_at(one, grain, zone).end) for one in sorted(chosen))

    return Around(windows(before), windows(after))


def _next_to(starts: Sequence[datetime], own: set[datetime]) -> Iterable[datetime]:
    """Those of `starts` that come at most LOOK places after one of `own`."""
    left = 0
    for start in starts:
        left = LOOK if start in own else left - 1
        if start not in own and left >= 0:
            yield start


def dated(rows: DataFrame, stored: DataFrame, near: Around, findings: Findings) -> DataFrame:
    """`rows`, and the stored ones of the windows `near.after`, with the column `since`.

    rows: all columns of the table but that one. stored: the rows in force, which count.
    NULL where no run stands and the row is no finding. A finding of a run that does not stand yet
    has the first that would count.
    """
    table = findings.table
    parts = [
        rows.selectExpr(*_columns(table, {"since": "NULL"}), "true", "CAST(NULL AS TIMESTAMP)")
    ]
    if near.after:
        again = stored.where(in_windows("window_start", contiguous(near.after)))
        parts.append(again.selectExpr(*_columns(table, {}), "true", "CAST(NULL AS TIMESTAMP)"))
    if near.before:
        light = {"window_start", *findings.keys, *findings.columns}
        nothing = {name: "NULL" for name in table.names if name not in light}
        read = stored.where(in_windows("window_start", contiguous(near.before)))
        parts.append(read.selectExpr(*_columns(table, nothing), "false", "since"))
    together = parts[0]
    for part in parts[1:]:
        together = together.unionAll(part)
    together = together.toDF(*table.names, _WRITTEN, _CARRIED)
    ordered = (
        f"OVER (PARTITION BY {', '.join(map(quote, findings.keys))} ORDER BY window_start"
        " ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    )
    hit = f"struct({_NUMBER} AS number, window_start AS start, {_CARRIED} AS carried)"
    return (
        together.selectExpr("*", f"count_if({findings.measured}) {ordered} AS {_NUMBER}")
        .selectExpr(
            "*", f"collect_list(CASE WHEN {findings.found} THEN {hit} END) {ordered} AS {_HITS}"
        )
        .where(_WRITTEN)
        .withColumn("since", F.expr(_since(findings)))
        .select(*map(quote, table.names))
    )


def _columns(table: Table, instead: dict[str, str]) -> list[str]:
    return [
        f"CAST({instead.get(one.name, quote(one.name))} AS {one.type}) AS {quote(one.name)}"
        for one in table.columns
    ]


def _since(findings: Findings) -> str:
    """SQL over the findings so far, in order.

    Each m of them within n windows hold an alert up, from the last of them until n windows after
    the first; it has stood since the first of such intervals that meet. Of a stored row the alert
    that stands there is known: its start is taken over.
    """
    m, n = int(findings.windows), int(findings.of)
    raised = (
        f"zip_with(slice({_HITS}, 1, size({_HITS}) - {m - 1}), slice({_HITS}, {m}, size({_HITS})),"
        " (a, b) -> struct(a.number AS first, b.number AS last,"
        " coalesce(b.carried, a.start) AS since))"
    )
    state = "CAST(NULL AS STRUCT<since: TIMESTAMP, until: BIGINT>)"
    until = f"one.first + {n - 1}"
    run = (
        f"aggregate(filter({raised}, one -> one.last - one.first < {n}), {state}, (run, one) ->"
        f" struct(CASE WHEN one.last <= run.until + 1 THEN run.since ELSE one.since END AS since,"
        f" {until} AS until), run -> CASE WHEN run.until >= {_NUMBER} THEN run.since END)"
    )
    pending = f"get(filter({_HITS}, one -> one.number > {_NUMBER} - {n}), 0).start"
    return (
        f"coalesce(CASE WHEN size({_HITS}) >= {m} THEN {run} END,"
        f" CASE WHEN {findings.found} THEN {pending} END)"
    )
