"""A signal of operations that moved for the worse, as a finding of its own kind of evidence."""

from __future__ import annotations

from health_rows import start

from sparkdrift.health.evidence import PERSISTING, evidence_of
from sparkdrift.health.gathering import windows_of
from sparkdrift.health.told import Told


def told(part: str, **more) -> Told:
    return Told("m", part, start(3), end=start(4), **more)


def test_a_signal_that_moved_for_the_worse_is_a_finding_of_operations() -> None:
    own = {"name": "override", "subject": "override", "value": 0.17, "limit": 0.04}
    rows = [
        told("window"),
        told("operation", status="drifted", since=start(2), **own),
        told("coverage", name="operations", count=1, of=2, words="wait: insufficient_data"),
    ]
    (found,) = windows_of(rows)
    (one,) = found.findings
    assert (one.debt, one.severity, one.since) == ("operations of override", "major", start(2))
    assert one.evidence == (
        "override (override) is 0.17, 0.04 in the reference: it moved for the worse"
    )
    assert one.rows[0].startswith("operations: override, ")
    assert evidence_of(one) == "operations"
    assert evidence_of(one) in PERSISTING
    assert found.coverage["operations"].measured == 0.5
    assert found.coverage["operations"].why == "wait: insufficient_data"


def test_a_signal_that_moved_in_slices_alone_is_a_minor_finding() -> None:
    """Where all rows move as well, the slices are told beside them; where nobody is to be called,
    nothing is."""
    own = {"name": "override", "subject": "override", "since": start(2)}
    everywhere = {"value": 0.17, "limit": 0.04, "status": "drifted"}
    found = {
        one.severity: one.evidence
        for more in ({"count": 2}, {"count": 1, **everywhere}, {"count": 3, "grade": "suppressed"})
        for one in windows_of([told("window"), told("operation", **own, **more)])[0].findings
    }
    assert found == {
        "minor": "override (override): it moved for the worse in 2 slices only",
        "major": "override (override) is 0.17, 0.04 in the reference: it moved for the worse, and "
        "in 1 slice",
    }
