"""What rows made on the driver are for Arrow; no JVM."""

from __future__ import annotations

from datetime import datetime, timezone

import pyarrow as pa
import pytest

from sparkdrift.kernels.batches import arrow_type
from sparkdrift.spark.local_rows import as_arrow

AT = datetime(2024, 3, 1, 12, tzinfo=timezone.utc)
KIND = arrow_type("array<struct<name:string,at:timestamp,inner:struct<a:int,b:array<double>>>>")
ROW = {"name": "one", "at": AT, "inner": {"a": 1, "b": [0.5, None]}}


@pytest.mark.parametrize(
    "value",
    [
        [("one", AT, (1, [0.5, None]))],
        [{"inner": (1, (0.5, None)), "at": AT, "name": "one"}],
        [{"name": "one", "at": AT, "inner": {"b": [0.5, None], "a": 1}}],
    ],
    ids=["tuples", "mixed", "dicts in another order"],
)
def test_structs_are_told_by_place_or_by_name(value):
    assert pa.array([as_arrow(value, KIND)], KIND).to_pylist() == [[ROW]]


def test_what_is_missing_is_null_at_each_depth():
    values = [None, [], [None], [("one", None, None)]]
    assert pa.array([as_arrow(one, KIND) for one in values], KIND).to_pylist() == [
        None,
        [],
        [None],
        [{"name": "one", "at": None, "inner": None}],
    ]


def test_a_struct_of_another_size_is_refused():
    with pytest.raises(ValueError, match="zip"):
        as_arrow([("one", AT)], KIND)
