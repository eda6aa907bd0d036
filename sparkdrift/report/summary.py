"""One page of text for a model owner, on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from sparkdrift.report.facts import Findings, Row
from sparkdrift.report.overview import Line, told_sections
from sparkdrift.report.plain import day, named, plain
from sparkdrift.spec.models import MonitorSpec


def summary(spec: MonitorSpec, found: Findings, *, note: str | None = None) -> RenderableType:
    """The page; `note` is a line that the reader must not miss, such as 'synthetic data'."""
    parts: list[RenderableType] = [_heading(spec, note), _about(spec, found)]
    for heading, lines in told_sections(spec, found):
        parts += section(heading, lines)
    return Group(*parts)


def _heading(spec: MonitorSpec, note: str | None) -> RenderableType:
    title = Text(plain(spec.title or spec.monitor, lines=False), style="bold")
    lines: list[RenderableType] = [Rule(title, align="left", style="dim")]
    if note:
        lines.append(Text(plain(note), style="yellow"))
    return Group(*lines)


def _about(spec: MonitorSpec, found: Findings) -> RenderableType:
    zone = spec.timestamp.zone
    grid = _grid()
    version = f", version {spec.model_version}" if spec.model_version else ""
    _add(grid, "model", f"{spec.model_id}{version}; owner {spec.owner}")
    for row in found.coverage:
        if row["granularity"] == spec.windows.grain:
            gaps = [f"{row[name]:,} {name}" for name in ("empty", "vanished") if row[name]]
            _add(
                grid,
                "watched",
                f"{row['rows'] or 0:,} rows in {named(row['windows'], 'window')} of a "
                f"{row['granularity']}, {day(row['begin'], zone)} to {day(row['end'], zone)} "
                f"({zone})" + (f"; {', '.join(gaps)}" if gaps else ""),
            )
    rolled = [
        f"{row['windows']:,} of a {row['granularity']}"
        for row in found.coverage
        if row["granularity"] != spec.windows.grain
    ]
    if rolled:
        _add(grid, "rolled up", f"to windows: {', '.join(sorted(rolled))}")
    for row in found.references[:1]:
        _add(grid, "reference", _reference(row, zone))
    if not found.references:
        _add(grid, "reference", "none is in force yet, so nothing could be compared")
    return Padding(grid, (0, 0, 0, 2))


def _reference(row: Row, zone: str) -> str:
    text = f"{row['name']} version {row['version']}: {row['rows']:,} rows"
    if row["interval_start"] is None:
        return f"{text} of {row['source']}"
    begin, end = day(row["interval_start"], zone), day(row["interval_end"], zone)
    return f"{text} from {begin} to {end}"


def section(heading: str, lines: Sequence[Line] | Iterator[Line]) -> list[RenderableType]:
    """A heading and its lines as a grid; nothing where there are no lines."""
    rows = list(lines)
    if not rows:
        return []
    grid = Table.grid(padding=(0, 2, 0, 0))
    used = [any(row[place] for row in rows) for place in range(3)]
    for place in range(3):
        if used[place]:
            # Names keep to a third of a narrow terminal; only the last column wraps freely.
            grid.add_column(no_wrap=place == 1, max_width=26 if place == 0 else None,
                            overflow="fold")  # fmt: skip
    for row in rows:
        cells = [Text(plain(cell, lines=False)) for cell, on in zip(row, used, strict=True) if on]
        grid.add_row(*cells)
    return [Text(""), Text(heading, style="bold"), Padding(grid, (0, 0, 0, 2))]


def _grid() -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    return grid


def _add(grid: Table, name: str, text: str) -> None:
    grid.add_row(name, Text(plain(text, lines=False)))
