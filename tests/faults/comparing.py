"""What two stores say, read without Spark, but for what tells one run from another."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from sparkdrift.spark.schemas import RUNS, TABLES
from sparkdrift.store import Store

_OF_A_RUN = {"run_id", "created_at", "checked_at", "at", "seconds", "attempt", "sampled_at"}


def content(store: Store, table: str) -> list[str]:
    """Rows without what tells one run from another, in the order of their texts."""
    return _rows(str(store.path(table)), _newest(store, table))[0]


def figures(store: Store, table: str) -> list[str]:
    """The same where all was computed anew, maybe from other files of the same rows: sums in
    another order differ in the last digits, and so do sketches, what is estimated from them and
    what is a digest of them; and old windows are of a later version of the source."""
    rows = DeltaTable(str(store.path(table))).to_pyarrow_table()
    kept = [
        field.name
        for field in rows.schema
        if _compared(field.name)
        and not pa.types.is_binary(field.type)
        and not pa.types.is_large_binary(field.type)
    ]
    return sorted(str(_rounded(row)) for row in rows.select(kept).to_pylist())


def rows_alike(
    table: str, here: Iterable[Mapping[str, Any]], there: Iterable[Mapping[str, Any]]
) -> list[str]:
    """What a table has otherwise than another, as `figures` compares them; [] for nothing."""
    left, right = (
        sorted(
            str(_rounded({k: v for k, v in row.items() if _compared(k) and not _is_sketch(v)}))
            for row in rows
        )
        for rows in (here, there)
    )
    return [] if left == right else [_difference(table, left, right)]


def _compared(column: str) -> bool:
    odd = {*_OF_A_RUN, "source_version", "distinct_count"}
    return column not in odd and "digest" not in column


def _is_sketch(value: object) -> bool:
    return isinstance(value, bytes)


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return f"{value:.7g}" if abs(value) > 1e-12 else "0"
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return list(map(_rounded, value)) if isinstance(value, list) else value


def unlike(
    store: Store,
    wanted: Store,
    beside: Collection[str] = (),
    read: Callable[[Store, str], list[str]] = content,
) -> list[str]:
    """Tables that have other rows than those of the wanted store, as `read` reads them; those in
    `beside` may have more rows."""
    found = []
    for table in TABLES:
        here, there = read(store, table.name), read(wanted, table.name)
        if table is not RUNS and here != there:
            if table.name in beside and not set(there) - set(here):
                continue
            found.append(_difference(table.name, here, there))
    return found


def _difference(table: str, here: Collection[str], there: Collection[str]) -> str:
    more, less = sorted(set(here) - set(there)), sorted(set(there) - set(here))
    example = _shown(next(iter(more or less), "the same row several times"), less)
    return f"{table}: {len(more)} more, {len(less)} less, {example}"


def _shown(row: str, others: Collection[str]) -> str:
    """A row, and where it differs from the nearest of the others."""
    alike = {other: _alike(row, other) for other in others}
    near = max(alike, key=lambda other: alike[other], default="")
    around = slice(max(0, alike.get(near, 0) - 100), alike.get(near, 0) + 100)
    return f"{row[:160]} ... {row[around]} instead of ... {near[around]}"


def _alike(one: str, other: str) -> int:
    """How many characters they begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (a, b) in pairs if a != b), min(len(one), len(other)))


def doubled(store: Store) -> list[str]:
    """Tables with two rows of one key."""
    found = []
    for table in TABLES:
        _, twice = _rows(str(store.path(table.name)), _newest(store, table.name))
        if twice:
            found.append(f"{table.name}: {twice} keys twice")
    return found


def says_done(store: Store, run_id: str) -> bool:
    """Whether, by `runs`, all that this run began came to its end."""
    rows = DeltaTable(str(store.path(RUNS.name))).to_pyarrow_table(
        columns=["run_id", "step", "attempt", "phase"]
    )
    own = [row for row in rows.to_pylist() if row["run_id"] == run_id]
    phases: dict[tuple[str, int], set[str]] = {}
    for row in own:
        phases.setdefault((row["step"], row["attempt"]), set()).add(row["phase"])
    return bool(phases) and all("SUCCEEDED" in one for one in phases.values())


def _newest(store: Store, table: str) -> str:
    """The last commit of a table as it stands in its log; of a copied table it is the same."""
    log = Path(str(store.path(table))) / "_delta_log"
    return max(log.glob("*.json")).read_text("utf-8")


_KEPT = 400


class _Rows:
    """A commit names its files, whose names no other has: what it made is read once, and kept
    until so many others were read."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], tuple[list[str], int]] = {}

    def __call__(self, path: str, commit: str) -> tuple[list[str], int]:
        """(rows, number of keys that stand twice)."""
        place = (Path(path).name, commit)
        if place not in self._known:
            self._known[place] = _read(path)
            if len(self._known) > _KEPT:
                del self._known[next(iter(self._known))]
        return self._known[place]


_rows = _Rows()


KEYS = {table.name: list(table.key) for table in TABLES}


def _read(path: str) -> tuple[list[str], int]:
    rows = DeltaTable(path).to_pyarrow_table()
    keys = [str(row) for row in rows.select(KEYS[Path(path).name]).to_pylist()]
    kept = rows.select([name for name in rows.column_names if name not in _OF_A_RUN])
    return sorted(map(str, kept.to_pylist())), len(keys) - len(set(keys))
