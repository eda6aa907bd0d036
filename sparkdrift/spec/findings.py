"""What a check of a spec found."""

from __future__ import annotations

from typing import NamedTuple

from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc


class Finding(NamedTuple):
    """One violation, at `loc`; the other parts are those of a Problem."""

    loc: Loc
    message: str
    given: object | None = None
    accepted: str | None = None
    nearest: str | None = None


def line_hint(spec: MonitorSpec, first: Loc) -> str:
    """Where the first of two stands, as the end of a message; empty for a spec made in code."""
    line = spec.origin.line(first)
    return "" if line is None else f", first on line {line}"
