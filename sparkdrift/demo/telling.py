"""The end of a demo's page: each alert with its reason, and what seasons change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich.console import Group, RenderableType

from sparkdrift.demo.reasons import Reason
from sparkdrift.report.summary import Line, section


def told(reasons: Sequence[Reason], seasons: Sequence[Mapping[str, Any]]) -> RenderableType:
    """`seasons`: alarms by the spec, and without its seasons; empty where it is no matter."""
    parts = section("Each alert, and why it is right", _alerts(reasons))
    parts += section("What the seasons change", _seasons(seasons))
    return Group(*parts)


def _alerts(reasons: Sequence[Reason]) -> Iterator[Line]:
    for one in reasons:
        where = f"{one.where}; " if one.where else ""
        when = f"since {one.since:%Y-%m-%d}" if one.since else "no alert"
        yield one.column_name, when, f"{where}{one.why}"


def _seasons(seasons: Sequence[Mapping[str, Any]]) -> Iterator[Line]:
    for one in seasons:
        by = "the whole reference" if one["seasonal"] == "none" else f"its own {one['seasonal']}"
        text = f"{one['alarms']:,} of {one['comparisons']:,} comparisons drifted or warned"
        yield "", "", f"each day against {by}: {text}"
