"""Importances that somebody wrote down: which hold for which window, and what is odd about them."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import arrow_schema
from sparkdrift.kernels.freezing import Kernel

SHARES = {
    "window_start": "timestamp",
    "feature": "string",
    "share": "double",
    "error": "double",
    "spread": "double",
    "problem": "string",
}


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


def held_at(rows: Sequence[Written], end: datetime | None) -> dict[str, float | None]:
    """The value of each feature in a window that ends at `end` (None: the newest ones).

    That is the newest from before the end; rows without a time hold from the beginning.
    """
    return {
        one.feature: one.value
        for one in sorted(rows, key=_in_time)
        if one.at is None or end is None or one.at < end
    }


def how_many_terms(rows: Sequence[Written], ends: Collection[datetime]) -> int:
    """How many different sets of values hold in windows that end at `ends`, as far as times say."""
    times = sorted(one.at for one in rows if one.at is not None)
    always = any(one.at is None for one in rows)
    found = {bisect_left(times, end) for end in ends}
    return len(found if always else found - {0})


def declared_shares(rows: Sequence[Written], features: Collection[str]) -> Kernel:
    """A kernel: windows (window_start, window_end) to rows of SHARES, one for each feature.

    A window before all rows has none. The driver holds the rows, and never those of all windows.
    """
    times = sorted(one.at for one in rows if one.at is not None)
    schema = arrow_schema(SHARES)

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        place, told = -1, list[Told]()
        for batch in batches:
            for window in batch.to_pylist():
                now = bisect_left(times, window["window_end"])
                if now != place:
                    held = held_at(rows, window["window_end"])
                    place, told = now, told_importances(held, features) if held else []
                yield pa.RecordBatch.from_pylist(
                    [
                        {
                            "window_start": window["window_start"],
                            "feature": one.feature,
                            "share": one.share,
                            "problem": one.reason or None,
                        }
                        for one in told
                    ],
                    schema=schema,
                )

    return run


def _in_time(one: Written) -> tuple[bool, datetime]:
    return (
        (True, one.at) if one.at is not None else (False, datetime.min.replace(tzinfo=timezone.utc))
    )


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
