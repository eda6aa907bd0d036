"""References with a life: frozen, held against the gate, promoted, rolled back, verified."""

from __future__ import annotations

import json
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import reduce
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from monitors import content, context_of, new_store, profile_only, rows_of, run, spec_of
from pyspark.sql import functions as F
from scipy import stats
from source_tables import closing_row, day_rows, day_start, write

from sparkdrift.cli import main
from sparkdrift.errors import SnapshotError, SourceError
from sparkdrift.references.life import Event, Name
from sparkdrift.spark import reference_events, writer
from sparkdrift.spark.erased_rows import allowed
from sparkdrift.spark.expressions import resolve_source
from sparkdrift.spark.reference_differences import differences
from sparkdrift.spark.reference_events import Planned, write_event, write_events
from sparkdrift.spark.reference_life import (
    ALWAYS,
    Snapshot,
    Stored,
    own_name,
    read_references,
)
from sparkdrift.spark.reference_tables import (
    REFERENCE_EVENTS,
    REFERENCE_PROFILES,
    REFERENCE_SNAPSHOTS,
)
from sparkdrift.spark.references import merged_reference
from sparkdrift.spark.source import open_source
from sparkdrift.spark.table import Table
from sparkdrift.spark.views import registered
from sparkdrift.spark.writer import compact, insert, insert_rows
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps import reference
from sparkdrift.steps.freezing import Wanted, hashes_of
from sparkdrift.steps.gate import examine
from sparkdrift.steps.promotion import Decision
from sparkdrift.steps.reference_reading import find
from sparkdrift.steps.snapshot import Freeze, snapshot_by_hand, snapshot_reference
from sparkdrift.steps.verifying import verify
from sparkdrift.store import Store
from sparkdrift.windows import Window

pytestmark = pytest.mark.spark

SEED = 83
ROWS = 800
"""So many that the sketches of ten days are exact: figures can be held against the rows."""
DAYS = 24
KNOWN = Window(day_start(0), day_start(5))
FAULTY = range(10, 13)
"""Days on which `amount` is two sd too high."""
STEP = 0.06
"""How many sd `score` rises from day to day."""
WHY = Decision("ada", "after the relaunch")
CHECKS = "reference_checks"


@dataclass(frozen=True)
class Credit:
    """The source, and its store after one run; read only: `copied` is for writes."""

    rows: pa.Table
    path: Path
    spec: MonitorSpec
    store: Store

    def copied(self, folder: Path) -> Store:
        shutil.copytree(str(self.store.directory), folder)
        return Store(directory=str(folder))

    def values(self, column: str, first: int, last: int) -> np.ndarray:
        """Values of the days from `first` up to, and without, `last`."""
        at = np.array([(one - day_start(0)).days for one in self.rows["ts"].to_pylist()])
        return self.rows[column].to_numpy()[(at >= first) & (at < last)]


SECTIONS = {
    "features": {"numeric": ["amount"], "categorical": ["product"]},
    "reference": {"begin": "2024-01-01", "end": "2024-01-06"},
    "prediction": {"label": "label"},
    "sketch": {"k": 8192},
    "drift": {"multivariate": False},
}


def credit_spec(path, **sections) -> MonitorSpec:
    return spec_of(path, **{**SECTIONS, **sections})


def spec_file(folder: Path, source: Path) -> Path:
    """The same spec as a file."""
    own = {"source": {"path": str(source)}, "timestamp": {"column": "ts", "zone": "UTC"}}
    file = folder / "credit.yml"
    file.write_text(json.dumps({"monitor": "credit", "owner": "tests", **own, **SECTIONS}))
    return file


def one_day(day: int, rng) -> pa.Table:
    rows = day_rows(day, ROWS, rng, shift=2.0 if day in FAULTY else 0.0)
    score = pa.array(rng.normal(STEP * day, 1, ROWS))
    rows = rows.set_column(rows.schema.get_field_index("score"), "score", score)
    label = pa.array(rng.integers(0, 2, ROWS), mask=rng.random(ROWS) < 0.2)
    return rows.append_column("label", label)


@pytest.fixture(scope="module")
def credit(spark, workspace) -> Credit:
    rng = np.random.default_rng(SEED)
    closing = closing_row(DAYS).append_column("label", pa.array([1], pa.int64()))
    rows = pa.concat_tables([*(one_day(day, rng) for day in range(DAYS)), closing])
    path = workspace / "source"
    write(spark, path, rows)
    spec, store = credit_spec(path), new_store(spark, workspace / "store")
    run(spark, store, spec, "first")
    return Credit(rows, path, spec, store)


@pytest.fixture
def store(spark, credit, tmp_path) -> Store:
    """Version 1 in force from day 5 on, then its copies: 2 from day 14 on, 3 from day 16 on."""
    copied = credit.copied(tmp_path / "store")
    for table in (REFERENCE_PROFILES, REFERENCE_SNAPSHOTS):
        name = copied.table(table.name)
        columns = [one if one != "version" else "CAST(other AS INT)" for one in table.names]
        spark.sql(
            f"INSERT INTO {name} SELECT {', '.join(columns)} FROM {name}"
            " CROSS JOIN (SELECT explode(array(2, 3)) AS other) WHERE version = 1"
        )
    for version, day in ((2, 14), (3, 16)):
        seen = found(spark, copied, credit.spec).events
        put(spark, copied, credit.spec, seen, version, day_start(day), "fixture")
    return copied


def put(spark, store, spec, seen, version, since, by) -> Event:
    return write_event(
        *(spark, store, own_name(spec), seen, "activate", version, since),
        by=by,
        reason="at once",
        run_id=f"{by}-{version}",
    )


def found(spark, store, spec, role=None) -> Stored:
    return find(spark, store, reference.named(spec, role))


def events(spark, store) -> list[tuple]:
    rows = rows_of(spark, store, "reference_events").to_pylist()
    kept = ("seq", "version", "action", "effective_from", "created_by", "reason")
    return sorted(tuple(row[name] for name in kept) for row in rows)


def in_force(spark, store) -> list[tuple]:
    """What the view says, which SQL alone makes of the events."""
    with registered(spark, store):
        rows = spark.table("active_references").toArrow().to_pylist()
    kept = ("version", "effective_from", "effective_until")
    return sorted((tuple(row[name] for name in kept) for row in rows), key=lambda one: one[1])


def terms(stored: Stored) -> list[tuple]:
    return [(one.snapshot.version, one.start, one.end) for one in stored.active]


def test_a_life_in_rows(spark, credit, store):
    """Each decision is one row; the view and the pure function agree; what was judged stays."""
    context, spec = context_of(spark, store, "by hand"), credit.spec
    name = reference.named(spec)
    before = rows_of(spark, store, "drift").to_pylist()
    back = reference.rollback(context, spec, name, None, WHY)
    # From where version 3 came in, as if it had never been.
    assert (back.version, back.effective_from, back.gate) == (2, day_start(16), None)
    expected = [
        (1, day_start(5), day_start(14)),
        (2, day_start(14), day_start(16)),
        (2, day_start(16), None),
    ]
    assert terms(found(spark, store, spec)) == expected
    assert in_force(spark, store) == expected
    reference.reject(context, spec, name, 3, Decision("bob", "a test load was in it"))
    assert found(spark, store, spec).states == {1: "retired", 2: "active", 3: "rejected"}
    again = reference.promote(context, spec, name, 1, WHY)
    # For what is to come: nothing that was judged is judged again.
    assert (again.effective_from, again.gate) == (day_start(DAYS), "passed")
    assert events(spark, store)[3:] == [
        (4, 2, "activate", day_start(16), "ada", "after the relaunch"),
        (5, 3, "reject", reference.ALWAYS, "bob", "a test load was in it"),
        (6, 1, "activate", day_start(DAYS), "ada", "after the relaunch"),
    ]
    assert terms(found(spark, store, spec)) == in_force(spark, store)
    outcome = run(spark, store, spec, "after")
    # No run freezes once more what a version holds, or puts in force what a person took out.
    assert (outcome.reference, len(found(spark, store, spec).versions)) == (None, 3)
    after = rows_of(spark, store, "drift").to_pylist()
    assert [row for row in after if row["run_id"] == "first"] == before
    fresh = [row for row in after if row["run_id"] == "after"]
    assert {(row["window_start"], row["reference_version"]) for row in fresh} == {
        (day_start(day), 2) for day in range(14, DAYS)
    }


@pytest.mark.slow
@pytest.mark.classic
def test_recomputing_adds_rows_beside_and_changes_no_verdict_in_force(spark, credit, store):
    spec = credit.spec
    run(spark, store, spec, "second")
    before = shown(spark, store)
    outcome = run(spark, store, spec, "again", recompute=True)
    # Version 3 came into force on day 16, and was made of days 0 to 4.
    assert outcome.judged.beside == 16 - 5
    fresh = rows_of(spark, store, "drift", "run_id = 'again'").to_pylist()
    assert {(row["window_start"], row["reference_version"]) for row in fresh} == {
        (day_start(day), 3) for day in range(5, 16)
    }
    assert shown(spark, store) == before
    assert run(spark, store, spec, "settled", recompute=True).judged.beside == 0


def shown(spark, store, view="current_drift", *order) -> list[dict]:
    with registered(spark, store):
        rows = spark.table(view).orderBy(*order or ("window_start", "column_name")).toArrow()
    return rows.to_pylist()


@pytest.mark.classic
def test_what_can_not_be_promoted_changes_nothing(spark, credit, store):
    context, spec = context_of(spark, store, "by hand"), credit.spec
    name = reference.named(spec)
    reference.reject(context, spec, name, 2, WHY)
    before = events(spark, store)
    for version, why in ((9, "no version 9; stored: 1, 2, 3"), (2, "rejected"), (3, "in force")):
        with pytest.raises(SnapshotError, match=why):
            reference.promote(context, spec, name, version, WHY, force=True)
    with pytest.raises(SnapshotError, match=r"no reference relaunch .*; stored: baseline \(base"):
        reference.promote(context, spec, reference.named(spec, name="relaunch"), 1, WHY)
    with pytest.raises(SnapshotError, match="no reference training of"):
        reference.promote(context, spec, reference.named(spec, "training"), 1, WHY)
    for action in (reference.reject, reference.retire):
        with pytest.raises(SnapshotError, match="promote another version first"):
            action(context, spec, name, 3, WHY)
    assert events(spark, store) == before
    assert rows_of(spark, store, "reference_checks").num_rows == 0


@pytest.mark.classic
def test_of_two_promotions_at_once_exactly_one_wins(spark, credit, store):
    """Both decide upon the same events; the key of the second row is taken."""
    spec = credit.spec
    seen = found(spark, store, spec).events

    def promote(version: int) -> str:
        try:
            put(spark, store, spec, seen, version, day_start(20), f"writer {version}")
        except SnapshotError as error:
            return str(error)
        return "won"

    with ThreadPoolExecutor(2) as both:
        answers = sorted(both.map(promote, (1, 2)), key=len)
    assert answers[0] == "won"
    (winner,) = [one for one in events(spark, store) if one[0] == 4]
    assert answers[1] == (
        f"reference baseline of credit: nothing was written for version {3 - winner[1]} "
        f"(activate): meanwhile came activate of version {winner[1]} by writer {winner[1]}. Look "
        "at `sparkdrift reference list SPEC` and decide again"
    )
    present = found(spark, store, spec).present
    assert present is not None
    assert present.version == winner[1]


def by_hand(spark, store, spec, first: int, last: int, **other):
    """A version of the days from `first` up to `last`, frozen by hand."""
    wanted = Wanted(reference.named(spec), Window(day_start(first), day_start(last)))
    context = context_of(spark, store, f"hand-{first}-{last}")
    return snapshot_by_hand(context, spec, wanted, Freeze(True, **other))


@pytest.mark.classic
def test_rows_of_alerted_windows_block_and_force_records_the_debt(spark, credit, tmp_path):
    store, spec = credit.copied(tmp_path / "store"), credit.spec
    done = by_hand(spark, store, spec, 6, 16)
    assert (done.version.version, done.version.windows) == (2, 10)
    (line,) = [one for one in done.blocked if one.startswith("contamination")]
    # 3 of 10 days are from windows in which an alert stood.
    assert "30.0 % of the rows" in line
    checks = {
        (row["check_name"], row["column_name"]): row
        for row in rows_of(spark, store, "reference_checks").to_pylist()
    }
    share = checks["contamination", ":table"]
    assert (share["verdict"], share["value"], share["limit_value"]) == ("blocked", 0.3, 0.05)
    # With and without them, on the candidate's own bins: by hand.
    amounts = credit.values("amount", 6, 16)
    kept = np.concatenate([credit.values("amount", 6, 10), credit.values("amount", 13, 16)])
    edges = stored_edges(spark, store, 2)
    with_, without = (
        np.histogram(one, [-np.inf, *np.nextafter(edges, np.inf), np.inf])[0]
        for one in (amounts, kept)
    )
    p, q = with_ / with_.sum(), without / without.sum()
    pool = (with_ + without) / (with_.sum() + without.sum())
    moved = checks["contamination", "amount"]
    assert moved["value"] == pytest.approx(((p - q) ** 2 / pool).sum(), rel=1e-6)
    assert checks["contamination", "product"]["verdict"] == "passed"
    assert checks["labels", ":table"]["verdict"] == "warned"
    assert checks["labels", ":table"]["value"] == pytest.approx(0.8, abs=0.02)
    assert found(spark, store, spec).states == {1: "active", 2: "candidate"}

    context, name = context_of(spark, store, "forced"), reference.named(spec)
    with pytest.raises(SnapshotError, match=r"(?s)gate blocks it:\n.*contamination: [^\n]*30\.0 %"):
        reference.promote(context, spec, name, 2, WHY)
    event = reference.promote(context, spec, name, 2, WHY, force=True)
    assert (event.action, event.gate) == ("force", "blocked")
    assert found(spark, store, spec).states == {1: "retired", 2: "forced"}
    (debt,) = rows_of(spark, store, "debt_events", "startswith(debt, 'forced')").to_pylist()
    kept = ("debt", "seq", "kind", "action", "owner", "reason", "created_by", "window_start")
    assert [debt[key] for key in kept] == [
        "forced reference baseline/baseline version 2",
        *(1, "data", "opened", "tests", "after the relaunch", "ada", day_start(DAYS)),
    ]
    assert "30.0 % of the rows" in debt["evidence"]
    reference.rollback(context_of(spark, store, "back"), spec, name, None, WHY)
    debts = rows_of(spark, store, "debt_events", "startswith(debt, 'forced')").to_pylist()
    assert sorted((row["seq"], row["action"]) for row in debts) == [(1, "opened"), (2, "closed")]
    all_of_them = shown(spark, store, "debts", "debt")
    (owed,) = [one for one in all_of_them if one["debt"].startswith("forced")]
    assert (owed["kind"], owed["opened_by"], owed["reason"]) == ("data", "ada", WHY.reason)
    assert owed["closed"] == owed["last_seen"] > owed["opened"]


class Crash(BaseException):
    """The end of a driver: nothing catches it."""


@pytest.fixture(scope="module")
def blocked(spark, credit, workspace) -> Credit:
    """The store with a version 2 that the gate blocks."""
    store = credit.copied(workspace / "blocked")
    by_hand(spark, store, credit.spec, 6, 16)
    return replace(credit, store=store)


@pytest.mark.classic
@pytest.mark.parametrize(
    ("table", "moment"),
    [
        ("reference_events", "before"),
        ("reference_events", "after"),
        ("debt_events", "before"),
        pytest.param("debt_events", "after", marks=pytest.mark.slow),
        pytest.param(CHECKS, "before", marks=pytest.mark.slow),
        pytest.param(CHECKS, "after", marks=pytest.mark.slow),
    ],
)
def test_a_crash_at_any_write_leaves_one_version_in_force_and_the_ledger_is_made_good(
    spark, blocked, tmp_path, monkeypatch, table, moment
):
    store, spec, name = blocked.copied(tmp_path / "store"), blocked.spec, own_name(blocked.spec)

    def crashing(spark, store, into, *rows):
        if into.name != table:
            return insert(spark, store, into, *rows)
        if moment == "after":
            insert(spark, store, into, *rows)
        raise Crash

    def force(run_id: str) -> None:
        reference.promote(context_of(spark, store, run_id), spec, name, 2, WHY, force=True)

    def back(run_id: str) -> None:
        reference.rollback(context_of(spark, store, run_id), spec, name, None, WHY)

    def debts() -> list[tuple]:
        rows = rows_of(spark, store, "debt_events", "startswith(debt, 'forced')").to_pylist()
        assert all("contamination" in row["evidence"] for row in rows if row["seq"] == 1)
        return sorted((row["debt"][-9:], row["seq"], row["action"]) for row in rows)

    opened, closed = ("version 2", 1, "opened"), ("version 2", 2, "closed")
    for decide, wanted, owed in ((force, 2, [opened]), (back, 1, [opened, closed])):
        with monkeypatch.context() as patched:
            patched.setattr(writer, "insert", crashing)
            # A rollback asks no gate, so nothing is written there.
            with nullcontext() if (decide, table) == (back, CHECKS) else pytest.raises(Crash):
                decide("crashed")
        (present,) = [one for one in in_force(spark, store) if one[2] is None]
        assert present[0] in (1, 2)
        if present[0] != wanted:
            decide("again")
        # The next run makes good what is missing; another one after it finds nothing to do.
        for run_id in ("next", "last"):
            snapshot_reference(context_of(spark, store, f"{run_id}-{wanted}"), spec)
        assert [one[0] for one in in_force(spark, store) if one[2] is None] == [wanted]
        assert debts() == owed


@pytest.mark.classic
def test_events_that_belong_together_come_all_or_not_at_all(spark, credit, store):
    """Somebody else took the first of their numbers meanwhile."""
    name, spec = own_name(credit.spec), credit.spec
    seen = found(spark, store, spec).events
    put(spark, store, spec, seen, 1, day_start(20), "other")
    before = events(spark, store)
    two = [Planned("activate", 2, day_start(20), "x"), Planned("erase", 1, ALWAYS, "x")]
    with pytest.raises(SnapshotError, match="nothing was written for version 2"):
        write_events(spark, store, name, seen, two, by="dpo", run_id="late")
    assert events(spark, store) == before


def stored_edges(spark, store, version: int) -> np.ndarray:
    where = f"version = {version} AND column_name = 'amount' AND slice_key = '*'"
    (row,) = rows_of(spark, store, "reference_profiles", where).to_pylist()
    return np.array(row["bins"]["edges"])


@pytest.mark.classic
def test_24_references_that_each_pass_their_step_are_caught_by_creep(spark, credit, tmp_path):
    """Version i is day i: 0.06 sd from the one before, 1.4 sd from the first.

    Under another name the last one is as far from the first.
    """
    store = new_store(spark, tmp_path / "store")
    spec = credit_spec(credit.path, features={"numeric": ["score"]}, prediction={})
    profile_only(spark, store, spec, "profiles")
    name, source = (
        own_name(spec),
        open_source(spark, table=None, path=str(credit.path), row_filter=None),
    )
    hashes = hashes_of(spec, resolve_source(spark, spec, source))
    frames = [
        merged_reference(
            spark, store, spec, Window(day_start(day), day_start(day + 1)), hashes
        ).withColumn("version", F.lit(day + 1))
        for day in range(DAYS)
    ]
    about = {"monitor": spec.monitor, "role": name.role, "name": name.name, "run_id": "frog"}
    rows = reduce(type(frames[0]).unionByName, frames).drop("merged_windows", "input_digest")
    constants = {**about, "package_version": "test"}
    insert(
        spark,
        store,
        REFERENCE_PROFILES,
        rows.withColumns({key: F.lit(value) for key, value in constants.items()}).withColumn(
            "key_sketch", F.lit(None).cast("binary")
        ),
    )
    snapshots = [
        {
            **about,
            "version": day + 1,
            "source": str(credit.path),
            "interval_start": day_start(day),
            "interval_end": day_start(day + 1),
            "windows": 1,
            "rows": ROWS,
            "digest": str(day),
        }
        for day in range(DAYS)
    ]
    insert_rows(spark, store, REFERENCE_SNAPSHOTS, snapshots)
    promoted = [
        {**about, "seq": day + 1, "version": day + 1, "action": "activate"}
        | {"effective_from": day_start(day + 1)}
        for day in range(DAYS - 1)
    ]
    insert_rows(spark, store, REFERENCE_EVENTS, promoted)
    stored = found(spark, store, spec)
    context = context_of(spark, store, "gate")
    examined = examine(context, spec, name, stored, stored.by_number[DAYS])
    assert examined is not None
    by_check = {one.name: one for one in examined.checks if one.column == "score"}
    assert by_check["step"].verdict == "passed"
    assert by_check["step"].against == DAYS - 1
    assert (by_check["creep"].verdict, by_check["creep"].against) == ("blocked", 1)
    # 23 steps of 0.06 are 1.38; bins tell a large shift a little smaller.
    assert 0.9 < by_check["creep"].value < 1.5
    # No step has judged its day yet, so nothing is known of alerts in it.
    assert [line.partition(":")[0] for line in examined.why] == ["creep", "contamination"]
    assert "`sparkdrift drift SPEC`" in examined.why[1]
    other = replace(name, name="relaunch")
    columns = [one if one != "name" else "'relaunch'" for one in REFERENCE_PROFILES.names]
    rows = store.table(REFERENCE_PROFILES.name)
    spark.sql(f"INSERT INTO {rows} SELECT {', '.join(columns)} FROM {rows} WHERE version = {DAYS}")
    renamed = examine(context, spec, other, Stored(), stored.by_number[DAYS])
    assert renamed is not None
    told = renamed.why[0]
    assert re.match(r"creep: score is 1\.\d+ sd from version 1 of baseline .* after 23 steps", told)
    # Every step on the way passes the same check.
    way = [(name, stored.by_number[i]) for i in range(1, DAYS + 1)]
    walked = differences(spark, store, spec, list(pairwise(way)))
    assert len(walked) == DAYS - 1
    assert not any(one.material for one in walked), f"seed {SEED}"
    # KS of two versions is that of their days' values.
    for one in walked[:3]:
        pair = [credit.values("score", day - 1, day) for day in (one.earlier, one.later)]
        assert one.figures["ks_statistic"] == pytest.approx(stats.ks_2samp(*pair).statistic)


@pytest.mark.classic
def test_an_interval_that_is_not_stored_is_read_in_one_scan(spark, credit, tmp_path):
    store, spec = credit.copied(tmp_path / "store"), credit.spec
    wanted = Wanted(
        reference.named(spec, "evaluation"),
        Window(day_start(2), datetime(2024, 1, 4, 12, tzinfo=timezone.utc)),
    )
    context = context_of(spark, store, "scan")
    done = snapshot_by_hand(context, spec, wanted, Freeze(True))
    context.journal.close()
    (row,) = rows_of(spark, store, "runs", "run_id = 'scan' AND phase = 'SUCCEEDED'").to_pylist()
    assert "read in one scan: its begin, its end" in row["warnings"][0]
    half = (
        credit.rows.filter(
            pa.compute.less(credit.rows["ts"], pa.scalar(wanted.interval.end))
        ).num_rows
        - 2 * ROWS
    )
    assert (done.version.rows, done.version.windows) == (half, 0)
    # A first version meets what needs no other one: a fifth of its rows have no label.
    assert found(spark, store, spec, "evaluation").states == {1: "candidate"}
    (line,) = done.blocked
    assert re.fullmatch(r"labels: (79|80|81)\.\d % of the rows have a label \(limit 90 %\)", line)
    # A reference of another role leaves the baseline alone.
    assert found(spark, store, spec).states == {1: "active"}
    checked = verify(spark, store, spec, wanted.name, done.version)
    assert (checked.digest, checked.counts) == (True, True), checked.reason


@pytest.mark.classic
def test_what_was_read_in_one_scan_is_asked_for_alerts_as_well(spark, credit, tmp_path):
    store, spec = credit.copied(tmp_path / "store"), credit.spec
    inside = Window(day_start(6), datetime(2024, 1, 17, 12, tzinfo=timezone.utc))
    done = snapshot_by_hand(
        context_of(spark, store, "scan"), spec, Wanted(own_name(spec), inside), Freeze(True)
    )
    assert done.version.windows == 0
    (line,) = [one for one in done.blocked if one.startswith("contamination")]
    # 3 of ten days and a half.
    assert line.startswith("contamination: 28.6 % of the rows")


@pytest.fixture
def training(spark, tmp_path) -> Path:
    """A table of two versions: 400 rows, then 100 more."""
    rng = np.random.default_rng(SEED + 1)
    for day, count in ((0, 400), (1, 100)):
        write(spark, tmp_path / "training", day_rows(day, count, rng))
    return tmp_path / "training"


@pytest.mark.classic
def test_a_training_table_is_frozen_as_it_was(spark, credit, training, tmp_path):
    store, spec = credit.copied(tmp_path / "store"), credit.spec
    name = reference.named(spec, "training")

    def freeze(run_id: str, **other):
        wanted = Wanted(name, path=str(training), **other)
        context = context_of(spark, store, run_id)
        return snapshot_by_hand(context, spec, wanted, Freeze(True, candidate=True))

    done = freeze("old", version=0)
    assert (done.version.rows, done.event.action) == (400, "propose")
    stored = found(spark, store, spec, "training")
    assert (stored.states, stored.active) == ({1: "candidate"}, ())
    with pytest.raises(SourceError, match="has no version 7: its newest is 1"):
        freeze("future", version=7)
    early = datetime(2020, 1, 1, tzinfo=timezone.utc)
    with pytest.raises(SourceError, match=r"no version of 2020-01-01 .* begins with version 0"):
        freeze("early", at=early)
    assert verify(spark, store, spec, name, stored.versions[0]).counts is True
    # By time, of another role, and some of its rows.
    history = spark.sql(f"DESCRIBE HISTORY delta.`{training}`").toArrow().to_pylist()
    (then,) = [row["timestamp"] for row in history if row["version"] == 0]
    role = reference.named(spec, "calibration")
    wanted = Wanted(role, path=str(training), at=then, row_filter="product = 'card'")
    made = snapshot_by_hand(context_of(spark, store, "by time"), spec, wanted, Freeze(True))
    rows = pa.compute.equal(day_rows(0, 400, np.random.default_rng(SEED + 1))["product"], "card")
    assert made.version.rows == pa.compute.sum(rows).as_py() > 0
    # A role that needs labels, of a table without the column: nothing good is known of them.
    assert made.blocked == (f"labels: not measured: {training} has no column 'label'",)
    assert found(spark, store, spec, "calibration").states == {1: "candidate"}
    assert verify(spark, store, spec, role, made.version).reason is None
    shutil.rmtree(training)
    write(spark, training, day_rows(0, 50, np.random.default_rng(SEED)))
    recreated = verify(spark, store, spec, name, stored.versions[0])
    assert (recreated.holds, recreated.counts) == (True, None)
    assert "was recreated since" in recreated.reason


@pytest.mark.classic
def test_a_version_whose_files_are_gone_is_refused_and_changes_nothing(spark, credit, tmp_path):
    store, spec, table = credit.copied(tmp_path / "store"), credit.spec, tmp_path / "training"
    name = reference.named(spec, "training")
    write(spark, table, day_rows(0, 400, np.random.default_rng(SEED)))

    def freeze(run_id: str):
        wanted = Wanted(name, path=str(table), version=0)
        return snapshot_by_hand(context_of(spark, store, run_id), spec, wanted, Freeze(True))

    freeze("in time")
    spark.sql(f"DELETE FROM delta.`{table}` WHERE score > 0.2")
    with allowed(spark, 0):
        spark.sql(f"VACUUM delta.`{table}` RETAIN 0 HOURS").collect()
    tables = ("reference_snapshots", "reference_profiles", "reference_events")
    before = content(spark, store, tables)
    with pytest.raises(SourceError, match=r"version 0 of source .* can't be read any more"):
        freeze("too late")
    assert content(spark, store, tables) == before
    stored = found(spark, store, spec, "training")
    assert stored.states == {1: "candidate"}
    checked = verify(spark, store, spec, name, stored.versions[0])
    assert (checked.holds, checked.counts, checked.sketches) == (True, None, None)
    assert "can't be read any more" in checked.reason


@pytest.mark.classic
def test_a_tampered_version_does_not_verify(spark, credit, store):
    name = own_name(credit.spec)
    for one in found(spark, store, credit.spec).versions:
        checked = verify(spark, store, credit.spec, name, one)
        assert (checked.digest, checked.counts) == (True, True), checked.reason
    table = store.table("reference_profiles")
    spark.sql(
        f"UPDATE {table} SET row_count = row_count + 1 WHERE version = 2 AND column_name = 'amount'"
    )
    broken = {
        one.version: verify(spark, store, credit.spec, name, one)
        for one in found(spark, store, credit.spec).versions
    }
    assert {version: one.holds for version, one in broken.items()} == {1: True, 2: False, 3: True}
    assert (broken[2].digest, broken[2].counts) == (False, False)
    assert "amount: 4,001 rows stored, 4,000 rows in version 0" in broken[2].reason
    # Nor is it put in force, whatever the gate says of it.
    before = events(spark, store)
    assert found(spark, store, credit.spec).states[2] == "retired"
    refused = pytest.raises(SnapshotError, match="version 2 are not those that were frozen")
    with refused:
        reference.promote(context_of(spark, store, "x"), credit.spec, name, 2, WHY, force=True)
    with refused:
        reference.rollback(context_of(spark, store, "y"), credit.spec, name, 2, WHY)
    assert events(spark, store) == before


@pytest.mark.slow
@pytest.mark.classic
def test_a_sketch_that_is_not_of_its_source_does_not_verify(spark, credit, store):
    name = own_name(credit.spec)
    for one in found(spark, store, credit.spec).versions:
        assert verify(spark, store, credit.spec, name, one).sketches is True
    # Two hundredths of a rank and more: as if the sketch were of other rows.
    spark.sql(
        f"UPDATE {store.table('reference_profiles')} SET quantiles = transform(quantiles,"
        " (x, i) -> quantiles[least(i + 5, 100)]) WHERE version = 3 AND column_name = 'amount'"
    )
    broken = {
        one.version: verify(spark, store, credit.spec, name, one)
        for one in found(spark, store, credit.spec).versions
    }
    assert {n: (one.counts, one.sketches) for n, one in broken.items()} == {
        **dict.fromkeys((1, 2), (True, True)),
        3: (True, False),
    }
    assert re.search(r"amount: \d+ % of the rows are at most", broken[3].reason)
    # Of categories, in a slice of none: one row that is another's.
    spark.sql(
        f"UPDATE {store.table('reference_profiles')} SET categories = named_struct('items',"
        " transform(categories.items, (x, i) -> named_struct('item', x.item, 'count',"
        " x.count + element_at(array(1, -1, 0), least(i + 1, 3)))), 'offset', categories.offset,"
        " 'total', categories.total, 'exact', categories.exact)"
        " WHERE version = 2 AND column_name = 'product'"
    )
    broken = verify(spark, store, credit.spec, name, found(spark, store, credit.spec).by_number[2])
    assert (broken.counts, broken.sketches) == (True, False)
    assert "product: categories stored otherwise than in version 0" in broken.reason


@pytest.mark.classic
def test_the_command_line(spark, credit, store, tmp_path, capsys):
    file = spec_file(tmp_path, credit.path)

    def answer(*words: str, code: int = 0):
        given = ["reference", words[0], str(file), *words[1:]]
        assert main([*given, "--store", str(store), "--json"]) == code
        return json.loads(capsys.readouterr().out)

    listed = answer("list")["versions"]
    assert [(one["version"], one["state"]) for one in listed] == [
        (3, "active"),
        (2, "retired"),
        (1, "retired"),
    ]
    differing = {one["column_name"]: one for one in answer("diff", "1", "2")["features"]}
    assert set(differing) == {"amount", "product"}
    assert (differing["amount"]["effect"], differing["amount"]["material"]) == (0.0, False)
    (back,) = answer("rollback", "--reason", "false alarms", "--by", "bob")["monitors"]
    assert (back["version"], back["by"], back["reason"]) == (2, "bob", "false alarms")
    told = answer("show")
    assert (told["version"], told["state"]) == (2, "active")
    assert [one["by"] for one in told["events"]] == ["fixture", "bob"]
    assert all(one["digest"] for one in answer("verify")["versions"])
    assert answer("reject", "2", "--reason", "no", code=1)["monitors"][0]["exit_code"] == 1
    assert answer("reject", "3", "--reason", "no")["monitors"][0]["action"] == "reject"


@pytest.mark.classic
def test_a_thousand_versions_are_listed(spark, tmp_path, capsys):
    store = new_store(spark, tmp_path / "store")
    about = {"monitor": "credit", "role": "baseline", "name": "baseline", "run_id": "many"}
    snapshots = [
        {**about, "version": i, "source": "t", "windows": 0, "rows": i, "digest": str(i)}
        for i in range(1, 1001)
    ]
    insert_rows(spark, store, REFERENCE_SNAPSHOTS, snapshots)
    changes = [
        {**about, "seq": i, "version": i, "action": "activate", "effective_from": day_start(i)}
        for i in range(1, 1001)
    ]
    insert_rows(spark, store, REFERENCE_EVENTS, changes)
    file = spec_file(tmp_path, tmp_path / "source")
    assert main(["reference", "list", str(file), "--store", str(tmp_path / "store"), "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["versions"]
    assert [one["version"] for one in listed] == list(range(1000, 0, -1))
    assert [one["state"] for one in listed[:2]] == ["active", "retired"]


@pytest.mark.classic
def test_small_files_are_joined_after_so_many_events(spark, tmp_path, monkeypatch):
    monkeypatch.setattr(reference_events, "COMPACTED_EVERY", 3)
    store, name = new_store(spark, tmp_path / "store"), Name("credit", "baseline", "baseline")
    tables = (REFERENCE_SNAPSHOTS, REFERENCE_EVENTS)

    def files(table: Table) -> int:
        (row,) = spark.sql(f"DESCRIBE DETAIL {store.table(table.name)}").collect()
        return row["numFiles"]

    events: list[Event] = []
    held = []
    for version in range(1, 6):
        row = {"monitor": "credit", "role": "baseline", "name": "baseline", "version": version}
        row |= {"run_id": "many", "source": "t", "windows": 0, "rows": 1, "digest": str(version)}
        insert_rows(spark, store, REFERENCE_SNAPSHOTS, [row])
        decided = ("activate", version, day_start(version))
        events.append(
            write_event(spark, store, name, events, *decided, by="ada", reason="", run_id="many")
        )
        held.append([files(table) for table in tables])
    assert held == [[1, 1], [2, 2], [1, 1], [2, 2], [3, 3]]
    stored = read_references(spark, store, "credit")[name]
    assert [one.version for one in stored.versions] == [1, 2, 3, 4, 5]
    assert [(one.seq, one.version) for one in stored.events] == [(i, i) for i in range(1, 6)]
    # Nothing depends on it: what can't be joined stays as it is.
    compact(spark, Store(directory=str(tmp_path / "none")), REFERENCE_EVENTS, "credit")


def test_snapshots_are_what_the_rows_say(spark, credit):
    (one,) = found(spark, credit.store, credit.spec).versions
    assert isinstance(one, Snapshot)
    assert (one.interval, one.rows, one.known, one.since) == (KNOWN, 5 * ROWS, True, day_start(5))
