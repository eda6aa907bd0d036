"""Which slice carries a shift of the whole table, if any does."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sparkdrift.explain.signals import UNSTRATIFIED, Row, Signal
from sparkdrift.measures.arrays import Floats, floats

# A slice explains a shift if it carries at least half of it, if the rest moved by less than
# half as much, and if chance does not do that (3 standard errors).
LEAST_CARRIED, LARGEST_REST, LEAST_ERRORS = 0.5, 0.5, 3.0


@dataclass(frozen=True)
class Where:
    """How a shift spreads over slices.

    kind: 'slice' (one value carries it), 'mix' (no slice moved: their shares of the rows
    did), 'alike' (everywhere alike, or nowhere enough to name a slice), 'unknown' (no slice
    was measured), 'only' (the slice alone alerts, the whole table doesn't), 'in' (told of this
    slice). key, value: the slice; a NULL slice has value None. carried: its share of the shift,
    above 1 when others moved the other way; rows: its share of the rows. NaN where they don't
    apply.
    """

    kind: Literal["slice", "mix", "alike", "unknown", "only", "in"]
    key: str | None = None
    value: str | None = None
    carried: float = float("nan")
    rows: float = float("nan")


def locate(signal: Signal, whole: Row, sliced: Iterable[Row]) -> Where:
    """Where the shift of `whole` comes from, given the slices' rows of its window and column.

    Every slice value v moved by x_v against its own reference; n_v x_v / sum n_v x_v is its
    share of the shift. A shape has no such share: slices' effects are then only compared. Slices
    that were held against another stratum than the whole (or against none) can't be added up
    with it: their key says nothing.
    """
    by_key: dict[str, list[Row]] = {}
    for row in sliced:
        by_key.setdefault(row["slice_key"], []).append(row)
    moved, _ = signal.read(whole)
    found, mixed, seen = [], None, False
    for key, rows in sorted(by_key.items()):
        measured = [row for row in rows if _measured(signal, row)]
        alike = all(row.get("stratum") == whole.get("stratum") for row in measured)
        parts = _parts(signal, measured) if alike or signal.kind in UNSTRATIFIED else None
        if parts is None:
            continue
        seen = True
        weights, values, errors = parts
        total = float(weights @ values)
        # The error of the whole is that of its parts together.
        error = float(np.sqrt((weights * errors) @ (weights * errors)))
        if abs(total) < LARGEST_REST * abs(moved) and abs(moved - total) > LEAST_ERRORS * error:
            mixed = mixed or key
            continue
        one = _concentrated(weights, values, errors, total)
        if one is not None:
            value = measured[one]["slice_value"]
            carried = float(weights[one] * values[one] / total)
            found.append(Where("slice", key, value, carried, rows=float(weights[one])))
    if found:
        return max(found, key=lambda where: where.carried - where.rows)
    if mixed is not None:
        return Where("mix", mixed)
    return Where("alike" if seen else "unknown")


def _measured(signal: Signal, row: Row) -> bool:
    return bool(row["row_count"]) and bool(np.isfinite(signal.read(row)).all())


def _parts(signal: Signal, used: Sequence[Row]) -> tuple[Floats, Floats, Floats] | None:
    """(share of rows, value, error) of each measured slice value; None below two."""
    if len(used) < 2:
        return None
    weights = floats([row["row_count"] for row in used])
    read = floats([signal.read(row) for row in used])
    return weights / weights.sum(), read[:, 0], read[:, 1]


def _concentrated(weights: Floats, values: Floats, errors: Floats, total: float) -> int | None:
    """Position of the slice value that carries the shift, by the three limits; else None."""
    if total == 0:
        return None
    one = int((weights * values / total).argmax())
    others = np.arange(len(weights)) != one
    rest_rows = weights[others] / weights[others].sum()
    rest = float(rest_rows @ values[others])
    error = float(np.sqrt(errors[one] ** 2 + ((rest_rows * errors[others]) ** 2).sum()))
    carries = weights[one] * values[one] / total >= LEAST_CARRIED
    apart = abs(values[one] - rest) > LEAST_ERRORS * error
    return one if carries and apart and abs(rest) < LARGEST_REST * abs(values[one]) else None
