"""What is proposed, and changes nothing by itself."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sparkdrift.api.opening import loaded, working
from sparkdrift.api.results import Shown
from sparkdrift.api.tables import Rows, rows_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkdrift.spec.models import MonitorSpec


@dataclass(frozen=True)
class Sample(Shown):
    """Rows that were put into a labelling queue. ess, outside: of the evaluation set, before and
    with them: effective rows, and the share of production that it has nothing of."""

    monitor: str
    evaluation_set: str
    destination: str
    rows: int
    strata: int
    ess_now: float
    ess_then: float
    outside_now: float
    outside_then: float
    reason: str
    remarks: tuple[str, ...] = ()


def recalibrate(
    spec: str | Path | MonitorSpec,
    store: str | None = None,
    *,
    threshold: str | None = None,
    windows: int = 4,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Rows:
    """Propose operating thresholds that restore their targets on the present scores.

    threshold: this one only. windows: so many of the newest. A row of `proposals` is written for
    each; one that is not proposed has NaN, and says why in `reason`.
    """
    from sparkdrift.steps.recalibrate import recalibrate as propose

    own = loaded(spec)
    with working(store, spark, run_id) as context:
        found = propose(context, own, windows, threshold)
    return rows_of([asdict(one) for one in found])


def sample_eval(
    spec: str | Path | MonitorSpec,
    rows: int,
    to: str,
    store: str | None = None,
    *,
    seed: int = 0,
    evaluation_set: str | None = None,
    windows: int = 4,
    run_id: str | None = None,
    spark: SparkSession | None = None,
) -> Sample:
    """Propose which rows to label next, so that the evaluation set stands for production again.

    to: a Delta table, its folder or its name, to which keys and strata are added.
    """
    from sparkdrift.steps.sample_eval import Wanted
    from sparkdrift.steps.sample_eval import sample_eval as sample

    own = loaded(spec)
    with working(store, spark, run_id) as context:
        found = sample(context, own, Wanted(rows, to, seed, evaluation_set, windows))
    return Sample(
        own.monitor,
        found.evaluation_set,
        found.destination,
        found.rows,
        found.strata,
        found.ess_now,
        found.ess_then,
        found.outside_now,
        found.outside_then,
        found.reason,
        tuple(found.remarks),
    )
