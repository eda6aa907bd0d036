"""How much each feature counts for the model, and from where on the debt of features warns.

Importances come from one place: a table that the model's makers write, an estimate from rows, or
the numbers under `alerts.importance`. They are shares of their sum.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sparkdrift.spec.location import Location
from sparkdrift.spec.policy import Share
from sparkdrift.spec.values import ColumnName, Section

Estimate = Literal["linear", "permutation"]


class Importance(Location):
    """A table with a row per feature, or how importances are estimated; one of both.

    Columns of the table: `feature`, `value`, and where it has them `model_version` (only rows of
    the spec's model.version count, and those of none) and `time`: a window takes the newest rows
    from before its end. `estimate`: from `rows` rows of each window, drawn by `seed`, how the
    score is made of the features.
    """

    estimate: Estimate | None = None
    rows: Annotated[
        int, Field(ge=200, le=100_000, description="a whole number from 200 to 100000")
    ] = 2000
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="a whole number, 0 or more")
    feature: ColumnName | None = None
    value: ColumnName | None = None
    model_version: ColumnName | None = None
    time: ColumnName | None = None

    @property
    def is_table(self) -> bool:
        return self.table is not None or self.path is not None


class FeatureDebt(Section):
    """What features are held against, and the limits.

    `outcome`: a column of the watched table that features are associated with, 0 or 1 or any
    number; default: the label. association: a change of r, V or eta. concentration: a change of
    the sum of squared importances. drifted_importance, cliff_risk: shares of importance. encoding:
    the share of rows in another spelling.
    """

    outcome: ColumnName | None = None
    association: Share = 0.1
    concentration: Share = 0.1
    drifted_importance: Share = 0.25
    cliff_risk: Share = 0.1
    encoding: Share = 0.01
