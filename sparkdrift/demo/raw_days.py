"""The raw flights by day and origin: what a reason for an alert has to be true of.

Counted from the rows themselves, with no sketch, bin or verdict between.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sparkdrift.demo.flights import SCHEMA, ZONE
from sparkdrift.explain.signals import WHOLE
from sparkdrift.measures.arrays import Floats, divide

Flags = npt.NDArray[np.bool_]
Places = npt.NDArray[np.intp]
NUMBERS: Final = tuple(one.name for one in SCHEMA if pa.types.is_floating(one.type))
ON_ROUTE: Final = "air_time on its route"
"""air_time less the reference's mean of the same origin and destination, NaN where it has none."""
TEXTS: Final = ("carrier", "origin", "dest")
REFERENCE: Final = (date(2013, 1, 1), date(2013, 2, 28))
_FIRST, _DAYS = date(2013, 1, 1).toordinal(), 365


@dataclass(frozen=True, eq=False)
class RawDays:
    """Sums over the rows of each day and origin, (D, O) each.

    numbers: by column n and sum of the values that are there, (2, D, O). units: by column the
    robust sd (interquartile range / 1.349, else the sd) of the reference's values of each origin,
    the last of all, (O + 1,). counts: by column the rows of each item, (D, O, I), with `items`.
    """

    origins: tuple[str, ...]
    rows: Floats
    numbers: Mapping[str, Floats]
    units: Mapping[str, Floats]
    counts: Mapping[str, Floats]
    items: Mapping[str, tuple[str, ...]]

    @property
    def columns(self) -> frozenset[str]:
        return frozenset(self.numbers) | frozenset(self.counts)

    def _at(self, value: str | None) -> npt.NDArray[np.intp]:
        """Positions of the origins that a slice value is about; WHOLE: all."""
        kept = [i for i, one in enumerate(self.origins) if value in (WHOLE, one)]
        return np.array(kept, dtype=np.intp)

    def mean(self, column: str, of: str | None, first: date, last: date) -> Floats:
        """The mean of each day from first to last, NaN without values."""
        n, total = self.numbers[column][:, _days(first, last)][:, :, self._at(of)].sum(axis=2)
        return divide(total, n)

    def usual(self, column: str, of: str | None) -> tuple[float, float]:
        """(mean, robust sd) of a number over the rows of the reference."""
        days = _days(*REFERENCE)
        n, total = self.numbers[column][:, days][:, :, self._at(of)].sum(axis=(1, 2))
        unit = self.units[column][self.origins.index(of) if of in self.origins else -1]
        return float(total / n), float(unit)

    def all_of(self, column: str, of: str | None, first: date, last: date) -> float:
        """The mean over all rows of these days."""
        n, total = self.numbers[column][:, _days(first, last)][:, :, self._at(of)].sum(axis=(1, 2))
        return float(total / n) if n else float("nan")

    def missing(self, column: str, of: str | None, first: date, last: date) -> Floats:
        """The share of rows without a value, by day."""
        days, at = _days(first, last), self._at(of)
        rows = self.rows[days][:, at].sum(axis=1)
        return 1 - divide(self.numbers[column][0, days][:, at].sum(axis=1), rows)

    def usually_missing(self, column: str, of: str | None) -> float:
        """The share of the reference's rows without a value."""
        days, at = _days(*REFERENCE), self._at(of)
        held = self.numbers[column][0, days][:, at].sum()
        return float(1 - held / self.rows[days][:, at].sum())

    def usual_share(self, column: str, item: str, of: str | None) -> float:
        """The share of the reference's rows that an item has."""
        own = self.counts[column][_days(*REFERENCE)][:, self._at(of)].sum(axis=(0, 1))
        return float(own[self.items[column].index(item)] / own.sum())

    def share(self, column: str, item: str, of: str | None, first: date, last: date) -> Floats:
        """The share of the rows that an item has, by day."""
        days, at = _days(first, last), self._at(of)
        own = self.counts[column][days][:, at].sum(axis=1)
        return divide(own[:, self.items[column].index(item)], own.sum(axis=1))

    def _now_and_before(
        self, column: str, of: str | None, first: date, last: date
    ) -> tuple[Floats, Floats]:
        """The rows of each item on these days, and over the reference."""
        at, counts = self._at(of), self.counts[column]
        now, before = (
            counts[days][:, at].sum(axis=(0, 1)) for days in (_days(first, last), _days(*REFERENCE))
        )
        return now, before

    def gains(self, column: str, of: str | None, first: date, last: date) -> dict[str, float]:
        """By item that gained, by how much its share of all rows of these days grew."""
        now, before = self._now_and_before(column, of, first, last)
        apart = now / max(now.sum(), 1.0) - before / before.sum()
        return {
            item: float(one) for item, one in zip(self.items[column], apart, strict=True) if one > 0
        }

    def fresh(self, column: str, of: str | None, first: date, last: date) -> frozenset[str]:
        """Items of these days that no row of the reference has."""
        now, before = self._now_and_before(column, of, first, last)
        return frozenset(
            item
            for item, rows, known in zip(self.items[column], now, before, strict=True)
            if rows and not known
        )


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

    numbers, units = {}, {}
    known = (day >= REFERENCE[0].toordinal()) & (day <= REFERENCE[1].toordinal())
    origin = coded.indices.to_numpy()
    values_of = {name: rows[name].to_numpy() for name in NUMBERS}
    values_of[ON_ROUTE] = _on_route(values_of["air_time"], origin, rows["dest"], known)
    for name, values in values_of.items():
        held: Flags = np.isfinite(values)
        kept = np.where(held, values, 0.0)
        numbers[name] = np.stack([added(held.astype(float)), added(kept)])
        own = [values[held & known & (origin == i)] for i in range(len(origins))]
        units[name] = np.array([_unit(one) for one in (*own, values[held & known])])
    counts, items = {}, {}
    for name in TEXTS:
        texts = rows[name].combine_chunks().dictionary_encode()
        items[name] = tuple(texts.dictionary.to_pylist())
        width = len(items[name])
        at = np.bincount(place * width + texts.indices.to_numpy(), minlength=size * width)
        counts[name] = at.reshape(_DAYS, len(origins), width).astype(np.float64)
    return RawDays(origins, added(), numbers, units, counts, items)


def _on_route(air_time: Floats, origin: Places, dest: pa.ChunkedArray, known: Flags) -> Floats:
    to = dest.combine_chunks().dictionary_encode()
    route = origin * len(to.dictionary) + to.indices.to_numpy()
    used = known & np.isfinite(air_time)
    size = int(route.max()) + 1
    n = np.asarray(np.bincount(route[used], minlength=size), dtype=np.float64)
    total = np.asarray(np.bincount(route[used], air_time[used], size), dtype=np.float64)
    usual: Floats = divide(total, n)[route]
    return np.asarray(air_time - usual, dtype=np.float64)


def _unit(values: Floats) -> float:
    low, high = np.quantile(values, [0.25, 0.75])
    return float((high - low) / 1.349 if high > low else values.std())


def _days(first: date, last: date) -> slice:
    return slice(first.toordinal() - _FIRST, last.toordinal() - _FIRST + 1)
