"""References between stores: one version as one Parquet file, and a version made of such a file.

A file holds the rows of a version with their sketches, and a manifest in its metadata. What it
holds is checked against the manifest before anything is written.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from sparkdrift import __version__
from sparkdrift.errors import SnapshotError
from sparkdrift.references.life import Name
from sparkdrift.references.manifest import KEY, Manifest, newer, not_ours, read_manifest, written
from sparkdrift.spark.changes import from_micros
from sparkdrift.spark.commits import committed
from sparkdrift.spark.content_digest import BY_BITS, digest_of
from sparkdrift.spark.reference_files import (
    CONTENT,
    as_frame,
    content,
    definition_of,
    file_digest,
    in_parts,
    log_rows,
    newest_state,
    row_count,
)
from sparkdrift.spark.reference_life import ALWAYS, Snapshot, Stored, read_references
from sparkdrift.spark.references import write_reference
from sparkdrift.spec.digests import definition_hash
from sparkdrift.spec.expressions import check_expression
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps.context import Context
from sparkdrift.steps.promotion import Decision, record_event
from sparkdrift.steps.reference_reading import find, whole_version
from sparkdrift.windows import day_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

STEP = "reference"
_NAMES = tuple(one.name for one in CONTENT)
# Of a digest that was made by the text of the doubles.
_SAME_JAVA = "import it with the same version of Java: since Java 19 some numbers have another text"


@dataclass(frozen=True)
class Exported:
    """The file that was written: the version in it, its rows, and the SHA-256 of its bytes."""

    path: Path
    version: int
    rows: int
    sha256: str


@dataclass(frozen=True)
class Imported:
    """`version`: that holds what the file holds. `made`: whether the import made it, or it was
    there already. `other_definition`: whether it was profiled under another definition of the
    source than the spec's, so that no window of the present one can be compared with it."""

    version: int
    made: bool
    rows: int
    origin: str
    other_definition: bool


def export_reference(
    context: Context, spec: MonitorSpec, name: Name, version: int, path: Path, by: str
) -> Exported:
    """Write one version to a new file, and an event that says to which.

    The file appears whole or not at all. Raises SnapshotError for a version that is unknown, or
    erased, or whose stored rows are not those that were frozen, and where the file is there
    already.
    """
    target = path.expanduser().resolve()
    if target.exists():
        raise SnapshotError(f"{target} is there already; name another file, or remove that one")
    if not target.parent.is_dir():
        raise SnapshotError(f"there is no folder {target.parent}; make it, or name another file")
    with context.journal.step(spec.monitor, STEP):
        stored = find(context.spark, context.store, name)
        snapshot = whole_version(stored, name, version)
        rows = content(context.spark, context.store, name, snapshot)
        if digest_of(rows, snapshot.digest)[0] != snapshot.digest:
            raise SnapshotError(
                f"{name}: the stored rows of version {version} are not those that were frozen: "
                "their digest differs, so they are not exported. `sparkdrift reference verify SPEC "
                f"{version}` says more"
            )
        manifest = _manifest(context, name, snapshot, rows, by)
        beside = target.with_name(f".{target.name}-{uuid.uuid4().hex[:8]}")
        try:
            _write(beside, rows, manifest)
            sha256 = _sha256(beside)
            # Before the file has its name: no file of ours is without an event that tells of it.
            why = Decision(by, f"{target} (sha256 {sha256})")
            record_event(context, name, stored, "export", version, ALWAYS, why)
            committed("name", "export", lambda: beside.replace(target))
        finally:
            beside.unlink(missing_ok=True)
        return Exported(target, version, manifest.rows, sha256)


def import_reference(context: Context, spec: MonitorSpec, path: Path, by: str) -> Imported:
    """Make the next version of a reference out of a file; a candidate, in force nowhere.

    It gets the next free number of its role and name here, and its note says where it comes from.
    A file whose content a version already holds changes nothing. Raises SnapshotError, with
    nothing written, for a file that is not ours, that was changed, that is of another monitor or
    of a newer sparkdrift, that may hold values which the spec hides, and for one that claims to be
    a stored version with other content.
    """
    table, manifest = _read(path)
    _require_condition(path, manifest)
    name = manifest.name
    if name.monitor != spec.monitor:
        raise SnapshotError(
            f"{path} holds a {name}, and the spec is of {spec.monitor}; accepted is a file of the "
            "same monitor"
        )
    rows = as_frame(context.spark, table)
    _require_whole(path, table, rows, manifest)
    other = definition_of(rows) != definition_hash(spec, None)
    if other and spec.privacy is not None and spec.privacy.hides:
        raise SnapshotError(
            f"{path} was made under another definition, so it may hold values that `privacy` "
            "hides here; accepted is a file of a store with the same section and key. Nothing was "
            "imported"
        )
    with context.journal.step(spec.monitor, STEP):
        every = read_references(context.spark, context.store, spec.monitor, [name])
        stored = every.get(name, Stored())
        known = _already(stored, manifest, path)
        if known is not None:
            return Imported(known.version, False, known.rows, manifest.origin, other)
        number = stored.next_number
        # First, so that no run takes the version for one that it left half done, and puts it in
        # force.
        why = Decision(by, manifest.origin)
        record_event(context, name, stored, "propose", number, ALWAYS, why)
        about = _about(context, manifest, number, stored, by)
        made = write_reference(context.spark, context.store, spec, rows.select(*_NAMES), about)
        if made is None:
            raise SnapshotError(
                f"{name}: another run made version {number} at the same time; import {path} again"
            )
        return Imported(number, True, made.rows, manifest.origin, other)


def _manifest(
    context: Context, name: Name, snapshot: Snapshot, rows: DataFrame, by: str
) -> Manifest:
    own, events = log_rows(context.spark, context.store, name, snapshot.version)
    return Manifest(
        name=name,
        version=snapshot.version,
        snapshot=own,
        events=events,
        digest=snapshot.digest,
        file_digest=file_digest(rows, _NAMES),
        rows=row_count(rows),
        store=str(context.store),
        exported_by=by,
        package_version=__version__,
    )


def _write(file: Path, rows: DataFrame, manifest: Manifest) -> None:
    writer: pq.ParquetWriter | None = None
    try:
        for part in in_parts(rows, manifest.rows):
            if writer is None:
                schema = part.schema.with_metadata({KEY: written(manifest)})
                writer = pq.ParquetWriter(
                    file, schema, compression="zstd", write_page_checksum=True
                )
            writer.write_table(part)
    finally:
        if writer is not None:
            writer.close()


def _read(path: Path) -> tuple[pa.Table, Manifest]:
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:
            # The manifest first: a file of somebody else may be of any size.
            manifest = read_manifest(file.metadata.metadata, str(path))
            return file.read(), manifest
    except FileNotFoundError as error:
        raise SnapshotError(f"there is no file {path}") from error
    except pa.ArrowInvalid as error:
        raise not_ours(str(path), "it is no Parquet file") from error
    except OSError as error:
        raise SnapshotError(f"{path} can't be read: it is damaged, or not readable") from error


def _require_condition(path: Path, manifest: Manifest) -> None:
    """Raise SnapshotError where the condition on the source's rows is none that a spec may hold.

    `reference verify` runs it, and a manifest is as easily edited as any file.
    """
    condition = manifest.snapshot.get("source_filter")
    if condition is None:
        return
    given = str(condition)
    for why in check_expression(given):
        raise SnapshotError(
            f"{path}: its source's rows are told by the condition {given[:80]!r}, which can't be "
            f"used: {why}. Nothing was imported"
        )


def _require_whole(path: Path, table: pa.Table, rows: DataFrame, manifest: Manifest) -> None:
    """Raise SnapshotError where the file is not what its manifest says."""
    later = sorted(set(table.column_names) - set(_NAMES))
    if later:
        raise newer(str(path), f"columns {', '.join(later)}")
    if table.num_rows != manifest.rows or file_digest(rows, table.column_names) != (
        manifest.file_digest
    ):
        raise SnapshotError(
            f"{path} was changed since it was exported: its rows don't have the digest that its "
            "manifest names. Nothing was imported; export it again"
        )
    if newest_state(rows):
        raise newer(str(path), "its sketches have a later format")
    if digest_of(rows, manifest.digest)[0] != manifest.digest:
        java = "" if manifest.digest.startswith(BY_BITS) else f", and {_SAME_JAVA}"
        raise SnapshotError(
            f"{path}: its rows don't have the digest that {manifest.name} version "
            f"{manifest.version} was frozen with. Nothing was imported; export it again{java}"
        )


def _already(stored: Stored, manifest: Manifest, path: Path) -> Snapshot | None:
    """The version that holds the same already; raises SnapshotError for one that should."""
    for one in stored.versions:
        if one.digest == manifest.digest:
            if stored.states[one.version] == "erased":
                raise SnapshotError(
                    f"{path} holds what version {one.version} of {manifest.name} held, which was "
                    "erased here: it would bring back what `sparkdrift forget` took out. Nothing "
                    "was imported; delete the file"
                )
            return one
        origin = (manifest.version, manifest.snapshot.get("run_id"))
        if (one.version, one.run_id) == origin:
            raise SnapshotError(
                f"{path} says that it holds version {one.version} of {manifest.name}, which this "
                f"store has with other content: digest {manifest.digest[:12]}, stored "
                f"{one.digest[:12]}. Nothing was imported"
            )
    return None


def _about(
    context: Context, manifest: Manifest, number: int, stored: Stored, by: str
) -> dict[str, Any]:
    """The row of `reference_snapshots`: what it was made of stays, the rest is of this store."""
    of = manifest.snapshot
    kept = (
        *("source", "source_filter", "source_id", "source_version"),
        *("granularity", "windows", "k_effective"),
    )
    about: dict[str, Any] = {key: of[key] for key in kept}
    for key in ("interval_start", "interval_end"):
        about[key] = None if of[key] is None else from_micros(of[key])
    return about | {
        "newest_event": _newest_event(of),
        "role": manifest.name.role,
        "name": manifest.name.name,
        "version": number,
        "parent": stored.versions[-1].version if stored.versions else None,
        "run_id": context.journal.run_id,
        "created_at": datetime.now(timezone.utc),
        "created_by": by,
        "note": manifest.origin,
        "declared": of.get("declared"),
    }


def _newest_event(of: Mapping[str, Any]) -> datetime | None:
    """The day of the newest row, of an interval its end; None: files of before don't tell."""
    if of["interval_end"] is not None:
        return from_micros(of["interval_end"])
    newest = of.get("newest_event")
    return None if newest is None else day_of(from_micros(newest))


def _sha256(file: Path) -> str:
    digest = hashlib.sha256()
    with file.open("rb") as opened:
        while block := opened.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
