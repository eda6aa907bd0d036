"""What prune and forget tell: what went, what stays for which reason, and what is left to do."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sparkdrift.cli.commands.keeping import _facts, _forgotten, _left, _told
from sparkdrift.references.life import Name
from sparkdrift.steps.forget import Erased, Forgotten
from sparkdrift.steps.kept import Aged
from sparkdrift.steps.prune import Pruned
from sparkdrift.windows import Window

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
DAYS = [Window(START + timedelta(days=n), START + timedelta(days=n + 1)) for n in range(9)]
DONE = Pruned(
    Aged("day", DAYS[-1].end, tuple(DAYS[:6]), tuple(DAYS[6:8]), (DAYS[8],)),
    {"profiles": 1200, "states": 0, "drift": 6},
)


def test_what_went_and_what_stays_is_told_with_the_reason():
    assert _told([DONE], "UTC", dry=False) == (
        "6 days up to 2024-01-10 went (1,200 profiles, 6 drift), staying as a reference or an open "
        "debt cites them: 2 days, staying as a roll-up is not merged from them yet: 1 day"
    )


def test_a_dry_run_says_so_and_nothing_due_is_told_too():
    idle = Pruned(Aged("month", DAYS[0].end))
    assert _told([DONE, idle], "UTC", dry=True) == (
        "6 days up to 2024-01-10 would go (1,200 profiles, 6 drift), staying as a reference or an "
        "open debt cites them: 2 days, staying as a roll-up is not merged from them yet: 1 day; "
        "0 months up to 2024-01-02 would go"
    )


def test_the_facts_of_json_are_counts():
    facts = _facts(DONE)
    assert (facts["windows"], facts["cited"], facts["waiting"]) == (6, 2, 1)
    assert facts["rows"] == {"profiles": 1200, "states": 0, "drift": 6}


BASELINE = Name("credit", "baseline", "baseline")
FORGOTTEN = Forgotten(
    windows=(DAYS[2],),
    erased=(
        Erased(BASELINE, 1, "abc", instead=3),
        Erased(BASELINE, 2, "def", why="it was rejected"),
    ),
    elsewhere=("version 1 of other (main.t)",),
    files=("/tmp/a.parquet (sha256 12)",),
    unseen=Window(DAYS[0].start, DAYS[5].end),
)


PRUNED = (
    "not looked at, windows that were pruned: 2024-01-01 00:00 to 2024-01-07 00:00 UTC; roll-ups "
    "hold their rows: if some were deleted, say which windows with --begin and --end"
)


def test_what_was_erased_is_told_and_what_is_left_to_do():
    assert _forgotten(FORGOTTEN, 0) == (
        "1 window profiled again; version 1 of baseline is erased, version 3 stands in for it; "
        "version 2 of baseline is erased; files that held them are removed"
    )
    assert _forgotten(Forgotten(), 168) == (
        "0 windows profiled again; files of the last 168 hours are still there: run it again after "
        "that"
    )
    assert _left(FORGOTTEN) == [
        "version 2 of baseline has no successor: it was rejected",
        "not looked at, made of another table (--role does it): version 1 of other (main.t)",
        PRUNED,
        "exported to, delete it yourself: /tmp/a.parquet (sha256 12)",
    ]
