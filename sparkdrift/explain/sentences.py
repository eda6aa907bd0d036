"""An explanation as one line that a model owner understands."""

from __future__ import annotations

from sparkdrift.explain.course import MONTH, Course, Quiet
from sparkdrift.explain.explaining import Carrier, Explanation
from sparkdrift.explain.onset import Since
from sparkdrift.explain.signals import BETWEEN_WINDOWS, METRIC, UNSIGNED, UNSTRATIFIED, Kind
from sparkdrift.explain.slices import Where
from sparkdrift.explain.told_shares import OF_SHARES
from sparkdrift.report.plain import day, plain, share, shortened

_WIDTH = 40
_FARTHEST = 2.0
# In standard deviations: less would be told as 0.00 sd.
_LEAST = 0.005
_WHOSE = {"origin": "the first reference", "training": "the training reference"}
_SIDES = {"up": ", above it", "down": ", below it", "both": ", on both sides"}
_SHAPES = {"wider": "spread out", "narrower": "narrowed", "changed": "changed its shape"}


def tell(one: Explanation, zone: str = "UTC") -> str:
    """'amount moved down by 0.52 sd (...); region = north carries 93 % of it; since 2024-05-12'.

    zone: the monitor's time zone, for dates. No line feeds or control characters, whatever
    stands in the data.
    """
    parts = [_what(one, zone), _where(one.where), _since(one.since, zone)]
    if one.course is not None:
        parts.append(tell_course(one.course, one.kind, zone))
    if one.also:
        parts.append("besides: " + ", ".join(OF_SHARES[kind] for kind in one.also))
    return plain("; ".join(part for part in parts if part), lines=False)


def tell_quiet(one: Quiet, zone: str = "UTC") -> str:
    """'income is growing by 0.11 sd per 30 windows; it reaches the limit of 0.32 sd about ...'."""
    name = one.column_name.removeprefix(METRIC)
    parts = [tell_course(one.course, one.kind, zone)] if one.course is not None else []
    if one.adding_up is not None:
        day_ = day(one.adding_up, zone)
        parts.append(f"small deviations have added up since {day_}")
    return plain(f"{name}: {'; '.join(parts)}", lines=False)


def tell_course(course: Course, kind: Kind, zone: str) -> str:
    """'growing by 0.24 sd per 30 windows, faster of late; reaches the limit about 2025-06-01'."""
    size = _unit(abs(course.per_month), kind)
    if course.returning:
        text = f"falling back by {size} per {MONTH} windows"
    elif kind in UNSIGNED:
        text = f"growing by {size} per {MONTH} windows"
    else:
        text = f"{'rising' if course.per_month > 0 else 'falling'} by {size} per {MONTH} windows"
    if course.pace != "steady":
        text += f", and {course.pace} of late"
    if course.reaches is not None:
        limit = _unit(course.limit, kind)
        # An extrapolation knows the day at best, whatever the grain.
        text += f"; reaches the limit of {limit} about {day(course.reaches, zone)[:10]}"
    return text


def _unit(size: float, kind: Kind) -> str:
    return f"{size:.2g} sd" if kind in ("values", "metric", *UNSIGNED) else _points(size)


def _against(one: Explanation, zone: str) -> str:
    """' against the window of 2024-05-11'; '' for the whole reference in force."""
    if one.comparison in BETWEEN_WINDOWS and one.earlier_start is not None:
        return f" against the window of {day(one.earlier_start, zone)}"
    whose = _whose(one.comparison) or "the reference"
    if one.stratum is not None and one.kind not in UNSTRATIFIED:
        clock = ":" in one.stratum
        return f" against {whose}'s {f'windows of {one.stratum}' if clock else f'{one.stratum}s'}"
    return f" against {whose}" if _whose(one.comparison) else ""


def _what(one: Explanation, zone: str) -> str:
    name, against = one.column_name.removeprefix(METRIC), _against(one, zone)
    if one.kind == "metric" and one.comparison in BETWEEN_WINDOWS:
        return f"{name} stepped {one.direction} by {abs(one.size):.1f} sd of its steps{against}"
    if one.kind == "metric":
        side = "above" if one.size > 0 else "below"
        return f"{name} is {abs(one.size):.1f} sd {side} usual{against}"
    if one.kind in ("values", "shape") and not abs(one.size) >= _LEAST:
        # Nearly all rows have one value: there is no distance, and what moved are the shares.
        text = f"{name} changed" if one.carriers else f"{name} changed its shape"
    elif one.kind == "values":
        text = f"{name} moved {one.direction} by {_deviations(one.size)}"
    elif one.kind == "shape":
        shape = f"{_SHAPES[one.direction]} ({one.size:.2f} sd){against}"
        text, against = f"{name} {shape}, its middle stayed", ""
    elif one.kind == "joint":
        text = f"all inputs together moved by {one.size:.2f} sd"
    elif one.kind == "vector":
        text = f"{name} moved by {one.size:.2f} sd, averaged over its projections"
    elif one.kind == "category":
        text = f"{name}: {_quoted(one.item or '')} went {one.direction} by {_points(one.size)}"
    elif one.kind == "single":
        text = f"{name}: every value is the same"
    elif one.kind in ("new", "range"):
        text = f"{name}: {share(one.size)} of the rows are {OF_SHARES[one.kind]}"
    else:
        text = f"{name}: {OF_SHARES[one.kind]} went {one.direction} by {_points(one.size)}"
    if one.kind == "range" and one.direction in _SIDES:
        text += _SIDES[one.direction]
    text += against
    if not one.carriers:
        return text
    if one.kind == "new":
        return f"{text}, most of them {', '.join(_new(c, zone) for c in one.carriers)}"
    if one.kind == "joint":
        parts = ", ".join(f"{c.item} ({share(c.now)})" for c in one.carriers)
        return f"{text}, most of it {parts}"
    first = one.carriers[0]
    moved = f"{share(first.before)} to {share(first.now)}"
    return f"{text} ({moved} of the rows{'' if one.kind == 'category' else f' {first.item}'})"


def _new(one: Carrier, zone: str) -> str:
    """A new category, with the first window in which it was seen."""
    seen = f" (first seen {day(one.first, zone)})" if one.first is not None else ""
    return f"{_quoted(one.item)}{seen}"


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


def _whose(comparison: str) -> str:
    """What a comparison is with, where that is not plainly the reference."""
    _, of_set, name = comparison.partition("evaluation:")
    return f"the evaluation set {name}" if of_set else _WHOSE.get(comparison, "")


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
