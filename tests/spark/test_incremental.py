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
from reading import rows_read

from sparkdrift.store import Store

pytestmark = pytest.mark.spark

ROWS = 40
CONFIGURATIONS = {
    # seed: (change data feed, deletion vectors, layout)
    101: ("false", "false", "PARTITIONED BY (region)"),
    202: ("true", "false", ""),
    303: ("false", "true", "CLUSTER BY (product)"),
    404: ("true", "true", "mapped"),
}
MORE_LAYOUTS = ("", "PARTITIONED BY (region)", "CLUSTER BY (product)", "mapped")
MORE_CONFIGURATIONS = [
    (feed, vectors, layout)
    for feed in ("false", "true")
    for vectors in ("false", "true")
    for layout in MORE_LAYOUTS
]
MORE_SEEDS = (505, 606)
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
    """A source table that changes at random, and which closed days each change touched.

    `disturbed`: days whose rows may have moved, or have changed and changed back. `merged`:
    files hold several days, so that without deletion vectors a change moves other days too.
    """

    spark: object
    path: Path
    rng: np.random.Generator
    newest: int
    vectors: bool = False
    moves: bool = False
    mapped: bool = False
    touched: set[int] = field(default_factory=set)
    disturbed: set[int] = field(default_factory=set)
    merged: bool = False
    grown: bool = True
    """Only appends since `said` began."""
    said: list[str] = field(default_factory=list)

    @classmethod
    def make(cls, spark, path: Path, seed: int, configuration: tuple[str, str, str]) -> Log:
        feed, vectors, layout = configuration
        log = cls(spark, path, np.random.default_rng(seed), newest=5)
        log.vectors = vectors == "true"
        log.moves, log.mapped = (feed, vectors) == ("false", "false"), layout == "mapped"
        clause, mode = ("", "name") if log.mapped else (layout, "none")
        rows = source_tables.day_rows(0, ROWS, log.rng)
        schema = ", ".join(
            f"{name} {kind}"
            for name, kind in {
                "ts": "TIMESTAMP",
                "amount": "DOUBLE",
                "score": "DOUBLE",
                "product": "STRING",
                "region": "STRING",
                **({"note": "STRING", "unused": "STRING"} if log.mapped else {}),
            }.items()
        )
        spark.sql(
            f"CREATE TABLE delta.`{path}` ({schema}) USING delta {clause} TBLPROPERTIES ("
            f"'delta.enableChangeDataFeed' = '{feed}', 'delta.enableDeletionVectors' = '{vectors}',"
            f" 'delta.columnMapping.mode' = '{mode}')"
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
        self.spark.sql(text.replace("$", f"delta.`{self.path}`")).collect()

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

    def insert(self) -> None:
        """Late rows again, by a MERGE that only inserts."""
        day = self.closed_day()
        rows = source_tables.day_rows(day, 5, self.rng)
        self.spark.createDataFrame(rows.combine_chunks()).createOrReplaceTempView("incoming")
        columns = ", ".join(rows.column_names)
        self.sql(
            "MERGE INTO $ AS old USING incoming AS new ON old.ts = new.ts WHEN NOT MATCHED"
            f" THEN INSERT ({columns}) VALUES ({columns})"
        )
        self.touched.add(day)

    def rewrite(self, statement: str, where: str, day: int) -> None:
        """An UPDATE or DELETE of some rows of a day; of none where it has no such row."""
        self.grown = False
        rows = self.spark.table(f"delta.`{self.path}`").where(where).count()
        self.sql(f"{statement} WHERE {where}")
        if not rows:
            return
        self.touched.add(day)
        if self.moves and self.merged:
            self.disturbed |= set(range(self.newest))

    def update(self) -> None:
        day = self.closed_day()
        set_amount = "UPDATE $ SET amount = amount + 50"
        self.rewrite(set_amount, f"{self.on(day)} AND score < 0.3", day)

    def delete(self) -> None:
        day = self.closed_day()
        self.rewrite("DELETE FROM $", f"{self.on(day)} AND region = 'north'", day)

    def empty(self) -> None:
        day = self.closed_day()
        self.rewrite("DELETE FROM $", self.on(day), day)

    def optimize(self) -> None:
        self.sql("OPTIMIZE $")
        self.merged = True

    def purge(self) -> None:
        self.sql("REORG TABLE $ APPLY (PURGE)")

    def restore(self) -> None:
        """Undo one change of old rows: windows keep their ends, rows come back."""
        version, touched = self.version(), set(self.touched)
        self.delete()
        self.disturbed |= self.touched
        if self.merged and not self.vectors:
            self.disturbed |= set(range(self.newest))
        self.touched = touched
        self.sql(f"RESTORE TABLE $ TO VERSION AS OF {version}")

    def rename(self) -> None:
        """Rename a column that nobody watches, or drop it."""
        if not self.mapped:
            return
        columns = self.spark.table(f"delta.`{self.path}`").columns
        if "note" in columns:
            self.sql("ALTER TABLE $ RENAME COLUMN note TO remark")
        elif "remark" in columns:
            self.sql("ALTER TABLE $ DROP COLUMN remark")

    def change(self) -> None:
        """One to three random changes."""
        kinds = (
            *(self.append, self.late, self.update, self.delete, self.insert, self.empty),
            *(self.optimize, self.purge, self.restore, self.rename),
        )
        weights = np.array([4, 3, 3, 3, 2, 1, 2, 1, 2, 1]) / 22
        for kind in self.rng.choice(len(kinds), int(self.rng.integers(1, 4)), p=weights):
            kinds[kind]()

    def counts(self) -> dict[int, int]:
        """Rows by day, as they are."""
        rows = self.spark.sql(
            f"SELECT datediff(ts, DATE'{source_tables.START:%Y-%m-%d}') AS day, count(*) AS rows"
            f" FROM delta.`{self.path}` GROUP BY 1"
        ).collect()
        return {row["day"]: row["rows"] for row in rows}


def written_days(spark, store: Store, run_id: str) -> set[int]:
    rows = rows_of(spark, store, "profiles", f"run_id = '{run_id}' AND column_name = ':table'")
    return {(at - source_tables.START).days for at in rows.column("window_start").to_pylist()}


def check_sequence(
    spark, folder: Path, reference: Path, seed: int, configuration: tuple[str, str, str], steps: int
) -> None:
    log = Log.make(spark, folder / "source", seed, configuration)
    spec = spec_of(
        folder / "source",
        slices=["region"],
        reference={"path": str(reference)},
        windows={"on_vanished": "empty"},
    )
    store = new_store(spark, folder / "store")
    run(spark, store, spec, "start")
    for step in range(steps):
        log.touched, log.disturbed, log.said, log.grown = set(), set(), [], True
        before, newest = log.counts(), log.newest
        log.change()
        after = log.counts()
        with rows_read(spark) as read:
            run(spark, store, spec, f"step{step}")
        told = f"seed {seed}, {configuration}, step {step}: {log.said}"
        print(told)
        written = written_days(spark, store, f"step{step}")
        assert log.touched <= written <= log.touched | log.disturbed, told
        if not log.merged and (log.grown or configuration[0] == "true"):
            # A file is of one day: what is read is the changed days and the open one.
            days = log.touched | log.disturbed | set(range(newest, log.newest + 1))
            most = sum(counts.get(day, 0) for counts in (before, after) for day in days)
            assert all(rows <= most for rows in read), (told, read)
        fresh = new_store(spark, folder / f"scratch{step}")
        run(spark, fresh, spec, "scratch")
        assert_same(tables_of(spark, store), tables_of(spark, fresh))


@pytest.fixture(scope="module")
def reference(spark, workspace) -> Path:
    rng = np.random.default_rng(1)
    source_tables.write(spark, workspace / "reference", source_tables.days(0, 3, 100, rng))
    return workspace / "reference"


# The one with everything in it; the others by --slow.
OTHERS = [pytest.param(seed, marks=pytest.mark.slow) for seed in CONFIGURATIONS if seed != 404]


@pytest.mark.classic
@pytest.mark.parametrize("seed", [404, *OTHERS])
def test_a_sequence_equals_a_recomputation(spark, tmp_path, reference, seed):
    check_sequence(spark, tmp_path, reference, seed, CONFIGURATIONS[seed], STEPS)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MORE_SEEDS)
@pytest.mark.parametrize("configuration", MORE_CONFIGURATIONS, ids=str)
def test_more_sequences(spark, tmp_path, reference, seed, configuration):
    check_sequence(spark, tmp_path, reference, seed, configuration, MORE_STEPS)
