"""report: one page of a model, or of all models, as a file that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparkdrift.cli import screen
from sparkdrift.cli.common import Common
from sparkdrift.cli.embedded import asked
from sparkdrift.errors import UsageError
from sparkdrift.report.page.saving import require_writable, save
from sparkdrift.report.plain import size
from sparkdrift.store import open_store

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spark.answers import Ask


def report(
    common: Common,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="The HTML file to write.")
    ],
    spec: Annotated[
        Path | None,
        typer.Argument(
            metavar="[SPEC]", help="The monitor's spec; none with --fleet.", show_default=False
        ),
    ] = None,
    fleet: Annotated[
        bool, typer.Option("--fleet", help="All monitors of the store on one page, blind first.")
    ] = False,
    models: Annotated[
        Path | None,
        typer.Option(
            "--models",
            metavar="FILE",
            help="With --fleet: the registry of models, of which the unwatched are told as well.",
            show_default=False,
        ),
    ] = None,
    last: Annotated[
        int,
        typer.Option("--last", metavar="N", min=1, max=1000, help="So many windows, the newest."),
    ] = 365,
) -> None:
    """Write one page: verdict, dashboard against reality, drift, evaluation, debts.

    The file holds all it needs, no script and nothing from a network. It is made of stored rows;
    besides them only the dashboard's own table is read.

    Example: sparkdrift report credit.yml -o credit.html
    """
    if fleet == (spec is not None):
        given = "both SPEC and --fleet are" if fleet else "neither SPEC nor --fleet is"
        raise UsageError(
            f"{given} given; accepted is one of them: `sparkdrift report SPEC -o page.html` for "
            "one model, `sparkdrift report --fleet -o page.html` for all"
        )
    if models is not None and not fleet:
        raise UsageError(f"--models {models} is for all models; accepted is it with --fleet")
    require_writable(output)
    text = _fleet(common, models) if spec is None else _model(common, spec, last)
    save(output, text)
    written = len(text.encode("utf-8"))
    if common.as_json:
        screen.print_json({"page": str(output), "bytes": written})
    else:
        screen.say(f"{output}: {size(written)}")


def _model(common: Common, file: Path, last: int) -> str:
    from sparkdrift.spec.loading import load_spec

    spec, store = load_spec(file), open_store(common.store)

    def made(ask: Ask, spark: SparkSession | None) -> str:
        from sparkdrift.spark.few_rows import few_rows
        from sparkdrift.steps.pages import asked_by, model_page, never_ran

        with few_rows(spark):
            rows = asked_by(ask, spark)
            text = model_page(rows, store, spec, last)
            # Afterwards: what is left to Spark is asked once more, and would say it twice.
            if said := never_ran(rows, store, spec):
                screen.remark(said)
            return text

    return asked(common, made)


def _fleet(common: Common, models: Path | None) -> str:
    from sparkdrift.spec.loading import load_registry

    registry = None if models is None else load_registry(models)
    store = open_store(common.store)

    def made(ask: Ask, spark: SparkSession | None) -> str:
        from sparkdrift.spark.few_rows import few_rows
        from sparkdrift.steps.pages import all_models_page, asked_by

        with few_rows(spark):
            return all_models_page(asked_by(ask, spark), store, registry)

    return asked(common, made)
