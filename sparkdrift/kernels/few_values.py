"""Features of which one value is nearly all: what shows a change where no distance can.

A constant, or a flag that is set in one row of a thousand, leaves a single group of bins that
expects enough rows, and so no D. What shows a change is the share of everything else, by the
test of a share. And a window that holds one value only is told apart, however usual that value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.share_evidence import noticing_power
from sparkdrift.measures.share_variation import p_apart, share_variation, wandering
from sparkdrift.measures.single_value import p_single


def few_values(
    known: Floats,
    windows: Floats,
    groups: Floats,
    cells: Sequence[Mapping[str, Any]] | None,
    names: Sequence[Sequence[str]],
    limit: float,
    sides: int,
    weights: Floats | None = None,
) -> dict[str, Any]:
    """What `share_tests` and the verdict take of windows (W, B) where one group is left.

    known (B,) or (W, B); groups (W,): left after pooling; cells: the reference's `window_bins`;
    names: of the bins, once or for each window; limit: of the share of all other values; sides: 2
    where `known` are windows; weights (B,): by which the usual bin is found, by default `known`.

    rare_rows of rare_of rows are not in the usual bin, and rare_known of rare_known_of before;
    rare_apart: `p_apart`, rare_wander: `wandering`; NaN where D is there, or where the
    reference is a constant, since leaving it is out of its range, or new. alone: the chance to
    notice twice the limit, where that test is all there is, else NaN. lacking: why D is missing,
    or None.
    """
    before = np.broadcast_to(known, windows.shape)
    by = before if weights is None else np.broadcast_to(weights, windows.shape)
    usual = by.argmax(axis=1)
    at = np.arange(len(windows))
    n, m = windows.sum(axis=1), before.sum(axis=1)
    one = (groups < 2) & (n > 0) & (m > 0)
    x, y = n - windows[at, usual], m - before[at, usual]
    constant = (before > 0).sum(axis=1) < 2
    asked = one & ((sides == 2) | ~constant)
    apart, wander = np.full(len(windows), np.nan), np.zeros(len(windows))
    counts = floats([cell["counts"] for cell in cells or []]).reshape(-1, windows.shape[1])
    for bin_ in np.unique(usual[asked]).tolist():
        rows = counts.sum(axis=1)
        varies = share_variation(rows - counts[:, bin_], rows)
        here = asked & (usual == bin_)
        change = divide(x[here], n[here]) - divide(y[here], m[here])
        apart[here] = p_apart(change, n[here], varies, sides)
        wander[here] = wandering(varies, sides)
    return {
        "rare_rows": np.where(asked, x, np.nan),
        "rare_of": np.where(asked, n, np.nan),
        "rare_known": np.where(asked, y, np.nan),
        "rare_known_of": np.where(asked, m, np.nan),
        "rare_apart": apart,
        "rare_wander": wander,
        "alone": np.where(one, noticing_power(np.minimum(n, m), limit), np.nan),
        "lacking": [
            _lacking(names[i % len(names)][usual[i]], bool(one[i]), n[i], m[i], limit)
            for i in at.tolist()
        ],
    }


def _lacking(usual: str, one: bool, n: float, m: float, limit: float) -> str | None:
    if not n:
        return "nothing to compare: the window has no values"
    if not m:
        return "nothing to compare: what it is compared with has no values"
    if not one:
        return None
    return (
        f"too few rows: nearly all are {usual} anyway, and {int(min(n, m)):,} rows would not "
        f"surely show that others are {100 * 2 * limit:.3g} %"
    )


def single_values(
    known: Floats,
    windows: Floats,
    cells: Sequence[Mapping[str, Any]] | None,
    single: Sequence[bool],
) -> dict[str, Floats]:
    """Of windows (W, B) that hold a single value: how unlikely that is, `single_unusual`.

    known (B,); single (W,): whether there is one value. single_change: the share that the
    reference has in other bins. NaN elsewhere, see `single_value.p_single`.
    """
    kept = np.where(np.array(single, dtype=bool)[:, None], windows, 0.0)
    own = floats([cell["counts"] for cell in cells or []]).reshape(-1, windows.shape[1])
    unusual = p_single(known, kept, own)
    change = 1 - divide(known[kept.argmax(axis=1)], known.sum())
    return {
        "single_unusual": unusual,
        "single_change": np.where(np.isfinite(unusual), change, np.nan),
    }
