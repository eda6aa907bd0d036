"""Names and values on their way into SQL text: always quoted, never pasted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from sparkdrift.spec.names import quote, string
from sparkdrift.windows import Window

__all__ = ["ddl", "in_windows", "quote", "string", "timestamp"]


def timestamp(instant: datetime) -> str:
    """A SQL timestamp literal for an aware instant, independent of the session's zone."""
    if instant.tzinfo is None:
        raise ValueError(f"{instant!r} has no time zone")
    return f"TIMESTAMP'{instant.astimezone(timezone.utc):%Y-%m-%d %H:%M:%S.%f}Z'"


def ddl(fields: Mapping[str, str]) -> str:
    """Columns given as name -> SQL type, as the schema of a frame."""
    return ", ".join(f"{quote(name)} {kind}" for name, kind in fields.items())


def in_windows(column: str, intervals: Sequence[Window]) -> str:
    """A predicate: `column` (already quoted) lies in one of the half-open intervals."""
    if not intervals:
        return "false"
    parts = (
        f"({column} >= {timestamp(i.start)} AND {column} < {timestamp(i.end)})" for i in intervals
    )
    return "(" + " OR ".join(parts) + ")"
