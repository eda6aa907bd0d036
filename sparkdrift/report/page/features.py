"""The heat map, and each drifted feature: its course, and its values beside the reference's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sparkdrift.report.facts import Row, Sorted, slice_name, sort_verdicts
from sparkdrift.report.page.lines import Chart, Point, Series, chart
from sparkdrift.report.page.material import Material
from sparkdrift.report.page.shapes import Bar, Overlay, bars, overlay
from sparkdrift.report.page.strips import Strip, strip
from sparkdrift.report.plain import day, named
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.policy import INPUTS

SHOWN_AT_ONCE = 40
"""Rows of the heat map that stand open; more, and the quiet ones are behind a line to open."""
_MOST_SLICES = 12


@dataclass(frozen=True)
class HeatMap:
    """Rows by what there is to say, the drifting ones first; `quiet`: those that can wait."""

    rows: tuple[tuple[str, Strip], ...]
    quiet: tuple[tuple[str, Strip], ...]
    begin: str
    end: str
    windows: int


@dataclass(frozen=True)
class Feature:
    """A drifted feature. `anchor` is its place in the page; `state`: drifting or passed.

    beside: what a reader of its course has to know, '' where the course says it all.
    """

    anchor: str
    name: str
    state: str
    when: str
    reason: str
    slices: str
    course: Chart | None
    beside: str
    limit: str
    window: str
    overlay: Overlay | None
    bars: tuple[Bar, ...]
    missing: str | None


def span(cells: Sequence[Row]) -> tuple[datetime, datetime] | None:
    """The time that the cells cover; None where there are none."""
    if not cells:
        return None
    return (
        min(one["window_start"] for one in cells),
        max(one["window_end"] for one in cells),
    )


def by_feature(cells: Sequence[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in cells:
        found.setdefault(row["column_name"], []).append(row)
    return found


def heat_map(material: Material, zone: str) -> HeatMap | None:
    """A row per feature of the stored verdicts; None where nothing is judged yet."""
    within = span(material.cells)
    if within is None:
        return None
    told = [one["column_name"] for one in _told(sort_verdicts(material.findings.verdicts))]
    anchors = {name: anchor(i) for i, name in enumerate(told)}
    strips = {
        name: strip(shown_name(name), rows, within, zone)
        for name, rows in by_feature(material.cells).items()
    }
    others = sorted(
        (name for name in strips if name not in anchors),
        key=lambda name: (name != INPUTS, -strips[name].drifted, name),
    )
    rows = [(anchors[name], strips[name]) for name in told if name in strips]
    rest = [("", strips[name]) for name in others]
    room = max(0, SHOWN_AT_ONCE - len(rows))
    if len(rest) <= room:
        rows, rest = rows + rest, []
    else:
        loud = sum(bool(one.drifted) for _, one in rest)
        rows, rest = rows + rest[:loud], rest[loud:]
    return HeatMap(
        tuple(rows),
        tuple(rest),
        day(within[0], zone),
        day(within[1], zone),
        len({one["window_start"] for one in material.cells}),
    )


def shown_name(name: str) -> str:
    return "all inputs together" if name == INPUTS else name


def anchor(number: int) -> str:
    """Where a feature stands in the page: by number, since names may hold anything."""
    return f"feature-{number + 1}"


def _told(found: Sorted) -> list[Row]:
    return [*found.lasting, *found.passed]


def features(spec: MonitorSpec, material: Material) -> tuple[Feature, ...]:
    """Every feature whose drift lasted: those that still drift first, the longest first."""
    zone = spec.timestamp.zone
    found = sort_verdicts(material.findings.verdicts)
    cells, within = by_feature(material.cells), span(material.cells)
    seen = {one["column_name"]: one for one in material.shapes}
    frozen = {(one["column_name"], one["version"]): one for one in material.frozen}
    new: dict[str, set[str]] = {}
    for row in material.first_seen:
        new.setdefault(row["column_name"], set()).add(row["item"])
    limits = spec.all_thresholds()
    made = []
    for place, row in enumerate(_told(found)):
        name = row["column_name"]
        limit = limits.get(name, spec.drift.thresholds).effect_size
        window = seen.get(name)
        version = _version(cells.get(name, ()), window)
        reference = None if version is None else frozen.get((name, version))
        pictures = _pictures(window, reference, new.get(name, ()))
        course = None
        if within is not None and name in cells:
            course = _course(name, cells[name], limit, within, zone)
        made.append(
            Feature(
                anchor(place),
                shown_name(name),
                "drifting" if row["lasting"] else "passed",
                _when(row, zone),
                row["reason"] or "",
                _slices(found.elsewhere.get(name, ())),
                course,
                "" if course is None else _beside(cells[name], limit),
                f"{limit:g}",
                "" if window is None else f"the window of {day(window['window_start'], zone)}",
                *pictures,
            )
        )
    return tuple(made)


def _when(row: Row, zone: str) -> str:
    since = day(row["since"], zone)
    if row["lasting"]:
        return f"since {since}"
    return f"{since} to {day(row['until'], zone)}, and over"


def _slices(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    names = [slice_name(one) for one in rows[:_MOST_SLICES]]
    more = len(rows) - len(names)
    return f"In {named(len(rows), 'slice')} as well: {', '.join(names)}" + (
        f" and {more} more." if more else "."
    )


def _version(cells: Sequence[Row], window: Row | None) -> int | None:
    """The version of the reference that the shown window was held against."""
    if window is None:
        return None
    start = window["window_start"]
    found = [one["reference_version"] for one in cells if one["window_start"] == start]
    return int(found[0]) if found else None


def _pictures(
    window: Row | None, reference: Row | None, new: Collection[str]
) -> tuple[Overlay | None, tuple[Bar, ...], str | None]:
    if window is None or reference is None or window["kind"] == "metric":
        return None, (), "No distribution to show: this is one figure a window, not a column."
    if window["kind"] == "numeric":
        drawn = overlay(window, reference)
        if drawn is None:
            return None, (), "No distribution to show: one side has no finite value."
        return drawn, (), None
    listed = bars(window, reference, new)
    return None, listed, None if listed else "No distribution to show: no category is stored."


def _beside(cells: Sequence[Row], limit: float) -> str:
    """Of a feature that drifted by something else than its distance: a share, or a lost column."""
    if any((one["effect"] or 0.0) >= limit for one in cells):
        return ""
    return "It never was beyond the limit by this distance: what drifted is said above."


def _course(
    name: str, cells: Sequence[Row], limit: float, within: tuple[datetime, datetime], zone: str
) -> Chart:
    """The distance from the reference over time, in standard deviations, beside the limit."""
    ordered = sorted(cells, key=lambda one: one["window_start"])
    points = [
        Point(
            one["window_start"] + (one["window_end"] - one["window_start"]) / 2,
            one["effect"],
            one["effect_low"],
            one["effect_high"],
        )
        for one in ordered
    ]
    flat = [Point(within[0], limit), Point(within[1], limit)]
    known = [one.value for one in points if one.value is not None]
    told = f"distance of {shown_name(name)} from its reference over time"
    if known:
        told += f": {known[-1]:.2f} sd at last, at most {max(known):.2f} sd; the limit is {limit:g}"
    return chart(
        [Series("limit", "limit", flat), Series("distance", "distance", points)],
        within,
        zone,
        told,
        least=1.5 * limit,
        zero=True,
    )
