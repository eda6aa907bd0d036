"""What is in force of several monitors, from the rows of one look-up."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace

import pyarrow as pa

from sparkdrift.references.life import Name
from sparkdrift.spark.drift_in_force import _REFERENCES, _table, read_in_force

DAY = 86_400_000_000
FIRST = datetime(2025, 1, 1, tzinfo=timezone.utc)
MICROS = int(FIRST.timestamp()) * 1_000_000
COLUMNS = ("monitor", "role", "name", "version", "seq", "action", "at", "policy_hash", "rows")
OWN = ("m", "baseline", "usual")


def day(number: int) -> datetime:
    return datetime(2025, 1, 1 + number, tzinfo=timezone.utc)


def event(seq: int, version: int, action: str, at: int, name=OWN):
    return (*name, version, seq, action, MICROS + at * DAY, None, None)


def snapshot(version: int, at: int | None, name=OWN):
    dated = None if at is None else MICROS + at * DAY
    return (*name, version, None, "snapshot", dated, None, None)


def found(*rows):
    """What `read_in_force` makes of these rows of its query."""
    more = [
        ("m", None, None, None, None, "policy", None, "p", None),
        (None, None, None, None, None, "drift", None, None, 7),
    ]
    table = pa.Table.from_pylist(
        [dict(zip(COLUMNS, row, strict=True)) for row in (*rows, *more)],
    )
    spark = SimpleNamespace(sql=lambda _: SimpleNamespace(toArrow=lambda: table))
    return read_in_force(spark, SimpleNamespace(table=lambda name: name), ["m"])


def test_a_later_event_overrules_all_earlier_ones_from_its_start_on() -> None:
    force = found(
        *(event(1, 1, "activate", 0), event(2, 2, "activate", 5), event(3, 3, "force", 3)),
        *(snapshot(1, None), snapshot(2, 1), snapshot(3, 2)),
    )
    assert [(one.version, one.start, one.end, one.dated) for one in force.references] == [
        (1, day(0), day(3), None),
        (3, day(3), None, day(2)),
    ]
    assert force.origins == {Name(*OWN): day(0)}
    assert (force.policies, force.rows) == ({"m": "p"}, 7)


def test_what_was_erased_or_never_written_is_not_in_force() -> None:
    force = found(
        *(event(1, 1, "activate", 0), event(2, 2, "activate", 3), event(3, 3, "activate", 6)),
        event(4, 1, "erase", 0),
        *(snapshot(1, 0), snapshot(2, 0)),
    )
    assert [(one.version, one.start, one.end) for one in force.references] == [(2, day(3), day(6))]
    assert force.origins == {}


def test_only_a_baseline_has_an_origin() -> None:
    other = ("m", "evaluation", "launch")
    force = found(event(1, 1, "activate", 0, other), snapshot(1, 4, other))
    assert force.origins == {}
    (one,) = force.references
    assert (one.name.role, one.dated) == ("evaluation", day(4))


def test_a_table_without_rows_keeps_its_types() -> None:
    made = _table(_REFERENCES, [])
    assert (made.num_rows, made.schema) == (0, _REFERENCES)
