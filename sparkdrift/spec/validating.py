"""Turn what pydantic finds into Problems: with line, what was given, what is accepted."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from sparkdrift.errors import Problem, nearest
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc, Origin
from sparkdrift.spec.values import Section

_LONGEST_GIVEN = 120
# Looking for the nearest key takes a millisecond.
_MOST_HINTS = 20
MOST_PROBLEMS = 200


def problems_of(
    error: ValidationError, origin: Origin, root: type[Section] = MonitorSpec
) -> Iterator[Problem]:
    """One Problem for each error that pydantic found; `root` is what the file is read as."""
    for position, detail in enumerate(error.errors(include_url=False)):
        yield _problem(detail, origin, root, hinted=position < _MOST_HINTS)


def first_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """In file order as many as somebody reads, and how many more there are."""
    in_order = sorted(problems, key=lambda problem: problem.line or 0)
    shown, more = in_order[:MOST_PROBLEMS], in_order[MOST_PROBLEMS:]
    if more:
        message = f"there are {len(more):,} more problems, which are not listed"
        shown.append(Problem(message, more[0].file, more[0].line))
    return tuple(shown)


def show(value: Any) -> str:
    """A value of the spec on one line, shortened, with nothing invisible in it."""
    if value is None:
        return "nothing (quote the word if a column is called so)"
    if isinstance(value, Mapping):
        return f"a mapping with {', '.join(map(show, value))}"[:_LONGEST_GIVEN] or "a mapping"
    if isinstance(value, tuple | list):
        return f"a list of {len(value)}"
    text = value if isinstance(value, str) else str(value)
    text = text if text.isprintable() else ascii(text)
    return text if len(text) <= _LONGEST_GIVEN else text[: _LONGEST_GIVEN - 3] + "..."


def _problem(detail: ErrorDetails, origin: Origin, root: type[Section], hinted: bool) -> Problem:
    loc: Loc = detail["loc"]
    context = detail.get("ctx", {})
    kind = detail["type"]
    name = _name(loc)
    if kind == "extra_forbidden":
        known = sorted(_keys_at(loc[:-1], root))
        return origin.problem(
            loc,
            f"{name} is not a known key here",
            accepted=", ".join(known),
            nearest=nearest(str(loc[-1]), known) if hinted else None,
        )
    if kind == "missing":
        return origin.problem(loc, f"{name} is missing", accepted=_accepted(loc, root))
    given = None if _hidden(loc, root) else show(detail["input"])
    if kind == "refused":
        return origin.problem(
            loc,
            f"{name}: {context['message']}",
            given=None if context["hidden"] else given,
            accepted=context["accepted"],
            nearest=context["nearest"],
        )
    if kind == "literal_error":
        known = re.findall(r"'([^']*)'", context["expected"])
        return origin.problem(
            loc,
            f"{name} has a value that does not exist",
            given=given,
            accepted=", ".join(known),
            nearest=nearest(given, known) if given is not None and hinted else None,
        )
    accepted = _accepted(loc, root) or detail["msg"]
    return origin.problem(loc, f"{name} has a wrong value", given=given, accepted=accepted)


def _name(loc: Loc) -> str:
    """How a place is called in a message: 'drift.bins', 'features.numeric[2].column'."""
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return repr(show(text.removeprefix(".")))


def _hidden(loc: Loc, root: type[Section]) -> bool:
    """Whether what stands at `loc` may be a secret: of a field that no repr shows."""
    field = _field_at(loc, root)
    return field is not None and not field.repr


def _accepted(loc: Loc, root: type[Section]) -> str | None:
    """The description of the field at `loc`, or of its type's keys when it is a section."""
    field = _field_at(loc, root)
    if field is None:
        return None
    if field.description is not None:
        return field.description
    section = _section(field.annotation)
    return None if section is None else f"a mapping of {', '.join(section.by_key())}"


def _keys_at(loc: Loc, root: type[Section]) -> Iterator[str]:
    section = _section_at(loc, root)
    return iter(section.by_key() if section is not None else ())


def _field_at(loc: Loc, root: type[Section]) -> FieldInfo | None:
    """The field at `loc`; for an item of a list or mapping, the field that holds it."""
    for length in range(len(loc), 0, -1):
        section, key = _section_at(loc[: length - 1], root), loc[length - 1]
        if section is not None and key in section.by_key():
            return section.by_key()[str(key)]
    return None


def _section_at(loc: Loc, root: type[Section]) -> type[Section] | None:
    """The model whose keys stand at `loc`, or None where no mapping belongs."""
    section: type[Section] | None = root
    for part in loc:
        field = section.by_key().get(str(part)) if section is not None else None
        # A list position or a key of `overrides` stays within the type that was entered.
        section = _section(field.annotation) if field is not None else section
    return section


def _section(annotation: Any) -> type[Section] | None:
    """The model inside `X`, `X | None`, `tuple[X, ...]`, `Mapping[str, X]`."""
    if isinstance(annotation, type) and issubclass(annotation, Section):
        return annotation
    found = (_section(argument) for argument in get_args(annotation))
    return next((section for section in found if section is not None), None)
