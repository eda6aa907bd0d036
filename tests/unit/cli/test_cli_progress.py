"""Bars on a terminal, a line per finished step elsewhere; on stderr only, and never for --json."""

from __future__ import annotations

import sys

import pytest

from sparkdrift.cli import progress
from sparkdrift.cli.progress import Bars
from sparkdrift.cli.working import _finished as told
from sparkdrift.steps.journal import Record


@pytest.fixture
def terminal(monkeypatch):
    from rich.console import Console

    made = Console(stderr=True, force_terminal=True, width=100, highlight=False)
    monkeypatch.setattr(progress, "err", lambda: made)


def work(bars):
    with bars:
        bars.begin("m: profile")
        bars.advance("profile", windows=3, of=9, rows=3_000)
        bars.advance("profile", windows=9, of=9, rows=9_000)
        bars.finished("m: profile", "9 windows", 34.2)
        bars.end()
        sys.stdout.write("m: done\n")


def test_a_terminal_sees_windows_and_rates(terminal, capsys):
    work(Bars())
    shown = capsys.readouterr()
    assert shown.out == "m: done\n"
    assert "m: profile" in shown.err
    assert "34 s" not in shown.err


def test_a_log_gets_one_plain_line_per_finished_step(capsys):
    work(Bars())
    shown = capsys.readouterr()
    assert shown.out == "m: done\n"
    assert shown.err == "m: profile: 9 windows, 34 s\n"


def test_a_step_tells_windows_that_lost_their_rows_apart(capsys):
    """As the last line of a run does, which would seem to contradict it otherwise."""
    step = Record("m", "profile", windows=20, vanished=1, seconds=3.0)
    told(Bars(), step)
    assert capsys.readouterr().err == "m: profile: 19 windows and 1 without rows any more, 3 s\n"
    told(Bars(), Record("m", "drift", windows=1))
    assert capsys.readouterr().err == "m: drift: 1 window, 0 s\n"


def test_machines_get_no_bars(terminal, capsys):
    work(Bars(shown=False))
    assert capsys.readouterr().err == ""


def test_machines_get_no_lines(capsys):
    work(Bars(shown=False))
    assert capsys.readouterr().err == ""


def test_a_monitors_name_is_no_markup(terminal, capsys):
    with Bars() as bars:
        bars.begin("[red]m[/]\x1b[2J")
        bars.advance("drift", windows=1, of=2, rows=0)
    assert "[red]m[/]?[2J" in capsys.readouterr().err
