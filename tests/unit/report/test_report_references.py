"""References as lines and JSON: what a reader of `sparkdrift reference` sees."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone

from sparkdrift.references.life import Event, Name
from sparkdrift.report.references import (
    DIFFERING,
    LISTED,
    difference_facts,
    difference_lines,
    event_lines,
    verified_lines,
    version_details,
    version_facts,
    version_lines,
)
from sparkdrift.spark.reference_differences import FIGURES, Difference
from sparkdrift.spark.reference_life import ALWAYS, Snapshot, Stored
from sparkdrift.steps.verifying import Verified
from sparkdrift.windows import Window

NAME = Name("credit", "baseline", "baseline")


def day(number: int) -> datetime:
    return datetime(2024, 1, 1, tzinfo=timezone.utc) + timedelta(days=number)


def snapshot(version: int, interval: Window | None) -> Snapshot:
    return Snapshot(
        version, "r", "main.credit.log", None, interval, 5, 12_000, "d", created_by="ada"
    )


STORED = Stored(
    (
        snapshot(1, None),
        snapshot(2, Window(day(0), day(5))),
        snapshot(3, Window(day(5), day(9))),
    ),
    (
        Event(1, 1, "activate", ALWAYS, day(1), "ada", "the first version"),
        Event(2, 2, "force", day(5), day(6), "bob", "relaunch", "blocked"),
        Event(3, 1, "activate", day(8), day(9), "ada", "back"),
    ),
)


def test_versions_are_listed_newest_first_with_where_they_are_in_force():
    lines = version_lines(NAME, STORED, "UTC")
    assert [dict(zip(LISTED, one, strict=True)) for one in lines] == [
        {
            "role": "baseline",
            "name": "baseline",
            "by": "ada",
            "made": "",
            "note": "",
            **dict(zip(("version", "state", "rows", "of", "in force"), own, strict=True)),
        }
        for own in (
            (3, "candidate", "12,000", "2024-01-06 to 2024-01-10", ""),
            (2, "retired", "12,000", "2024-01-01 to 2024-01-06", "2024-01-06 to 2024-01-09"),
            (
                *(1, "active", "12,000", "main.credit.log, version None"),
                "always to 2024-01-06, 2024-01-09 on",
            ),
        )
    ]
    facts = {one["version"]: one for one in version_facts(NAME, STORED)}
    assert facts[1]["in_force"] == [
        {"begin": ALWAYS, "end": day(5)},
        {"begin": day(8), "end": None},
    ]
    assert facts[3]["interval"] == {"begin": day(5), "end": day(9)}


def test_stretches_that_meet_are_told_as_one():
    events = (*STORED.events[:1], Event(2, 1, "activate", day(5), day(6), "ada", "back"))
    (line,) = version_lines(
        NAME, replace(STORED, versions=STORED.versions[:1], events=events), "UTC"
    )
    assert dict(zip(LISTED, line, strict=True))["in force"] == "always on"


def test_events_say_who_decided_what_when_and_why():
    assert event_lines(STORED.events, "UTC") == [
        [1, 1, "activate", "", "ada", "2024-01-02", "", "the first version"],
        [2, 2, "force", "2024-01-06", "bob", "2024-01-07", "blocked", "relaunch"],
        [3, 1, "activate", "2024-01-09", "ada", "2024-01-10", "", "back"],
    ]


def difference(column: str, **figures: float) -> Difference:
    none = dict.fromkeys(FIGURES, None)
    known = {"effect_low": 0.1, "effect_high": 0.9, **figures} if figures else {}
    return Difference(
        *(1, 2, "*", "*", column, 5_000, {**none, **known}),
        new_categories=(("bnpl", 40),) if "new_category_share" in figures else (),
        reason=None if figures else "the type was int and is string",
    )


def test_differences_are_told_largest_first_and_unmeasured_ones_as_such():
    found = [
        difference("age", effect=0.05, p_material=0.9),
        difference("kind"),
        difference("product", effect=0.5, p_material=0.001, new_category_share=0.18),
    ]
    assert [one.material for one in found] == [False, None, True]
    lines = [dict(zip(DIFFERING, one, strict=True)) for one in difference_lines(found)]
    assert [one["column"] for one in lines] == ["product", "age", "kind"]
    assert (lines[0]["verdict"], lines[0]["new"]) == ("material", "18 % ('bnpl')")
    assert (lines[1]["verdict"], lines[1]["effect"]) == ("", "0.05 sd")
    assert (lines[2]["verdict"], lines[2]["effect"]) == ("not measured", "")
    assert difference_facts(found)[1]["material"] is None


def test_verified_versions_tell_what_was_not_measured_apart():
    found = {
        1: Verified(1, True, None, "the source was recreated"),
        2: Verified(2, False, True, "the digest differs"),
        3: Verified(3, True, False, "amount: 10 rows stored, 9 rows"),
        4: Verified(4, True, True, sketches=True),
        5: Verified(5, True, True, "amount: 50 % of the rows are at most 7", sketches=False),
        6: Verified(6, True, None, "source t can't be read: permission denied", failed=True),
    }
    assert [one[:4] for one in verified_lines(found)] == [
        [6, "ok", "error", "error"],
        [5, "ok", "reproduced", "differ"],
        [4, "ok", "reproduced", "reproduced"],
        [3, "ok", "differ", "not measured"],
        [2, "mismatch", "reproduced", "not measured"],
        [1, "ok", "not measured", "not measured"],
    ]
    assert [one.holds for one in found.values()] == [*(True, False, False, True, False, False)]


def test_one_version_is_told_as_in_the_list():
    one = STORED.versions[1]
    listed = dict(zip(LISTED, version_lines(NAME, STORED, "Europe/Berlin")[1], strict=True))
    told = dict(version_details(NAME, STORED, one, "Europe/Berlin"))
    assert {what: told.get(what, "") for what in LISTED} == {k: str(v) for k, v in listed.items()}
    assert told["rows"] == "12,000"
    assert told["of"] == "2024-01-01 01:00 to 2024-01-06 01:00"
    assert told["times in"] == "Europe/Berlin"
    assert told["digest"] == "d"
    assert "note" not in told
