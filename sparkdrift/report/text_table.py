"""Columns of text below each other, for what is told line by line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence


def text_table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The heading and each row as a line; the last column is as long as it is."""
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    for row in (heading, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        yield "  ".join(cells).rstrip()
