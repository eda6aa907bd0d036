"""Rows to label: what is left out, what the seed decides, and the ESS ratio that comes of it."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pyarrow as pa
import pytest
from monitors import context_of, new_store, rows_of, spec_of, utc
from scipy import special
from score_rows import put_set, put_states
from source_tables import write

from sparkdrift import api
from sparkdrift.errors import SnapshotError, UsageError
from sparkdrift.measures.density_ratio import coverage
from sparkdrift.measures.representation import ess_ratio
from sparkdrift.measures.score_bins import choose_edges, count
from sparkdrift.references.life import Name
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spark.source import source_of
from sparkdrift.steps.gate_rows import label_checks
from sparkdrift.steps.sample_eval import Wanted, sample_eval

pytestmark = pytest.mark.spark

SEED, ROWS, KNOWN, START = 97, 3000, 1500, utc(2025, 3, 3)
DAYS = 2


def drawn(rng, n, shift, first, regions=(0.5, 0.3, 0.2)):
    x = rng.normal(-0.5 + shift, 1.3, n)
    at = np.sort(rng.random(n)) * DAYS * 86_400
    return {
        "id": np.arange(first, first + n),
        "ts": [START + timedelta(seconds=float(one)) for one in at],
        "amount": rng.random(n),
        "region": rng.choice(["north", "south", "west"], n, p=regions),
        "score": special.expit(x),
        "label": (rng.random(n) < special.expit(0.8 * x)).astype(float),
    }


@pytest.fixture(scope="module")
def sampled(spark, workspace):
    """(spec, store, production, state of the set): labels of 200 rows arrived in a table."""
    rng = np.random.default_rng(SEED)
    production, known = drawn(rng, ROWS, 1.0, 0, (0.2, 0.3, 0.5)), drawn(rng, KNOWN, -0.3, -KNOWN)
    arrived = rng.choice(production["id"], 200, replace=False)
    labels = pa.table({"id": arrived, "label": production["label"][arrived]})
    log = pa.table({name: value for name, value in production.items() if name != "label"})
    write(spark, workspace / "log", log)
    write(spark, workspace / "labels", labels)
    write(spark, workspace / "launch", pa.table(known))
    spec = spec_of(
        workspace / "log",
        features={"numeric": ["amount"]},
        slices=["region"],
        prediction={"key": "id", "score": "score", "label_delay": "1 day"},
        evaluation={
            "sets": {"launch": {"path": str(workspace / "launch"), "label": "label"}},
            "labels": {"path": str(workspace / "labels"), "label": "label"},
        },
    )
    store = new_store(spark, workspace / "store")
    edges = choose_edges(known["score"], known["label"])
    state = count(edges, known["score"], known["label"])
    put_set(spark, store, spec, "launch", 1, state, source_version=0)
    day = np.array([(one - START).days for one in production["ts"]])
    states = [
        count(edges, production["score"][day == one], np.full((day == one).sum(), np.nan))
        for one in range(DAYS)
    ]
    put_states(spark, store, spec, "launch:1", START, states)
    return spec, store, production, state, set(arrived.tolist())


@pytest.mark.classic
def test_the_gate_counts_labels_that_stand_in_a_table_of_their_own(spark, sampled):
    spec, store, *_, arrived = sampled
    source = source_of(spark, spec)
    known = {"source_id": source.table_id, "source_version": source.version}
    version = Snapshot(1, "run", source.name, None, None, 0, ROWS, "digest", **known)
    for role, expected in (("calibration", "blocked"), ("baseline", "warned")):
        name = Name(spec.monitor, role, role)
        (check,) = label_checks(context_of(spark, store), spec, name, version)
        assert (check.verdict, check.value) == (expected, len(arrived) / ROWS)


def queued(spark, path) -> dict[int, str]:
    rows = spark.read.format("delta").load(str(path)).toArrow().to_pylist()
    found = {row["id"]: row["stratum"] for row in rows}
    assert len(found) == len(rows)
    return found


@pytest.mark.classic
def test_the_promised_ratio_is_what_comes_out(spark, sampled, tmp_path):
    spec, store, production, state, arrived = sampled
    queue = tmp_path / "to_label"
    done = sample_eval(context_of(spark, store, "one"), spec, Wanted(600, str(queue), seed=5))
    chosen = queued(spark, queue)
    assert len(chosen) == done.rows == 600
    assert not arrived & set(chosen)
    ids = np.array(sorted(chosen))
    after = count(
        state.edges,
        np.concatenate([production["score"][ids]]),
        np.concatenate([production["label"][ids]]),
    )
    window = count(state.edges, production["score"], np.full(ROWS, np.nan)).column("rows")
    before = state.column("labelled")
    labelled = before + after.column("labelled")
    assert done.ess_now == pytest.approx(float(ess_ratio(before, window).value)), SEED
    assert done.ess_then == pytest.approx(float(ess_ratio(labelled, window).value)), SEED
    assert done.outside_then == pytest.approx(float(coverage(labelled, window).outside)), SEED
    called = tmp_path / "called"
    again = api.sample_eval(spec, 600, str(called), str(store), seed=5, run_id="two", spark=spark)
    assert (again.rows, again.destination) == (600, str(called))
    assert again.ess_now == pytest.approx(done.ess_now)
    assert len(queued(spark, called)) == 600
    # A plain sample of as many rows brings less.
    rng = np.random.default_rng(SEED)
    plain = [
        count(state.edges, production["score"][one], np.zeros(600)).column("labelled")
        for one in (rng.choice(ROWS, 600, replace=False) for _ in range(20))
    ]
    assert done.ess_then > np.mean([ess_ratio(before + one, window).value for one in plain]), SEED
    assert all(f'"region":"{production["region"][i]}"' in chosen[i] for i in chosen)
    (row,) = rows_of(spark, store, "proposals", "run_id = 'one'").to_pylist()
    assert (row["kind"], row["name"], row["rows"]) == ("sample", "launch", 600)
    assert (row["present"], row["proposed"]) == (done.ess_now, done.ess_then)
    assert row["destination"] == str(queue)


@pytest.mark.classic
def test_rows_that_wait_in_a_queue_are_not_asked_for_again(spark, sampled, tmp_path):
    spec, store, _, _, arrived = sampled
    one, other = tmp_path / "one", tmp_path / "other"
    sample_eval(context_of(spark, store), spec, Wanted(100, str(one), seed=1))
    first = set(queued(spark, one))
    sample_eval(context_of(spark, store), spec, Wanted(100, str(other), seed=1))
    second = set(queued(spark, other))
    assert not first & second
    done = sample_eval(context_of(spark, store), spec, Wanted(100_000, str(one), seed=1))
    everything = set(queued(spark, one))
    assert first < everything
    assert not everything & (second | arrived)
    assert done.seq is not None
    left = sample_eval(context_of(spark, store), spec, Wanted(10, str(one)))
    assert left.rows == 0
    assert left.seq is None
    assert "has a label or is in a queue" in left.reason


@pytest.mark.classic
def test_what_is_no_queue_or_not_declared_is_said(spark, sampled, tmp_path, workspace):
    spec, store, _, _, _ = sampled
    with pytest.raises(UsageError, match="is no queue of sample-eval: it lacks the columns"):
        sample_eval(context_of(spark, store), spec, Wanted(10, str(workspace / "labels")))
    (tmp_path / "papers").mkdir()
    (tmp_path / "papers" / "notes.txt").write_text("mine")
    with pytest.raises(UsageError, match="a folder with files of something else"):
        sample_eval(context_of(spark, store), spec, Wanted(10, str(tmp_path / "papers")))
    with pytest.raises(UsageError, match=r"no evaluation set 'lanch'.*did you mean 'launch'"):
        sample_eval(
            context_of(spark, store), spec, Wanted(10, str(tmp_path / "q"), set_name="lanch")
        )
    empty = new_store(spark, tmp_path / "empty")
    with pytest.raises(SnapshotError, match="no window of credit is counted by"):
        sample_eval(context_of(spark, empty), spec, Wanted(10, str(tmp_path / "q")))
