"""What calls return: plain figures, which a notebook shows as tables and pages.

Windows are counted. None where nothing was asked for or measured, as the class says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, ClassVar

from sparkdrift.api.tables import Rows


@dataclass(frozen=True)
class Shown:
    """A result as a table of names and values; rows and results inside it follow.

    A figure that is None was not measured, but where `_absent` says what it means.
    """

    _absent: ClassVar[Mapping[str, str]] = {}

    def _repr_html_(self) -> str:
        from sparkdrift.report.page.shown import table_html

        lines: list[tuple[str, Any]] = []
        after: list[str] = []
        for field in fields(self):
            name, value = field.name.replace("_", " "), getattr(self, field.name)
            if isinstance(value, Rows):
                if len(value):
                    after.append(table_html(name, value.columns, value.rows))
                else:
                    lines.append((name, "no rows"))
            elif isinstance(value, Shown):
                after.append(value._repr_html_())
            else:
                counted = "int" in str(field.type) or "float" in str(field.type)
                absent = self._absent.get(field.name, "not measured" if counted else "none")
                lines.append((name, absent if value is None else _told(value)))
        return table_html(type(self).__name__, ("", ""), lines) + "".join(after)


def _told(value: Any) -> Any:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {count}" for name, count in sorted(value.items()))
    if isinstance(value, tuple):
        return "; ".join(map(str, value))
    return value


@dataclass(frozen=True)
class Evaluation(Shown):
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


@dataclass(frozen=True)
class Verdict(Shown):
    """What a model's newest window comes to, and who is to do what by when.

    Without a stored window the verdict is blind, and the rest None. severity: None where it is
    healthy. due: None where nothing is. confidence: 0 to 1. reasons: the weightiest first.
    cost_so_far: in `currency`, None: not known.
    """

    monitor: str
    verdict: str
    owner: str
    severity: str | None = None
    since: datetime | None = None
    due: datetime | None = None
    window_start: datetime | None = None
    confidence: float | None = None
    reasons: tuple[str, ...] = ()
    would_change: str = ""
    dashboard_status: str | None = None
    blind_spot: str | None = None
    open_debts: int | None = None
    cost_so_far: float | None = None
    currency: str | None = None


@dataclass(frozen=True)
class Run(Shown):
    """What a run did for one monitor.

    profiled, judged: windows; rows: read from the source. statuses: how many verdicts of the judged
    windows have each. reference: the version that was frozen now, None: none was; blocked: why the
    gate left it a candidate. verdict: on the newest window, None: nothing is stored. skipped: why
    nothing was done, as for a model that is retired. remarks: what the reader should know.
    """

    _absent: ClassVar[Mapping[str, str]] = {"reference": "none"}  # none was due

    monitor: str
    run_id: str
    profiled: int
    rows: int
    judged: int
    statuses: dict[str, int]
    reference: int | None
    blocked: tuple[str, ...]
    evaluation: Evaluation | None
    verdict: Verdict | None = None
    skipped: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan(Shown):
    """What is due: a line for each step, and its counts by step."""

    monitor: str
    lines: tuple[str, ...]
    due: dict[str, Any]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Profile(Shown):
    """Windows that were profiled, their rows, and those that lost all rows. reason: why these."""

    monitor: str
    run_id: str
    windows: int
    rows: int
    vanished: int
    reason: str
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rollup(Shown):
    """Longer windows that were merged from stored ones; (start, end) of each."""

    monitor: str
    run_id: str
    granularity: str
    windows: tuple[tuple[datetime, datetime], ...]


@dataclass(frozen=True)
class Drift(Shown):
    """Windows that were judged; statuses: of their comparisons, suppressed: of these.

    checked: windows that were held against assumptions, violated: checks of them; None: the spec
    assumes nothing, or no window was checked.
    """

    monitor: str
    run_id: str
    windows: int
    statuses: dict[str, int]
    suppressed: dict[str, int]
    checked: int | None
    violated: int | None


@dataclass(frozen=True)
class Operations(Shown):
    """Windows that were told, None: the spec has no operations. newest: rows of the newest window,
    alerts: those of them that call somebody."""

    monitor: str
    run_id: str
    windows: int | None
    newest: Rows
    alerts: Rows


@dataclass(frozen=True)
class Features(Shown):
    """Windows that were assessed, None: nothing is asked of features; estimated: those whose
    importances were. newest: rows of the newest window."""

    monitor: str
    run_id: str
    windows: int | None
    estimated: int
    newest: Rows
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer(Shown):
    """What somebody said to a verdict."""

    monitor: str
    window_start: datetime
    verdict: str
    action: str
    seq: int
    by: str
    reason: str
    due: datetime | None
