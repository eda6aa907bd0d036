"""Which values of a monitor are hidden, and how: features and columns by the section `privacy`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from sparkdrift.spec.expressions import identifiers
from sparkdrift.spec.features import DeclaredFeature
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.privacy import WAYS, Hidden, Privacy, Way


def hidden_feature(spec: MonitorSpec, name: str) -> Hidden | None:
    """How the values of the categorical feature `name` are stored; None: as they are.

    Parts of vectors and texts, which are lengths, true and false, always are. Raises SetupError
    without the key.
    """
    if spec.privacy is None:
        return None
    for _, _, one in spec.features.declared():
        if one.name == name:
            if not isinstance(one.entry, DeclaredFeature):
                return None
            return _hidden(spec, _way(spec.privacy, name, read_by(one.entry)))
    return _hidden(spec, _way(spec.privacy, name, [name]))


def hidden_column(spec: MonitorSpec, column: str) -> Hidden | None:
    """The same of a column that slices are made of.

    Where a feature is that column under another name, what is said of the feature holds.
    """
    if spec.privacy is None:
        return None
    lower = column.lower()
    called = [
        one.name
        for _, _, one in spec.features.declared()
        if one.definition is None and (one.column or "").lower() == lower
    ]
    given = {name.lower() for name in spec.privacy.of}
    named = [name for name in called if name.lower() in given]
    return _hidden(spec, _way(spec.privacy, column, named))


def hidden_columns(spec: MonitorSpec, columns: Iterable[str]) -> Iterator[tuple[str, Hidden]]:
    """Those of `columns` whose values are hidden, in lower case, each once, in order."""
    for column in sorted({one.lower() for one in columns}):
        hidden = hidden_column(spec, column)
        if hidden is not None:
            yield column, hidden


def hidden_meaning(spec: MonitorSpec, feature: str | None = None) -> dict[str, Any]:
    """What hiding adds to the meaning of a stored row: of slices, and of one categorical feature.

    Nothing where nothing is hidden, as in stores of before. Other tokens never merge: the key has
    its part in it.
    """
    if spec.privacy is None:
        return {}
    ways = dict(hidden_columns(spec, (key for keys in spec.slices for key in keys)))
    own = None if feature is None else hidden_feature(spec, feature)
    if own is None and not ways:
        return {}
    check = next(one.check for one in (own, *ways.values()) if one is not None)
    slices = {column: one.way for column, one in ways.items()}
    return {"hidden": [own and own.way, slices, check]}


def privacy_meaning(spec: MonitorSpec) -> dict[str, Any]:
    """What the section as a whole adds to the meaning of the row of the whole table; a file with
    rows of another one may hold values that are hidden here."""
    own = spec.privacy
    if own is None or not own.hides:
        return {}
    of = sorted((name.lower(), way) for name, way in own.of.items())
    return {"privacy": [own.values, of, Hidden("hashed", own.key(spec.monitor)).check]}


def read_by(entry: DeclaredFeature) -> list[str]:
    """The columns that a declared feature reads."""
    if entry.expression is not None:
        return list(identifiers(entry.expression))
    return [entry.column] if entry.column is not None else []


def _way(privacy: Privacy, name: str, columns: Iterable[str]) -> Way:
    given = {one.lower(): way for one, way in privacy.of.items()}
    if name.lower() in given:
        return given[name.lower()]
    inherited = [given.get(column.lower(), privacy.values) for column in columns]
    return max(inherited or [privacy.values], key=WAYS.index)


def _hidden(spec: MonitorSpec, way: Way) -> Hidden | None:
    if way == "shown" or spec.privacy is None:
        return None
    return Hidden(way, spec.privacy.key(spec.monitor))
