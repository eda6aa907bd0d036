"""What `maintain` tells of each table."""

from __future__ import annotations

from sparkdrift.cli.commands.maintaining import told
from sparkdrift.spark.maintaining import Maintained


def test_each_table_with_something_to_say_has_a_line() -> None:
    done = [
        Maintained("profiles", (30, 2), (3_000_000, 2_500_000), 12),
        Maintained("states", (1, 1), (500_000, 500_000), 0),
        Maintained("runs", (0, 0), (0, 0), 0, "no permission"),
    ]
    assert told(done, dry=False) == [
        "profiles: 30 files joined to 2; 12 old files removed",
        "runs: refused: no permission",
        "3 tables, 3 files, 3.0 MB in use",
    ]


def test_a_dry_run_says_what_would_go() -> None:
    lines = told([Maintained("drift", (4, 4), (9_000, 9_000), 1)], dry=True)
    assert lines == ["drift: 1 old file would go", "1 table, 4 files, 0.0 MB in use"]
