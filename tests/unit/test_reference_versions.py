"""Versions of a reference that are asked for by number, verified, and brought from elsewhere."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from sparkdrift.errors import GoneError, SnapshotError, SourceError
from sparkdrift.references.life import Event, Name, before
from sparkdrift.references.manifest import Manifest
from sparkdrift.spark.reference_life import Snapshot, Stored
from sparkdrift.steps import exchange, reference, verifying
from sparkdrift.steps.reference_reading import whole_version

NAME = Name("credit", "baseline", "baseline")
DAY = datetime(2025, 7, 1, tzinfo=timezone.utc)
WEEK = timedelta(days=7)
LOST = Exception("[FAILED_READ_FILE.FILE_NOT_EXIST] part-0.parquet is not there")


def version(number: int) -> Snapshot:
    return Snapshot(number, "run", "main.risk.log", None, None, 3, 950, f"d{number}", True,
                    source_version=5)  # fmt: skip


def stored(*events: Event) -> Stored:
    return Stored((version(1), version(2), version(3)), events)


def test_of_an_erased_version_it_is_said_that_it_was_erased():
    begun = Event(1, 1, "activate", DAY), Event(2, 2, "activate", DAY)
    told = "digest d1: version 3 stands in for it"
    gone = Event(3, 1, "erase", DAY, at=DAY, by="dpo", reason=told)
    found = stored(*begun, gone)
    assert whole_version(found, NAME, 2) == whole_version(found, NAME, None) == version(2)
    with pytest.raises(SnapshotError, match="version 1 was erased on 2025-07-01 by dpo") as raised:
        whole_version(found, NAME, 1)
    assert "its digest was d1; version 3 stands in for it" in str(raised.value)
    without = stored(*begun, Event(3, 1, "erase", DAY, reason="digest d1: it was rejected"))
    with pytest.raises(SnapshotError, match=r"digest was d1; accepted is one that is there: 2, 3"):
        whole_version(without, NAME, 1)


def test_a_second_way_back_undoes_what_the_first_put_in_force_from_its_begin_on():
    """As if version 3 had never been: it was in force before version 4, and again after it."""
    versions = tuple(version(number) for number in (1, 2, 3, 4))
    begun = [Event(n, n, "activate", DAY + (n - 1) * WEEK) for n in (1, 2, 3, 4)]
    once = Stored(versions, (*begun, Event(5, 3, "activate", DAY + 3 * WEEK)))
    assert (before(once.events), reference._begun(once)) == (2, DAY + 2 * WEEK)
    twice = Stored(versions, (*once.events, Event(6, 2, "activate", DAY + 2 * WEEK)))
    assert [(one.snapshot.version, one.start) for one in twice.active if one.end is None] == [
        (2, DAY + 2 * WEEK)
    ]
    assert (before(twice.events), reference._begun(twice)) == (1, DAY + WEEK)
    # Of a version that took the place of another for a while only the last part is undone.
    again = Stored(versions, (*begun[:3], Event(4, 2, "activate", DAY + 5 * WEEK)))
    assert reference._begun(again) == DAY + 5 * WEEK


@pytest.fixture
def newest(monkeypatch):
    """What opening the source as it is now gives."""

    def opens(found: int | Exception) -> None:
        def opened(*_):
            if isinstance(found, Exception):
                raise found
            return SimpleNamespace(version=found)

        monkeypatch.setattr(verifying, "_opened", opened)

    return opens


@pytest.mark.parametrize(
    ("now", "earlier", "kind", "told"),
    [
        # VACUUM takes no file that the newest version needs.
        (5, (), SourceError, "version 5 of source main.risk.log, its newest, can't be read"),
        (6, (), GoneError, "version 5 of source main.risk.log can't be read any more"),
        # The newest was read as a whole, before windows were read as they had been.
        (5, (3, 4), GoneError, "version 3 of source main.risk.log can't be read any more"),
        (SourceError("no access"), (), SourceError, "no access"),
    ],
)
def test_a_file_that_is_missing_is_of_the_version_that_was_read(newest, now, earlier, kind, told):
    newest(now)
    found = verifying._unread(None, None, version(1), LOST, earlier)
    assert type(found) is kind
    assert str(found).startswith(told)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"newest_event": 86_400_000_000 + 5}, datetime(1970, 1, 2, tzinfo=timezone.utc)),
        ({"newest_event": None}, None),
        # Files of before.
        ({}, None),
        ({"interval_start": 0, "interval_end": 7}, datetime(1970, 1, 1, 0, 0, 0, 7, timezone.utc)),
    ],
)
def test_the_newest_event_comes_with_the_file(given, expected):
    of = dict.fromkeys(("source", "source_filter", "source_id", "source_version", "granularity"))
    of |= dict.fromkeys(("windows", "k_effective", "interval_start", "interval_end"))
    manifest = Manifest(NAME, 4, of | given, [], "d", "f", 12, "main.drift", "bob", "0.1.0")
    context = SimpleNamespace(journal=SimpleNamespace(run_id="run"))
    about = exchange._about(context, manifest, 1, Stored(), "ada")
    assert about["newest_event"] == expected
