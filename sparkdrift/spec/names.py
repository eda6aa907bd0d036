"""Names of columns and tables: how they are quoted for SQL and split into parts.

Refused everywhere: control characters and lone surrogates (invisible, or not
encodable), invisible direction marks (a name could read differently from what
it is), and `${`, which Spark replaces by configuration or environment values
before it parses, inside quotes too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

# What `FROM format.`path`` would read as a file instead of a table.
_FILE_FORMATS = frozenset(
    ["avro", "binaryfile", "csv", "delta", "iceberg", "json", "orc", "parquet", "text", "xml"]
)
_DIRECTION_MARKS = frozenset(
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_LONGEST_NAME = 255


def refused_characters(text: str) -> str | None:
    """Why `text` can't stand in SQL at all, or None when nothing is wrong with it."""
    for character in text:
        category = unicodedata.category(character)
        if category in ("Cc", "Cs", "Zl", "Zp") or character in _DIRECTION_MARKS:
            return f"it contains the invisible character U+{ord(character):04X}"
    if "${" in text:
        return "it contains '${', which Spark would replace by a setting"
    return None


def refused_name(name: str) -> str | None:
    """Why `name` can't be the name of a column or table, or None when it can."""
    if not name:
        return "it is empty"
    if len(name) > _LONGEST_NAME:
        return f"it is longer than {_LONGEST_NAME} characters"
    return refused_characters(name)


def quote(name: str) -> str:
    """`name` as one SQL identifier, in backticks; raises ValueError for a refused name."""
    reason = refused_name(name)
    if reason is not None:
        raise ValueError(f"{name!r} can't be used as a name: {reason}")
    return "`" + name.replace("`", "``") + "`"


def string(value: str) -> str:
    """A SQL string literal. Backslashes are escaped too: Spark reads them as escapes."""
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def render_table(parts: Sequence[str]) -> str:
    """The 1 to 3 parts of a table name as SQL, each in backticks."""
    if not 1 <= len(parts) <= 3:
        raise ValueError(f"a table name has 1 to 3 parts, not {len(parts)}")
    return ".".join(quote(part) for part in parts)


def parse_table(name: str) -> tuple[str, ...]:
    """Split `catalog.schema.table` (1 to 3 parts, each bare or in backticks).

    Bare parts hold letters, digits, `_` and `-`; everything else needs
    backticks, a backtick itself is doubled. Raises ValueError.
    """
    parts: list[str] = []
    position = 0
    while True:
        part, position = _next_part(name, position)
        reason = refused_name(part)
        if reason is not None:
            raise ValueError(f"a part of the table name can't be used: {reason}")
        parts.append(part)
        if position == len(name):
            break
        position += 1  # the dot
    if len(parts) > 3:
        raise ValueError(f"a table name has 1 to 3 parts, not {len(parts)}")
    if len(parts) > 1 and parts[0].lower() in _FILE_FORMATS and "/" in parts[-1]:
        raise ValueError("this is a folder, not a table: give it as 'path'")
    return tuple(parts)


def _next_part(name: str, start: int) -> tuple[str, int]:
    """The part that starts at `start`, and the position of the dot or end after it."""
    if name.startswith("`", start):
        part, end = _backticked_part(name, start)
    else:
        dot = name.find(".", start)
        end = len(name) if dot < 0 else dot
        part = name[start:end]
        wrong = next((c for c in part if not (c.isalnum() or c in "_-")), None)
        if wrong is not None:
            raise ValueError(f"{wrong!r} in a table name needs backticks around its part")
    if end < len(name) and name[end] != ".":
        raise ValueError("after a part in backticks, a dot or the end must follow")
    return part, end


def _backticked_part(name: str, start: int) -> tuple[str, int]:
    pieces: list[str] = []
    position = start + 1
    while True:
        close = name.find("`", position)
        if close < 0:
            raise ValueError("a backtick is never closed")
        pieces.append(name[position:close])
        if not name.startswith("``", close):
            return "`".join(pieces), close + 1
        position = close + 2
