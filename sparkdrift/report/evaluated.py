"""What `sparkdrift eval` tells: how the model does, what went stale, and what no one sees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sparkdrift.report.evaluation import BLIND, blind_spot_lines, evaluation_lines
from sparkdrift.report.evaluation import LISTED as FIGURES
from sparkdrift.report.performance import LISTED as METRICS
from sparkdrift.report.performance import performance_lines
from sparkdrift.report.plain import day
from sparkdrift.report.text_table import text_table

Row = Mapping[str, Any]
_NOT_MEASURED = ("insufficient_data", "no_reference")


def evaluated_lines(performance: Sequence[Row], staleness: Sequence[Row], zone: str) -> list[str]:
    """Lines of text for one monitor; rows as `evaluation_overview` has them."""
    lines: list[str] = []
    if performance:
        lines += text_table(METRICS, performance_lines(performance, zone))
    figures = [one for one in staleness if one["figure"] != BLIND]
    told = [one for one in figures if one["status"] not in _NOT_MEASURED]
    if told:
        lines += ["", f"in the window of {day(told[0]['window_start'], zone)}"]
        lines += text_table(FIGURES, evaluation_lines(told))
    if len(told) < len(figures):
        others = dict.fromkeys(one["figure"] for one in figures if one not in told)
        lines.append(f"not measured: {', '.join(others)} (why: the column reason)")
    return [*lines, "", *blind_spot_lines(staleness, zone)]
