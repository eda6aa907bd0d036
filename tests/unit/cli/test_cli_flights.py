"""The flights demo judges twice, and the spec's own policy is the one that stays in force."""

from __future__ import annotations

from types import SimpleNamespace

from sparkdrift.cli.commands import demo as command
from sparkdrift.demo import running
from sparkdrift.demo.flights import flights_spec
from sparkdrift.steps import assumptions, drift, journal, profile, snapshot
from sparkdrift.steps.context import Context


def test_what_is_judged_without_seasons_is_a_run_of_its_own_that_ends_before(monkeypatch, tmp_path):
    """`runs` keeps one success per run and step; the newest says which policy is in force."""
    done = []

    class Told:
        def __init__(self, name="beside"):
            self.name = name

        def close(self):
            done.append((self.name, "closed"))

    def judged(context, spec, options, stored):
        done.append((context.journal.name, spec.drift.seasonal))
        return SimpleNamespace(windows=(), stored=None)

    nothing = SimpleNamespace(rows=0, due=(), stored=None)
    monkeypatch.setattr(journal, "Journal", lambda spark, store: Told())
    monkeypatch.setattr(drift, "compute_drift", judged)
    monkeypatch.setattr(profile, "profile_windows", lambda *_: nothing)
    monkeypatch.setattr(snapshot, "snapshot_reference", lambda *_: nothing)
    monkeypatch.setattr(assumptions, "check_assumptions", lambda *_: None)
    monkeypatch.setattr(running, "finish", lambda folder: None)
    flights = running.flights_demo()
    (tmp_path / flights.spec).write_text(flights_spec("/flights"))
    context = Context(None, None, Told("run"))
    bars = SimpleNamespace(begin=lambda *_: None, finished=lambda *_: None)
    command._steps(context, bars, tmp_path, flights, {}, made=True)
    assert done == [
        ("beside", "none"), ("beside", "closed"), ("run", "weekday"), ("run", "closed"),
    ]  # fmt: skip
