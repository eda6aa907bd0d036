"""What `sparkdrift eval` tells: how the model does, what went stale, and what no one sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparkdrift.explain.signals import WHOLE
from sparkdrift.report.evaluation import COLOURED, blind_spot_lines, evaluation_lines
from sparkdrift.report.evaluation import LISTED as FIGURES
from sparkdrift.report.performance import LISTED as METRICS
from sparkdrift.report.performance import performance_lines, slice_lines
from sparkdrift.report.plain import aligned, day

Row = Mapping[str, Any]
_NOT_MEASURED = ("insufficient_data", "no_reference")


def evaluated_lines(performance: Sequence[Row], staleness: Sequence[Row], zone: str) -> list[str]:
    """Lines of text for one monitor; rows as `evaluation_overview` has them."""
    lines: list[str] = []
    whole = [row for row in performance if row["slice_key"] == WHOLE]
    if whole:
        lines += _table(METRICS, performance_lines(whole, zone))
    lines += slice_lines([row for row in performance if row["slice_key"] != WHOLE], zone)
    figures = [one for one in staleness if one["figure"] not in COLOURED]
    told = [one for one in figures if one["status"] not in _NOT_MEASURED]
    if told:
        lines += ["", f"in the window of {day(told[0]['window_start'], zone)}"]
        lines += _table(FIGURES, evaluation_lines(told))
    if len(told) < len(figures):
        others = dict.fromkeys(one["figure"] for one in figures if one not in told)
        lines.append(f"not measured: {', '.join(others)} (why: the column reason)")
    return [*lines, "", *blind_spot_lines(staleness, zone)]


def _table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return aligned([heading, *rows])
