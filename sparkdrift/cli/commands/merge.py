"""merge: any run of stored windows, or some values of a slice, as one; nothing is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.arguments import interval, options_for
from sparkdrift.cli.common import Common
from sparkdrift.cli.working import existing_store
from sparkdrift.errors import UsageError
from sparkdrift.report.plain import day, named

# A value in double quotes, or one without quotes and commas.
_VALUE = re.compile(r'\s*(?:"((?:[^"]|"")*)"|([^",]*))\s*(,|$)')


def merge(
    common: Common,
    spec: Annotated[Path, typer.Argument(metavar="SPEC", help="The monitor's spec.")],
    begin: Annotated[
        str | None,
        typer.Option(
            "--begin",
            metavar="TIME",
            help="Where the first window begins. Default: the first stored one.",
            show_default=False,
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(
            "--end",
            metavar="TIME",
            help="Where the last window ends. Default: the last stored one.",
            show_default=False,
        ),
    ] = None,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="COLUMN=VALUE,...",
            help="Only rows with one of these values. NULL: rows without one; double quotes "
            "around a value that holds a comma, or the word NULL. For a slice by several "
            "columns once for each of them.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Merge stored windows, and values of a slice, and show the figures; reads no source row.

    Example: sparkdrift merge credit.yml --begin 2025-03-05 --end 2025-03-19
    --slice region=north,south
    """
    wanted = wanted_values(only or [])
    times = interval(begin, end)
    from sparkdrift.spec.loading import load_spec

    loaded = load_spec(spec)
    options = options_for(loaded, None, *times)
    with existing_store(common) as (spark, store):
        from sparkdrift.spark.capabilities import check_functions
        from sparkdrift.steps.ranges import figures, merge_range

        check_functions(spark)
        found = merge_range(spark, store, loaded, options.begin, options.end, wanted)
        rows = figures(found).dicts()
    if common.as_json:
        screen.print_json(
            {
                "monitor": loaded.monitor,
                "begin": found.interval.start,
                "end": found.interval.end,
                "windows": found.windows,
                "slice": wanted,
                "notes": found.notes,
                "features": rows,
            }
        )
        return
    from sparkdrift.report.merged import HEADINGS, merged_lines

    zone = loaded.timestamp.zone
    total = sum(row["row_count"] for row in rows if row["kind"] == "table")
    where = "".join(
        f"; {key} = {' or '.join('NULL' if one is None else one for one in values)}"
        for key, values in wanted.items()
    )
    screen.say(
        f"{loaded.monitor}: {day(found.interval.start, zone)} to {day(found.interval.end, zone)}, "
        f"{named(found.windows, loaded.windows.grain)}, {named(total, 'row')}{where}"
    )
    screen.show_rows(HEADINGS, merged_lines(rows))
    for note in found.notes:
        screen.remark(note)


def wanted_values(given: Sequence[str]) -> dict[str, list[str | None]]:
    """The values of `--slice COLUMN=VALUE,...`, by column; None for NULL. Raises UsageError."""
    wanted: dict[str, list[str | None]] = {}
    for text in given:
        column, equals, values = text.partition("=")
        if not equals or not column.strip():
            raise UsageError(
                f"--slice {text!r} names no value; accepted is COLUMN=VALUE,..., as in "
                "--slice region=north,south"
            )
        wanted.setdefault(column.strip(), []).extend(_values(text, values))
    return {column: list(dict.fromkeys(values)) for column, values in wanted.items()}


def _values(option: str, text: str) -> list[str | None]:
    values: list[str | None] = []
    place = 0
    while True:
        found = _VALUE.match(text, place)
        if found is None:
            raise UsageError(
                f"--slice {option!r}: a double quote is not closed, or something follows it; "
                'inside a value write it twice: "say ""so"""'
            )
        quoted, bare, comma = found.groups()
        if quoted is not None:
            values.append(quoted.replace('""', '"'))
        else:
            values.append(None if bare.strip() == "NULL" else bare.strip())
        place = found.end()
        if not comma:
            return values
