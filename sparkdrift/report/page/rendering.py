"""Templates to text: everything that is put in is escaped, and shown without control characters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sparkdrift.report.plain import plain


def render(name: str, facts: Mapping[str, Any]) -> str:
    """The template `name` filled with `facts`; one that is missing is an error, not a blank."""
    return _environment().get_template(name).render(facts)


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("sparkdrift.report.page"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _shown(value: Any) -> Any:
    """Text without characters that hide or turn around what stands beside them; None: nothing."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return plain(value)
    return value
