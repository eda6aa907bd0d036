"""What a check of a spec found, and what several of them find."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sparkdrift.spec.expressions import FUNCTIONS_LISTED, check_expression
from sparkdrift.spec.location import Location
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


def bad_filter(location: Location, *loc: str | int) -> Iterator[Finding]:
    """The filter of the table at `loc` is a condition that is accepted."""
    for reason in check_expression(location.filter) if location.filter is not None else ():
        accepted = f"a condition on columns; {FUNCTIONS_LISTED}"
        message = f"the filter can't be used: {reason}"
        yield Finding((*loc, "filter"), message, location.filter, accepted)


def too_late(loc: Loc, warn_at: float, effect_size: float) -> Finding:
    """A warning that would not come before drift."""
    message = f"'warn_at' ({warn_at}) is not below 'effect_size' ({effect_size})"
    return Finding(loc, message, accepted="a warning that comes before drift; give both")
