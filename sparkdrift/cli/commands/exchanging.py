"""reference export, import: one version as one file, from store to store."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli.commands.deciding import By, Version
from sparkdrift.cli.commands.reference import RefName, Role, Spec
from sparkdrift.cli.common import Common
from sparkdrift.cli.each import Answer, each_monitor
from sparkdrift.report.plain import named

if TYPE_CHECKING:
    from sparkdrift.cli.progress import Bars
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.context import Context

File = Annotated[Path, typer.Argument(metavar="FILE", help="A Parquet file.")]


def export(
    common: Common,
    spec: Spec,
    version: Version,
    file: File,
    role: Role = None,
    name: RefName = None,
    by: By = None,
) -> int:
    """Write one version, with its sketches and where it comes from, to one Parquet file.

    The file holds values of the source, as the sketches do. An event says where it went.

    Example: sparkdrift reference export monitors/credit.yml 2 credit-2.parquet
    """

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.exchange import export_reference
        from sparkdrift.steps.reference import named as reference_of
        from sparkdrift.steps.snapshot import user

        bars.begin(f"{loaded.monitor}: reference")
        which = reference_of(loaded, role, name)
        done = export_reference(context, loaded, which, version, file, by or user())
        facts = {
            "role": which.role,
            "name": which.name,
            "version": done.version,
            "rows": done.rows,
            "file": str(done.path),
            "sha256": done.sha256,
        }
        held = named(done.rows, "profile row")
        text = f"version {done.version} of {which.name} is in {done.path}: {held}"
        return Answer(text, facts)

    return each_monitor(common, [spec], one, asked=True, stored=True)


def import_(common: Common, spec: Spec, file: File, by: By = None) -> int:
    """Make a version of a file that `reference export` wrote: a candidate until it is promoted.

    It gets the next free number, and its note says where it comes from. The file's digests are
    checked first.

    Example: sparkdrift reference import monitors/credit.yml credit-2.parquet
    """

    def one(context: Context, loaded: MonitorSpec, bars: Bars) -> Answer:
        from sparkdrift.steps.exchange import import_reference
        from sparkdrift.steps.snapshot import user

        bars.begin(f"{loaded.monitor}: reference")
        done = import_reference(context, loaded, file, by or user())
        facts = {
            "version": done.version,
            "made": done.made,
            "rows": done.rows,
            "origin": done.origin,
            "other_definition": done.other_definition,
        }
        text = (
            f"version {done.version}, a candidate: {done.rows:,} rows ({done.origin})"
            if done.made
            else f"version {done.version} holds the same already; nothing was imported"
        )
        other = (
            "it was made under another definition of the source, its time zone or sketches: "
            "windows of the present one have the status no_reference under it"
        )
        return Answer(text, facts, remarks=[other] if done.other_definition else [])

    return each_monitor(common, [spec], one, asked=True, stored=True)
