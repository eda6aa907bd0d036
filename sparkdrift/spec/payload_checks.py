"""What must hold inside `source.payload`, and between it and what reads the log or its rows."""

from __future__ import annotations

from collections.abc import Iterator

from sparkdrift.spec.expressions import identifiers
from sparkdrift.spec.findings import Finding
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.spec.origin import Loc
from sparkdrift.spec.payload import COUNTERS, POSITION

_PLACE: Loc = ("source", "payload")


def names(spec: MonitorSpec) -> Iterator[Finding]:
    """Every column that is made has a name of its own."""
    payload = spec.source.payload
    if payload is None:
        return
    taken = dict.fromkeys((POSITION, *COUNTERS), "what is counted of each row")
    for key, fields in (("fields", payload.fields), ("predictions", payload.predictions)):
        for name in fields:
            where = taken.get(name.lower())
            if where is not None:
                message = f"a column of this name is there already, for {where}"
                yield Finding((*_PLACE, key, name), message, name, "another name")
            taken[name.lower()] = f"{key}.{name}"
    if payload.request.lower() == payload.response.lower():
        message = "request and response are one column"
        yield Finding((*_PLACE, "response"), message, payload.response, "another column")


def metrics(spec: MonitorSpec) -> Iterator[Finding]:
    """No other metric has the name under which rows that do not fit are counted."""
    if spec.source.payload is None:
        return
    for section, named in (("metrics", spec.metrics), ("operations", spec.operations)):
        for name in COUNTERS:
            if name in named:
                message = "the share of rows that do not fit the payload is stored under this name"
                yield Finding((section, name), message, name, "another name")


def read_before(spec: MonitorSpec) -> Iterator[Finding]:
    """Which rows are read, and of which window, is decided before the texts are."""
    payload = spec.source.payload
    if payload is None:
        return
    made = {name.lower() for name in payload.columns}
    accepted = "a column of the log beside its texts"
    if spec.timestamp.column.lower() in made:
        message = "the time stands in the JSON text, and is needed to find its window"
        yield Finding(("timestamp", "column"), message, spec.timestamp.column, accepted)
    for name in identifiers(spec.source.filter or ""):
        if name.lower() in made:
            message = "the filter reads what is made of the JSON text, which is read after it"
            yield Finding(("source", "filter"), message, name, accepted)
