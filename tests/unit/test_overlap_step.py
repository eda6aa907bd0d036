"""Keys of versions at the gate: what is missing of them is told, and does not pass."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest

from sparkdrift.measures.theta import Keys
from sparkdrift.references.life import Name
from sparkdrift.spark.keys import StoredKeys
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.steps import freezing
from sparkdrift.steps.overlap import _missing
from sparkdrift.windows import Window

NAME = Name("credit", "training", "training")
MERGED = Snapshot(1, "run", "main.risk.log", None, None, 30, 1000, "digest")


@pytest.mark.parametrize(
    ("windows", "rows", "told"),
    [
        (30, 1000, None),
        # Rows that came late are more keys, and none is missing.
        (30, 1010, None),
        (30, 990, "of 1,000 rows of reference training of credit version 1 990 were still in the"),
        (0, 990, None),
    ],
)
def test_keys_of_merged_windows_are_those_of_all_rows_or_not_measured(windows, rows, told):
    keys = StoredKeys(Keys.__new__(Keys), rows=rows)
    found = _missing(NAME, replace(MERGED, windows=windows), keys)
    assert (found is None) if told is None else found.startswith(told)


def test_of_keys_that_were_not_read_it_is_said_what_to_do():
    unread = StoredKeys(None, reason="merged from stored windows, which hold no keys")
    assert _missing(NAME, MERGED, unread).endswith("`sparkdrift snapshot SPEC`")


@pytest.mark.parametrize(
    ("role", "scanned"), [("training", True), ("evaluation", True), ("baseline", False)]
)
def test_the_keys_of_merged_windows_are_read_where_the_gate_asks_for_them(
    monkeypatch, role, scanned
):
    """The rows of the windows, whatever the interval asked for."""
    windows = [SimpleNamespace(window=Window(one, one + 10)) for one in (10, 20)]
    monkeypatch.setattr(freezing, "within", lambda spec, source, interval: interval)
    monkeypatch.setattr(freezing, "scanned_keys", lambda spark, key, source: source)
    monkeypatch.setattr(freezing, "unread_keys", lambda spark, key, why: why)
    context = SimpleNamespace(spark=None)
    found = freezing._keys_of(context, None, ("id",), Name("m", role, role), None, windows)
    assert (found == Window(10, 30)) == scanned
    assert scanned or "hold no keys" in found
