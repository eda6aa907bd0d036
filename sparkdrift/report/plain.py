"""Text that is safe on a terminal, and numbers and times as people read them."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sparkdrift.explain.hidden import without_withheld

# Replaced, because a terminal obeys them (Cc) or shows the text other than it is (bidi
# marks are Cf; Cs can't be encoded at all).
_REFUSED = frozenset(["Cc", "Cf", "Cs", "Co", "Zl", "Zp"])
_BEGINNING = 1970


def plain(text: str, *, lines: bool = True) -> str:
    """`text` with every control or invisible character replaced by `?`, and without the tokens of
    values that are withheld.

    Line feeds stay where `lines` is true. Rich markup is not touched: print the result
    as `rich.text.Text`, or through `rich.markup.escape`.
    """
    return "".join(
        character
        if (character == "\n" and lines) or unicodedata.category(character) not in _REFUSED
        else "?"
        for character in without_withheld(text)
    )


def shortened(text: str, width: int) -> str:
    """`text` cut to `width` characters, the last of them an ellipsis."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def share(value: float) -> str:
    """A share (0..1) in percent, with as many digits as it deserves: 0.4 %, 18 %."""
    percent = 100 * value
    if percent and abs(percent) < 0.1:
        return "under 0.1 %"
    return f"{percent:.1f} %" if abs(percent) < 10 else f"{percent:.0f} %"


def size(count: int) -> str:
    """A number of bytes: 12 B, 1.2 kB, 3.4 MB."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def day(instant: datetime, zone: str) -> str:
    """An aware instant as a local date; with the time of day where that is not midnight."""
    local = instant.astimezone(ZoneInfo(zone))
    midnight = local.hour == local.minute == local.second == 0
    return f"{local:%Y-%m-%d}" if midnight else f"{local:%Y-%m-%d %H:%M}"


def began(start: datetime, zone: str) -> str:
    """The day of `start`; '' where it is the beginning of time, before all windows."""
    return "" if start.year <= _BEGINNING else day(start, zone)


def named(count: int, noun: str) -> str:
    """'1 window', '2 windows', '1,000 windows'."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def lost(windows: int) -> str:
    """'1 window lost its rows', '2 windows lost their rows'."""
    return f"{named(windows, 'window')} lost {'its' if windows == 1 else 'their'} rows"


def joined(words: list[str], most: int = 12) -> str:
    """'a, b, c', or 'a, b and 40 more' beyond `most`."""
    if len(words) <= most:
        return ", ".join(words)
    return f"{', '.join(words[:most])} and {len(words) - most} more"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text with their columns below each other; the last one is as long as it is."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
