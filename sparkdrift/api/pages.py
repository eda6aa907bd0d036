"""The pages of one model and of all models, to be kept as a file or shown in a notebook."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sparkdrift.api.opening import asked, loaded

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spark.answers import Ask
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.store import Store


@dataclass(frozen=True)
class Page:
    """A page as HTML; a notebook shows it in a frame of its own, in which no script runs."""

    html: str

    def save(self, file: str | Path) -> Path:
        """Write it; returns the path. Raises UsageError where that can't be."""
        from sparkdrift.report.page.saving import save

        return save(Path(file), self.html)

    def _repr_html_(self) -> str:
        from sparkdrift.report.page.shown import framed

        return framed(self.html)


def page(
    spec: str | Path | MonitorSpec | None = None,
    store: str | None = None,
    *,
    last: int = 365,
    models: str | Path | None = None,
    spark: SparkSession | None = None,
) -> Page:
    """The page of one model, as `sparkdrift report`; without a spec that of all models.

    A store in a folder is read without Java where that can be, as by `sql`. last: so many windows,
    the newest. models: the registry's file, for the page of all models.
    """
    from sparkdrift.errors import UsageError
    from sparkdrift.spec.loading import load_registry

    if spec is not None and models is not None:
        raise UsageError(f"models {models} is for all models; accepted is it without a spec")
    registry = None if models is None else load_registry(models)
    own = None if spec is None else loaded(spec)

    def made(ask: Ask, session: SparkSession | None, place: Store) -> Page:
        from sparkdrift.spark.few_rows import few_rows
        from sparkdrift.steps.pages import all_models_page, asked_by, model_page

        with few_rows(session):
            rows = asked_by(ask, session)
            if own is None:
                return Page(all_models_page(rows, place, registry))
            return Page(model_page(rows, place, own, last))

    return asked(store, spark, made)
