from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from sparkdrift.report.grid import fitted, grid, shown


def drawn(columns, rows, width):
    console = Console(width=width, file=None, highlight=False)
    with console.capture() as capture:
        console.print(grid(columns, rows, width))
    return capture.get()


@given(st.lists(st.integers(0, 200), min_size=1, max_size=12), st.integers(12, 200))
def test_widths_fit_and_the_narrow_stay(wanted, room):
    widths = fitted(wanted, room)
    assert sum(widths) <= room
    assert all(got <= want for got, want in zip(widths, wanted, strict=True))
    if sum(wanted) <= room:
        assert widths == wanted
    least = room // len(wanted)
    assert all(got == want for got, want in zip(widths, wanted, strict=True) if want <= least)


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("columns", [1, 3, 9, 60])
def test_no_line_is_wider_than_the_terminal(width, columns):
    rows = [[f"value {n} " + "x" * n for n in range(columns)]] * 2
    text = drawn([f"column_{n}" for n in range(columns)], rows, width)
    assert max(cell_len(line) for line in text.splitlines()) <= width


def test_short_columns_keep_all_of_their_text():
    when = datetime(2025, 9, 30, tzinfo=timezone.utc)
    text = drawn(["window_start", "reason"], [[when, "long " * 40]], 60)
    assert "2025-09-30" in text
    assert "…" in text


def test_values():
    assert shown(None) == "NULL"
    assert shown(True) == "true"
    assert shown(b"x" * 1_234) == "<1.2 kB>"
    assert shown(1 / 3) == "0.333333"
    assert shown([{"item": "a", "count": 2}]) == "[{item: a, count: 2}]"
    assert shown(datetime(2025, 1, 1, 6, tzinfo=timezone.utc)) == "2025-01-01 06:00:00"


def test_markup_and_control_characters_are_only_text():
    text = drawn(["[red]name"], [["[bold]x[/]\x1b[2J"]], 80)
    assert "[red]name" in text
    assert "[bold]x[/]?[2J" in text
    assert "\x1b" not in text


def test_no_rows_name_the_columns():
    assert "no rows (a, b)" in drawn(["a", "b"], [], 80)


def test_times_say_that_they_are_in_utc():
    """In the name of the column, and inside a value at each of them; local ones say nothing."""
    when = datetime(2025, 3, 20, 23, tzinfo=timezone.utc)
    rows = [["x", None, when.replace(tzinfo=None), {"start": when}], ["y", when, None, None]]
    table = drawn(["name", "at", "local", "window"], rows, 120)
    heads = table.splitlines()[0].split("  ")
    assert [one.strip() for one in heads if one.strip()] == ["name", "at (UTC)", "local", "window"]
    assert "{start: 2025-03-20 23:00:00 UTC}" in table
    listed = drawn(["name", "at", *"bcdefgh"], [["x", when, *"bcdefgh"]], 40)
    assert "  at (UTC)  2025-03-20 23:00:00" in listed
