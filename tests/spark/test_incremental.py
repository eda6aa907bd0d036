"""Running again after changes ends in the same tables as one run over everything.

Sequences are random with a seed, which every failure shows; `-m slow` runs more of them.
The reference is another table, so that it is the same whenever it is frozen. Sketches
hold fewer rows than k, so that quantiles and drift figures are exact.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import source_tables
from monitors import new_store, rows_of, run, spec_of

from sparkdrift.store import Store

pytestmark = pytest.mark.spark

ROWS = 40
CONFIGURATIONS = {
    # seed: (change data feed, deletion vectors)
    101: ("false", "false"),
    202: ("true", "false"),
    303: ("false", "true"),
    404: ("true", "true"),
}
MORE_SEEDS = (505, 606, 707, 808)
STEPS, MORE_STEPS = 2, 6

# What two runs may differ in: who wrote a row, when, from which files, and in which random
# order a sketch met its rows.
WRITTEN = ("run_id", "input_digest", "source_version", "fingerprint", "kll", "hll")
ROUNDED = 1e-9


def tables_of(spark, store: Store) -> dict[str, dict]:
    """Rows of the results tables by key, without what two runs may differ in."""
    found = {}
    for name in ("profiles", "drift"):
        rows = rows_of(spark, store, name).to_pylist()
        found[name] = {
            (row["window_start"], row["slice_key"], row["slice_value"], row["column_name"]): {
                column: value for column, value in row.items() if column not in WRITTEN
            }
            for row in rows
        }
        assert len(found[name]) == len(rows)
    return found


def same(one, two, column: str) -> bool:
    """Equal; floats may differ in the order of additions, estimates of distinct values more."""
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(same(one[k], two[k], column) for k in one)
    if isinstance(one, list) and isinstance(two, list):
        pairs = zip(one, two, strict=False)
        return len(one) == len(two) and all(same(a, b, column) for a, b in pairs)
    if column == "distinct_count" and one is not None and two is not None:
        return abs(one - two) <= 1
    if isinstance(one, float) and isinstance(two, float):
        return math.isclose(one, two, rel_tol=ROUNDED, abs_tol=ROUNDED)
    return one == two


def assert_same(incremental: dict, scratch: dict) -> None:
    for table, expected in scratch.items():
        assert set(incremental[table]) == set(expected), table
        for key, row in expected.items():
            other = incremental[table][key]
            different = [name for name in row if not same(other[name], row[name], name)]
            assert not different, (table, key, {n: (other[n], row[n]) for n in different})


@dataclass
class Log:
    """A source table that changes at random, and which closed days each change touched."""

    spark: object
    path: Path
    rng: np.random.Generator
    newest: int
    touched: set[int] = field(default_factory=set)
    every: bool = False
    """Whether something moved every row to another file."""
    said: list[str] = field(default_factory=list)

    @classmethod
    def make(cls, spark, path: Path, seed: int, feed: str, vectors: str) -> Log:
        log = cls(spark, path, np.random.default_rng(seed), newest=5)
        rows = source_tables.day_rows(0, ROWS, log.rng)
        schema = ", ".join(
            f"{name} {kind}"
            for name, kind in {
                "ts": "TIMESTAMP",
                "amount": "DOUBLE",
                "score": "DOUBLE",
                "product": "STRING",
                "region": "STRING",
            }.items()
        )
        spark.sql(
            f"CREATE TABLE delta.`{path}` ({schema}) USING delta TBLPROPERTIES ("
            f"'delta.enableChangeDataFeed' = '{feed}', 'delta.enableDeletionVectors' = '{vectors}')"
        )
        # A file for each day, so that a change touches the windows that it says it touches.
        source_tables.write(spark, path, rows)
        later = source_tables.days(1, log.newest, ROWS, log.rng)
        frame = spark.createDataFrame(later.combine_chunks())
        frame.repartitionByRange(log.newest, "ts").write.format("delta").mode("append").save(
            str(path)
        )
        return log

    def sql(self, text: str) -> None:
        self.said.append(text)
        self.spark.sql(text.replace("TABLE", f"delta.`{self.path}`")).collect()

    def version(self) -> int:
        history = self.spark.sql(f"DESCRIBE HISTORY delta.`{self.path}` LIMIT 1")
        return history.collect()[0]["version"]

    def closed_day(self) -> int:
        """A random day that is closed, but not the first: that would move the beginning."""
        return int(self.rng.integers(1, self.newest))

    def on(self, day: int) -> str:
        begin, end = (source_tables.day_start(d).isoformat() for d in (day, day + 1))
        return f"ts >= timestamp'{begin}' AND ts < timestamp'{end}'"

    def append(self) -> None:
        before, self.newest = self.newest, self.newest + int(self.rng.integers(1, 3))
        self.said.append(f"append day {self.newest}")
        source_tables.write(
            self.spark, self.path, source_tables.day_rows(self.newest, ROWS, self.rng)
        )
        self.touched |= set(range(before, self.newest))

    def late(self) -> None:
        day = self.closed_day()
        self.said.append(f"late rows on day {day}")
        source_tables.write(self.spark, self.path, source_tables.day_rows(day, 7, self.rng, 2.0))
        self.touched.add(day)

    def update(self) -> None:
        day = self.closed_day()
        self.sql(f"UPDATE TABLE SET amount = amount + 50 WHERE {self.on(day)} AND score < 0.3")
        self.touched.add(day)

    def delete(self) -> None:
        day = self.closed_day()
        self.sql(f"DELETE FROM TABLE WHERE {self.on(day)} AND region = 'north'")
        self.touched.add(day)

    def empty(self) -> None:
        day = self.closed_day()
        self.sql(f"DELETE FROM TABLE WHERE {self.on(day)}")
        self.touched.add(day)

    def optimize(self) -> None:
        self.sql("OPTIMIZE TABLE")
        self.every = True

    def restore(self) -> None:
        """Undo one change of old rows: windows keep their ends, rows come back."""
        version = self.version()
        self.delete()
        self.sql(f"RESTORE TABLE TO VERSION AS OF {version}")
        self.every = True

    def change(self) -> None:
        """One to three random changes."""
        kinds = (
            *(self.append, self.late, self.update, self.delete, self.empty),
            *(self.optimize, self.restore),
        )
        weights = np.array([4, 4, 3, 3, 1, 1, 1]) / 17
        for kind in self.rng.choice(len(kinds), int(self.rng.integers(1, 4)), p=weights):
            kinds[kind]()


def written_days(spark, store: Store, run_id: str) -> set[int]:
    rows = rows_of(spark, store, "profiles", f"run_id = '{run_id}' AND column_name = ':table'")
    return {(at - source_tables.START).days for at in rows.column("window_start").to_pylist()}


def check_sequence(
    spark, folder: Path, reference: Path, seed: int, configuration: tuple[str, str], steps: int
) -> None:
    feed, vectors = configuration
    log = Log.make(spark, folder / "source", seed, feed, vectors)
    spec = spec_of(
        folder / "source",
        slices=["region"],
        reference={"path": str(reference)},
        windows={"on_vanished": "empty"},
    )
    store = new_store(spark, folder / "store")
    run(spark, store, spec, "start")
    for step in range(steps):
        log.touched, log.said = set(), []
        log.change()
        run(spark, store, spec, f"step{step}")
        told = f"seed {seed}, feed {feed}, vectors {vectors}, step {step}: {log.said}"
        print(told)
        written = written_days(spark, store, f"step{step}")
        if log.every:
            # Files moved, so fingerprints prove nothing: all windows, once there is a change.
            assert written in (set(), set(range(log.newest))), told
            log.every = bool(log.said) and not written
        else:
            assert written == log.touched, told
        fresh = new_store(spark, folder / f"scratch{step}")
        run(spark, fresh, spec, "scratch")
        assert_same(tables_of(spark, store), tables_of(spark, fresh))


@pytest.fixture(scope="module")
def reference(spark, workspace) -> Path:
    rng = np.random.default_rng(1)
    source_tables.write(spark, workspace / "reference", source_tables.days(0, 3, 100, rng))
    return workspace / "reference"


@pytest.mark.parametrize("seed", CONFIGURATIONS)
def test_a_sequence_equals_a_recomputation(spark, tmp_path, reference, seed):
    check_sequence(spark, tmp_path, reference, seed, CONFIGURATIONS[seed], STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
@pytest.mark.parametrize("configuration", CONFIGURATIONS.values(), ids=str)
def test_more_sequences(spark, tmp_path, reference, seed, configuration):
    check_sequence(spark, tmp_path, reference, seed, configuration, MORE_STEPS)
