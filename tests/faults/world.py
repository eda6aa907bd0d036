"""A small monitor with everything declared, and its store before and after each kind of work."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from monitors import context_of, new_store, spec_of, spec_text
from source_tables import closing_row, day_rows, day_start, write

import sparkdrift
from sparkdrift.spark.commits import watched
from sparkdrift.spec.models import MonitorSpec
from sparkdrift.steps import (
    assumptions,
    drift,
    evaluate,
    evaluation_sets,
    exchange,
    feature_debt,
    forget,
    health,
    profile,
    prune,
    reference,
    run,
    snapshot,
)
from sparkdrift.steps.answering import answer_verdict
from sparkdrift.steps.answering_debts import Said, answer_debt
from sparkdrift.steps.context import Context, Options
from sparkdrift.steps.promotion import Decision
from sparkdrift.steps.triggers import fire_hooks
from sparkdrift.store import Store

MADE = "world.json"
SEED = 20_241
FIRST, MORE, ROWS = 5, 2, 60
"""Days of the first run, days that come for the second one, rows a day."""
OWNER = "tests"
TOLD = ("watch", "blind", "refresh_evaluation", "recalibrate", "retrain")
WHY = Decision(OWNER, "a test of faults")

Work = Callable[["World", Context, MonitorSpec], object]


@dataclass(frozen=True)
class Task:
    """One kind of work on a store. `said`: the log that keeps what somebody decides, who looks
    there before saying it again; other work finds nothing to do once it is done. `meets`: the task
    before which the store is as this one finds it, but for the rows of `without`; else it is one of
    TASKS, and comes after the one before it."""

    name: str
    work: Work
    sections: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""
    meets: str = ""
    without: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def _run(world: World, context: Context, spec: MonitorSpec) -> object:
    return run.run_monitor(context, spec, Options())


def _candidate(world: World, context: Context, spec: MonitorSpec) -> object:
    return snapshot.snapshot_reference(context, spec)


def _debt(world: World, context: Context, spec: MonitorSpec) -> object:
    found = health.judge_monitors(context, [spec])[spec.monitor]
    assert found.newest is not None
    debts = sorted(one.name for one in found.newest.debts)
    return answer_debt(context, spec, debts[0], Said("assigned", OWNER, "ours", owner="others"))


def _forget(world: World, context: Context, spec: MonitorSpec) -> object:
    options = Options(begin=day_start(3), end=day_start(4))
    return forget.forget(context, spec, options, by=OWNER, retain_hours=0)


# Days of another mix: the gate blocks them.
OTHER_DAYS = {"reference": {"begin": "2024-01-06", "end": "2024-01-08"}}
PRUNED = {"retention": {"day": "3 days", "week": "forever"}}

# As a run has them, each from where the one before it ended; then what people ask for.
STEPS = (
    Task("profile", lambda world, c, s: profile.profile_windows(c, s, Options())),
    Task("snapshot", _candidate),
    Task("evaluation sets", lambda world, c, s: evaluation_sets.freeze_sets(c, s)),
    Task("drift", lambda world, c, s: drift.compute_drift(c, s, Options())),
    Task("assumptions", lambda world, c, s: assumptions.check_assumptions(c, s, Options())),
    Task("evaluate", lambda world, c, s: evaluate.evaluate(c, s, Options())),
    Task("features", lambda world, c, s: feature_debt.assess_features(c, s, Options())),
    Task("health", lambda world, c, s: health.assess_health(c, [s])),
)
ASKED = (
    Task("hooks", lambda world, c, s: fire_hooks(c, s)),
    Task("debt", _debt, said="debt_events"),
    Task(
        "verdict",
        lambda world, c, s: answer_verdict(c, s, "accepted", None, by=OWNER, reason="yes"),
        said="health_events",
    ),
    Task("candidate", _candidate, OTHER_DAYS),
    Task(
        "promote",
        lambda world, c, s: reference.promote(c, s, reference.named(s), 2, WHY, force=True),
        OTHER_DAYS,
        said="reference_events",
    ),
    Task("run after promote", _run, OTHER_DAYS),
    Task(
        "rollback",
        lambda world, c, s: reference.rollback(c, s, reference.named(s), 1, WHY),
        OTHER_DAYS,
        said="reference_events",
    ),
    Task(
        "export",
        lambda world, c, s: exchange.export_reference(
            c, s, reference.named(s), 2, world.exported(c.store), OWNER
        ),
        OTHER_DAYS,
        said="reference_events",
    ),
    Task("forget", _forget),
    Task("prune", lambda world, c, s: prune.prune(c, s), PRUNED),
    Task("whole run", _run),
)
WHOLE = ASKED[-1]
AGAIN = Task(
    "drift of two references", STEPS[3].work, OTHER_DAYS, meets="promote", without=("drift",)
)
"""While a second version of the reference waits to be put in force."""
TASKS = (*STEPS, *ASKED)


class World:
    """The source, and a folder with the store as it was before each task.

    `tasks`: those that are tried, each from where the one before it in TASKS ended. A folder that
    has a world, made by the same code, is used as it is.
    Seeded: the same rows each time. Making it runs every task once, uninterrupted. `made`: the
    changes of the store that each makes, in order, such as `replace drift`.
    """

    def __init__(self, spark: Any, folder: Path, tasks: Sequence[Task]) -> None:
        self.tasks = tuple(tasks)
        self.spark, self.folder, self.source = spark, folder, folder / "scored"
        self.made: dict[str, list[str]] = {}
        self._stores: dict[str, Store] = {}
        if not self._known():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            self._make()
        for task in self.tasks:
            self.after(task)

    def _make(self) -> None:
        rng, folder = np.random.default_rng(SEED), self.folder
        write(self.spark, folder / "holdout", labelled(day_rows(-9, 300, rng), rng))
        days = [labelled(day_rows(day, ROWS, rng), rng) for day in range(FIRST)]
        write(self.spark, self.source, pa.concat_tables(days))
        store = new_store(self.spark, folder / "empty")
        # What is new to the second run: more days, rows that come late, labels with them.
        self.finished(store, Task("first run", _run), "first")
        late = labelled(day_rows(1, 9, rng), rng)
        more = [labelled(day_rows(FIRST + day, ROWS, rng, shift=2), rng) for day in range(MORE)]
        closing = labelled(closing_row(FIRST + MORE), rng)
        write(self.spark, self.source, pa.concat_tables([late, *more, closing]))
        for task in (TASKS[0], WHOLE):
            self._keep(f"before {task}", store)

    def _known(self) -> bool:
        file = self.folder / MADE
        found = json.loads(file.read_text("utf-8")) if file.exists() else {}
        if found.get("by") != _code():
            return False
        self.made = found["made"]
        self._stores = {name: Store(directory=place) for name, place in found["stores"].items()}
        return True

    def _keep(self, name: str, store: Store) -> Store:
        self._stores[name] = store
        stores = {name: str(store) for name, store in self._stores.items()}
        content = {"by": _code(), "made": self.made, "stores": stores}
        (self.folder / MADE).write_text(json.dumps(content), "utf-8")
        return store

    def spec(self, task: Task) -> MonitorSpec:
        return spec_of(self.source, **self._sections(task))

    def spec_file(self, task: Task) -> Path:
        """The same as a file, for a process of its own."""
        file = self.folder / "scored.yml"
        file.write_text(spec_text(self.source, **self._sections(task)), "utf-8")
        return file

    def _sections(self, task: Task) -> dict[str, Any]:
        return {**declared(self.folder / "holdout"), **task.sections}

    def before(self, task: Task) -> Store:
        """The store as it was before the task: read only."""
        name = f"before {task}"
        if name not in self._stores and not task.meets:
            self._keep(name, self.after(TASKS[TASKS.index(task) - 1]))
        elif name not in self._stores:
            (met,) = (one for one in TASKS if one.name == task.meets)
            store = self.copied(self.before(met))
            for table in task.without:
                self.spark.sql(f"DELETE FROM {store.table(table)}").collect()
            self._keep(name, store)
        return self._stores[name]

    def after(self, task: Task) -> Store:
        """The same after the task was done without interruption."""
        if task.name not in self._stores:
            done = self.copied(self.before(task))
            with changed() as self.made[task.name]:
                self.finished(done, task, "whole")
            self._keep(task.name, done)
        return self._stores[task.name]

    def run_of(self, task: Task) -> Task:
        """A whole run by the spec of the task."""
        return Task("run", _run, task.sections)

    def settled(self, task: Task) -> Store:
        """The store after the task and a run."""
        name = f"settled {task}"
        if name not in self._stores:
            store = self.copied(self.after(task))
            self.finished(store, self.run_of(task), "next")
            self._keep(name, store)
        return self._stores[name]

    def copied(self, store: Store) -> Store:
        """The store once more, to be written to."""
        number = len(list(self.folder.glob("store-*")))
        folder = self.folder / f"store-{number}"
        shutil.copytree(str(store.directory), folder, copy_function=_copied)
        return Store(directory=str(folder))

    def dropped(self, store: Store) -> None:
        """Its files, which are not needed any more: the folder stays, so that no number returns."""
        for one in Path(str(store.directory)).iterdir():
            shutil.rmtree(one) if one.is_dir() else one.unlink()

    def exported(self, store: Store) -> Path:
        """Where this store's reference is exported to."""
        return Path(f"{store.directory}.reference")

    @contextmanager
    def own_source(self, needed: bool) -> Iterator[World]:
        """The same world, with a source of its own where one is needed, which may be changed."""
        if not needed:
            yield self
            return
        own = copy(self)
        own.source = self.folder / f"scored-{len(list(self.folder.glob('scored-*')))}"
        shutil.copytree(self.source, own.source, copy_function=_copied)
        yield own

    def elsewhere(self) -> World:
        """The same world as another driver has it, with a session of its own."""
        other = copy(self)
        other.spark = self.spark.newSession()
        return other

    def finished(self, store: Store, task: Task, run_id: str) -> None:
        """Do the task, to its end."""
        context = context_of(self.spark, store, run_id)
        task.work(self, context, self.spec(task))
        context.journal.close()


@cache
def _code() -> str:
    """A digest of what a world is made by."""
    files = [*sorted(Path(sparkdrift.__file__).parent.rglob("*.py")), Path(__file__)]
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _copied(file: str, to: str) -> None:
    """Data files are never written to again; the log's may be."""
    if ".parquet" in file and "/_delta_log/" not in file:
        os.link(file, to)
    else:
        shutil.copy2(file, to)


@contextmanager
def changed() -> Iterator[list[str]]:
    """The changes of a store that are made meanwhile, such as `replace drift`."""
    made: list[str] = []

    def noting(point: str) -> None:
        when, change = point.split(maxsplit=1)
        made.extend([change] * (when == "after"))

    with watched(noting):
        yield made


def declared(holdout: Path) -> dict[str, Any]:
    """Every section by which a step has something to do."""
    return {
        "monitor": "scored",
        "owner": OWNER,
        "windows": {"grain": "day", "rollups": ["week"]},
        "features": {"numeric": ["amount"], "categorical": ["product"]},
        "slices": ["region"],
        "prediction": {"score": "score", "label": "label", "label_delay": "1 day"},
        "operations": {"small": {"expression": "amount < 90"}},
        "reference": {"begin": "2024-01-01", "end": "2024-01-04"},
        "dependence": "auto",
        "assumptions": {},
        "importance": {"estimate": "linear", "rows": 200},
        "drift": {"comparisons": ["baseline", "consecutive"]},
        "sketch": {"k": 1024},
        "on_verdict": [{"verdicts": list(TOLD), "table": True}],
        "evaluation": {
            "sets": {"holdout": {"path": str(holdout)}},
            "thresholds": {"approve": {"value": 0.5, "target": {"capacity": 0.2}}},
        },
    }


def labelled(rows: pa.Table, rng: np.random.Generator) -> pa.Table:
    """Rows with a score, and a label that is 1 as often as the score says."""
    score = rng.random(rows.num_rows)
    label = pa.array((rng.random(rows.num_rows) < score).astype(np.int32))
    place = rows.schema.get_field_index("score")
    return rows.set_column(place, "score", pa.array(score)).append_column("label", label)
