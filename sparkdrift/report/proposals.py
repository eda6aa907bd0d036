"""Proposals as lines: thresholds that would restore their target, and rows to label."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparkdrift.report.plain import day, named, plain, share

if TYPE_CHECKING:
    from sparkdrift.steps.recalibrate import Recalibrated
    from sparkdrift.steps.sample_eval import Sampled

_GOALS = {
    "precision": "a precision of {}",
    "recall": "a recall of {}",
    "capacity": "{} decided positive",
    "cost": "{} per row",
}


def threshold_lines(found: Sequence[Recalibrated], zone: str) -> list[str]:
    """A line per threshold, then what it rests on; the first says that nothing was changed."""
    lines: list[str] = []
    for one in found:
        asked = "the greatest payoff" if one.level is None else _reached(one, one.level)
        lines.append(f"{one.threshold}: for {asked}")
        lines.append(f"  now       {one.present:g} reaches {_with_ends(one, one.reached_now)}")
        if one.seq is None:
            lines.append(f"  proposed  none: {one.reason}")
        else:
            value, low, high = one.proposed
            lines.append(
                f"  proposed  {value:.4f} ({low:.4f} to {high:.4f}), which reaches "
                f"{_with_ends(one, one.reached_then)}"
            )
        lines += _trade_lines(one)
        span = f"{day(one.interval.start, zone)} to {day(one.interval.end, zone)}"
        lines.append(f"  rests on  {named(one.rows, 'row')}, {span}")
        if one.seq is not None:
            lines.append(f"            {one.reason}")
            if one.doubt:
                lines.append(f"  warning   {plain(one.doubt, lines=False)}")
            lines.append(f"  proposal {one.seq}; nothing is changed by it")
    return lines


def _trade_lines(one: Recalibrated) -> list[str]:
    """What else the proposed threshold changes, a metric a line."""
    names = {"capacity": "decided positive", "cost": "payoff per row"}
    found: list[str] = []
    for name, (now, then) in one.traded.items():
        parts = [_plainly(name, figure[0]) for figure in (now, then)]
        ends = (
            ""
            if math.isnan(then[1])
            else f" ({_plainly(name, then[1])} to {_plainly(name, then[2])})"
        )
        head = "costs" if not found else ""
        found.append(f"  {head:<9} {names.get(name, name)} {parts[0]} now, {parts[1]} then{ends}")
    return found


def _plainly(name: str, value: float) -> str:
    if math.isnan(value):
        return "not measured"
    return f"{value:,.3g}" if name == "cost" else f"{100 * value:.1f} %"


def _with_ends(one: Recalibrated, figure: Sequence[float]) -> str:
    value, low, high = figure
    if math.isnan(value):
        return f"{_reached(one, value)}: not measured"
    return f"{_reached(one, value)} ({_number(one, low)} to {_number(one, high)})"


def _reached(one: Recalibrated, value: float) -> str:
    return _GOALS[one.goal].format(_number(one, value))


def _number(one: Recalibrated, value: float) -> str:
    if math.isnan(value):
        return "?"
    return f"{value:,.3g}" if one.goal == "cost" else f"{100 * value:.1f} %"


def sample_line(found: Sampled, zone: str) -> str:
    """What was sampled, where to, and what it would bring."""
    span = f"{day(found.interval.start, zone)} to {day(found.interval.end, zone)}"
    if not found.rows:
        return f"no row to label: {found.reason}"
    text = (
        f"{named(found.rows, 'row')} of {span} to label, in {named(found.strata, 'stratum')}, "
        f"written to {found.destination}"
    )
    text = text.replace("stratums", "strata")
    text += (
        f"; with their labels {found.evaluation_set} counts on the present mix as "
        f"{share(found.ess_then)} of its rows, now {share(found.ess_now)}"
    )
    if found.outside_now > 0 or found.outside_then > 0:
        text += (
            f"; scores that it lacks: {share(found.outside_then)} of production, "
            f"now {share(found.outside_now)}"
        )
    return f"{text} (proposal {found.seq}; nothing is changed by it)"
