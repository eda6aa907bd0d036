"""New versions of a model are marks in one history."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from sparkdrift.health.versions import Mark, version_marks

START = datetime(2025, 6, 1, tzinfo=timezone.utc)


def marks(*versions: str | None) -> list[tuple[int, str, str]]:
    judged = [(START + timedelta(days=day), version) for day, version in enumerate(versions)]
    return [
        ((mark.start - START).days, mark.version, mark.before)
        for mark in version_marks(reversed(judged))
    ]


def test_each_change_has_a_mark_in_the_order_of_the_windows() -> None:
    assert marks("7", "7", "8", "8", "7") == [(2, "8", "7"), (4, "7", "8")]
    assert marks("7", "7") == marks() == []


def test_what_was_not_named_changes_nothing() -> None:
    assert marks(None, "7", None, "7", None, "8") == [(5, "8", "7")]


def test_a_mark_reads_as_a_line() -> None:
    assert str(Mark(START, "8", "7")) == "from here on version 8 of the model, until then 7"
