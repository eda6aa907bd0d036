"""What a file of a reference says of itself survives its way, and nothing else is taken for it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import Event, Name, states
from sparkdrift.references.manifest import KEY, Manifest, read_manifest, written
from sparkdrift.references.refusing import require

DAY = datetime(2024, 1, 1, tzinfo=timezone.utc)
MANIFEST = Manifest(
    name=Name("credit", "baseline", "baseline"),
    version=3,
    snapshot={"created_by": "ada", "note": "after the relaunch", "interval_start": 17, "k": None},
    events=[{"seq": 1, "action": "activate", "reason": "größer"}],
    digest="d" * 64,
    file_digest="f" * 64,
    rows=12,
    store="main.drift",
    exported_by="bob",
    package_version="0.1.0",
)


def test_a_manifest_reads_as_it_was_written():
    assert read_manifest({KEY: written(MANIFEST)}, "a.parquet") == MANIFEST


def test_the_origin_is_told_in_words():
    assert MANIFEST.origin == (
        "imported: version 3 of reference baseline of credit in main.drift, frozen by ada: after "
        "the relaunch"
    )


@pytest.mark.parametrize(
    ("metadata", "why"),
    [
        (None, "has no manifest"),
        ({b"pandas": b"{}"}, "has no manifest"),
        ({KEY: b"\xff\x00"}, "can't be read"),
        ({KEY: b"[1]"}, "can't be read"),
        ({KEY: b'{"format": 1, "name": "credit"}'}, "is not whole"),
        ({KEY: b'{"format": null}'}, "can't be read"),
    ],
)
def test_what_is_none_of_ours_is_refused(metadata, why):
    with pytest.raises(SnapshotError, match=rf"(?s)a\.parquet is no file of .*{why}"):
        read_manifest(metadata, "a.parquet")


def test_a_later_format_is_refused_before_its_fields_are_read():
    later = json.loads(written(replace(MANIFEST, format=2)))
    del later["file_digest"]
    with pytest.raises(SnapshotError, match=r"newer sparkdrift \(format 2, and this one reads 1\)"):
        read_manifest({KEY: json.dumps(later).encode()}, "a.parquet")


def test_an_export_says_nothing_about_the_state_of_a_version():
    name = MANIFEST.name
    events = [
        Event(1, 1, "reject", DAY, by="ada"),
        Event(2, 1, "export", DAY, by="bob", reason="/tmp/a.parquet"),
        Event(3, 2, "export", DAY, by="bob"),
    ]
    assert states(events, [1, 2]) == {1: "rejected", 2: "candidate"}
    with pytest.raises(SnapshotError, match=r"it is rejected \(reject by ada\)"):
        require("activate", 1, events, [1, 2], name)
