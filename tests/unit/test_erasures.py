"""An erasure that ended too early: what it was asked for is known, and said by `doctor`."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from sparkdrift.errors import StoreError
from sparkdrift.spark.runs import Begun
from sparkdrift.steps.examining import erasures
from sparkdrift.steps.forget import roles_of

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
