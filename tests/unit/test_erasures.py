"""An erasure that ended too early: what it was asked for is known, and said by `doctor`."""

from __future__ import annotations

from datetime import datetime, timezone
from types import SimpleNamespace

import pytest

from sparkdrift.errors import StoreError
from sparkdrift.references.life import Name
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spark.runs import Begun
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps import erasing, forget
from sparkdrift.steps.context import Options
from sparkdrift.steps.examining import erasures
from sparkdrift.steps.forget import roles_of
from sparkdrift.steps.freezing import Wanted
from sparkdrift.windows import Window, window_at

AT = datetime(2024, 3, 1, 9, 30, tzinfo=timezone.utc)


def test_roles_are_read_from_what_erasures_said_that_they_would_do():
    said = (
        "to be profiled again: 2024-01-02 00:00 to 2024-01-03 00:00 UTC",
        "to be made again of other tables: versions of the role training",
    )
    other = ("to be made again of other tables: versions of the role evaluation",)
    assert roles_of([Begun(AT, said), Begun(AT, other)]) == {"training", "evaluation"}
    assert roles_of([Begun(AT, said[:1])]) == set()


def test_an_erasure_that_did_not_end_is_a_problem_with_the_command_that_ends_it():
    assert erasures({}) == "all that were begun are done"
    with pytest.raises(StoreError, match="that of credit, begun 2024-03-01 09:30 UTC") as raised:
        erasures({"credit": AT})
    assert "`sparkdrift forget SPEC` completes it" in str(raised.value)


SPEC = """\
monitor: credit
owner: tests
source: {table: a.b}
timestamp: {column: ts}
features: {numeric: [amount]}
"""


def at(month: int, day: int) -> datetime:
    return datetime(2024, month, day, tzinfo=timezone.utc)


NAME, DAYS = Name("credit", "baseline", "baseline"), Window(at(1, 1), at(1, 4))


@pytest.mark.parametrize("given", [True, False], ids=["windows given", "windows found to change"])
@pytest.mark.parametrize(
    ("gone", "first", "last"),
    [
        # Days of June went: without them its roll-up could not be merged again.
        (Window(at(1, 1), at(6, 22)), at(6, 1), at(7, 1)),
        (Window(at(1, 1), at(5, 20)), None, None),
        (None, None, None),
    ],
    ids=["of its month", "of earlier months", "nothing pruned"],
)
def test_days_that_a_roll_up_lacks_by_now_are_profiled_as_well(
    monkeypatch, given, gone, first, last
):
    months = [window_at(at(month, 1), "month", "UTC") for month in range(1, 8)]

    def stored(spark, store, spec, grain):
        found = months if grain == "month" else []
        return {one.start: SimpleNamespace(window=one) for one in found}

    monkeypatch.setattr(forget, "pruned", lambda *_: gone)
    monkeypatch.setattr(forget, "stored_windows", stored)
    touched = [window_at(at(6, 25), "day", "UTC")]
    asked = Options(begin=at(6, 25), end=at(6, 26)) if given else Options()
    context = SimpleNamespace(spark=None, store=None)
    found = forget._widened(context, parse_spec(SPEC), asked, touched)
    if first is not None:
        assert (found.begin, found.end) == (first, last)
    else:
        # What changed is found again by itself.
        assert (found.begin, found.end) == ((at(6, 25), at(6, 26)) if given else (None, None))


@pytest.mark.parametrize(
    ("source", "source_id", "version", "row_filter", "expected"),
    [
        ("a.b", "watched", 1, None, Wanted(NAME, DAYS)),
        # The watched table under the name that it had: what was read of it then is there.
        ("/lake/b", "watched", 1, "amount > 0", Wanted(NAME, DAYS)),
        ("a.b", "watched", 1, "reflect('x')", "its rows are told by a condition that is not run"),
        # Another one to which nothing was written holds nothing that left it.
        ("c.d", "other", 7, None, None),
        ("c.d", "other", 6, None, "it was made of an interval of another table: freeze another"),
    ],
)
def test_an_interval_is_made_again_of_the_table_that_it_was_made_of(
    monkeypatch, source, source_id, version, row_filter, expected
):
    monkeypatch.setattr(erasing, "source_of", lambda *_: SimpleNamespace(table_id="watched"))
    other = SimpleNamespace(table_id="other", version=7)
    monkeypatch.setattr(erasing, "open_source", lambda *_, **_more: other)
    one = Snapshot(1, "r", source, row_filter, DAYS, 3, 10, "v3-", True, None, source_id, version)
    stored = SimpleNamespace(states={1: "active"})
    found = erasing._wanted(SimpleNamespace(spark=None), parse_spec(SPEC), NAME, one, stored)
    assert found == expected
