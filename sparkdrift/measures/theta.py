"""Read Apache DataSketches theta sketches, and say what part of one's keys another has as well.

What Spark's `theta_sketch_agg` writes is the compact form of the Java library, the same bytes
that the C++ and Python libraries write. It holds 63-bit hashes of keys, all those below theta,
and no key. All numbers are little-endian:

    byte  0  preamble size in longs
    byte  1  serial version: 3 (plain) or 4 (differences of ascending hashes, packed)
    byte  2  family, 3
    byte  3  version 4: bits of a packed difference
    byte  4  version 4: bytes of the number of hashes
    byte  5  flags: 4 empty
    bytes 6  hash of the seed, uint16
    version 3  preamble 1: a single hash; 2: count, uint32, one unused, hashes; 3: theta besides
    version 4  preamble 1: number of hashes, packed differences; 2: theta, uint64, before them

Source: datasketches-java `theta/PreambleUtil`, datasketches-cpp `compact_theta_sketch_parser_impl`;
Dasgupta, Lang, Rhodes, Thaler, A Framework for Estimating Stream Expression Cardinalities, 2016.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sparkdrift.measures.intervals import wilson

FAMILY = 3
EMPTY = 4
_HEADER = struct.Struct("<BBBBBBH")
_HEADER_END = 8
_ALL = 2**63 - 1
"""Theta while every hash is kept."""
Hashes = NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Keys:
    """A sample of distinct keys: all whose hash is below theta.

    hashes: uint64 (m,), ascending, each once. theta: up to 2^63 - 1, where nothing was left out.
    seed: the hash of the seed; hashes of different seeds say nothing of each other.
    """

    hashes: Hashes
    theta: int
    seed: int

    @property
    def exact(self) -> bool:
        """Whether every key is in the sample."""
        return self.theta == _ALL

    @property
    def count(self) -> float:
        """Estimated number of distinct keys."""
        return len(self.hashes) * (2.0**63 / self.theta) if not self.exact else len(self.hashes)


@dataclass(frozen=True)
class Shared:
    """What part of one side's keys the other one has: `share`, in [0, 1], between low and high.

    Exact (low = share = high) where both sides keep every key; else a 95 % interval. looked_at:
    keys of the sample that it rests on.
    """

    share: float
    low: float
    high: float
    looked_at: int


def read_theta(blob: bytes | bytearray | memoryview | None) -> Keys | None:
    """The keys of a serialized compact theta sketch; None for NULL.

    An empty sketch has no hash. Raises ValueError when the bytes are no such sketch: another
    family, an unknown serial version, cut short or too long, hashes out of order or above theta.
    """
    if blob is None:
        return None
    if len(blob) < _HEADER_END:
        raise _corrupt(f"{len(blob)} bytes, at least {_HEADER_END} expected")
    preamble, version, family, bits, wide, flags, seed = _HEADER.unpack_from(blob)
    if family != FAMILY:
        raise _corrupt(f"family {family}, a compact one is {FAMILY}")
    if flags & EMPTY:
        return Keys(np.empty(0, np.uint64), _ALL, seed)
    if version == 3:
        hashes, theta = _plain(blob, preamble)
    elif version == 4:
        hashes, theta = _packed(blob, preamble, bits, wide)
    else:
        raise _corrupt(f"serial version {version}, accepted: 3 and 4")
    if len(hashes) and (hashes[-1] >= theta or not np.all(np.diff(hashes) > 0)):
        raise _corrupt("its hashes repeat, or are not below theta")
    return Keys(hashes, theta, seed)


def _plain(blob: Any, preamble: int) -> tuple[Hashes, int]:
    if preamble not in (1, 2, 3):
        raise _corrupt(f"preamble of {preamble} longs, accepted: 1 to 3")
    body, size = 8 * preamble, len(blob)
    count = 1
    if preamble > 1 and size >= body:
        (count,) = struct.unpack_from("<I", blob, _HEADER_END)
    if size != body + 8 * count:
        raise _corrupt(f"{size} bytes do not hold {count} hashes")
    theta = struct.unpack_from("<Q", blob, 16)[0] if preamble == 3 else _ALL
    return np.sort(np.frombuffer(blob, "<u8", offset=body).astype(np.uint64)), theta


def _packed(blob: Any, preamble: int, bits: int, wide: int) -> tuple[Hashes, int]:
    body = 8 * preamble
    if preamble not in (1, 2) or not 0 < bits <= 63 or not 0 < wide <= 4:
        raise _corrupt(f"preamble of {preamble} longs, differences of {bits} bits")
    if len(blob) < body + wide:
        raise _corrupt(f"{len(blob)} bytes end inside the preamble")
    theta = struct.unpack_from("<Q", blob, _HEADER_END)[0] if preamble == 2 else _ALL
    count = int.from_bytes(bytes(blob[body : body + wide]), "little")
    packed = np.frombuffer(blob, np.uint8, offset=body + wide)
    if len(packed) != -(-count * bits // 8):
        raise _corrupt(f"{len(blob)} bytes do not hold {count} hashes of {bits} bits")
    single = np.unpackbits(packed)[: count * bits].reshape(count, bits)
    whole = np.zeros((count, 64), np.uint8)
    whole[:, 64 - bits :] = single
    differences = np.packbits(whole, axis=1).view(">u8").reshape(count).astype(np.uint64)
    return np.cumsum(differences, dtype=np.uint64), theta


def shared(own: Keys, other: Keys) -> Shared | None:
    """What part of `own` keys `other` has as well; None where `own` has none that can be looked at.

    Of the keys below both thetas it is known for each whether the other side has it, and they are
    as good as drawn at random: of `looked_at` keys so many are shared, and Wilson's interval tells
    what that says of all. Raises ValueError where the sketches were made with different seeds.
    """
    if own.seed != other.seed and len(own.hashes) and len(other.hashes):
        raise ValueError("the sketches were made with different seeds: they can't be compared")
    theta = min(own.theta, other.theta)
    seen = own.hashes[own.hashes < theta]
    if not len(seen):
        return None
    found = int(np.isin(seen, other.hashes, assume_unique=True).sum())
    share = found / len(seen)
    if own.exact and other.exact:
        return Shared(share, share, share, len(seen))
    _, low, high = (float(part) for part in wilson(found, len(seen)))
    return Shared(share, low, high, len(seen))


def _corrupt(what: str) -> ValueError:
    return ValueError(f"not a compact theta sketch: {what}")
