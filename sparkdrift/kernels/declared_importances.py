"""Importances that somebody wrote down: which hold for which window, and what is odd about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np


@dataclass(frozen=True)
class Written:
    """One row of a table of importances; value None or NaN: it says nothing. at None: always."""

    feature: str
    value: float | None
    at: datetime | None = None


@dataclass(frozen=True)
class Told:
    """The importance of one feature: a share of all, or None with the reason."""

    feature: str
    share: float | None
    reason: str = ""


def terms(rows: Sequence[Written]) -> list[tuple[datetime | None, dict[str, float | None]]]:
    """(from when on, value by feature) in order of time; of a feature its newest value holds.

    Rows without a time hold from the beginning.
    """
    found: list[tuple[datetime | None, dict[str, float | None]]] = []
    held: dict[str, float | None] = {}
    for at in (None, *sorted({one.at for one in rows if one.at is not None})):
        own = {one.feature: one.value for one in rows if one.at == at}
        if own:
            held = {**held, **own}
            found.append((at, held))
    return found


def term_at(
    found: Sequence[tuple[datetime | None, Mapping[str, float | None]]], end: datetime
) -> int | None:
    """The place of the term that holds for a window that ends at `end`; None before the first."""
    places = [i for i, (at, _) in enumerate(found) if at is None or at < end]
    return places[-1] if places else None


def told_importances(values: Mapping[str, float | None], features: Collection[str]) -> list[Told]:
    """Shares of what is written down, of the monitor's features and of names that are none.

    A negative value, one that is no number, and one of an unknown feature count for nothing, and
    say so; a feature without a value has none.
    """
    usable = {
        name: float(one)
        for name, one in values.items()
        if name in features and one is not None and np.isfinite(one) and one >= 0
    }
    total = sum(usable.values())
    return [
        _told(name, values, usable, total, known=name in features)
        for name in sorted({*features, *values})
    ]


def _told(
    name: str,
    values: Mapping[str, float | None],
    usable: Mapping[str, float],
    total: float,
    *,
    known: bool,
) -> Told:
    if not known:
        reason = "the monitor has no feature of this name: it counts for nothing; is it `formerly`?"
        return Told(name, None, reason)
    if name in usable:
        if total > 0:
            return Told(name, usable[name] / total)
        return Told(name, None, "all importances are 0")
    value = values.get(name)
    if value is None or np.isnan(value):
        return Told(name, None, "no importance is given for it: it counts for nothing")
    if not np.isfinite(value):
        return Told(name, None, f"the importance {value} is no number: it counts for nothing")
    reason = f"the importance {value:g} is negative: it counts for nothing; give absolute values"
    return Told(name, None, reason)
