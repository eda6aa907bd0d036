"""What goes wrong in the credit log, and when: one table that generator and tests read.

The demo's text does not: it is computed from what the steps wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Planted:
    """One thing that goes wrong: it grows evenly from `first_day` until `full_day`.

    `size` is its full extent, in the unit that `what` names. `material_day` is the
    first day on which it is large enough to be worth an alert (an effect of 0.32 sd,
    2 points of nulls, 1 point of new category, a correlation of 0.1); None where
    none of these limits applies. `pair` is the other column of a dependence,
    `only` the one slice (column, value) in which it happens.
    """

    column: str
    kind: str
    first_day: int
    full_day: int
    size: float
    material_day: int | None
    what: str
    pair: str | None = None
    only: tuple[str, str] | None = None

    def on(self, day: Ints) -> Floats:
        """Its extent on each day: 0 before `first_day`, `size` from `full_day` on."""
        steps = self.full_day - self.first_day + 1
        return self.size * np.clip((day - self.first_day + 1) / steps, 0.0, 1.0)


STORY: Final = (
    Planted("income", "slow_drift", 90, 273, 0.97, 150,
            "income creeps up; sd of its logarithm in the reference"),
    Planted("loan_amount", "slow_drift", 90, 273, 0.45, 220,
            "loans follow income, more mildly; sd of the logarithm in the reference"),
    Planted("product", "new_category", 120, 240, 0.18, 126,
            "buy now pay later (bnpl) is launched; share of applications"),
    Planted("overridden", "override_rate", 120, 273, 0.11, None,
            "operators trust the queue less; overrides added to the usual share"),
    Planted("defaulted", "concept_shift", 120, 228, 1.0, None,
            "what leads to default changes; share of the way to the new relation"),
    Planted("device_risk", "missing", 150, 150, 1 / 3, 150,
            "the device sensor fails for a third of the rows; share of nulls"),
    Planted("device_risk", "missing", 160, 160, 1.0, 160,
            "the device sensor is silent; share of nulls"),
    Planted("device_risk", "constant", 175, 175, 0.5, 175,
            "the sensor's replacement sends one constant; that value"),
    Planted("debt_to_income", "correlated", 180, 210, 0.63, 185,
            "debt and utilisation start to move together; copula correlation (Pearson: 0.6)",
            pair="utilisation"),
    Planted("bureau_score", "slice_shift", 200, 200, -0.6, 200,
            "the bureau rescales one region; sd of the reference",
            only=("region", "north")),
)  # fmt: skip


def planted_on(column: str, kind: str, day: Ints) -> Floats:
    """Extent of the planted `kind` in `column` on each day, latest line of `STORY` ruling."""
    lines = [line for line in STORY if (line.column, line.kind) == (column, kind)]
    extent = np.zeros(day.shape)
    for line in lines:
        extent = np.where(day >= line.first_day, line.on(day), extent)
    return extent


def first_material_day(column: str, only: tuple[str, str] | None = None) -> int | None:
    """The day from which `column` itself should alert, in all rows or in the slice `only`.

    None: it should stay quiet. A dependence moves neither of its columns, so it is
    left out: `STORY` has it under `pair`.
    """
    days = [
        line.material_day
        for line in STORY
        if line.column == column
        and line.only == only
        and line.pair is None
        and line.material_day is not None
    ]
    return min(days, default=None)
