"""What must hold of `privacy`: a key where values are hidden, and names that are there."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.errors import nearest
from sparkdrift.spec.features import DeclaredFeature
from sparkdrift.spec.findings import Finding
from sparkdrift.spec.hiding import read_by
from sparkdrift.spec.models import MonitorSpec

_ACCEPTED = "a categorical feature, a column that one reads, a column of a slice, or the decision"


def key(spec: MonitorSpec) -> Iterator[Finding]:
    """Values are hidden by a key."""
    if spec.privacy is not None and spec.privacy.hides and spec.privacy.key_env is None:
        message = "values are to be hidden, and no key is named"
        accepted = "'key_env' as well: the name of an environment variable that holds it"
        yield Finding(("privacy",), message, accepted=accepted)


def names(spec: MonitorSpec) -> Iterator[Finding]:
    """What is named has values that can be hidden. Under `auto` only the table tells."""
    if spec.privacy is None:
        return
    known = {column.lower() for keys in spec.slices for column in keys}
    known |= {column.lower() for role, column in spec.prediction.columns() if role == "decision"}
    numbers = set()
    for _, kind, one in spec.features.declared():
        if not isinstance(one.entry, DeclaredFeature):
            continue
        found = {name.lower() for name in (one.name, *read_by(one.entry))}
        if kind == "categorical":
            known |= found
        else:
            numbers |= found
    for name in spec.privacy.of:
        loc = ("privacy", "of", name)
        if name.lower() in known:
            continue
        if name.lower() in numbers:
            message = "the values of a number are not hidden: quantiles are kept of them"
            yield Finding(loc, message, name, f"{_ACCEPTED}; or leave the feature out")
        elif spec.features.auto is None:
            close = nearest(name, sorted(known))
            yield Finding(loc, "nothing of this name is stored", name, _ACCEPTED, close)
