"""Templates to text: everything that is put in is escaped, and shown without control characters."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from sparkdrift.report.plain import plain

_QUOTED = re.compile(r"`([^`]+)`")


def render(name: str, facts: Mapping[str, Any]) -> str:
    """The template `name` filled with `facts`; one that is missing is an error, not a blank."""
    return _environment().get_template(name).render(facts)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("sparkdrift.report.page"),
        autoescape=True,
        finalize=_shown,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["commands"] = _commands
    return environment


def _shown(value: Any) -> Any:
    """Text without characters that hide or turn around what stands beside them; None: nothing."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return plain(value)
    return value


def _commands(text: str | None) -> Markup:
    """Our own sentences, in which `a command` stands between backquotes."""
    escaped = str(escape(plain(text or "")))
    return Markup(_QUOTED.sub(r"<code>\1</code>", escaped))  # noqa: S704 - escaped just above
