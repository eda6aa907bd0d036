"""doctor: whether this machine can do the work, part by part, with the next step for each."""

from __future__ import annotations

from rich.table import Table
from rich.text import Text

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common, message
from sparkdrift.cli.working import quieten
from sparkdrift.report.plain import plain
from sparkdrift.steps.examining import Examination, examine


def doctor(common: Common) -> int:
    """Check Java, Spark, Delta, the sketch functions and write access to the store.

    Example: sparkdrift doctor --store ./sparkdrift-store
    """
    quieten(common)
    seen = examine(common.store, message)
    if common.as_json:
        screen.print_json({"ok": seen.well, "checks": seen.lines})
    else:
        screen.show(_table(seen))
    return 0 if seen.well else 1


def _table(seen: Examination) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for line in seen.lines:
        mark = Text("ok", style="green") if line["ok"] else Text("problem", style="bold red")
        table.add_row(mark, line["part"], Text(plain(line["found"])))
    return table
