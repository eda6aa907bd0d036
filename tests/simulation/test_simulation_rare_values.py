"""Features without a plain distance: many categories, nearly one value, new ones every day.

Whole windows through the kernels, as in the other grids: how often they are unusual or drifted
while nothing drifts, and whether gross drift is found.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest
from profile_rows import asking, categorical, numeric, stream, table
from simulated_windows import frozen, judged, rate

from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.policy import Policy

POLICY = Policy(effect=0.32, warn=0.2)
WINDOWS = 30
NEW = 10
"""Windows judged after each reference."""


def _of_counts(names: list[str], counts, day: int | None, limit: int = 1000) -> dict:
    order = np.lexsort((names, -counts))
    kept = [i for i in order if counts[i]]
    n = int(counts.sum())
    offset = int(counts[kept[limit]]) if len(kept) > limit else 0
    items = [{"item": names[i], "count": int(counts[i])} for i in kept[:limit]]
    state = {"items": items, "offset": offset, "total": n, "exact": not offset}
    return {**categorical([], day=day), "row_count": n, "status": "ok", "categories": state}


def _merged(names: list[str], days, limit: int = 1000) -> dict:
    """The reference row: listed counts added, offsets too, as `merge_all` does."""
    rows = [_of_counts(names, one, None, limit)["categories"] for one in days]
    tally: Counter[str] = Counter()
    for one in rows:
        tally.update({item["item"]: item["count"] for item in one["items"]})
    found = _of_counts(list(tally), np.array(list(tally.values())), None, limit)
    state = found["categories"]
    state["offset"] += sum(one["offset"] for one in rows)
    state["total"] = int(np.sum(days))
    state["exact"] = state["exact"] and all(one["exact"] for one in rows)
    return {**found, "row_count": state["total"]}


def _judge(reference: list[dict], windows: list[dict]) -> list[dict]:
    rows = asking(table(frozen(reference), *windows))
    compared = pa.Table.from_batches(list(compare(POLICY)(stream(rows, 10_000))))
    return judged([compared]).to_pylist()


def _categories(shares, n: int, m: int, repeats: int, seed: int, limit: int = 1000):
    """Statuses and p_unusual (repeats, NEW) of windows of n rows after a month of m rows a day."""
    rng = np.random.default_rng(seed)
    names = [f"c{i}" for i in range(len(shares))]
    status, p = [], []
    for _ in range(repeats):
        days = rng.multinomial(m, shares, size=WINDOWS)
        known = [_of_counts(names, one, i - WINDOWS, limit) for i, one in enumerate(days)]
        new = [
            _of_counts(names, one, i, limit)
            for i, one in enumerate(rng.multinomial(n, shares, size=NEW))
        ]
        rows = _judge([_merged(names, days, limit), *known], new)
        status.append([row["status"] for row in rows])
        p.append([1.0 if row["p_unusual"] is None else row["p_unusual"] for row in rows])
    return np.array(status), np.array(p)


def _zipf(size: int, power: float) -> np.ndarray:
    weights = np.arange(1, size + 1) ** -power
    return weights / weights.sum()


CELLS = {
    "500 equal, 300 rows": (np.full(500, 1 / 500), 300, 300),
    "900 equal, 500 rows": (np.full(900, 1 / 900), 500, 500),
    "900 equal, more rows than before": (np.full(900, 1 / 900), 20_000, 300),
    "900 by Zipf": (_zipf(900, 1.0), 1000, 1000),
    "190 at 0.5 % and 300 rare": (np.r_[np.full(190, 0.005), np.full(300, 0.05 / 300)], 1000, 500),
    "100 equal, 90 rows": (np.full(100, 0.01), 90, 1000),
    "150 by Zipf, steep": (_zipf(150, 2.0), 1000, 1000),
    "a flag of 0.05 %": (np.array([0.9995, 0.0005]), 1000, 1000),
    "a flag of 0.5 %": (np.array([0.995, 0.005]), 1000, 1000),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CELLS)
def test_windows_without_drift(name):
    seed = 1000 + list(CELLS).index(name)
    status, p = _categories(*CELLS[name], repeats=40, seed=seed)
    unusual, drifted = rate(p < 0.01), rate(status == "drifted")
    warned = rate(status == "warning")
    print(f"seed={seed} {name}: p < 1 % {unusual}, drifted {drifted}, warning {warned}")
    assert unusual.meets(0.0, 0.025)
    assert drifted.meets(0.0, 0.011)
    assert warned.meets(0.0, 0.02)
    assert unusual.value < 0.06


@pytest.mark.slow
def test_truncated_states_of_another_volume_do_not_drift():
    """3,000 equal values of which 1,000 are listed, against days of 2,000 rows."""
    for shares, n in (
        (np.full(3000, 1 / 3000), 50_000),
        (np.r_[[0.3, 0.2, 0.1], np.full(4000, 1e-4)], 50_000),
        (_zipf(5000, 0.7), 30_000),
    ):
        status, p = _categories(shares, n, 2000, repeats=3, seed=77)
        print(f"seed=77 n={n}: {Counter(status.ravel())}, p < 1 % {np.mean(p < 0.01):.3f}")
        assert not np.isin(status, ["drifted", "warning"]).any()


@pytest.mark.parametrize("kind", ["number", "text"])
@pytest.mark.parametrize("now", [1.0, 0.5, 0.05])
def test_a_rare_flag_that_is_suddenly_set_is_found(kind, now):
    rng = np.random.default_rng(5)
    made = numeric if kind == "number" else categorical
    values = np.array([0.0, 1.0] if kind == "number" else ["no", "yes"])
    known = values[(rng.random((WINDOWS, 1000)) < 0.0005).astype(int)]
    days = [made(one.tolist(), day=i - WINDOWS) for i, one in enumerate(known)]
    after = [
        made(values[(rng.random(1000) < now).astype(int)].tolist(), day=day) for day in range(5)
    ]
    rows = _judge([made(known.ravel().tolist()), *days], after)
    print(f"seed=5 {[row['reason'] for row in rows]}")
    assert {row["status"] for row in rows} == {"drifted"}


def _campaigns(day: int, rng, extra: float = 0.0) -> list[str]:
    """5 % of the rows in a campaign of that day alone, three products beside it."""
    new = rng.random(2000) < 0.05 + extra
    return np.where(new, f"campaign {day}", rng.choice(["a", "b", "c"], 2000)).tolist()


def test_what_is_new_every_day_is_usual_and_more_of_it_is_found():
    rng = np.random.default_rng(11)
    days = [_campaigns(day, rng) for day in range(-WINDOWS, 0)]
    reference = [
        categorical([value for one in days for value in one]),
        *(categorical(one, day=i - WINDOWS) for i, one in enumerate(days)),
    ]
    calm = _judge(reference, [categorical(_campaigns(d, rng), day=d) for d in range(20)])
    # Beyond the limit by chance is not ok, and no alert: sd of a share of 2,000 rows is 0.5 points.
    assert {row["status"] for row in calm} <= {"ok", "insufficient_data"}
    assert sum(row["status"] == "ok" for row in calm) >= 17
    more = _judge(reference, [categorical(_campaigns(d, rng, 0.1), day=d) for d in range(5)])
    assert {row["status"] for row in more} == {"drifted"}, more[0]["reason"]
