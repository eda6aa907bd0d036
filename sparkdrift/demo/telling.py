"""The end of a demo's page: each alert with what is behind it, and what seasons change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from sparkdrift.demo.reasons import Reason
from sparkdrift.report.overview import Line
from sparkdrift.report.plain import named
from sparkdrift.report.summary import section

_MOST_SLICES: Final = 2


def told(
    reasons: Sequence[Reason],
    truth: str,
    seasons: Sequence[Mapping[str, Any]],
    remark: str | None = None,
) -> RenderableType:
    """`truth`: what alerts are held against, `remark`: what is to be known of that. `seasons`:
    alarms by the spec, and without its seasons; empty where it is no matter.
    """
    heading = f"Each alert, held against {truth} (since: the earliest of any slice)"
    parts = section(heading, alert_lines(reasons))
    for text in (_counted(reasons), remark):
        if text is not None:
            parts += [Text(""), Padding(Text(text), (0, 0, 0, 2))]
    parts += section("What the seasons change", _seasons(seasons))
    return Group(*parts)


def alert_lines(reasons: Sequence[Reason]) -> Iterator[Line]:
    """A line per column and first reason, alerts that share it folded."""
    groups: dict[tuple[str, str, str], list[Reason]] = {}
    for one in reasons:
        groups.setdefault((one.column_name, one.held, one.why.split("; ")[0]), []).append(one)
    for (column, _, _), own in sorted(groups.items(), key=lambda item: _order(item[1])):
        yield column, _when(own), _what(own)


def _counted(reasons: Sequence[Reason]) -> str | None:
    """How many alerts there are of each kind; None without any."""
    found = [one for one in reasons if one.since is not None]
    if not found:
        return None
    counts = Counter(one.held for one in found)
    parts = [f"{rows} {held}" for held, rows in counts.most_common()]
    return f"{named(len(found), 'alert')} in all: {', '.join(parts)}; each of them by --json"


def _order(own: Sequence[Reason]) -> tuple[bool, date, str]:
    first = min((one.since for one in own if one.since), default=date.max)
    return first == date.max, first, own[0].column_name


def _when(own: Sequence[Reason]) -> str:
    starts = [one.since for one in own if one.since]
    if not starts:
        return "no alert"
    ends = [one.until for one in own if one.until]
    if len(ends) < len(own):
        return f"since {min(starts):%Y-%m-%d}"
    return f"from {min(starts):%Y-%m-%d}"


def _what(own: Sequence[Reason]) -> str:
    """Where, how many alerts, what is behind them, and the figures of the longest."""
    longest = max(own, key=lambda one: (one.whole, one.windows))
    if longest.since is None:
        return longest.why
    parts = [", ".join(filter(None, [_where(own), _many(own)]))]
    parts.append(longest.why)
    if longest.figures:
        which = "" if len(own) == 1 else f"{longest.since:%m-%d}: "
        parts.append(which + longest.figures)
    return "; ".join(parts)


def _where(own: Sequence[Reason]) -> str:
    slices = list(dict.fromkeys(_slice(one) for one in own if not one.whole))
    whole = ["all rows"] if any(one.whole for one in own) else []
    if len(slices) > _MOST_SLICES:
        return ", ".join([*whole, named(len(slices), "slice")])
    return ", ".join([*whole, *slices])


def _slice(one: Reason) -> str:
    if one.slice_key == "with":
        return f"with {one.slice_value}"
    return f"{one.slice_key} {'is NULL' if one.slice_value is None else f'= {one.slice_value}'}"


def _many(own: Sequence[Reason]) -> str:
    """How many alerts, and the last day of the last, where there is more than one or an end."""
    ends = [one.until for one in own if one.until]
    over = f"to {max(ends):%Y-%m-%d}" if len(ends) == len(own) else ""
    return " ".join(filter(None, [f"{len(own)} alerts" if len(own) > 1 else "", over]))


def _seasons(seasons: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    for one in seasons:
        by = "the whole reference" if one["seasonal"] == "none" else f"its own {one['seasonal']}"
        text = f"{one['alarms']:,} of {one['comparisons']:,} comparisons drifted or warned"
        yield "", "", f"each day against {by}: {text}"
