from __future__ import annotations

import unicodedata
from datetime import datetime, timezone

from hypothesis import given
from hypothesis import strategies as st

from sparkdrift.report.plain import day, joined, lost, named, plain, share, shortened, size


@given(st.text())
def test_nothing_that_a_terminal_obeys_is_left(text):
    shown = plain(text, lines=False)
    assert len(shown) == len(text)
    assert not any(unicodedata.category(one) in ("Cc", "Cf", "Cs") for one in shown)


def test_escape_sequences_are_broken():
    assert plain("a\x1b]0;owned\x07b\u202ec\nd") == "a?]0;owned?b?c\nd"
    assert plain("é 漢字 🙂 [bold]") == "é 漢字 🙂 [bold]"


def test_words():
    assert shortened("abcdef", 4) == "abc…"
    assert shortened("abcd", 4) == "abcd"
    assert [share(one) for one in (0.0, 0.0004, 0.004, 0.05, 0.18, 1.0)] == [
        *("0.0 %", "under 0.1 %", "0.4 %", "5.0 %", "18 %", "100 %")
    ]
    assert [size(one) for one in (12, 1_234, 3_400_000)] == ["12 B", "1.2 kB", "3.4 MB"]
    assert named(1, "window") == "1 window"
    assert named(1_000, "window") == "1,000 windows"
    assert joined(["a", "b"]) == "a, b"
    assert joined(["a", "b", "c"], most=2) == "a, b and 1 more"


def test_days_are_local():
    instant = datetime(2025, 6, 30, 22, tzinfo=timezone.utc)
    assert day(instant, "Europe/Berlin") == "2025-07-01"
    assert day(instant, "UTC") == "2025-06-30 22:00"


def test_windows_that_lost_their_rows():
    assert lost(1) == "1 window lost its rows"
    assert lost(1_200) == "1,200 windows lost their rows"
