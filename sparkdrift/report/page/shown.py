"""What a notebook shows: tables and pages as pieces of HTML, with everything in them escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any

from markupsafe import escape

from sparkdrift.report.page.rendering import render
from sparkdrift.report.page.scales import number

MOST_SHOWN = 200
"""Rows that a notebook shows; the object holds all of them."""


def table_html(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; of many rows the first ones, and how many there are."""
    every = list(rows)
    cells = [[_text(value) for value in row] for row in every[:MOST_SHOWN]]
    more = len(every) - len(cells)
    facts = {"caption": caption, "columns": columns, "lines": cells, "more": more}
    return render("table.html.j2", facts)


def framed(html: str) -> str:
    """A page inside another one, in a frame that runs no script and reaches nothing."""
    # A page of its own keeps its style and the links inside it from those of the notebook.
    return (
        '<iframe sandbox="" style="width:100%;height:40rem;border:0" '
        f'title="sparkdrift" srcdoc="{escape(html)}"></iframe>'
    )


def _text(value: Any) -> str:
    """A value as a cell: NULL is named, times are UTC, numbers short, nested values as JSON."""
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        aware = value.astimezone(timezone.utc) if value.tzinfo else value
        return f"{aware:%Y-%m-%d %H:%M}"
    if isinstance(value, float):
        return number(value)
    if isinstance(value, bytes | bytearray):
        return f"{len(value):,} bytes"
    if isinstance(value, dict | list | tuple):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value)
