"""What a page is made of: rows as the store answers them, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sparkdrift.report.facts import Findings, Row


@dataclass(frozen=True)
class Material:
    """Rows of one monitor, as `sparkdrift.spark.report_rows` gives them; times are aware UTC.

    findings: the overview. Newest first: health, cells (the verdict on a feature in a window) and
    blind_spots. In order of time: performance (of `metric`), dashboard and steps. staleness and
    measured: of the newest window. answer: how the newest verdict was answered, one row or none.
    shapes: a profile of one window per drifted feature; frozen: those of the references that they
    are held against. dashboard_unknown: why the dashboard's own table could not be read.
    store, made_at, package: where it was read, when, and by which version of sparkdrift.
    """

    findings: Findings
    store: str
    made_at: datetime
    package: str
    metric: str | None = None
    health: Sequence[Row] = ()
    answer: Sequence[Row] = ()
    cells: Sequence[Row] = ()
    shapes: Sequence[Row] = ()
    frozen: Sequence[Row] = ()
    performance: Sequence[Row] = ()
    measured: Sequence[Row] = ()
    dashboard: Sequence[Row] = ()
    dashboard_unknown: str | None = None
    blind_spots: Sequence[Row] = ()
    staleness: Sequence[Row] = ()
    first_seen: Sequence[Row] = ()
    debts: Sequence[Row] = ()
    steps: Sequence[Row] = ()


def of_rows(
    rows: dict[str, Any], metric: str | None, store: str, at: datetime, package: str
) -> Material:
    """`rows` as they were asked for, by name, as the material of a page."""
    others = {name: found for name, found in rows.items() if name != "findings"}
    return Material(Findings(**rows["findings"]), store, at, package, metric, **others)
