"""Draft a spec from a table's columns: a text for a person to read and correct.

What is decided by rule of thumb is said in a comment beside it. The
text always parses, whatever the columns are called.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from sparkdrift.errors import UsageError
from sparkdrift.spec.choosing import Choice, ColumnSummary, choose
from sparkdrift.spec.names import parse_table, refused_characters
from sparkdrift.spec.values import ACCEPTED_ID, is_identifier

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,254}")
_NOT_PLAIN = frozenset(["null", "true", "false", "yes", "no", "on", "off", "y", "n"])
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T]([0-9]{2}):")


def draft_spec(
    columns: Sequence[ColumnSummary],
    *,
    table: str | None = None,
    path: str | None = None,
    monitor: str | None = None,
    owner: str | None = None,
    rows: int | None = None,
) -> str:
    """A commented spec, as YAML, for the table or folder with these columns.

    `rows` is the table's row count, which tells ids from categories; `monitor`
    defaults to the name of the table. Raises UsageError without exactly one source,
    and for a source or id that no spec accepts.
    """
    if (table is None) == (path is None):
        raise UsageError("a draft needs either a table or a path")
    if monitor is not None and not is_identifier(monitor):
        raise UsageError(f"{monitor!r} can't be the id of a monitor: it must be {ACCEPTED_ID}")
    if path is not None and refused_characters(path) is not None:
        raise UsageError(f"the path can't be used: {refused_characters(path)}")
    if table is not None:
        try:
            last = parse_table(table)[-1]
        except ValueError as error:
            raise UsageError(f"{table!r} is no table name: {error}") from None
    else:
        last = re.split(r"[/\\]", str(path).rstrip("/\\"))[-1]
    choice = choose(columns, rows)
    source = f"table: {yaml_text(table)}" if table is not None else f"path: {yaml_text(str(path))}"
    lines = [
        "# Drafted from the columns of the table: read it, correct it, delete what is not needed.",
        f"monitor: {yaml_text(monitor or monitor_id(last))}   # never changes; the title may",
        f"owner: {yaml_text(owner or 'unassigned')}   # who answers for the verdict: a name",
        "source:",
        f"  {source}",
        *_timestamp_lines(choice),
        *_feature_lines(choice),
        *_role_lines(choice),
        *_slice_lines(choice),
        *_reference_lines(choice),
        *_DEGRADED,
    ]
    return "\n".join(lines) + "\n"


def monitor_id(name: str) -> str:
    """An id made from any name: lower-case letters, digits, underscores; at most 63."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    if not words or not words[0].isalpha():
        words = f"monitor_{words}".rstrip("_")
    return words[:63].rstrip("_")


def _timestamp_lines(choice: Choice) -> Iterator[str]:
    yield "timestamp:"
    if choice.timestamp is None:
        yield "  # No column of the table is a timestamp or date: monitor a view that has one."
        yield "  column: event_time"
    else:
        yield f"  column: {yaml_text(choice.timestamp.name)}"
    yield "  zone: UTC   # windows are cut in this zone, such as Europe/Berlin"
    yield "windows:"
    yield "  grain: day   # hour, day, week or month"
    yield "  lateness: 2 hours   # how long after its end a window stays open"


def _feature_lines(choice: Choice) -> Iterator[str]:
    yield "features:"
    if not (choice.numeric or choice.categorical or choice.vector or choice.text):
        yield "  auto: true   # no column stood out; features are found by their types"
    for kind, columns in (("numeric", choice.numeric), ("categorical", choice.categorical)):
        if columns:
            yield f"  {kind}:"
            yield from (f"    - {yaml_text(column.name)}" for column in columns)
    if choice.vector:
        yield "  vector:   # norm, and random projections; the dimension is that of the first rows"
        for column in choice.vector:
            yield f"    - {{column: {yaml_text(column.name)}, dimension: {column.dimension}}}"
    if choice.text:
        yield "  text:   # length, words, empty, non-ASCII"
        yield from (f"    - {yaml_text(column.name)}" for column in choice.text)
    if choice.times:
        yield "  # Times: what the model sees of one may be its age in days, for 'numeric':"
        yield from (f"  #   - {{column: {yaml_text(c.name)}, as: age}}" for c in choice.times)
    if choice.left_out:
        yield "  # Left out:"
        for column, reason in choice.left_out:
            yield f"  #   {yaml_text(column.name)}: {_comment(reason)}"


def _role_lines(choice: Choice) -> Iterator[str]:
    if not choice.roles:
        yield "# prediction:   # the columns of the model's output"
        yield "#   score: score"
        yield "#   decision: approved"
        yield "#   label: defaulted"
        yield "#   label_delay: 30 days"
        return
    yield "prediction:   # by their names: check them"
    for role, column in choice.roles.items():
        yield f"  {role}: {yaml_text(column.name)}"
    if "label" in choice.roles:
        yield "  # label_delay: 30 days   # how late the truth arrives"


def _slice_lines(choice: Choice) -> Iterator[str]:
    if choice.slices:
        yield "# slices:   # groups to be watched apart; each costs rows and time"
        for column in choice.slices:
            yield f"#   - {yaml_text(column.name)}   # about {column.approx_distinct} values"


def _reference_lines(choice: Choice) -> Iterator[str]:
    interval = _first_quarter(choice.timestamp)
    if interval is None:
        yield "# reference:   # what windows are compared with: an interval known to be good"
        yield "#   begin: 2024-01-01"
        yield "#   end: 2024-03-01"
        return
    yield (
        "reference:   # the first quarter of the table, whole days: "
        "take an interval known to be good"
    )
    yield f"  begin: {interval[0]}"
    yield f"  end: {interval[1]}"


def _first_quarter(column: ColumnSummary | None) -> tuple[date, date] | None:
    first = _day(column.minimum) if column is not None else None
    last = _day(column.maximum) if column is not None else None
    # Sentinel dates such as 0001-01-01 or 9999-12-31 tell nothing about the table.
    if first is None or last is None or not date(1900, 1, 1) <= first <= last < date(2999, 1, 1):
        return None
    if first < last and not _whole(str(column.minimum) if column is not None else ""):
        first += timedelta(days=1)
    return first, first + timedelta(days=max(1, ((last - first).days + 1) // 4))


def _whole(first: str) -> bool:
    """Whether the day of the first event is likely to be there as a whole: it has a first hour."""
    time = _TIME.match(first)
    return time is None or time[1] == "00"


def _day(text: str | None) -> date | None:
    match = _DAY.match(text or "")
    try:
        return date.fromisoformat(match[0]) if match else None
    except ValueError:
        return None


def yaml_text(text: str) -> str:
    """`text` as a YAML scalar on one line: plain when harmless, else in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_PLAIN:
        return text
    pieces = []
    for character in text:
        if character in '"\\':
            pieces.append("\\" + character)
        elif character.isprintable():
            pieces.append(character)
        else:
            pieces.append(f"\\U{ord(character):08X}")
    return '"' + "".join(pieces) + '"'


def _comment(text: str) -> str:
    """`text` as a part of a comment: visible characters only, shortened."""
    visible = "".join(c if c.isprintable() else "?" for c in text)
    return visible if len(visible) <= 100 else visible[:97] + "..."


_DEGRADED = """\
# degraded:   # from when on the model counts as degraded, and what that costs; without it,
#             # the monitor carries a debt of ownership
#   metric: roc_auc   # accuracy, precision, recall, f1, brier, mae, rmse, business_value, ..
#   tolerated_loss: 0.02   # in the metric's own unit: two points of roc_auc
#   value_per_point: 12000   # business units per point (0.01) and window; or a payoff
#   currency: EUR
#   persistence: {windows: 2, of: 3}
#   retire: "AUC below 0.6 for a quarter\"""".splitlines()
