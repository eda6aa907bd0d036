"""What rows of operations say in words."""

from __future__ import annotations

import math

from sparkdrift.measures.concentration import Concentration
from sparkdrift.measures.intervals import Figure

_LOST = (
    "no interval: rows vary by less than rounding leaves of numbers this large; watch how far they "
    "are from a fixed one"
)
_WORSE = {"up": "a rise", "down": "a fall"}


def moved(is_share: bool, figure: Figure, reference: float | None, *, lost: bool = False) -> str:
    """'17.1 % (15.7 to 18.5 %), 4.1 % in the reference'; "" without a value. lost: whether how much
    rows vary is lost in rounding.
    """
    value, low, high = map(float, figure)
    if math.isnan(value):
        return ""
    text = _shown(is_share, value)
    if not math.isnan(low):
        text += f" ({_shown(is_share, low)} to {_shown(is_share, high)})"
    if reference is not None:
        text += f", {_shown(is_share, reference)} in the reference"
    return f"{text}; {_LOST}" if lost else text


def better(about: str, worse: str) -> str:
    """Why what moved is ok."""
    return f"{about}: it moved for the better, {_WORSE[worse]} being for the worse"


def not_judged(about: str, grain: str) -> str:
    """Of a roll-up."""
    text = f"a {grain} is shown, not judged: what alerts are the windows that it is made of"
    return f"{about}; {text}" if about else text


def without_verdict(about: str) -> str:
    """Where drift has no row."""
    text = "drift has no verdict on it: no reference was in force, or `sparkdrift drift` is due"
    return f"{about}; {text}" if about else text


def concentrated(found: Concentration, name: str) -> str:
    """'63 % of override (58 to 68 %) at scores 0.4 to 0.6, where 21 % of the rows are; ..'."""
    test = (
        f"chi-square {found.chi2:.1f} over {found.groups} groups of scores, p = {found.p_value:.2g}"
    )
    if not found.found:
        return f"spread over the scores as the rows are, as far as can be told ({test})"
    share = f"{100 * found.event_share:.0f} % of {name}"
    between = f"{100 * found.event_low:.0f} to {100 * found.event_high:.0f} %"
    return (
        f"{share} ({between}) at scores {_scores(found)}, "
        f"where {100 * found.row_share:.0f} % of the rows are ({test})"
    )


def _scores(found: Concentration) -> str:
    if math.isinf(found.low):
        return f"below {found.high:.3g}" if math.isfinite(found.high) else "of every size"
    if math.isinf(found.high):
        return f"of {found.low:.3g} and above"
    return f"{found.low:.3g} to {found.high:.3g}"


def _shown(is_share: bool, value: float) -> str:
    return f"{100 * value:.1f} %" if is_share else f"{value:.4g}"
