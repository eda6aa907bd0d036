"""Theta bytes against another writer and reader: datasketches (C++)."""

from __future__ import annotations

import struct

import datasketches
import numpy as np
import pytest

from sparkdrift.measures.theta import read_theta, shared

SEED = 97


def sketch(keys, lg_k=12):
    made = datasketches.update_theta_sketch(lg_k)
    for one in keys:
        made.update(one)
    return made.compact()


@pytest.mark.parametrize("n", [0, 1, 2, 7, 8, 9, 100, 4096, 30_000])
@pytest.mark.parametrize("compress", [False, True])
def test_both_forms_are_read_as_they_were_written(n, compress):
    made = sketch(map(str, range(n)))
    found = read_theta(made.serialize(compress))
    assert found is not None
    assert found.hashes.tolist() == sorted(made)
    assert found.count == pytest.approx(made.get_estimate(), rel=1e-12)
    assert found.exact is not made.is_estimation_mode()
    if n > 1:
        assert found.theta == made.theta64


def test_null_is_no_sketch():
    assert read_theta(None) is None


@pytest.mark.parametrize("compress", [False, True])
def test_bytes_that_are_no_such_sketch_are_refused(compress):
    whole = sketch(map(str, range(300))).serialize(compress)
    for wrong in (
        *(whole[:5], whole[:12], whole[:-1], whole + b"x"),
        whole[:2] + b"\x0f" + whole[3:],
        whole[:1] + b"\x05" + whole[2:],
        b"\x09" + whole[1:],
    ):
        with pytest.raises(ValueError, match="not a compact theta sketch"):
            read_theta(wrong)


def test_hashes_above_theta_are_refused():
    made = bytearray(sketch(map(str, range(30_000))).serialize(False))
    struct.pack_into("<Q", made, 16, 1 << 20)
    with pytest.raises(ValueError, match="not below theta"):
        read_theta(bytes(made))


def test_small_sets_are_held_against_each_other_exactly():
    own = read_theta(sketch(map(str, range(1000))).serialize())
    other = read_theta(sketch(map(str, range(970, 5000))).serialize())
    assert own is not None
    assert other is not None
    found = shared(own, read_theta(sketch(map(str, range(970, 2000))).serialize()))
    assert (found.share, found.low, found.high) == (0.03, 0.03, 0.03)
    # The other side is a sample: what is looked at is less than all keys.
    assert not other.exact or shared(own, other).looked_at == 1000


def test_nothing_to_look_at_is_not_measured():
    empty, some = (read_theta(sketch(keys).serialize()) for keys in ([], ["a"]))
    assert shared(empty, some) is None
    assert shared(some, empty).share == 0


def test_other_seeds_are_refused():
    made = datasketches.update_theta_sketch(12, seed=7)
    made.update("a")
    own, other = read_theta(sketch(["a"]).serialize()), read_theta(made.compact().serialize())
    with pytest.raises(ValueError, match="different seeds"):
        shared(own, other)


@pytest.mark.parametrize("share", [0.0, 0.005, 0.3, 1.0])
def test_the_share_of_large_sets_is_that_of_the_library_and_its_interval_holds(share):
    """Against the library's own intersection, and against the truth in 200 rounds."""
    rng = np.random.default_rng(SEED)
    n, inside = 6000, 0
    for _ in range(60):
        keys = rng.integers(0, 2**62, size=2 * n).tolist()
        both = int(share * n)
        one, two = sketch(keys[:n], 9), sketch(keys[n - both : 2 * n - both], 9)
        found = shared(read_theta(one.serialize()), read_theta(two.serialize(True)))
        # The interval is of keys that are drawn; here they are the same in the long run.
        inside += found.low - 1e-12 <= both / n <= found.high + 1e-12
        meeting = datasketches.theta_intersection()
        meeting.update(one)
        meeting.update(two)
        theta = min(one.theta, two.theta)
        retained = sum(1 for x in one if x < int(theta * 2**63))
        assert found.share == pytest.approx(
            meeting.get_result().num_retained / retained, abs=2 / retained
        ), SEED
    assert inside >= 53, (SEED, inside)
