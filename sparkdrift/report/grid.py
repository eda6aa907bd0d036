"""Rows of a query as a table that fits the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import Any

from rich import box
from rich.cells import cell_len
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from sparkdrift.report.plain import plain, shortened, size

# A cell keeps at least this many characters; where columns would get fewer, every row
# is shown as a list of its fields instead.
_NARROWEST = 8
# What rich puts between two columns.
_GAP = 3


def grid(columns: Sequence[str], rows: Sequence[Sequence[Any]], width: int) -> RenderableType:
    """A table no wider than `width`, long cells shortened; below each other where too many.

    The name of a column of aware times says that they are shown in UTC.
    """
    columns = [
        f"{name} (UTC)" if any(_is_aware(row[place]) for row in rows) else name
        for place, name in enumerate(columns)
    ]
    if not rows:
        return Text(f"no rows ({', '.join(plain(name, lines=False) for name in columns)})")
    if len(columns) * (_NARROWEST + 3) + 1 > width:
        return _records(columns, rows, width)
    names = [plain(name, lines=False) for name in columns]
    cells = [[shown(value) for value in row] for row in rows]
    wanted = [max(map(cell_len, column)) for column in zip(names, *cells, strict=True)]
    widths = fitted(wanted, width - _GAP * (len(columns) - 1))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for place, (name, room) in enumerate(zip(names, widths, strict=True)):
        right = all(_is_number(row[place]) for row in rows)
        table.add_column(Text(name), justify="right" if right else "left", no_wrap=True, width=room)
    for row in cells:
        table.add_row(*map(Text, row))
    return table


def fitted(wanted: Sequence[int], room: int) -> list[int]:
    """Widths that sum to at most `room`: what is narrow stays, the widest give way."""
    widths, left = [0] * len(wanted), room
    for rest, place in zip(
        range(len(wanted), 0, -1), sorted(range(len(wanted)), key=wanted.__getitem__), strict=True
    ):
        widths[place] = min(wanted[place], left // rest)
        left -= widths[place]
    return widths


def _records(columns: Sequence[str], rows: Sequence[Sequence[Any]], width: int) -> RenderableType:
    """Each row as lines of 'name  value'."""
    names = [plain(name, lines=False) for name in columns]
    left = min(max(len(name) for name in names), width // 2)
    parts: list[RenderableType] = []
    for number, row in enumerate(rows, 1):
        parts.append(Text(f"row {number}", style="bold"))
        for name, value in zip(names, row, strict=True):
            text = f"  {shortened(name, left):<{left}}  {shown(value)}"
            parts.append(Text(shortened(text, width), no_wrap=True))
    return Group(*parts)


def shown(value: Any) -> str:
    """One value on one line: NULL for none, the size for bytes, UTC for times."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, bytes | bytearray):
        return f"<{size(len(value))}>"
    if isinstance(value, datetime):
        local = value.astimezone(timezone.utc) if value.tzinfo else value
        return f"{local:%Y-%m-%d %H:%M:%S}".removesuffix(" 00:00:00")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return "{" + ", ".join(f"{shown(k)}: {_inner(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_inner(one) for one in value) + "]"
    return plain(str(value), lines=False)


def _inner(value: Any) -> str:
    """A value inside another one; the column's name does not speak of its times."""
    return f"{shown(value)} UTC" if _is_aware(value) else shown(value)


def _is_aware(value: Any) -> bool:
    return isinstance(value, datetime) and value.tzinfo is not None


def _is_number(value: Any) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))
