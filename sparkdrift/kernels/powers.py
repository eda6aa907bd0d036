"""What a window could have found: the power of each of its tests, at the level of its family.

The more tests a window has, the more unusual the only one that is must be. So power is known
only where all rows of a window meet, and the rows bring along what it is computed from.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from sparkdrift.kernels.batches import column
from sparkdrift.measures import evidence
from sparkdrift.measures.arrays import Floats, divide
from sparkdrift.measures.window_evidence import shift_power

# What a row has of its noise and of how its reference's windows vary: of distributions all but
# `unit`, of metrics w_eff and `unit`.
VARIATION = {
    "degrees": "double",
    "tau2": "double",
    "square": "double",
    "w_eff": "double",
    "unit": "double",
}


def level_of(rows: pa.Table, more: int = 0) -> float:
    """What a window's rows, with `more` tests to come, ask of the only one that is unusual."""
    return evidence.family_level(count_tests(rows) + more)


def count_tests(rows: pa.Table) -> int:
    """How many tests compared rows hold; what could not be measured is none."""
    shares = rows.column("test_unusual").filter(rows.column("unmeasured").is_null())
    inside = shares.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    own = column(rows, "p_unusual")
    return int(np.isfinite(own).sum() + np.isfinite(inside.astype(float)).sum())


def powers(rows: pa.Table, effect_size: Floats, level: float) -> Floats:
    """The chance that a shift of effect_size (rows,) would have been found, (rows,).

    rows: with VARIATION, n_eff and `power`, which stays where a row brings nothing to compute it
    from: rows of several columns together, which are made where their level is known.
    """
    known = {name: column(rows, name) for name in (*VARIATION, "n_eff")}
    made = "power" in rows.column_names
    found = column(rows, "power").copy() if made else np.full(rows.num_rows, np.nan)
    binned = np.isfinite(known["tau2"])
    if binned.any():
        of = {name: values[binned] for name, values in known.items()}
        size = effect_size[binned]
        found[binned] = evidence.power(
            divide(1.0, of["n_eff"]),
            of["degrees"] + 1,
            size,
            evidence.material_limit(size),
            of["tau2"],
            np.where(np.isnan(of["w_eff"]), np.inf, of["w_eff"]),
            of["square"],
            level,
        )
    single = ~np.isnan(known["unit"])
    if single.any():
        found[single] = shift_power(
            known["w_eff"][single], known["unit"][single], effect_size[single], level
        )
    return found
