"""What the command line asks of a case."""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path


def data_folder() -> Path:
    """Where made tables are kept: SPARKDRIFT_BENCH_DATA, else under the temporary folder."""
    named = os.environ.get("SPARKDRIFT_BENCH_DATA")
    return Path(named) if named else Path(tempfile.gettempdir()) / "sparkdrift-bench"


@dataclass(frozen=True)
class Asked:
    """`rows` replaces the number of rows of a case's table, and what depends on it shrinks along.

    `repeats` runs follow one that warms up, and the quickest counts. `source` is a Delta or
    Parquet folder of the user's own, `timestamp` its column of event time.
    """

    rows: int | None = None
    repeats: int = 3
    data: Path = field(default_factory=data_folder)
    source: str | None = None
    timestamp: str | None = None

    def share(self, usual: int) -> float:
        """The rows asked for, as a share of the case's `usual` number; at most 1."""
        return 1.0 if self.rows is None else min(1.0, self.rows / usual)
