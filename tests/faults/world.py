"""A small monitor with everything declared, and its store before and after each kind of work."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from monitors import context_of, new_store, spec_of, spec_text
from source_tables import closing_row, day_rows, day_start, write

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
    there before saying it again; other work finds nothing to do once it is done."""

    name: str
    work: Work
    sections: Mapping[str, Any] = field(default_factory=dict)
    said: str = ""


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
TASKS = (*STEPS, *ASKED)


class World:
    """The source, and a folder with the store as it was before each task.

    Seeded: the same rows each time. Making it runs every task once, uninterrupted.
    """

    def __init__(self, spark: Any, folder: Path) -> None:
        self.spark, self.folder, self.source = spark, folder, folder / "scored"
        rng = np.random.default_rng(SEED)
        write(spark, folder / "holdout", labelled(day_rows(-9, 300, rng), rng))
        days = [labelled(day_rows(day, ROWS, rng), rng) for day in range(FIRST)]
        write(spark, self.source, pa.concat_tables(days))
        self._after: dict[str, Store] = {}
        store = new_store(spark, folder / "empty")
        # What is new to the second run: more days, rows that come late, labels with them.
        self.finished(store, Task("first run", _run), "first")
        late = labelled(day_rows(1, 9, rng), rng)
        more = [labelled(day_rows(FIRST + day, ROWS, rng, shift=2), rng) for day in range(MORE)]
        closing = labelled(closing_row(FIRST + MORE), rng)
        write(spark, self.source, pa.concat_tables([late, *more, closing]))
        before = store
        for task in TASKS:
            if task.name == "whole run":
                before = store
            self._after[f"before {task.name}"] = before
            done = self.copied(before)
            self.finished(done, task, "whole")
            self._after[task.name] = before = done

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
        return self._after[f"before {task.name}"]

    def after(self, task: Task) -> Store:
        """The same after the task was done without interruption."""
        return self._after[task.name]

    def run_of(self, task: Task) -> Task:
        """A whole run by the spec of the task."""
        return Task("run", _run, task.sections)

    def settled(self, task: Task) -> Store:
        """The store after the task and a run."""
        name = f"settled {task.name}"
        if name not in self._after:
            self._after[name] = self.copied(self.after(task))
            self.finished(self._after[name], self.run_of(task), "next")
        return self._after[name]

    def copied(self, store: Store) -> Store:
        """The store once more, to be written to."""
        number = len(list(self.folder.glob("store-*")))
        folder = self.folder / f"store-{number}"
        shutil.copytree(str(store.directory), folder)
        return Store(directory=str(folder))

    def dropped(self, store: Store) -> None:
        """Its files, which are not needed any more: the folder stays, so that no number returns."""
        for one in Path(str(store.directory)).iterdir():
            shutil.rmtree(one)

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
        shutil.copytree(self.source, own.source)
        yield own

    def finished(self, store: Store, task: Task, run_id: str) -> None:
        """Do the task, to its end."""
        context = context_of(self.spark, store, run_id)
        task.work(self, context, self.spec(task))
        context.journal.close()


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
