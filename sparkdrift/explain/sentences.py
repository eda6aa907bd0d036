"""An explanation as one line that a model owner understands."""

from __future__ import annotations

from collections.abc import Mapping

from sparkdrift.explain.explaining import Explanation
from sparkdrift.explain.onset import Since
from sparkdrift.explain.signals import METRIC, Kind
from sparkdrift.explain.slices import Where
from sparkdrift.report.plain import day, plain, share, shortened

_WIDTH = 40
_FARTHEST = 2.0
_OF: Mapping[Kind, str] = {
    "null": "NULLs",
    "nan": "NaNs",
    "infinite": "infinite values",
    "new": "new categories",
    "range": "values outside the reference's range",
}
_SHAPES = {"wider": "spread out", "narrower": "narrowed", "changed": "changed its shape"}


def tell(one: Explanation, zone: str = "UTC") -> str:
    """'amount moved down by 0.52 sd (...); region = north carries 93 % of it; since 2024-05-12'.

    zone: the monitor's time zone, for dates. No line feeds or control characters, whatever
    stands in the data.
    """
    parts = [_what(one), _where(one.where), _since(one.since, zone)]
    if one.also:
        parts.append("besides: " + ", ".join(_OF[kind] for kind in one.also))
    return plain("; ".join(part for part in parts if part), lines=False)


def _what(one: Explanation) -> str:
    name = one.column_name.removeprefix(METRIC)
    if one.kind == "metric":
        return f"{name} is {abs(one.size):.1f} sd {'above' if one.size > 0 else 'below'} usual"
    if one.kind == "values":
        text = f"{name} moved {one.direction} by {_deviations(one.size)}"
    elif one.kind == "shape":
        text = f"{name} {_SHAPES[one.direction]} ({one.size:.2f} sd), its middle stayed"
    elif one.kind == "joint":
        text = f"all inputs together moved by {one.size:.2f} sd"
    elif one.kind == "vector":
        text = f"{name} moved by {one.size:.2f} sd, averaged over its projections"
    elif one.kind == "category":
        text = f"{name}: {_quoted(one.item or '')} went {one.direction} by {_points(one.size)}"
    elif one.kind in ("new", "range"):
        text = f"{name}: {share(one.size)} of the rows are {_OF[one.kind]}"
    else:
        text = f"{name}: {_OF[one.kind]} went {one.direction} by {_points(one.size)}"
    if not one.carriers:
        return text
    if one.kind == "new":
        return f"{text}, most of them {', '.join(_quoted(c.item) for c in one.carriers)}"
    first = one.carriers[0]
    moved = f"{share(first.before)} to {share(first.now)}"
    return f"{text} ({moved} of the rows{'' if one.kind == 'category' else f' {first.item}'})"


def _deviations(size: float) -> str:
    # Ranks in ten bins can't tell how far beyond the last bin the values went.
    return f"{abs(size):.2f} sd" if abs(size) < _FARTHEST else f"{_FARTHEST:g} sd or more"


def _points(size: float) -> str:
    return f"{100 * abs(size):.1f} points"


def _quoted(item: str) -> str:
    return repr(shortened(item, _WIDTH))


def _slice(where: Where) -> str:
    if where.value is None:
        return f"{where.key} is NULL"
    return f"{where.key} = {shortened(where.value, _WIDTH)}"


def _where(where: Where) -> str:
    if where.kind == "slice":
        return f"{_slice(where)}, {share(where.rows)} of the rows, carries {_carried(where)}"
    if where.kind in ("only", "in"):
        return f"{'only ' if where.kind == 'only' else ''}where {_slice(where)}"
    if where.kind == "mix":
        return f"no slice moved as much: the mix of {where.key} changed"
    return "everywhere alike" if where.kind == "alike" else ""


def _carried(where: Where) -> str:
    return "all of it" if where.carried > 0.995 else f"{share(where.carried)} of it"


def _since(since: Since, zone: str) -> str:
    if since.start is None:
        return since.reason
    start = day(since.start, zone)
    text = f"growing since {start}" if since.gradual else f"since {start}"
    if since.reason:
        return f"{text} by its alerts ({since.reason})"
    if since.low is not None and since.high is not None and since.low != since.high:
        text += f" (between {day(since.low, zone)} and {day(since.high, zone)})"
    return f"{text}, over by {day(since.ended, zone)}" if since.ended else text
