"""reference list, show, diff, verify, staleness: looking at the versions of a reference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common
from sparkdrift.cli.embedded import asked
from sparkdrift.cli.working import existing_store
from sparkdrift.report.plain import joined

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.references.life import Name
    from sparkdrift.spark.answers import Ask
    from sparkdrift.spark.reference_life import Stored

_MOST_VERSIONS = 1_000_000
Spec = Annotated[Path, typer.Argument(metavar="SPEC", help="The monitor's spec.")]
MaybeVersion = Annotated[
    int | None,
    typer.Argument(metavar="[VERSION]", min=1, help="Number of the version.", show_default=False),
]
Role = Annotated[
    str | None,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="What the reference is for: baseline (the default), training, evaluation, "
        "calibration.",
        show_default=False,
    ),
]
RefName = Annotated[
    str | None,
    typer.Option(
        "--name",
        metavar="NAME",
        help="Its name within the role. Default: as in the spec; else as the role.",
        show_default=False,
    ),
]


def list_versions(common: Common, spec: Spec, role: Role = None, name: RefName = None) -> None:
    """List all versions of a monitor's references: state, rows, since when in force, by whom.

    Example: sparkdrift reference list monitors/credit.yml
    """
    from sparkdrift.report.references import LISTED, version_facts, version_lines
    from sparkdrift.spec.loading import load_spec
    from sparkdrift.steps.by_hand import require_role

    loaded = load_spec(spec)

    def every(ask: Ask, spark: SparkSession | None) -> dict[Name, Stored]:
        from sparkdrift.references.refusing import require_name
        from sparkdrift.spark.few_rows import few_rows
        from sparkdrift.spark.reference_life import chosen, references_of, references_query
        from sparkdrift.spark.sql import quote
        from sparkdrift.steps.reference import named

        with few_rows(spark):
            rows = ask(references_query(quote, loaded.monitor), _MOST_VERSIONS)
        known = references_of(loaded.monitor, rows)
        found = chosen(known, role, name)
        if name is not None and known and not found:
            require_name(named(loaded, role, name), known)
        return found

    require_role(role)
    found = asked(common, every)
    if common.as_json:
        versions = [fact for one in found for fact in version_facts(one, found[one])]
        screen.print_json({"monitor": loaded.monitor, "versions": versions})
        return
    zone = loaded.timestamp.zone
    screen.show_rows(
        LISTED, [line for one in found for line in version_lines(one, found[one], zone)]
    )
    if found:
        screen.remark(f"times are in the monitor's zone, {zone}")
    else:
        screen.remark(
            f"{loaded.monitor} has no such reference yet: `sparkdrift run SPEC` freezes the spec's"
        )


def show(
    common: Common,
    spec: Spec,
    version: MaybeVersion = None,
    role: Role = None,
    name: RefName = None,
) -> None:
    """Show one version (by default that in force) and everything that happened to it.

    Example: sparkdrift reference show monitors/credit.yml 2
    """
    from sparkdrift.report.evaluation_sets import declared_lines, score_facts, score_lines
    from sparkdrift.report.references import (
        CHECKED,
        HAPPENED,
        check_lines,
        event_facts,
        event_lines,
        key_facts,
        keys_told,
        version_details,
        version_facts,
    )
    from sparkdrift.spec.loading import load_spec

    loaded = load_spec(spec)
    with existing_store(common) as (spark, store):
        from sparkdrift.steps.reference import named as reference_of
        from sparkdrift.steps.reference_reading import look_at

        which = reference_of(loaded, role, name)
        found = look_at(spark, store, loaded, which, version)
    stored, snapshot, keys = found.stored, found.version, found.keys
    checks = found.checks
    scores = [
        score_facts(one.name, one.edges, one.cells, regression=one.regression)
        for one in found.scores
    ]
    events = [one for one in stored.events if one.version == snapshot.version]
    if common.as_json:
        every = version_facts(which, stored)
        (facts,) = (one for one in every if one["version"] == snapshot.version)
        told = {"keys": key_facts(keys), "events": event_facts(events), "checks": checks}
        told |= {"scores": scores}
        screen.print_json({"monitor": loaded.monitor, **facts, **told})
        return
    zone = loaded.timestamp.zone
    for what, value in version_details(which, stored, snapshot, zone):
        screen.say(f"{what:15} {value}")
    for what, value in (*map(score_lines, scores), *declared_lines(snapshot.declared)):
        screen.say(f"{what:15} {value}")
    if loaded.prediction.key is not None:
        screen.say(f"{'keys':15} {keys_told(loaded.prediction.key, keys)}")
    screen.show_rows(HAPPENED, event_lines(events, zone))
    if checks:
        screen.show_rows(CHECKED, check_lines(checks))


def diff(
    common: Common,
    spec: Spec,
    earlier: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The earlier one.")],
    later: Annotated[int, typer.Argument(metavar="VERSION", min=1, help="The later one.")],
    role: Role = None,
    name: RefName = None,
    sliced: Annotated[
        bool, typer.Option("--slices", help="Every slice as well, not the whole table alone.")
    ] = False,
) -> None:
    """Compare two versions, feature by feature, from what is stored of them.

    Example: sparkdrift reference diff monitors/credit.yml 1 2
    """
    from sparkdrift.report.references import DIFFERING, difference_facts, difference_lines
    from sparkdrift.spec.loading import load_spec

    loaded = load_spec(spec)
    with existing_store(common) as (spark, store):
        from sparkdrift.spark.capabilities import check_functions
        from sparkdrift.steps.reference import named as reference_of
        from sparkdrift.steps.reference_reading import compare_versions, find, whole_version

        check_functions(spark)
        which = reference_of(loaded, role, name)
        stored = find(spark, store, which)
        pair = (whole_version(stored, which, earlier), whole_version(stored, which, later))
        found = compare_versions(spark, store, loaded, which, *pair, sliced=sliced)
    if common.as_json:
        screen.print_json(
            {
                "monitor": loaded.monitor,
                "earlier": earlier,
                "later": later,
                "only_in_earlier": found.gone,
                "only_in_later": found.added,
                "features": difference_facts(found.features),
            }
        )
        return
    screen.show_rows(DIFFERING, difference_lines(found.features))
    for what, columns in ((f"only in version {earlier}", found.gone), ("new", found.added)):
        if columns:
            screen.say(f"{what}: {joined(list(columns))}")


def verify(
    common: Common,
    spec: Spec,
    version: MaybeVersion = None,
    role: Role = None,
    name: RefName = None,
) -> int:
    """Check stored versions (or one) against their digests, and against their source.

    Ends with 1 where the stored rows differ from what was frozen, or where the source, at its
    version of then, gives other counts or could not be read. A version of the source that is not
    there any more is told, no failure.

    Example: sparkdrift reference verify monitors/credit.yml
    """
    from dataclasses import asdict

    from sparkdrift.report.references import VERIFIED, verified_lines
    from sparkdrift.spec.loading import load_spec

    loaded = load_spec(spec)
    with existing_store(common) as (spark, store):
        from sparkdrift.steps.reference import named as reference_of
        from sparkdrift.steps.verifying import verify_versions

        which = reference_of(loaded, role, name)
        found = verify_versions(spark, store, loaded, which, version)
    if common.as_json:
        screen.print_json(
            {"monitor": loaded.monitor, "versions": [asdict(one) for one in found.values()]}
        )
    else:
        screen.show_rows(VERIFIED, verified_lines(found))
    return 0 if all(one.holds for one in found.values()) else 1


def staleness(common: Common, spec: Spec) -> None:
    """Tell how far the newest window is from what the model was trained on, and since when.

    From stored rows of the comparison `training`; without one nothing is measured, and it says
    what to do. The view training_staleness has the same for all windows.

    Example: sparkdrift reference staleness monitors/credit.yml
    """
    from sparkdrift.report.staleness import FREEZE, LISTED, staleness_lines, summary
    from sparkdrift.spec.loading import load_spec

    loaded = load_spec(spec)
    with existing_store(common) as (spark, store):
        from sparkdrift.spark.staleness import newest_staleness

        rows = newest_staleness(spark, store, loaded)
    if common.as_json:
        screen.print_json({"monitor": loaded.monitor, "measured": bool(rows), "rows": rows})
        return
    if not rows:
        asked = "training" in loaded.drift.comparisons
        first = "" if asked else "add `training` to drift.comparisons, "
        screen.say(
            f"{loaded.monitor}: not measured, no window was held against a training reference: "
            f"{first}{FREEZE}"
        )
        return
    zone = loaded.timestamp.zone
    for line in summary(rows, zone):
        screen.say(line)
    screen.show_rows(LISTED, staleness_lines(rows, zone))
