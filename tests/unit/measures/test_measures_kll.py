"""KLL bytes against two writers: datasketches (C++), and bytes recorded from the Java library."""

from __future__ import annotations

import struct

import datasketches
import numpy as np
import pytest

from sparkdrift.measures.kll import finite, merge_points, quantile, rank, read_kll

# datasketches-java 6.2.0 (the jar inside pyspark 4.2.0), toByteArray(), values r.nextInt(1000)/8.0
# of java.util.Random(7): (bytes, n, k, rank(60), quantiles .01 .5 .999, minimum, maximum)
JAVA = [
    ("02020f04c80008000000000000803d40", 1, 200, 1.0, (29.5, 29.5, 29.5), 29.5, 29.5),
    (
        (
            "05010f0008000800050000000000000008000100030000000000000000001640"
            "0000000000504e400000000000c0474000000000000016400000000000504e40"
            "00000000008034400000000000803d40"
        ),
        *(5, 8, 0.8, (5.5, 29.5, 60.625), 5.5, 60.625),
    ),
    (
        (
            "05010f0008000800280000000000000008000300080000000a00000013000000"
            "000000000000e03f0000000000405e400000000000403d400000000000305440"
            "000000000000e03f00000000004022400000000000e03d400000000000c04e40"
            "0000000000b85040000000000038554000000000005859400000000000505a40"
            "0000000000d85b400000000000c03f400000000000504e400000000000b05440"
            "0000000000905a400000000000405e40"
        ),
        *(40, 8, 0.275, (0.5, 80.75, 121.0), 0.5, 121.0),
    ),
]


def sketch(values, k=200):
    made = datasketches.kll_doubles_sketch(k)
    made.update(np.array(values, dtype=float))
    return made


@pytest.mark.parametrize(("blob", "n", "k", "below", "middles", "low", "high"), JAVA)
def test_reads_what_java_wrote(blob, n, k, below, middles, low, high):
    points = read_kll(bytes.fromhex(blob))
    assert (points.n, points.k, points.minimum, points.maximum) == (n, k, low, high)
    assert rank(points, 60.0) == below
    assert quantile(points, 0.5) == middles[1]


@pytest.mark.parametrize("k", [8, 20, 200, 400, 1600])
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 199, 200, 201, 1000, 4000, 100_000])
def test_reads_what_cpp_wrote(n, k):
    values = np.random.default_rng(n + k).normal(size=n).round(2)
    oracle = sketch(values, k)
    points = read_kll(oracle.serialize())
    assert (points.n, points.k) == (n, k)
    assert points.estimating == oracle.is_estimation_mode()
    assert (points.minimum, points.maximum) == (values.min(), values.max())
    assert len(points.values) == oracle.num_retained
    assert (np.diff(points.values) >= 0).all()
    assert points.cumulative[-1] == n
    at = np.linspace(-3, 3, 61).round(1)
    for inclusive in (True, False):
        expected = [oracle.get_rank(float(x), inclusive) for x in at]
        np.testing.assert_allclose(rank(points, at, inclusive), expected, atol=1e-12)
    ranks = np.linspace(0.01, 0.99, 33)
    expected = [oracle.get_quantile(float(q), True) for q in ranks]
    np.testing.assert_array_equal(quantile(points, ranks), expected)


def test_exact_while_nothing_was_dropped():
    values = np.random.default_rng(1).integers(0, 20, 150).astype(float)
    points = read_kll(sketch(values).serialize())
    assert not points.estimating
    assert points.error_k == np.inf
    np.testing.assert_array_equal(points.values, np.sort(values))
    np.testing.assert_array_equal(points.weights, np.ones(150))


def test_merged_sketches_take_the_smaller_k():
    large, small = sketch(np.arange(3000.0), 400), sketch(np.arange(3000.0), 50)
    large.merge(small)
    points = read_kll(large.serialize())
    assert (points.n, points.k, points.estimating) == (6000, 50, True)
    assert points.error_k == 50


def test_empty_and_null_are_none():
    empty = datasketches.kll_doubles_sketch(200).serialize()
    assert len(empty) == 8
    assert read_kll(empty) is None
    assert read_kll(None) is None


def test_accepts_other_buffers():
    blob = sketch([3.0, 1.0, 2.0]).serialize()
    for buffer in (bytearray(blob), memoryview(blob)):
        np.testing.assert_array_equal(read_kll(buffer).values, [1, 2, 3])


def test_refuses_every_truncation():
    blob = sketch(np.arange(500.0)).serialize()
    for size in range(len(blob)):
        with pytest.raises(ValueError, match="not a KLL sketch"):
            read_kll(blob[:size])
    with pytest.raises(ValueError, match="not a KLL sketch"):
        read_kll(blob + bytes(8))


@pytest.mark.parametrize(
    ("at", "byte", "says"),
    [(2, 7, "family 7"), (1, 3, "serial version 3"), (0, 2, "preamble"), (18, 0, "levels")],
)
def test_refuses_another_format(at, byte, says):
    blob = bytearray(sketch(np.arange(500.0)).serialize())
    blob[at] = byte
    with pytest.raises(ValueError, match=says):
        read_kll(bytes(blob))


def test_refuses_other_sketches():
    floats = datasketches.kll_floats_sketch(200)
    for count in (1, 4, 500):
        floats.update(np.arange(count, dtype=np.float32))
        with pytest.raises(ValueError, match="not a KLL sketch"):
            read_kll(floats.serialize())
    hll = datasketches.hll_sketch(12)
    hll.update(1)
    with pytest.raises(ValueError, match="family"):
        read_kll(hll.serialize_compact())


def test_refuses_contradictions():
    blob = bytearray(sketch(np.arange(100.0)).serialize())
    struct.pack_into("<Q", blob, 8, 99)
    with pytest.raises(ValueError, match="add up to 100"):
        read_kll(bytes(blob))
    blob = bytearray(sketch(np.arange(100.0)).serialize())
    struct.pack_into("<d", blob, len(blob) - 8, float("nan"))
    with pytest.raises(ValueError, match="NaN"):
        read_kll(bytes(blob))


def test_rank_and_quantile_at_the_ends():
    points = read_kll(sketch([1.0, 1.0, 2.0, 5.0]).serialize())
    np.testing.assert_array_equal(rank(points, [0, 1, 1.5, 5, np.inf]), [0, 0.5, 0.5, 1, 1])
    np.testing.assert_array_equal(rank(points, [1, 2, 5, 6], inclusive=False), [0, 0.5, 0.75, 1])
    np.testing.assert_array_equal(quantile(points, [0, 0.5, 0.51, 1]), [1, 1, 2, 5])
    np.testing.assert_array_equal(quantile(points, [-0.1, 1.1, np.nan]), [np.nan] * 3)
    assert np.isnan(rank(points, np.nan))
    assert np.isnan(rank(None, 1.0))
    assert np.isnan(quantile(None, [0.5])).all()


def test_merge_points():
    parts = [
        read_kll(sketch(np.arange(0, n, dtype=float), k).serialize())
        for n, k in ((50, 200), (5000, 200), (300, 100))
    ]
    before = [part.values.copy() for part in parts]
    whole = merge_points([parts[0], None, *parts[1:]])
    assert (whole.n, whole.k, whole.estimating) == (5350, 100, True)
    assert (whole.minimum, whole.maximum) == (0, 4999)
    at = np.array([10.0, 49, 200, 1000])
    expected = sum(rank(part, at) * part.n for part in parts) / 5350
    np.testing.assert_allclose(rank(whole, at), expected)
    for part, values in zip(parts, before, strict=True):
        np.testing.assert_array_equal(part.values, values)
    assert merge_points([]) is None
    assert merge_points([None]) is None


def test_finite_leaves_infinities_out():
    points = read_kll(sketch([-np.inf, 1.0, 2.0, np.inf, np.inf]).serialize())
    assert points.n == 5
    held = finite(points)
    assert (held.n, held.minimum, held.maximum) == (2, 1.0, 2.0)
    np.testing.assert_array_equal(held.values, [1, 2])
    assert finite(read_kll(sketch([np.inf, np.inf]).serialize())) is None
    assert finite(held) is held
    assert finite(None) is None
