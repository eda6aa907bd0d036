"""References as tables and JSON: versions with their states, events, and differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sparkdrift.references.life import Event, Name
from sparkdrift.report.plain import began, day, joined, named, share

if TYPE_CHECKING:
    from sparkdrift.spark.keys import StoredKeys
    from sparkdrift.spark.reference_differences import Difference
    from sparkdrift.spark.reference_life import Snapshot, Stored
    from sparkdrift.steps.verifying import Verified

LISTED = ("role", "name", "version", "state", "rows", "of", "in force", "by", "made", "note")
DIFFERING = (
    "column",
    "rows",
    "effect",
    "95 %",
    "verdict",
    "NULLs",
    "new",
    "vanished",
    "what moved",
)
HAPPENED = ("event", "version", "what", "from", "by", "when", "gate", "why")
CHECKED = ("check", "column", "verdict", "reason")
VERIFIED = ("version", "digest", "counts", "sketches", "reason")
_SHOWN = 3


def version_facts(name: Name, stored: Stored) -> Iterator[dict[str, Any]]:
    """What is known of each version, the newest first, for --json."""
    for one in reversed(stored.versions):
        yield {
            "role": name.role,
            "name": name.name,
            "version": one.version,
            "state": stored.states[one.version],
            "rows": one.rows,
            "windows": one.windows,
            "source": one.source,
            "source_filter": one.source_filter,
            "source_id": one.source_id,
            "source_version": one.source_version,
            "interval": None
            if one.interval is None
            else {"begin": one.interval.start, "end": one.interval.end},
            "in_force": [
                {"begin": term.start, "end": term.end}
                for term in stored.active
                if term.snapshot.version == one.version
            ],
            "digest": one.digest,
            "created_at": one.created_at,
            "created_by": one.created_by,
            "note": one.note,
        }


def version_lines(name: Name, stored: Stored, zone: str) -> list[list[Any]]:
    """The same as cells of LISTED."""
    return [_listed(name, stored, one, zone) for one in reversed(stored.versions)]


def version_details(name: Name, stored: Stored, one: Snapshot, zone: str) -> list[tuple[str, str]]:
    """All that is known of one version as (what, value), the values as in LISTED."""
    listed = zip(LISTED, map(str, _listed(name, stored, one, zone)), strict=True)
    more = {
        "windows": f"{one.windows:,}" if one.windows else "",
        "source": one.source,
        "source filter": one.source_filter,
        "source id": one.source_id,
        "source version": one.source_version,
        "digest": one.digest,
        "times in": zone,
    }
    return [
        *(pair for pair in listed if pair[1]),
        *((what, str(value)) for what, value in more.items() if value not in (None, "")),
    ]


def _listed(name: Name, stored: Stored, one: Snapshot, zone: str) -> list[Any]:
    return [
        *(name.role, name.name, one.version, stored.states[one.version], f"{one.rows:,}"),
        made_of(one, zone),
        _in_force(stored, one.version, zone),
        one.created_by or "",
        day(one.created_at, zone) if one.created_at else "",
        one.note or "",
    ]


def made_of(one: Snapshot, zone: str) -> str:
    """An interval, or another table, with its version."""
    if one.interval is not None:
        return f"{day(one.interval.start, zone)} to {day(one.interval.end, zone)}"
    where = f" where {one.source_filter}" if one.source_filter else ""
    return f"{one.source}, version {one.source_version}{where}"


def _in_force(stored: Stored, version: int, zone: str) -> str:
    """The stretches; two that meet, as after a rollback, are told as one."""
    stretches: list[tuple[datetime, datetime | None]] = []
    for term in stored.active:
        if term.snapshot.version != version:
            continue
        start = term.start
        if stretches and stretches[-1][1] == start:
            start, _ = stretches.pop()
        stretches.append((start, term.end))
    parts = [
        f"{began(start, zone) or 'always'}{f' to {day(end, zone)}' if end else ' on'}"
        for start, end in stretches
    ]
    return joined(parts, _SHOWN)


def event_facts(events: Sequence[Event]) -> list[dict[str, Any]]:
    return [
        {
            "seq": one.seq,
            "version": one.version,
            "action": one.action,
            "effective_from": one.effective_from,
            "at": one.at,
            "by": one.by,
            "reason": one.reason,
            "gate": one.gate,
        }
        for one in events
    ]


def event_lines(events: Sequence[Event], zone: str) -> list[list[Any]]:
    """Events as cells of HAPPENED."""
    return [
        [
            *(one.seq, one.version, one.action),
            began(one.effective_from, zone),
            one.by,
            day(one.at, zone) if one.at else "",
            one.gate or "",
            one.reason,
        ]
        for one in events
    ]


def check_lines(checks: Sequence[Mapping[str, Any]]) -> list[list[Any]]:
    """Rows of `reference_checks` as cells of CHECKED; what passed is counted, not listed."""
    names = ("check_name", "column_name", "verdict", "reason")
    listed = [[one[name] for name in names] for one in checks if one["verdict"] != "passed"]
    passed = sum(one["verdict"] == "passed" for one in checks)
    return [*listed, ["all others", "", "passed", named(passed, "check")]] if passed else listed


def key_facts(keys: StoredKeys | None) -> dict[str, Any] | None:
    """What is known of a version's keys, for --json; None where it holds no word of them."""
    if keys is None:
        return None
    count = None if keys.keys is None else keys.keys.count
    exact = None if keys.keys is None else keys.keys.exact
    found = {"types": keys.types or None, "rows": keys.rows, "rows_without": keys.without}
    return {"count": count, "exact": exact, **found, "reason": keys.reason or None}


def keys_told(columns: Sequence[str], keys: StoredKeys | None) -> str:
    """The same in words."""
    of = f"of {joined(list(columns))}"
    if keys is None:
        return f"not measured: the version was made before the spec named a key ({of[3:]})"
    if keys.keys is None:
        return f"not measured: {keys.reason}"
    told = f"{'' if keys.keys.exact else 'about '}{keys.keys.count:,.0f} {of}"
    return f"{told}; {named(keys.without, 'row')} without" if keys.without else told


def difference_facts(found: Sequence[Difference]) -> list[dict[str, Any]]:
    return [
        {
            "slice_key": one.slice_key,
            "slice_value": one.slice_value,
            "column_name": one.column_name,
            "rows": one.rows,
            **one.figures,
            "new_categories": [
                {"item": item, "count": count} for item, count in one.new_categories
            ],
            "material": one.material,
            "reason": one.reason,
        }
        for one in found
    ]


def difference_lines(found: Sequence[Difference]) -> list[list[Any]]:
    """Differences as cells of DIFFERING, the largest first."""
    return [_line(one) for one in sorted(found, key=_order)]


def _order(one: Difference) -> tuple[float, str, str]:
    effect = one.figures["effect"]
    return (-1.0 if effect is None else effect) * -1, one.column_name, str(one.slice_value)


def _line(one: Difference) -> list[Any]:
    figures = one.figures
    column = one.column_name
    if one.slice_key != "*":
        value = "NULL" if one.slice_value is None else one.slice_value
        column += f" ({one.slice_key} = {value})"
    effect, low, high = (figures[name] for name in ("effect", "effect_low", "effect_high"))
    if one.reason is not None or effect is None or low is None or high is None:
        return [column, f"{one.rows:,}", "", "", "not measured", "", "", "", one.reason or ""]
    items = joined([repr(item) for item, _ in one.new_categories], _SHOWN)
    return [
        column,
        f"{one.rows:,}",
        f"{effect:.2f} sd",
        f"{low:.2f} to {high:.2f}",
        "material" if one.material else "",
        _points(figures["null_delta"]),
        _share(figures["new_category_share"]) + (f" ({items})" if items else ""),
        _share(figures["vanished_share"]),
        one.moved,
    ]


def _points(delta: float | None) -> str:
    return "" if not delta else f"{100 * delta:+.1f} points"


def _share(value: float | None) -> str:
    return "" if not value else share(value)


def verified_lines(found: Mapping[int, Verified]) -> list[list[Any]]:
    """Verified versions as cells of VERIFIED."""
    again = {True: "reproduced", False: "differ", None: "not measured"}

    def told(found: bool | None, *, failed: bool) -> str:
        return "error" if failed and found is None else again[found]

    return [
        [
            *(version, "ok" if one.digest else "mismatch"),
            *(told(two, failed=one.failed) for two in (one.counts, one.sketches)),
            one.reason or "",
        ]
        for version, one in sorted(found.items(), reverse=True)
    ]
