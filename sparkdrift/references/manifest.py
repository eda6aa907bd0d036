"""What a file with one version of a reference says of itself, in its Parquet metadata."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import Name

KEY = b"sparkdrift.reference"
"""The key of the Parquet file's metadata that holds the manifest."""
FORMAT = 1
"""Raised when a file of this kind means something else; a reader refuses those of a later one."""


@dataclass(frozen=True)
class Manifest:
    """Which version the file holds, where it comes from, and how to tell that it is whole.

    name, version: in the store that it was exported from, `store`. snapshot: its row of
    `reference_snapshots`, events: all rows of `reference_events` about it; timestamps in them as
    microseconds since 1970 (UTC). digest: of its content, the one that it was frozen with.
    file_digest: of every column of the file. rows: of the file.
    """

    name: Name
    version: int
    snapshot: Mapping[str, Any]
    events: Sequence[Mapping[str, Any]]
    digest: str
    file_digest: str
    rows: int
    store: str
    exported_by: str
    package_version: str
    format: int = FORMAT

    @property
    def origin(self) -> str:
        """In words, for the note of a version that is made of the file."""
        of = self.snapshot
        made = f", frozen by {of['created_by']}" if of.get("created_by") else ""
        note = f": {of['note']}" if of.get("note") else ""
        return f"imported: version {self.version} of {self.name} in {self.store}{made}{note}"


def written(manifest: Manifest) -> bytes:
    """The manifest as the metadata holds it."""
    return json.dumps(asdict(manifest), ensure_ascii=False, sort_keys=True).encode()


def read_manifest(metadata: Mapping[bytes, bytes] | None, file: str) -> Manifest:
    """The manifest in a Parquet file's metadata.

    Raises SnapshotError, with the next step, where there is none, where it is of a later format,
    and where it can't be read.
    """
    text = (metadata or {}).get(KEY)
    if text is None:
        raise not_ours(file, "its metadata has no manifest")
    try:
        found = json.loads(text)
        later = int(found["format"]) > FORMAT
    except (ValueError, TypeError, KeyError) as error:
        raise not_ours(file, "its manifest can't be read") from error
    if later:
        raise newer(file, f"format {found['format']}, and this one reads {FORMAT}")
    try:
        known = {field: found[field] for field in Manifest.__dataclass_fields__}
        return Manifest(**{**known, "name": Name(**known["name"])})
    except (TypeError, KeyError) as error:
        raise not_ours(file, f"its manifest is not whole ({error})") from error


def not_ours(file: str, why: str) -> SnapshotError:
    return SnapshotError(
        f"{file} is no file of `sparkdrift reference export`: {why}. Accepted is what that wrote, "
        "unchanged; other Parquet tools drop the metadata when they write a file again"
    )


def newer(file: str, what: str) -> SnapshotError:
    return SnapshotError(
        f"{file} was written by a newer sparkdrift ({what}): install that one here, or export it "
        "again with this one"
    )
