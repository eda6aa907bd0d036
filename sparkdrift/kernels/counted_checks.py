"""Rules that each row keeps or breaks: declared ones are counted, learned ones are tested."""

from __future__ import annotations

import numpy as np

from sparkdrift.kernels.expectations import (
    DECLARED,
    INSUFFICIENT,
    LEARNED,
    NO_REFERENCE,
    OK,
    UNDETERMINED,
    VIOLATED,
    Check,
    Rule,
)
from sparkdrift.measures.share_evidence import noticing_power, share_test

NO_VALUE = "the reference has no value of it"
_SAID = 3


def declared(
    text: str,
    n: float,
    violations: float,
    error: float,
    rule: Rule,
    examples: list[str],
    *,
    above: float = 0.0,
) -> Check:
    """A rule of the spec: of the window's rows, so nothing is inferred but what a sketch lost.

    `error`: by which the share may be off either way; `above`: upwards only.
    """
    check = _counted(text, n, violations, DECLARED, rule.tolerate, examples)
    if rule.tolerate:
        check["expected"] = f"{text}, but for {100 * rule.tolerate:g} % of the rows"
    if not n:
        return check | {"status": INSUFFICIENT, "reason": "no row has a value to look at"}
    share = violations / n
    least = min(violations, 1.0) / n
    low, high = max(share - error, least), min(share + error + above, 1.0)
    check |= {"value": share, "low": low, "high": high}
    if low > rule.tolerate:
        return check | {"status": VIOLATED, "reason": _broken(check)}
    if high <= rule.tolerate:
        return check | {"status": OK, "reason": _broken(check)}
    bounds = f"between {100 * low:.3g} and {100 * high:.3g} % of the rows break it"
    return check | {"status": UNDETERMINED, "reason": f"{bounds}: what is stored can't tell"}


def learned(
    text: str, n: float, violations: float, m: float, limit: float, examples: list[str]
) -> Check:
    """A rule of which the reference's m rows broke none: is the share here unusual and material?

    Also where no row breaks it: whether so few rows could show that is asked in `concluding`.
    """
    if not m:
        return nothing_learned(NO_VALUE)
    check = _counted(text, n, violations, LEARNED, limit, examples)
    if not n:
        return check | {"status": INSUFFICIENT, "reason": "no row has a value to look at"}
    check |= {"value": violations / n, "reason": _broken(check)}
    return check | {"status": None, "reference_rows": m}


def nothing_learned(reason: str) -> Check:
    """A rule that the reference could not teach, and why."""
    return {"source": LEARNED, "status": NO_REFERENCE, "reason": reason}


def add_chances(checks: list[Check]) -> None:
    """Give the checks with a share that must be tested their chances, all at once."""
    asked = [check for check in checks if "reference_rows" in check]
    if not asked:
        return
    x, n, m, limit = (
        np.array([check[name] for check in asked], dtype=np.float64)
        for name in ("violations", "rows", "reference_rows", "limit")
    )
    _, unusual, material = share_test(x, n, 0.0, m, limit)
    power = noticing_power(n, limit)
    for check, one, other, chance in zip(asked, unusual, material, power, strict=True):
        check["power"] = float(chance)
        # A rule that no row breaks is none of the tests of its window.
        if check["violations"]:
            check |= {"p_unusual": float(one), "p_material": float(other)}


def _counted(
    text: str, n: float, violations: float, source: str, limit: float, examples: list[str]
) -> Check:
    return {
        "source": source,
        "expected": text,
        "limit": limit,
        "rows": int(n),
        "violations": int(violations),
        "share": violations / n if n else None,
        "examples": examples,
    }


def _broken(check: Check) -> str:
    if not check["violations"]:
        return "no row breaks it"
    text = f"{check['violations']:,} of {check['rows']:,} rows break it"
    text += f" ({100 * check['share']:.3g} %)"
    return text + (f", such as {', '.join(check['examples'][:_SAID])}" if check["examples"] else "")
