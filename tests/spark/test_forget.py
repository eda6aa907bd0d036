"""Erasure: a value that left the source is nowhere in the store, and what it was part of is."""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from monitors import (
    Crash,
    content,
    crashing,
    new_store,
    profile_only,
    rows_of,
    run,
    spec_of,
)
from source_tables import closing_row, day_start, days, write

from sparkdrift.errors import SnapshotError, StoreError
from sparkdrift.references.life import Name
from sparkdrift.spark.evaluation_tables import PROPOSALS
from sparkdrift.spark.profiles import stored_windows
from sparkdrift.spark.runs import unfinished
from sparkdrift.spark.views import registered
from sparkdrift.spark.writer import insert_rows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps import forget as forget_module
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.exchange import export_reference, import_reference
from sparkdrift.steps.forget import Forgotten, forget
from sparkdrift.steps.freezing import Wanted
from sparkdrift.steps.journal import Journal
from sparkdrift.steps.prune import prune
from sparkdrift.steps.reference_reading import find
from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand
from sparkdrift.steps.verifying import verify
from sparkdrift.store import Store
from sparkdrift.windows import Window, day_of

pytestmark = pytest.mark.spark

SEED = 59
DAYS = 9
PERSON, EXTREME = "Zebedee Quill", 987654321.25
"""A category and a number that one row of day 2 has, and nobody else."""
NAME = Name("credit", "baseline", "baseline")
ALL = Name("credit", "calibration", "all")
TRAINING = Name("credit", "training", "training")


def credit_spec(path: Path):
    return spec_of(
        path,
        features={"numeric": ["amount"], "categorical": ["product"]},
        slices=["product"],
        windows={"rollups": ["week"]},
        reference={"begin": "2024-01-01", "end": "2024-01-05"},
        assumptions={"learned": True, "examples": "show"},
        drift={"comparisons": ["baseline", "consecutive"], "multivariate": False},
    )


FORMS = {
    "category": (PERSON.encode(),),
    "number": (b"987654321", b"987,654,321", b"9.8765432125E8", struct.pack("<d", EXTREME)),
}
"""How each planted value can be written: as text, in an interval's words, in a sketch."""


def places(folder: Path) -> Iterator[tuple[str, str]]:
    """(which value, file) for each file of a store that holds one, decoded or as it is."""
    for file in sorted(one for one in folder.rglob("*") if one.is_file()):
        # The footer of a Parquet file has extremes of its own, and no compression.
        contents = [file.read_bytes()]
        if file.suffix == ".parquet":
            # By itself: what a partition's name says is no matter here.
            contents += leaves(pq.ParquetFile(file).read().to_pylist())
        for value, forms in FORMS.items():
            if any(form in content for form in forms for content in contents):
                yield value, str(file.relative_to(folder))


def leaves(value: Any) -> Iterator[bytes]:
    """All that nested values hold, as bytes."""
    if isinstance(value, dict):
        for one in value.values():
            yield from leaves(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from leaves(one)
    elif isinstance(value, float):
        yield struct.pack("<d", value)
    elif isinstance(value, str):
        yield value.encode()
    elif isinstance(value, bytes):
        yield value


def planted(schema: pa.Schema) -> pa.Table:
    """The one row that has the values."""
    at = day_start(2) + timedelta(hours=7)
    return pa.table(
        {"ts": [at], "amount": [EXTREME], "score": [0.5], "product": [PERSON], "region": ["north"]}
    ).cast(schema)


@pytest.fixture(scope="module")
def source(spark, workspace) -> Path:
    rng = np.random.default_rng(SEED)
    # A file of its own for what leaves: what is moved to another file counts as changed.
    early, late = days(0, 3, 60, rng), days(4, DAYS - 1, 60, rng)
    for part in (early, planted(early.schema), pa.concat_tables([late, closing_row(DAYS)])):
        write(spark, workspace / "source", part)
    return workspace / "source"


@pytest.fixture(scope="module")
def store(spark, source, workspace) -> Store:
    made = new_store(spark, workspace / "store")
    run(spark, made, credit_spec(source), "first")
    return made


def context_of(spark, store: Store, run_id: str) -> Context:
    """With the log file that the command line keeps in a store."""
    log = Path(str(store.directory)) / "sparkdrift.log"
    return Context(spark, store, Journal(spark, store, run_id, log))


def forgotten(
    spark, store: Store, source: Path, run_id: str, options: Options, role: str | None = None
) -> Forgotten:
    context = context_of(spark, store, run_id)
    done = forget(context, credit_spec(source), options, by="dpo", retain_hours=0, role=role)
    context.journal.close()
    return done


def test_what_was_erased_is_in_no_file_of_the_store(spark, source, store, workspace):
    folder, spec = Path(str(store.directory)), credit_spec(source)
    file = workspace / "elsewhere.parquet"
    export_reference(context_of(spark, store, "export"), spec, NAME, 1, file, "bob")
    early = days(0, 1, 60, np.random.default_rng(SEED))
    write(spark, workspace / "training", pa.concat_tables([early, planted(early.schema)]))
    for name, table in ((ALL, source), (TRAINING, workspace / "training")):
        wanted = Wanted(name, path=str(table))
        snapshot_by_hand(context_of(spark, store, name.name), spec, wanted, Freeze())
    queue = {"monitor": "credit", "kind": "sample", "name": "production", "seq": 1}
    insert_rows(spark, store, PROPOSALS, [{**queue, "destination": "lake.queue"}])
    # As sparkdrift kept it before: the instant of the newest row.
    instant = "newest_event = newest_event + INTERVAL 7 HOURS"
    snapshots = store.table("reference_snapshots")
    spark.sql(f"UPDATE {snapshots} SET {instant} WHERE role = 'training'")
    before = set(places(folder))
    tables = {(value, one.partition("/")[0]) for value, one in before}
    held = ("profiles", "reference_profiles")
    assert {("category", "drift")} | {(one, table) for one in FORMS for table in held} <= tables
    # Not in the logs of Delta, which can't be rewritten.
    assert not [one for _, one in before if "_delta_log" in one]
    for table in (source, workspace / "training"):
        spark.sql(f"DELETE FROM delta.`{table}` WHERE product = '{PERSON}'")
    window = Options(begin=day_start(2), end=day_start(3))
    done = forgotten(spark, store, source, "forget", window, role="training")
    assert list(places(folder)) == [], f"seed {SEED}"

    assert [one.start for one in done.windows] == [day_start(2)]
    assert {(one.name, one.version, one.instead, one.why) for one in done.erased} == {
        (NAME, 1, 2, ""),
        (ALL, 1, 2, ""),
        (TRAINING, 1, 2, ""),
    }
    assert done.elsewhere == ()
    assert done.queues == ("lake.queue",)
    # What is left of a version tells the time of none of its rows.
    for name in (ALL, TRAINING):
        for one in find(spark, store, name).versions:
            assert one.newest_event == day_of(one.newest_event), name
    # What stands in for the whole table has the rows of then, without those that were erased.
    old, new = find(spark, store, ALL).versions
    assert (old.rows, new.rows) == (9 * 60 + 2, 9 * 60 + 1)
    until = f"{day_start(DAYS + 1):%Y-%m-%d %H:%M:%S.%f}Z"
    assert new.source_filter == f"(`ts` < TIMESTAMP'{until}' OR `ts` IS NULL)"
    assert [one.partition(" (")[0] for one in done.files] == [str(file)]
    stored = find(spark, store, NAME)
    assert stored.states == {1: "erased", 2: "active"}
    assert [(one.snapshot.version, one.start, one.end) for one in stored.active] == [
        (2, day_start(4), None)
    ]
    # The tombstone: what is known of the version, without its rows.
    (digest,) = [one.digest for one in done.erased if one.name == NAME]
    assert stored.by_number[1].digest == digest
    with pytest.raises(SnapshotError, match=r"version 1 of .* held, which was erased here"):
        import_reference(context_of(spark, store, "import"), spec, file, "eve")
    assert verify(spark, store, spec, NAME, stored.by_number[2]).reason is None
    (week,) = rows_of(
        spark,
        store,
        "profiles",
        "granularity = 'week' AND column_name = 'amount' AND slice_key = '*'",
    ).to_pylist()
    assert (week["row_count"], week["max"] < 1000) == (7 * 60, True)
    judged = rows_of(spark, store, "drift", "comparison = 'baseline'").to_pylist()
    assert {row["reference_version"] for row in judged} == {0, 2}
    assert {row["window_start"] for row in judged} == {day_start(day) for day in range(DAYS)}
    assert not run(spark, store, spec, "settled").judged.windows


@pytest.mark.classic
def test_without_rows_there_is_no_successor_and_windows_are_empty(spark, source, store, workspace):
    """After the test above, in the same store: all rows of the reference leave the source, and the
    table of training data is dropped."""
    shutil.rmtree(workspace / "training")
    spark.sql(f"DELETE FROM delta.`{source}` WHERE ts < TIMESTAMP'{day_start(4).isoformat()}'")
    # Found, not given: no run came between.
    done = forgotten(spark, store, source, "all", Options(), role="training")
    assert [one.start for one in done.windows] == [day_start(day) for day in range(4)]
    (erased,) = [one for one in done.erased if one.name == NAME]
    assert (erased.version, erased.instead) == (2, None)
    assert erased.why
    (dropped,) = [one for one in done.erased if one.name == TRAINING]
    assert (dropped.version, dropped.instead) == (2, None)
    assert dropped.why == "it can't be made again (NoTableError)"
    assert find(spark, store, TRAINING).states == {1: "erased", 2: "erased"}
    assert rows_of(spark, store, "reference_profiles", "role = 'training'").num_rows == 0
    assert find(spark, store, NAME).states == {1: "erased", 2: "erased"}
    assert rows_of(spark, store, "reference_profiles", "name = 'baseline'").num_rows == 0
    rows = rows_of(spark, store, "profiles", "granularity = 'day' AND column_name = 'amount'")
    empty = {row["window_start"] for row in rows.to_pylist() if row["row_count"] == 0}
    assert empty == {day_start(day) for day in range(4)}
    late = f"comparison = 'baseline' AND window_start >= TIMESTAMP'{day_start(4).isoformat()}'"
    statuses = {row["status"] for row in rows_of(spark, store, "drift", late).to_pylist()}
    assert statuses == {"no_reference"}
    # The views say the same as the step does.
    with registered(spark, store, "SELECT * FROM current_drift"):
        assert spark.table("active_references").where("role = 'baseline'").count() == 0
        shown = spark.table("current_drift").where(late).select("status").toArrow().to_pylist()
    assert len(shown) == rows_of(spark, store, "drift", late).num_rows > 0


@pytest.mark.classic
def test_a_version_of_another_filter_is_made_again_by_that_filter(spark, workspace):
    """The spec watches other rows by now, and what judged windows of then stands in for itself."""
    path = workspace / "filtered"
    early = days(0, 3, 60, np.random.default_rng(SEED))
    write(spark, path, pa.concat_tables([early, planted(early.schema), closing_row(4)]))
    store, spec = new_store(spark, workspace / "filters"), credit_spec(path)
    then = spec.model_copy(
        update={"source": spec.source.model_copy(update={"filter": "region = 'north'"})}
    )
    wanted = Wanted(NAME, Window(day_start(0), day_start(4)))
    snapshot_by_hand(context_of(spark, store, "then"), then, wanted, Freeze())
    # The table outgrows the filter of another one: nothing can be made by that any more.
    gone = then.model_copy(
        update={"source": then.source.model_copy(update={"filter": "score >= 0"})}
    )
    other = replace(wanted, name=ALL)
    snapshot_by_hand(context_of(spark, store, "gone"), gone, other, Freeze())
    profile_only(spark, store, spec)
    left = spark.read.format("delta").load(str(path)).where(f"product <> '{PERSON}'").drop("score")
    left.write.format("delta").mode("overwrite").option("overwriteSchema", "true").save(str(path))
    context = context_of(spark, store, "now")
    window = Options(begin=day_start(2), end=day_start(3))
    done = forget(context, spec, window, by="dpo", retain_hours=0)
    assert {(one.name, one.version, one.instead, one.why) for one in done.erased} == {
        (NAME, 1, 2, ""),
        (ALL, 1, None, "it can't be made again (SpecError)"),
    }
    assert find(spark, store, ALL).states == {1: "erased"}
    old, new = find(spark, store, NAME).versions
    north = spark.sql(f"SELECT count(*) FROM delta.`{path}` WHERE region = 'north' AND ts < "
                      f"TIMESTAMP'{day_start(4).isoformat()}'").collect()[0][0]  # fmt: skip
    assert 0 < north < 240
    assert (old.rows, new.rows) == (north + 1, north)
    assert new.source_filter == old.source_filter == "region = 'north'"
    assert find(spark, store, NAME).states == {1: "erased", 2: "active"}
    assert list(places(workspace / "filters")) == []


@pytest.mark.slow
@pytest.mark.classic
def test_a_pruned_day_leaves_its_week_as_well(spark, workspace):
    source, rng = workspace / "other", np.random.default_rng(SEED + 1)
    rows = days(0, DAYS - 1, 20, rng)
    write(spark, source, pa.concat_tables([rows, planted(rows.schema), closing_row(DAYS)]))
    sections = {"features": {"numeric": ["amount"]}, "windows": {"rollups": ["week"]}}
    spec = spec_of(source, **sections, retention={"day": "1 day", "week": "forever"})
    store = new_store(spark, workspace / "pruned")
    profile_only(spark, store, spec, "first")
    context = context_of(spark, store, "prune")
    prune(context, spec)
    context.journal.close()
    week = "granularity = 'week' AND column_name = 'amount'"
    (row,) = rows_of(spark, store, "profiles", week).to_pylist()
    assert (row["row_count"], row["max"]) == (7 * 20 + 1, EXTREME)
    assert set(stored_windows(spark, store, spec)) == {day_start(DAYS - 2), day_start(DAYS - 1)}
    spark.sql(f"DELETE FROM delta.`{source}` WHERE product = '{PERSON}'")
    context = context_of(spark, store, "undated")
    undated = forget(context, spec, Options(), by="dpo", retain_hours=0)
    context.journal.close()
    # Of days that are gone nobody can tell that a row left: the week still holds it, which is said.
    assert {one.start for one in undated.windows} == {day_start(DAYS - 2), day_start(DAYS - 1)}
    assert undated.unseen == Window(day_start(0), day_start(DAYS - 2))
    (row,) = rows_of(spark, store, "profiles", week).to_pylist()
    assert row["max"] == EXTREME
    context = context_of(spark, store, "forget")
    window = Options(begin=day_start(2), end=day_start(3))
    done = forget(context, spec, window, by="dpo", retain_hours=0)
    context.journal.close()
    assert [one.start for one in done.windows] == [day_start(2)]
    assert done.unseen is None
    (row,) = rows_of(spark, store, "profiles", week).to_pylist()
    assert (row["row_count"], row["max"] < 1000) == (7 * 20, True)
    assert list(places(Path(str(store.directory)))) == [], f"seed {SEED + 1}"


WRITES = (
    "runs",
    *("profiles", "states", "assumptions", "performance", "eval_staleness", "feature_debt"),
    *("operations", "drift"),
    *("runs", "states", "profiles", "states", "profiles"),
)
"""What an erasure writes before its references: what it begins, and windows."""


@dataclass(frozen=True)
class Erasing:
    """A source that rows were deleted from, and a store that does not know it yet."""

    spec: MonitorSpec
    store: Store

    def copied(self, folder: Path) -> Store:
        shutil.copytree(str(self.store.directory), folder)
        return Store(directory=str(folder))


@pytest.fixture(scope="module")
def erasing(spark, workspace) -> Erasing:
    """With versions of two references, one that no event speaks of, and rows that are of none."""
    source, rng = workspace / "crashing", np.random.default_rng(SEED + 2)
    early, late = days(0, 3, 20, rng), days(4, DAYS - 1, 20, rng)
    for part in (early, planted(early.schema), pa.concat_tables([late, closing_row(DAYS)])):
        write(spark, source, part)
    # What leaves is found by the change feed here, by fingerprints in the tests above.
    feed = "TBLPROPERTIES (delta.enableChangeDataFeed = true)"
    spark.sql(f"ALTER TABLE delta.`{source}` SET {feed}")
    spec = spec_of(
        source,
        features={"numeric": ["amount", "score"], "categorical": ["product"]},
        windows={"rollups": ["week"]},
        reference={"begin": "2024-01-01", "end": "2024-01-05"},
        dependence={"pairs": [["amount", "score"]]},
        assumptions={"learned": True, "examples": "show"},
        drift={"multivariate": False},
    )
    store = new_store(spark, workspace / "crashing-store")
    run(spark, store, spec, "first")
    other = Wanted(Name("credit", "evaluation", "evaluation"), Window(day_start(1), day_start(3)))
    snapshot_by_hand(context_of(spark, store, "by hand"), spec, other, Freeze())
    unsaid = Wanted(NAME, Window(day_start(2), day_start(4)))
    for run_id, writes in (("unsaid", 3), ("invisible", 2)):
        with crashing(after=writes) as written, pytest.raises(Crash):
            snapshot_by_hand(context_of(spark, store, run_id), spec, unsaid, Freeze())
        assert written == ["runs", "reference_profiles", "reference_snapshots"][:writes]
    spark.sql(f"DELETE FROM delta.`{source}` WHERE product = '{PERSON}'")
    return Erasing(spec, store)


KEPT = (
    *("profiles", "states", "drift", "assumptions", "reference_snapshots", "reference_profiles"),
    *("reference_events", "reference_checks", "debt_events", "model_health"),
)


def erase(spark, store: Store, spec: MonitorSpec, run_id: str) -> Forgotten:
    context = context_of(spark, store, run_id)
    done = forget(context, spec, Options(), by="dpo", retain_hours=0)
    context.journal.close()
    return done


@pytest.fixture(scope="module")
def whole(spark, erasing, workspace) -> tuple[list[str], Forgotten, dict]:
    """An erasure that nothing interrupts: its writes, what it says, and what it leaves."""
    store = erasing.copied(workspace / "whole")
    with crashing() as written:
        done = erase(spark, store, erasing.spec, "whole")
    assert list(places(Path(str(store.directory)))) == [], f"seed {SEED + 2}"
    return written, done, content(spark, store, KEPT)


@pytest.mark.slow
@pytest.mark.classic
def test_an_erasure_also_takes_what_snapshots_left_half_done(spark, whole):
    written, done, tables = whole
    assert tuple(written[: len(WRITES)]) == WRITES
    assert {(one.name.role, one.version, one.instead) for one in done.erased} == {
        ("baseline", 1, 2),
        ("evaluation", 1, 2),
    }
    assert len(tables["reference_snapshots"]) == 4
    assert len(written) <= MOST


def ended_after(spark, erasing: Erasing, whole, folder: Path, writes: int) -> None:
    """An erasure that ended after so many writes, and the next one, leave what one alone does."""
    _, done, tables = whole
    store = erasing.copied(folder)
    with crashing(after=writes) as written, pytest.raises(Crash):
        erase(spark, store, erasing.spec, "crashed")
    again = erase(spark, store, erasing.spec, "again")
    assert content(spark, store, KEPT) == tables, written
    assert list(places(Path(str(store.directory)))) == [], f"seed {SEED + 2}, after {written}"
    # Said once that it is done, by whoever ended it, and of each version what became of it.
    rows = rows_of(spark, store, "runs", "step = 'forget' AND phase = 'SUCCEEDED'").to_pylist()
    said = [line for row in rows for line in row["warnings"] if line.startswith("erased: ")]
    assert len(said) == len(done.erased)
    if {row["run_id"] for row in rows} == {"again"}:
        assert set(again.erased) == set(done.erased)


def nth(written: list[str], table: str, number: int) -> int:
    """How many writes there are up to the one of that number into a table."""
    return [at for at, name in enumerate(written, 1) if name == table][number - 1]


@pytest.mark.slow
@pytest.mark.classic
@pytest.mark.parametrize(
    ("table", "number"),
    [
        pytest.param("profiles", 3, id="windows and roll-ups are done"),
        pytest.param("reference_snapshots", 2, id="a version is made that no event speaks of"),
        pytest.param("reference_events", 1, id="of one of two references it is said"),
        pytest.param("reference_events", 2, id="of both, and nothing is deleted yet"),
    ],
)
def test_an_erasure_that_ended_too_early_is_done_by_the_next_one(
    spark, erasing, whole, tmp_path, table, number
):
    ended_after(spark, erasing, whole, tmp_path / "store", nth(whole[0], table, number))


MOST = 55


@pytest.mark.slow
@pytest.mark.parametrize("writes", range(1, MOST))
def test_wherever_it_ended(spark, erasing, whole, tmp_path, writes):
    if writes > len(whole[0]):
        pytest.skip("there are fewer writes")
    ended_after(spark, erasing, whole, tmp_path / "store", writes)


@pytest.mark.slow
@pytest.mark.classic
def test_what_an_erasure_was_asked_for_is_done_by_one_that_is_not(spark, erasing, tmp_path):
    """It ended as soon as it had begun; nobody says again that training data are meant."""
    store, spec = erasing.copied(tmp_path / "store"), erasing.spec
    early = days(0, 1, 20, np.random.default_rng(SEED + 3))
    write(spark, tmp_path / "training", pa.concat_tables([early, planted(early.schema)]))
    wanted = Wanted(TRAINING, path=str(tmp_path / "training"))
    snapshot_by_hand(context_of(spark, store, "training"), spec, wanted, Freeze())
    spark.sql(f"DELETE FROM delta.`{tmp_path / 'training'}` WHERE product = '{PERSON}'")
    options = {"by": "dpo", "retain_hours": 0}
    with crashing(after=1) as written, pytest.raises(Crash):
        forget(context_of(spark, store, "crashed"), spec, Options(), role="training", **options)
    assert written == ["runs"]
    assert set(unfinished(spark, store, "forget")) == {spec.monitor}
    done = erase(spark, store, spec, "again")
    assert {one.name.role for one in done.erased} == {"baseline", "evaluation", "training"}
    assert list(places(Path(str(store.directory)))) == [], f"seed {SEED + 3}"
    assert unfinished(spark, store, "forget") == {}


@pytest.mark.slow
@pytest.mark.classic
def test_a_run_between_the_two_does_no_harm(spark, erasing, whole, tmp_path):
    store = erasing.copied(tmp_path / "store")
    # The version that is to stand in is there, and no event speaks of it: a run brings it in.
    with crashing(after=nth(whole[0], "reference_snapshots", 2)), pytest.raises(Crash):
        erase(spark, store, erasing.spec, "crashed")
    run(spark, store, erasing.spec, "between")
    done = erase(spark, store, erasing.spec, "again")
    assert {one.name.role for one in done.erased} == {"baseline", "evaluation"}
    assert list(places(Path(str(store.directory)))) == [], f"seed {SEED + 2}"
    stored = find(spark, store, NAME)
    assert (stored.states[1], stored.present is not None) == ("erased", True)
    assert not run(spark, store, erasing.spec, "settled").judged.windows


@pytest.mark.slow
@pytest.mark.classic
def test_where_vacuum_is_refused_all_else_is_done_and_said(spark, erasing, tmp_path, monkeypatch):
    store = erasing.copied(tmp_path / "store")
    with monkeypatch.context() as patched:
        patched.setattr(forget_module, "vacuum", refused)
        with pytest.raises(StoreError, match="refused"):
            erase(spark, store, erasing.spec, "refused")
    phases = {
        (row["step"], row["phase"])
        for row in rows_of(spark, store, "runs", "run_id = 'refused'").to_pylist()
    }
    assert {("forget", "SUCCEEDED"), ("vacuum", "STARTED"), ("vacuum", "FAILED")} <= phases
    assert list(places(Path(str(store.directory))))
    # Nothing is done twice: what is left to do is to remove files.
    done = erase(spark, store, erasing.spec, "again")
    assert (done.windows, done.erased) == ((), ())
    assert list(places(Path(str(store.directory)))) == [], f"seed {SEED + 2}"


def refused(*_) -> None:
    raise StoreError("VACUUM was refused")
