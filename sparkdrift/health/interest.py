"""Why a debt has no interest: it is said, and never taken for nothing.

What a model loses is measured of the model: by labels, or by an estimate that may be relied upon.
How much of it one drifted column, feature or figure caused can't be told from what is stored: the
losses of several debts overlap, and their sum would be more than the whole. So the debt of the
performance has all of it, and the others say that they are part of it.
"""

from __future__ import annotations

from sparkdrift.health.findings import Kind

OF_PERFORMANCE = "not measured: nothing prices it; only the metric of `degraded` has a price"
OF_OWNERSHIP = "not measured: what nobody answers for, or did in time, has no price of its own"
PART_OF_IT = "not measured apart: what it costs is part of what the performance costs"


def why_no_interest(debt: str, kind: Kind) -> str:
    """In words; of a debt whose interest is not known. The view `debts` says the same."""
    if debt.startswith("performance of "):
        return OF_PERFORMANCE
    return OF_OWNERSHIP if kind == "ownership" else PART_OF_IT
