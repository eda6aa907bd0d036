from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from sparkdrift.cli.arguments import (
    FailOn,
    fail_on,
    interval,
    options_for,
    point_of_time,
    spec_files,
)
from sparkdrift.errors import UsageError

BERLIN = SimpleNamespace(timestamp=SimpleNamespace(zone="Europe/Berlin"))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("2025-01-31", date(2025, 1, 31)),
        ("2025-01-31T06:00", datetime.fromisoformat("2025-01-31T06:00")),
        ("2025-01-31 06:00:30", datetime.fromisoformat("2025-01-31T06:00:30")),
        ("2025-01-31T06:00Z", datetime(2025, 1, 31, 6, tzinfo=timezone.utc)),
        ("2025-01-31T06:00+01:00", datetime(2025, 1, 31, 6, tzinfo=timezone(timedelta(hours=1)))),
    ],
)
def test_points_of_time(text, meant):
    assert point_of_time("--begin", text) == meant


@pytest.mark.parametrize("text", ["", "today", "2025-13-01", "2025-02-30", "31.01.2025", "Z"])
def test_what_is_no_time_is_refused_with_what_is(text):
    with pytest.raises(UsageError, match=r"--begin .* is no time; accepted is 2025-01-31"):
        point_of_time("--begin", text)


def test_naive_times_are_local_in_the_monitors_zone():
    made = options_for(BERLIN, None, date(2025, 1, 1), datetime.fromisoformat("2025-07-01T00:00"))
    assert made.begin == datetime(2024, 12, 31, 23, tzinfo=timezone.utc)
    assert made.end == datetime(2025, 6, 30, 22, tzinfo=timezone.utc)
    assert made.as_of is None


def test_an_interval_that_ends_before_it_begins_is_refused():
    with pytest.raises(UsageError, match="--begin 2025-02-01 is not before --end 2025-01-01"):
        options_for(BERLIN, None, date(2025, 2, 1), date(2025, 1, 1))


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        ("2025-05-01", "2025-04-01"),
        ("2025-05-01", "2025-05-01"),
        ("2025-05-01T00:00", "2025-05-01"),
        ("2025-05-01T06:00+02:00", "2025-05-01T04:00Z"),
    ],
)
def test_an_interval_that_ends_too_early_in_every_zone_needs_no_zone(begin, end):
    with pytest.raises(UsageError, match="is not before --end"):
        interval(begin, end)


@pytest.mark.parametrize(
    ("begin", "end"),
    [
        (None, None),
        ("2025-05-01", None),
        ("2025-05-01", "2025-05-01T06:00"),
        ("2025-05-01T06:00+02:00", "2025-05-01T05:00Z"),
        # Which comes first hangs on the monitor's zone.
        ("2025-05-01T06:00", "2025-05-01T05:00Z"),
    ],
)
def test_other_intervals_are_left_to_the_monitor(begin, end):
    assert interval(begin, end) == (point_of_time("", begin), point_of_time("", end))


def test_a_folder_stands_for_its_specs(tmp_path):
    for name in ("b.yml", "a.yaml", "notes.txt", "c.yml.bak"):
        (tmp_path / name).write_text("")
    (tmp_path / "inner.yml").mkdir()
    own = tmp_path / "b.yml"
    assert spec_files([tmp_path, own]) == [tmp_path / "a.yaml", tmp_path / "b.yml"]


def test_a_folder_without_specs_is_refused(tmp_path):
    with pytest.raises(UsageError, match="holds no monitor spec"):
        spec_files([tmp_path])


def test_a_missing_file_is_left_to_the_loader(tmp_path):
    assert spec_files([tmp_path / "gone.yml"]) == [tmp_path / "gone.yml"]


def test_what_fail_on_covers():
    assert fail_on([]) == FailOn()
    assert fail_on(["drifted"]) == FailOn(frozenset({"drifted"}))
    assert fail_on(["warning"]) == FailOn(frozenset({"warning", "drifted"}))
    assert fail_on(["no_reference", "drifted"]) == FailOn(frozenset({"no_reference", "drifted"}))


def test_an_alert_covers_every_severity_and_no_status():
    everything = frozenset({"warning", "minor", "major", "critical"})
    assert fail_on(["alert"]) == FailOn(severities=everything)
    assert fail_on(["major"]) == FailOn(severities=frozenset({"major", "critical"}))
    both = fail_on(["critical", "drifted"])
    assert both == FailOn(frozenset({"drifted"}), frozenset({"critical"}))


def test_a_violated_assumption_is_neither_a_verdict_nor_an_alert():
    assert fail_on(["violated"]) == FailOn(violated=True)


@pytest.mark.parametrize(
    ("word", "close"), [("drift", "drifted"), ("alerts", "alert"), ("violate", "violated")]
)
def test_an_unknown_word_is_refused_with_the_nearest(word, close):
    with pytest.raises(UsageError, match=f"did you mean '{close}'"):
        fail_on([word])
