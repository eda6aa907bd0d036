"""Read Apache DataSketches KLL sketches of doubles, and evaluate their distribution.

What Spark's `kll_sketch_agg_double` writes is the compact form of the Java library,
the same bytes that the C++ and Python libraries write:

    byte  0  preamble size in ints: 2 (empty, single item) or 5 (full)
    byte  1  serial version: 1 (empty, full) or 2 (single item); 3 is Java's updatable form
    byte  2  family, 15
    byte  3  flags: 1 empty, 2 level zero sorted, 4 single item
    bytes 4  k, uint16; m, uint8; one unused
    byte  8  a single item ends here with its double; full: n, uint64
    byte 16  min_k, uint16 (the smallest k ever merged in); levels L, uint8; one unused
    byte 20  L offsets, uint32: level h holds items offsets[h] to offsets[h + 1], weight 2^h;
             the end of the last level is not stored and follows from the length
    then     minimum, maximum, items: doubles; level zero in any order, the others ascending

Source: datasketches-java `KllPreambleUtil`, datasketches-cpp `kll_sketch_impl.hpp`;
Karnin, Lang, Liberty, Optimal Quantile Approximation in Streams, 2016.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.sketch_error import rank_error

_TAIL = 0.001
"""Part of the rows beyond the outermost quantiles that are told."""

FAMILY = 15
EMPTY, SINGLE = 1, 4
_HEADER = struct.Struct("<BBBBHB")
_COUNTS = struct.Struct("<QHB")
_HEADER_END, _COUNTS_END = 8, 20
_MAX_LEVELS = 60
_WEIGHTS = 2.0 ** np.arange(_MAX_LEVELS)


@lru_cache(maxsize=256)
def _rank_error(k: int) -> float:
    return float(rank_error(k))


@dataclass(frozen=True, eq=False)
class Points:
    """A weighted sample that stands for `n` rows: the sorted view of one or more sketches.

    values: float64 (m,), ascending, repeats kept. cumulative: float64 (m,), rows up to
    and including each entry, so cumulative[-1] == n (at a repeated value only the last
    entry counts all of it). k: the smallest k merged in; it sets the error.
    estimating: whether items were ever dropped; if not, every figure is exact.
    minimum, maximum: exact always.
    """

    values: Floats
    cumulative: Floats
    n: int
    k: int
    estimating: bool
    minimum: float
    maximum: float

    @property
    def error_k(self) -> float:
        """k for the error formulas of `sketch_error`: infinite while nothing was dropped."""
        return float(self.k) if self.estimating else np.inf

    @cached_property
    def weights(self) -> Floats:
        """Rows behind each entry of `values`, float64 (m,)."""
        return np.concatenate((self.cumulative[:1], self.cumulative[1:] - self.cumulative[:-1]))

    @cached_property
    def below(self) -> Floats:
        """Share of the rows in the first i entries of `values`, float64 (m + 1,); from 0 to 1."""
        return np.concatenate(([0.0], self.cumulative)) / self.n

    @cached_property
    def landmarks(self) -> tuple[float, float, float]:
        """P0.1, median and P99.9."""
        low, middle, high = self._tails[:3]
        return low, middle, high

    @cached_property
    def tail_ends(self) -> tuple[float, float, float, float]:
        """Between which values P0.1 lies, and between which P99.9 (99 %); exact: each twice."""
        low, _, high, *inner = self._tails
        if not self.estimating:
            return low, low, high, high
        eps = _rank_error(self.k)
        if eps >= _TAIL:
            return self.minimum, inner[0], inner[1], self.maximum
        lowest, highest = quantile(self, [_TAIL - eps, 1 - _TAIL + eps]).tolist()
        return lowest, inner[0], inner[1], highest

    @cached_property
    def _tails(self) -> list[float]:
        """P0.1, median, P99.9, and the first and last as far inside as the rank may be off."""
        eps = min(_rank_error(self.k), 0.5 - _TAIL) if self.estimating else 0.0
        asked = [_TAIL, 0.5, 1 - _TAIL, _TAIL + eps, 1 - _TAIL - eps]
        found: list[float] = quantile(self, asked).tolist()
        return found

    @cached_property
    def finite(self) -> Points | None:
        """The rows that are neither +Inf nor -Inf, see the function `finite`."""
        return _finite(self)


def read_kll(blob: bytes | bytearray | memoryview | None) -> Points | None:
    """The points of a serialized KLL sketch of doubles; None for NULL and for an empty sketch.

    Raises ValueError when the bytes are no such sketch: another family, an unknown
    serial version, cut short or too long, sizes that contradict each other, a NaN.
    The weights of a KLL sketch always add up to n, which also gives away a sketch of
    floats and any cut at an item's end.
    """
    if blob is None:
        return None
    size = len(blob)
    if size < _HEADER_END:
        raise _corrupt(f"{size} bytes, at least {_HEADER_END} expected")
    preamble, version, family, flags, k, _ = _HEADER.unpack_from(blob)
    if family != FAMILY:
        raise _corrupt(f"family {family}, KLL is {FAMILY}")
    if version not in (1, 2):
        raise _corrupt(f"serial version {version}, accepted: 1 (full), 2 (single item)")
    if flags & EMPTY:
        return None
    if flags & SINGLE or version == 2:
        return _read_single(blob, preamble, k)
    if preamble != 5:
        raise _corrupt(f"preamble of {preamble} ints, a full sketch has 5")
    return _read_full(blob)


def _read_single(blob: bytes | bytearray | memoryview, preamble: int, k: int) -> Points:
    if preamble != 2 or len(blob) != _HEADER_END + 8:
        raise _corrupt(f"a single item takes 16 bytes and 2 preamble ints, not {len(blob)}")
    value = np.frombuffer(blob, dtype="<f8", offset=_HEADER_END).astype(np.float64)
    if np.isnan(value[0]):
        raise _corrupt("its item is NaN")
    return Points(value, np.ones(1), 1, k, False, float(value[0]), float(value[0]))


def _read_full(blob: bytes | bytearray | memoryview) -> Points:
    size = len(blob)
    if size < _COUNTS_END:
        raise _corrupt(f"{size} bytes end inside the preamble")
    n, min_k, levels = _COUNTS.unpack_from(blob, _HEADER_END)
    body = _COUNTS_END + 4 * levels
    retained, rest = divmod(size - body - 16, 8)
    if not 0 < levels <= _MAX_LEVELS or retained < 1 or rest:
        raise _corrupt(f"{size} bytes do not hold {levels} levels of doubles")
    offsets = struct.unpack_from(f"<{levels}I", blob, _COUNTS_END)
    edges = np.array((*offsets, offsets[0] + retained))
    sizes = edges[1:] - edges[:-1]
    if sizes.min() < 0:
        raise _corrupt("its levels overlap or run past the end")
    data = np.frombuffer(blob, dtype="<f8", offset=body)
    items = data[2:]
    order = items.argsort()
    values = items[order]
    cumulative = _WEIGHTS[:levels].repeat(sizes)[order].cumsum()
    if cumulative[-1] != n:
        raise _corrupt(f"its weights add up to {cumulative[-1]:.0f}, not to n = {n}")
    minimum, maximum = float(data[0]), float(data[1])
    # NaN sorts last, and a comparison with NaN is false: one test covers all of it
    if not minimum <= values[0] or not values[-1] <= maximum:
        raise _corrupt("its items lie outside its minimum and maximum, or are NaN")
    return Points(values, cumulative, n, min_k, levels > 1, minimum, maximum)


def _corrupt(what: str) -> ValueError:
    return ValueError(f"not a KLL sketch of doubles: {what}")


def rank(points: Points | None, x: ArrayLike, inclusive: bool = True) -> Floats:
    """Share of rows <= x (inclusive) or < x, same shape as x; NaN for NaN and without points.

    Source: `getRank` of DataSketches KLL, INCLUSIVE or EXCLUSIVE.
    """
    at = floats(x)
    if points is None:
        return np.full(at.shape, np.nan)
    before = points.values.searchsorted(at, side="right" if inclusive else "left")
    below = points.below[before]
    return np.where(np.isnan(at), np.nan, below)


def quantile(points: Points | None, q: ArrayLike) -> Floats:
    """The smallest value whose inclusive rank reaches q, same shape as q.

    q = 0 and q = 1 give the exact minimum and maximum. NaN for q outside [0, 1] or NaN,
    and without points. Source: `getQuantile` of DataSketches KLL, INCLUSIVE.
    """
    asked = floats(q)
    if points is None:
        return np.full(asked.shape, np.nan)
    if asked.size and asked.min() > 0 and asked.max() < 1:
        # As nearly always; what follows is the same for these, and takes four times as long.
        at = points.cumulative.searchsorted(np.ceil(asked * points.n))
        return floats(points.values[np.minimum(at, len(points.values) - 1)])
    with np.errstate(invalid="ignore"):
        valid = (asked >= 0) & (asked <= 1)
        rows = np.ceil(np.where(valid, asked, 0.0) * points.n)
    found = np.minimum(points.cumulative.searchsorted(rows), len(points.values) - 1)
    values = points.values[found]
    values = np.where(asked == 0, points.minimum, values)
    values = np.where(asked == 1, points.maximum, values)
    return np.where(valid, values, np.nan)


def merge_points(parts: Sequence[Points | None]) -> Points | None:
    """All rows of `parts` as one distribution; None when there are none.

    Exact for the points given: nothing is dropped, so the result grows with the parts
    and serves to evaluate a distribution, not to be stored. k is the smallest k,
    `estimating` holds if it does for any part. The parts are not changed.
    """
    held = [part for part in parts if part is not None]
    if not held:
        return None
    values = np.concatenate([part.values for part in held])
    weights = np.concatenate([part.weights for part in held])
    order = values.argsort(kind="stable")
    return Points(
        values=values[order],
        cumulative=weights[order].cumsum(),
        n=sum(part.n for part in held),
        k=min(part.k for part in held),
        estimating=any(part.estimating for part in held),
        minimum=min(part.minimum for part in held),
        maximum=max(part.maximum for part in held),
    )


def finite(points: Points | None) -> Points | None:
    """The rows that are neither +Inf nor -Inf; None when none is left.

    A KLL sketch keeps infinities; distances count them apart, so every function of
    `bins` and `numeric` starts here. `n` then counts the finite rows. A sketch that
    dropped items knows the finite extremes only as the outermost retained values.
    """
    return None if points is None else points.finite


def _finite(points: Points) -> Points | None:
    if np.isfinite(points.minimum) and np.isfinite(points.maximum):
        return points
    held = np.isfinite(points.values)
    if not held.any():
        return None
    values, weights = points.values[held], points.weights[held]
    lowest = points.minimum if np.isfinite(points.minimum) else values[0]
    highest = points.maximum if np.isfinite(points.maximum) else values[-1]
    return Points(
        values=values,
        cumulative=weights.cumsum(),
        n=int(weights.sum()),
        k=points.k,
        estimating=points.estimating,
        minimum=float(lowest),
        maximum=float(highest),
    )
