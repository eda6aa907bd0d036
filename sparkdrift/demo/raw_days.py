"""The raw flights by day and origin: what a reason for an alert has to be true of.

Counted from the rows themselves, with no sketch, bin or verdict between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sparkdrift.demo.flights import SCHEMA, ZONE
from sparkdrift.explain.signals import WHOLE

Floats = npt.NDArray[np.float64]
NUMBERS: Final = tuple(one.name for one in SCHEMA if pa.types.is_floating(one.type))
TEXTS: Final = ("carrier", "origin", "dest")
REFERENCE: Final = (date(2013, 1, 1), date(2013, 2, 28))
_FIRST, _DAYS = date(2013, 1, 1).toordinal(), 365


@dataclass(frozen=True, eq=False)
class RawDays:
    """Sums over the rows of each day and origin, (D, O) each.

    numbers: by column n, sum and sum of squares of the values that are there, (3, D, O).
    counts: by column the rows of each item, (D, O, I), with `items`.
    """

    origins: tuple[str, ...]
    rows: Floats
    numbers: Mapping[str, Floats]
    counts: Mapping[str, Floats]
    items: Mapping[str, tuple[str, ...]]

    def _at(self, value: str | None) -> npt.NDArray[np.intp]:
        """Positions of the origins that a slice value is about; WHOLE: all."""
        kept = [i for i, one in enumerate(self.origins) if value in (WHOLE, one)]
        return np.array(kept, dtype=np.intp)

    def mean(self, column: str, of: str | None, first: date, last: date) -> Floats:
        """The mean of each day from first to last, NaN without values."""
        n, total, _ = self.numbers[column][:, _days(first, last)][:, :, self._at(of)].sum(axis=2)
        return _parts(total, n)

    def usual(self, column: str, of: str | None) -> tuple[float, float]:
        """(mean, standard deviation) of a number over the rows of the reference."""
        days = _days(*REFERENCE)
        n, total, square = self.numbers[column][:, days][:, :, self._at(of)].sum(axis=(1, 2))
        mean = float(total / n)
        return mean, float(np.sqrt(max(square / n - mean**2, 0.0)))

    def missing(self, column: str, of: str | None, first: date, last: date) -> Floats:
        """The share of rows without a value, by day."""
        days, at = _days(first, last), self._at(of)
        rows = self.rows[days][:, at].sum(axis=1)
        return 1 - _parts(self.numbers[column][0, days][:, at].sum(axis=1), rows)

    def share(self, column: str, item: str, of: str | None, first: date, last: date) -> Floats:
        """The share of the rows that an item has, by day."""
        days, at = _days(first, last), self._at(of)
        own = self.counts[column][days][:, at].sum(axis=1)
        return _parts(own[:, self.items[column].index(item)], own.sum(axis=1))

    def fresh(self, column: str, of: str | None, first: date, last: date) -> frozenset[str]:
        """Items of these days that no row of the reference has."""
        at, usual = self._at(of), _days(*REFERENCE)
        now = self.counts[column][_days(first, last)][:, at].sum(axis=(0, 1))
        before = self.counts[column][usual][:, at].sum(axis=(0, 1))
        return frozenset(
            item
            for item, rows, known in zip(self.items[column], now, before, strict=True)
            if rows and not known
        )

    @cached_property
    def columns(self) -> frozenset[str]:
        return frozenset(self.numbers) | frozenset(self.counts)


def raw_days(tables: Iterable[pa.Table]) -> RawDays:
    """Count the rows of the year 2013; tables: as `flights.flight_tables` gives them."""
    rows = pa.concat_tables(list(tables))
    local = pc.local_timestamp(rows["scheduled_time"].cast(pa.timestamp("us", ZONE.key)))
    day = local.cast(pa.date32()).cast(pa.int32()).to_numpy() + date(1970, 1, 1).toordinal()
    coded = rows["origin"].combine_chunks().dictionary_encode()
    origins = tuple(coded.dictionary.to_pylist())
    place = (day - _FIRST) * len(origins) + coded.indices.to_numpy()
    size = _DAYS * len(origins)

    def added(weights: Floats | None = None) -> Floats:
        found = np.bincount(place, weights, size).reshape(_DAYS, len(origins))
        return np.asarray(found, dtype=np.float64)

    numbers = {}
    for name in NUMBERS:
        values = rows[name].to_numpy()
        held = np.isfinite(values)
        kept = np.where(held, values, 0.0)
        numbers[name] = np.stack([added(held.astype(float)), added(kept), added(kept**2)])
    counts, items = {}, {}
    for name in TEXTS:
        texts = rows[name].combine_chunks().dictionary_encode()
        items[name] = tuple(texts.dictionary.to_pylist())
        width = len(items[name])
        own = np.bincount(place * width + texts.indices.to_numpy(), minlength=size * width)
        counts[name] = own.reshape(_DAYS, len(origins), width).astype(np.float64)
    return RawDays(origins, added(), numbers, counts, items)


def _days(first: date, last: date) -> slice:
    return slice(first.toordinal() - _FIRST, last.toordinal() - _FIRST + 1)


def _parts(some: Floats, of: Floats) -> Floats:
    return np.divide(some, of, out=np.full(of.shape, np.nan), where=of > 0)
