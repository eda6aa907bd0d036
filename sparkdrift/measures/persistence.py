"""m of n: when an alert stands. The view `alerts` follows the same rule in SQL."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparkdrift.measures.arrays import floats


def standing(alerting: ArrayLike, windows: int, of: int) -> NDArray[np.bool_]:
    """Whether an alert stands at each window, (..., W): `windows` of the last `of` showed it.

    alerting (..., W), in time order: 1 for a window that counts towards an alert, 0 for one
    that does not, NaN for one that was not measured. Only measured windows are looked at, so
    NaN leaves the answer of the window before; before the first measured one nothing stands.
    """
    seen = floats(alerting)
    flat = seen.reshape(-1, seen.shape[-1]) if seen.size else seen.reshape(0, seen.shape[-1])
    result = np.zeros(flat.shape, dtype=bool)
    for row, answer in zip(flat, result, strict=True):
        measured = np.isfinite(row)
        total = np.concatenate([np.zeros(of), np.cumsum(row[measured] > 0)])
        stands = np.concatenate([[False], total[of:] - total[:-of] >= windows])
        answer[:] = stands[np.cumsum(measured)]
    return result.reshape(seen.shape)


def raised(stands: ArrayLike) -> NDArray[np.bool_]:
    """The windows in which an alert begins to stand, (..., W)."""
    now = np.asarray(stands, dtype=bool)
    before = np.concatenate([np.zeros((*now.shape[:-1], 1), dtype=bool), now[..., :-1]], axis=-1)
    return np.asarray(now & ~before)
