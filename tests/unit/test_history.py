"""What a commit did, by its entry in Delta's history, and where rows were moved between changes."""

from __future__ import annotations

import pytest

from sparkdrift.spark.history import Segment, kind_of, segments_of

INSERTED = {
    "numTargetRowsInserted": "4",
    "numTargetRowsUpdated": "0",
    "numTargetRowsDeleted": "0",
    "numTargetRowsCopied": "0",
    "numTargetFilesRemoved": "0",
}


@pytest.mark.parametrize(
    ("operation", "parameters", "metrics", "kind"),
    [
        ("VACUUM END", {}, {}, "still"),
        ("RENAME COLUMN", {}, {}, "still"),
        ("OPTIMIZE", {}, {"numRemovedFiles": "4", "numAddedFiles": "1"}, "moved"),
        ("OPTIMIZE", {}, {"numRemovedFiles": "0", "numAddedFiles": "0"}, "still"),
        ("OPTIMIZE", {}, {}, "moved"),
        ("REORG", {"applyPurge": "true"}, {"numRemovedFiles": "1"}, "moved"),
        ("WRITE", {"mode": "Append"}, {}, "appended"),
        ("WRITE", {"mode": "Overwrite"}, {}, "changed"),
        ("STREAMING UPDATE", {"outputMode": "Append"}, {"numRemovedFiles": "0"}, "appended"),
        ("STREAMING UPDATE", {"outputMode": "Append"}, {"numRemovedFiles": "2"}, "changed"),
        ("STREAMING UPDATE", {"outputMode": "Append"}, {}, "changed"),
        ("STREAMING UPDATE", {"outputMode": "Complete"}, {"numRemovedFiles": "0"}, "changed"),
        ("COPY INTO", {}, {}, "appended"),
        ("MERGE", {}, INSERTED, "appended"),
        ("MERGE", {}, {**INSERTED, "numTargetRowsUpdated": "1"}, "changed"),
        ("MERGE", {}, {**INSERTED, "numTargetRowsCopied": "9"}, "changed"),
        ("MERGE", {}, {**INSERTED, "numTargetDeletionVectorsAdded": "1"}, "changed"),
        ("MERGE", {}, {}, "changed"),
        ("DELETE", {}, {}, "changed"),
        ("RESTORE", {}, {}, "changed"),
        ("an operation of next year", {}, {}, "changed"),
    ],
)
def test_kinds(operation, parameters, metrics, kind):
    assert kind_of(operation, parameters, metrics) == kind


@pytest.mark.parametrize(
    ("kinds", "segments"),
    [
        ([], ()),
        (["still", "moved", "still"], ()),
        (["appended", "still", "appended"], (Segment(5, 8, appended=True),)),
        (["appended", "changed"], (Segment(5, 7, appended=False),)),
        (
            ["appended", "moved", "moved", "changed", "moved"],
            (Segment(5, 6, appended=True), Segment(8, 9, appended=False)),
        ),
        (["moved", "appended"], (Segment(6, 7, appended=True),)),
    ],
)
def test_segments_are_cut_where_rows_move(kinds, segments):
    assert segments_of(5, [(6 + i, kind) for i, kind in enumerate(kinds)]) == segments
