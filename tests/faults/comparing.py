"""What two stores say, read without Spark, but for what tells one run from another."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from deltalake import DeltaTable

from sparkdrift.spark.schemas import RUNS, TABLES
from sparkdrift.store import Store

_OF_A_RUN = {"run_id", "created_at", "checked_at", "at", "seconds", "attempt", "sampled_at"}


def content(store: Store, table: str) -> list[str]:
    """Rows without what tells one run from another, in the order of their texts."""
    return _rows(str(store.path(table)), _newest(store, table))[0]


def unlike(store: Store, wanted: Store, beside: Collection[str] = ()) -> list[str]:
    """Tables that have other rows than those of the wanted store; those in `beside` may have more
    rows."""
    found = []
    for table in TABLES:
        here, there = content(store, table.name), content(wanted, table.name)
        if table is not RUNS and here != there:
            more, less = sorted(set(here) - set(there)), sorted(set(there) - set(here))
            if table.name in beside and not less:
                continue
            example = next(iter(more or less), "the same row several times")
            found.append(f"{table.name}: {len(more)} more, {len(less)} less, as {example[:300]}")
            if more and less:
                found.append(f"    instead of {less[0][:300]}")
    return found


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
