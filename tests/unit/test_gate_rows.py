"""What the gate asks of a version's rows: which windows they are from, and where labels are."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from types import SimpleNamespace

import pytest

from sparkdrift.references.gate import Check
from sparkdrift.references.life import Event, Name
from sparkdrift.spark.reference_life import Snapshot, Stored
from sparkdrift.spec.loading import parse_spec
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps import gate_rows
from sparkdrift.steps.gate_rows import contamination_checks, label_checks
from sparkdrift.windows import Window

WATCHED = "main.risk.log"
NAME = Name("credit", "baseline", "baseline")
CONTEXT = SimpleNamespace(spark=None, store=None)


def spec_with(labels: str = "{table: main.risk.labels, label: paid}") -> MonitorSpec:
    return parse_spec(f"""
monitor: credit
owner: me
source: {{table: {WATCHED}}}
timestamp: {{column: ts}}
features: {{numeric: [income]}}
prediction: {{score: score, key: id}}
evaluation:
  task: binary
  labels: {labels}
""")


def day(number: float) -> datetime:
    return datetime(2025, 7, 1, tzinfo=timezone.utc) + timedelta(days=number - 1)


def version(interval: Window | None, rows: int, *, windows: int = 0, source: str = WATCHED):
    return Snapshot(2, "run", source, None, interval, windows, rows, "digest")


@pytest.fixture
def contaminated(monkeypatch):
    """The check on a version; stored are five days of 1,000 rows, alerted those that are given."""

    def checked(made: Snapshot, bad: set[float], *, stored=range(1, 6), since: float = 1) -> Check:
        rows = {day(one): SimpleNamespace(rows=1000) for one in stored}
        events = (Event(1, 1, "activate", day(since)),)

        def alerted(spark, store, spec, asked):
            judged = {start for start in rows if asked.start <= start < asked.end}
            return judged, judged & {day(one) for one in bad}

        monkeypatch.setattr(gate_rows, "alerted", alerted)
        monkeypatch.setattr(gate_rows, "stored_windows", lambda *_: rows)
        monkeypatch.setattr(gate_rows, "read_references", lambda *_: {NAME: Stored((), events)})
        (check,) = contamination_checks(CONTEXT, spec_with(), NAME, made)
        return check

    return checked


HOUR = 1 / 24


@pytest.mark.parametrize(
    ("begin", "end", "rows", "bad", "share"),
    [
        (1, 4, 3000, set(), 0.0),
        (1, 4, 3000, {2}, 1 / 3),
        # It begins in the window that an alert rests on.
        (1 + HOUR, 2, 950, {1}, 1.0),
        (1 + HOUR, 4, 2950, {1}, 950 / 2950),
        # An hour of it counts as an hour, by what the other windows leave.
        (1, 3 + HOUR, 2040, {3}, 40 / 2040),
        (1 + HOUR, 3 + HOUR, 2000, {3}, None),
    ],
)
def test_the_windows_at_the_ends_of_an_interval_count_by_their_part(
    contaminated, begin, end, rows, bad, share
):
    check = contaminated(version(Window(day(begin), day(end)), rows), bad)
    if share is None:
        # 23 and 1 of 24 hours of what is left.
        share = round(1000 / 24) / 2000
    assert check.value == pytest.approx(share, abs=1e-3)
    assert check.verdict == ("blocked" if share > 0.05 else "passed")


def test_of_merged_versions_windows_count_that_begin_in_the_interval(contaminated):
    made = version(Window(day(1.5), day(4)), 2000, windows=2)
    assert contaminated(made, {1}).value == 0.0


def test_where_windows_are_not_stored_the_ends_count_by_time(contaminated):
    made = version(Window(day(1.5), day(4)), 2500)
    check = contaminated(made, {1}, stored=(1, 2))
    assert check.value == pytest.approx(500 / 1500)


def test_rows_of_the_watched_table_that_no_interval_tells_do_not_pass(contaminated):
    made = version(None, 3000)
    check = contaminated(made, set())
    assert (check.verdict, check.value) == ("blocked", None)
    assert check.reason.startswith("not measured: of the watched table, but of no interval of it")
    # Before any reference there is nothing that an alert could have said.
    assert contaminated(made, set(), since=9).verdict == "not_measured"
    other = contaminated(version(None, 3000, source="main.risk.other"), set())
    assert (other.verdict, other.reason[:24]) == ("not_measured", "not of the watched table")


@pytest.mark.parametrize(
    ("role", "labels", "expected"),
    [
        ("training", "{table: main.risk.labels, label: paid}", ("paid", "blocked")),
        ("calibration", "{table: main.risk.labels, label: paid}", ("paid", "blocked")),
        ("evaluation", "{table: main.risk.labels, label: paid}", ("paid", "blocked")),
        ("baseline", "{table: main.risk.labels, label: paid}", None),
    ],
)
def test_rows_of_another_table_have_labels_where_the_table_of_labels_has_them(
    monkeypatch, role, labels, expected
):
    asked = []

    def labelled(spark, source, label):
        asked.append(label)
        return 1000, 500

    source = SimpleNamespace(name="main.risk.training", schema={"paid": "int"})
    monkeypatch.setattr(gate_rows, "source_then", lambda *_: source)
    monkeypatch.setattr(gate_rows, "labelled", labelled)
    made = version(None, 1000, source="main.risk.training")
    found = label_checks(CONTEXT, spec_with(labels), Name("credit", role, role), made)
    assert asked == ([] if expected is None else [expected[0]])
    assert [one.verdict for one in found] == ([] if expected is None else [expected[1]])
