"""What reaches the terminal: results on stdout, everything else on stderr.

Text from data or from errors is shown as it is: never read as markup, and without the
control characters by which a value could drive the terminal.
"""

from __future__ import annotations

import base64
import json
import math
import os
import re
import shlex
import shutil
import sys
from collections.abc import Sequence
from datetime import date, datetime, time, timezone
from pathlib import Path
from typing import Any

from rich.console import Console, RenderableType
from rich.text import Text

from sparkdrift.redacting import without_secrets
from sparkdrift.report.plain import plain

_UNFITTED = 1_000_000
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_UNSEEN_IN_CELLS = " \t\r\n\u00a0\ufeff"
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?|-Infinity")


def out() -> Console:
    """The console of results. Made anew, because tests and callers replace sys.stdout."""
    return Console(highlight=False, soft_wrap=False)


def err() -> Console:
    return Console(stderr=True, highlight=False)


def show(renderable: RenderableType) -> None:
    """Print a result."""
    out().print(renderable)


def show_rows(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Print rows as a table: fitted to a terminal or $COLUMNS, in full where a program reads."""
    from sparkdrift.report.grid import grid

    console = out()
    if not (console.is_terminal or "COLUMNS" in os.environ):
        console = Console(highlight=False, soft_wrap=False, width=_UNFITTED)
    console.print(grid(columns, rows, console.width))


def say(text: str) -> None:
    """Print a line of results as plain text, wrapped by nobody."""
    out().print(Text(plain(text)), soft_wrap=True)


def remark(text: str) -> None:
    """Tell the person at the terminal something that is no result."""
    err().print(Text(plain(without_secrets(text)), style="dim"), soft_wrap=True)


def complain(text: str) -> None:
    """Print an error, in red on a terminal."""
    said = without_secrets(text).expandtabs(4)
    err().print(Text(plain(said), style="red"), soft_wrap=True)


def print_json(document: Any) -> None:
    """The one JSON document of `--json`. What a terminal would obey is written as an escape."""
    text = json.dumps(jsonable(document), indent=2, ensure_ascii=False, allow_nan=False)
    obeyed = {one for one in text if one != "\n" and plain(one) != one}
    escaped = {ord(one): json.dumps(one)[1:-1] for one in obeyed}
    sys.stdout.write(text.translate(escaped) + "\n")
    sys.stdout.flush()


def jsonable(value: Any) -> Any:
    """`value` in the types of JSON: times as ISO 8601 in UTC, bytes as base64, NaN as text."""
    if isinstance(value, dict):
        return {str(key): jsonable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, datetime):
        aware = value.astimezone(timezone.utc) if value.tzinfo else value
        return aware.isoformat().replace("+00:00", "Z")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def cell(value: Any) -> str:
    """`value` as one cell of CSV: nested values as JSON, the rest as `jsonable` has it.

    A text that a spreadsheet would run as a formula gets a `'` before it (OWASP, CSV Injection).
    """
    made = jsonable(value)
    if isinstance(made, str):
        formula = made.lstrip(_UNSEEN_IN_CELLS).startswith(_FORMULA) and not _NUMBER.fullmatch(made)
        return f"'{made}" if formula or made[:1] in ("\t", "\r") else made
    return json.dumps(made, ensure_ascii=False, allow_nan=False)


def command() -> str:
    """How to call sparkdrift here: by its name where the shell finds it, else as it was called."""
    if shutil.which("sparkdrift"):
        return "sparkdrift"
    called = sys.argv[0]
    if Path(called).name == "sparkdrift":
        return shlex.quote(called)
    return f"{shlex.quote(sys.executable)} -m sparkdrift"


def drop_stdout() -> None:
    """Send what is still buffered nowhere, so that closing stdout raises nothing more."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
