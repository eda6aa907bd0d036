"""What a table of the store is, and the columns that many of them share."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Literal

BUCKETS = 16
"""How many partitions a table has that many monitors are read from at a time."""


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    comment: str


@dataclass(frozen=True)
class Table:
    """One table of the store. `key` identifies a row; `kind` says how it is written.

    A table that is read of one monitor at a time has a partition for each, so that two of them
    never wait for each other. One that is read of all has few: opening ten thousand files takes
    longer than what is in them. Its monitors share `bucket`s.
    """

    name: str
    kind: Literal["results", "log"]
    comment: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def partition(self) -> str:
        """The column by which its rows lie in folders."""
        return "bucket" if "bucket" in self.names else "monitor"

    @property
    def counted(self) -> tuple[str, ...]:
        """The columns whose extremes Delta's log may keep: none that holds a value of a source.

        A log can't be erased before its time. The keys are what the writer looks rows up by; the
        monitor is the partition, which needs none.
        """
        columns = {column.name for column in self.columns} - {self.partition, "slice_value"}
        wanted = dict.fromkeys((*self.key, "window_end", "granularity", "at", "version", "run_id"))
        return tuple(name for name in wanted if name in columns)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def bucket_of(monitor: str) -> int:
    """The bucket that a monitor's rows lie in: the CRC-32 of its id, by the number of buckets."""
    return zlib.crc32(monitor.encode()) % BUCKETS


BUCKET = Column(
    "bucket", "int", f"CRC-32 of the monitor modulo {BUCKETS}: what the table is partitioned by"
)
ITEMS = "array<struct<item:string,count:bigint>>"
"""The type of values with their counts."""

WINDOW = (
    Column("monitor", "string", "Id of the monitor"),
    Column("window_start", "timestamp", "First instant of the window (UTC)"),
    Column("window_end", "timestamp", "First instant after the window (UTC)"),
    Column("granularity", "string", "Grain of the window: hour, day, week or month"),
)
SLICE = (
    Column(
        "slice_key",
        "string",
        "Column that the slice is by ('*': the whole table; ':shaped': whether the model shaped "
        "the row, 'true', 'false' or NULL)",
    ),
    Column(
        "slice_value",
        "string",
        "Its value ('*': the whole table; ':other': values that are not listed; NULL: none)",
    ),
    Column(
        "column_name",
        "string",
        "Feature; ':table' for the rows as a whole; 'metric:NAME' for a custom metric",
    ),
)
REFERENCE = (
    Column("monitor", "string", "Id of the monitor"),
    Column("role", "string", "What it is for: training, baseline, evaluation, calibration"),
    Column("name", "string", "Name of the reference within its role"),
)
WRITTEN = (
    Column("run_id", "string", "Run that wrote the row"),
    Column("package_version", "string", "sparkdrift version that wrote the row"),
)
DERIVED = (
    Column("definition_hash", "string", "Digest of what gives the row its meaning in the spec"),
    Column("input_digest", "string", "Digest of everything the row was computed from"),
    Column("source_version", "bigint", "Delta version of the source that was read"),
    *WRITTEN,
)
