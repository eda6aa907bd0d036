"""What is left of a spec without its wrong parts, so that the rest can still be judged.

A wrong part is taken out by entry where entries stand for themselves (a feature, a metric,
a slice), else by section. Lines follow what moves up, so that a later problem names its own.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from sparkdrift.spec.checks import find_problems
from sparkdrift.spec.documents import Document
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc, Origin

NO_TIMESTAMP = ":timestamp"
"""Stands in for a timestamp column that is not known; no column of a table is called so."""

# Stand in for required sections that are wrong or missing.
_STAND_INS: Mapping[str, Any] = {
    "monitor": "monitor",
    "owner": "owner",
    "source": {"table": "source"},
    "timestamp": {"column": NO_TIMESTAMP},
    "features": {"auto": "true"},
}
# Sections whose keys are wrong or right each by itself.
_BY_KEY = frozenset(
    ["source", "timestamp", "features", "prediction", "metrics", "slice_values", "evaluation"]
)
# Sections that name what stands in others: held against a part of it, right names look wrong.
_NAMED = frozenset(["features", "prediction", "metrics", "feedback"])
_NAMING: tuple[Loc, ...] = (
    ("drift", "overrides"),
    ("alerts",),
    ("assumptions",),
    ("privacy", "of"),
    ("dependence",),
)


@dataclass(frozen=True)
class Remainder:
    """The data of a document without its wrong parts. `cut`: the sections that lost something."""

    file: str
    data: Mapping[str, Any]
    lines: Mapping[Loc, int]
    cut: frozenset[str] = frozenset()

    def model(self) -> MonitorSpec:
        """The spec that is left; raises ValidationError."""
        spec = MonitorSpec.model_validate({**_STAND_INS, **self.data})
        return spec.with_origin(Origin(self.file, self.lines))

    def without(self, wrong: Iterable[Loc]) -> Remainder:
        """The same without the parts around these places."""
        parts = {_present(self.data, _part(loc)) for loc in wrong} - {()}
        data, lines = _taken_out(self.data, _tree(parts)), _moved_up(self.lines, parts)
        cut = self.cut | {str(loc[0]) for loc in parts}
        return Remainder(self.file, data, lines, cut)


def valid_part(document: Document) -> Remainder:
    """What of a document has the form of a spec; between its sections anything may be wrong."""
    return _valid(Remainder(document.file, document.data, document.lines))


def sound_spec(valid: Remainder) -> MonitorSpec | None:
    """The spec that is left without every part that is wrong; None without a source to look at.

    No expression that was refused is in it. Where the timestamp is wrong it is NO_TIMESTAMP.
    """
    left = valid
    while True:
        if left.cut & _NAMED:
            naming = {loc for loc in _NAMING if _present(left.data, loc) == loc}
            left = _valid(left.without(naming))
        spec = left.model()
        wrong = [finding.loc for finding in find_problems(spec)]
        if "source" not in left.data:
            return None
        if not wrong:
            return spec
        less = left.without(wrong)
        if less == left:
            return None
        left = _valid(less)


def _valid(left: Remainder) -> Remainder:
    while True:
        try:
            left.model()
        except ValidationError as error:
            less = left.without(detail["loc"] for detail in error.errors())
            if less == left:
                raise
            left = less
        else:
            return left


def _part(loc: Loc) -> Loc:
    """What is to be taken out for something wrong at `loc`: the entry, key or section around it."""
    for place, part in enumerate(loc):
        if isinstance(part, int):
            return loc[: place + 1]
    return loc[:2] if loc[0] in _BY_KEY else loc[:1]


def _present(data: Any, loc: Loc) -> Loc:
    """`loc`, or the closest place around it that is there."""
    for place, part in enumerate(loc):
        inside = part in data if isinstance(data, Mapping) else _is_position(data, part)
        if not inside:
            return loc[:place]
        data = data[part]
    return loc


def _is_position(data: Any, part: str | int) -> bool:
    return isinstance(data, tuple) and isinstance(part, int) and part < len(data)


def _tree(parts: Collection[Loc]) -> dict[str | int, Any]:
    """The places `parts` by their first key, then by the next; None ends a place."""
    tree: dict[str | int, Any] = {}
    for loc in sorted(parts, key=len):
        inner = tree
        for key in loc[:-1]:
            inner = inner.setdefault(key, {})
            if inner is None:
                break  # what is around it goes as a whole
        if inner is not None:
            inner[loc[-1]] = None
    return tree


def _taken_out(data: Any, gone: Mapping[str | int, Any]) -> Any:
    """A copy of `data` without the places in the tree `gone`, which are there."""
    of_mapping = isinstance(data, Mapping)
    kept = {
        key: _taken_out(value, gone[key]) if key in gone else value
        for key, value in (data.items() if of_mapping else enumerate(data))
        if gone.get(key, gone) is not None
    }
    return kept if of_mapping else tuple(kept.values())


def _moved_up(lines: Mapping[Loc, int], gone: Collection[Loc]) -> dict[Loc, int]:
    """The lines of what is left once the places `gone` are taken out of lists and mappings."""
    positions: dict[Loc, list[int]] = defaultdict(list)
    for loc in gone:
        if isinstance(loc[-1], int):
            insort(positions[loc[:-1]], loc[-1])
    moved: dict[Loc, int] = {}
    for place, line in lines.items():
        if any(place[: depth + 1] in gone for depth in range(len(place))):
            continue
        moved[
            tuple(
                part - bisect_left(positions.get(place[:depth], ()), part)
                if isinstance(part, int)
                else part
                for depth, part in enumerate(place)
            )
        ] = line
    return moved
