"""A retired model whose table is gone is retired, and no error."""

from __future__ import annotations

from sparkdrift.errors import SourceError
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps import retiring

SPEC = """\
monitor: m
owner: o
model: {stage: retired, retired_at: 2025-05-31}
source: {table: a.b}
timestamp: {column: t}
features: {numeric: [amount]}
"""


class Session:
    """Stands in where nothing is asked of Spark."""

    spark = store = None


def test_a_table_that_went_with_its_model_holds_nothing_against_it(monkeypatch) -> None:
    def gone(*_):
        raise SourceError("there is no such table")

    monkeypatch.setattr(retiring, "newest_event_since", gone)
    assert retiring.after_retirement(Session(), parse_spec(SPEC)) is None
