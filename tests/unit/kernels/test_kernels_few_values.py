"""Where no distance is: constants, rare flags, single values, unlisted categories."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from profile_rows import asking, categorical, numeric, stream, table

from sparkdrift.kernels.comparing import compare
from sparkdrift.kernels.freezing import freeze
from sparkdrift.kernels.judging import judge
from sparkdrift.kernels.policy import Policy
from sparkdrift.measures.categorical import Categories, merge_all

POLICY = Policy(effect=0.32, warn=0.2)


def frozen(kind, days, **more):
    own = [kind(day, day=i - len(days), **more) for i, day in enumerate(days)]
    return _frozen(kind([value for day in days for value in day], **more), own)


def _frozen(whole, windows):
    rows = table(whole, *windows)
    (row,) = pa.Table.from_batches(list(freeze(10)(stream(rows, 1000)))).to_pylist()
    return row


def verdicts(*rows, comparison="baseline", back=None):
    asked = asking(table(*rows), comparison, back)
    compared = pa.Table.from_batches(list(compare(POLICY)(stream(asked, 1000))))
    compared = compared.sort_by([("window_start", "ascending")])
    return pa.Table.from_batches(list(judge(POLICY)(stream(compared, 1000)))).to_pylist()


def verdict(*rows):
    (row,) = verdicts(*rows)
    return row


@pytest.mark.parametrize(("kind", "usual", "other"), [(numeric, 7.0, 8.0), (categorical, "a", "b")])
def test_leaving_a_constant_is_a_share_with_a_limit(kind, usual, other):
    """One row of a thousand alerted by D, which grows with the rows of the reference."""
    known = frozen(kind, [[usual] * 2000] * 20)
    same, one, many = (
        verdict(known, kind([usual] * (1000 - k) + [other] * k, day=0)) for k in (0, 1, 50)
    )
    assert (same["status"], one["status"], many["status"]) == ("ok", "ok", "drifted")
    assert one["reason"] == "no material change"
    assert same["d_statistic"] is None
    assert same["power"] > 0.8
    few = verdict(known, kind([usual] * 20, day=0))
    assert few["status"] == "insufficient_data"
    assert "20 rows would not surely show that others are 2 %" in few["reason"]


def test_a_flag_that_leaves_its_usual_value_tells_what_moved():
    rng = np.random.default_rng(3)
    days = [np.where(rng.random(1000) < 0.0005, "yes", "no").tolist() for _ in range(10)]
    found = verdict(frozen(categorical, days), categorical(["yes"] * 100 + ["no"] * 900, day=0))
    assert found["status"] == "drifted"
    assert found["reason"].startswith("the share of rare categories changed by +")
    assert "'yes' +9.9 points" in found["reason"] or "'yes' +10.0 points" in found["reason"]
    assert "'yes' went up" in found["explanation"]
    numbers = [[float(value == "yes") for value in day] for day in days]
    found = verdict(frozen(numeric, numbers), numeric([1.0] * 100 + [0.0] * 900, day=0))
    assert found["status"] == "drifted"
    assert "nan" not in found["explanation"]


def test_a_flag_against_the_window_before():
    rng = np.random.default_rng(4)
    days = [np.where(rng.random(1000) < 0.0005, "yes", "no").tolist() for _ in range(10)]
    known = frozen(categorical, days)
    windows = [
        categorical(["no"] * 1000, day=0),
        categorical(["no"] * 1000, day=1),
        categorical(["yes"] * 300 + ["no"] * 700, day=2),
    ]
    found = verdicts(known, *windows, comparison="consecutive", back=1)
    assert [one["status"] for one in found] == ["no_reference", "ok", "drifted"]


@pytest.mark.parametrize("share", [0.02, 0.04])
def test_a_window_of_one_value_alerts_where_the_reference_never_was_one(share):
    rng = np.random.default_rng(5)
    days = [np.where(rng.random(2000) < share, rng.exponential(size=2000), 0.0) for _ in range(20)]
    known = frozen(numeric, [day.tolist() for day in days])
    found = verdict(known, numeric([0.0] * 5000, day=0))
    assert found["status"] == "drifted", found["reason"]
    said = "every value is 0; no window of the reference was one single value"
    assert found["reason"].endswith(said), found["reason"]
    usual = np.where(rng.random(5000) < share, rng.exponential(size=5000), 0.0)
    assert verdict(known, numeric(usual.tolist(), day=0))["status"] == "ok"


def test_a_reference_that_was_one_value_itself_knows_that():
    rng = np.random.default_rng(6)
    days = [np.where(rng.random(2000) < 0.02, 1.0, 0.0).tolist() for _ in range(20)]
    days[7] = [0.0] * 2000
    found = verdict(frozen(numeric, days), numeric([0.0] * 5000, day=0))
    assert "one single value" not in found["reason"]


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([None] * 500, "the window has no values"),
        ([1.0, 2.0], "a shift of 0.32 sd would be found"),
    ],
)
def test_the_reason_for_too_little_is_true(values, said):
    rng = np.random.default_rng(7)
    days = [[*rng.normal(size=500).tolist(), *[None] * 500] for _ in range(10)]
    # Half of the rows are NULL in the reference, too: the share of NULLs alone does not alert.
    half = values if values[0] is not None else [None, None]
    found = verdict(frozen(numeric, days), numeric(half, day=0))
    assert found["status"] == "insufficient_data"
    assert said in found["reason"] or "nearly all are" in found["reason"]


def _truncated(names, counts, day, limit):
    state = merge_all([_state(names, counts)], limit)
    return _row(state, day), state


def _state(names, counts):
    order = sorted((i for i in range(len(names)) if counts[i]), key=lambda i: (-counts[i], i))
    kept = np.array([counts[i] for i in order], dtype=np.int64)
    return Categories(tuple(names[i] for i in order), kept, 0, int(kept.sum()), True)


def _row(state, day):
    items = [
        {"item": item, "count": int(rows)}
        for item, rows in zip(state.items, state.counts, strict=True)
    ]
    told = {"items": items, "offset": state.offset, "total": state.total, "exact": state.exact}
    return {**categorical([], day=day), "row_count": state.total, "status": "ok"} | {
        "categories": told
    }


def _many(shares, n, m, now=None, limit=200):
    """A window of n rows after ten days of m rows, all truncated to `limit` categories."""
    rng = np.random.default_rng(8)
    names = [f"c{i:04}" for i in range(len(shares))]
    made = [_truncated(names, rng.multinomial(m, shares), i - 10, limit) for i in range(10)]
    whole = _row(merge_all([state for _, state in made], limit), None)
    known = _frozen(whole, [row for row, _ in made])
    seen = shares if now is None else now
    return verdict(known, _truncated(names, rng.multinomial(n, seen), 0, limit)[0])


def test_unlisted_categories_leave_the_figures_with_their_error():
    found = _many(np.full(1000, 1 / 1000), 20_000, 1000)
    assert found["status"] == "undetermined"
    assert (found["psi"], found["d_statistic"]) == (None, None)
    # What the reference dropped is not known to be new.
    assert found["new_categories"] == []
    assert found["new_category_error"] >= found["new_category_share"]
    assert found["vanished_error"] > 0
    heavy = _many(np.r_[[0.4, 0.3], np.full(1000, 0.3 / 1000)], 20_000, 1000)
    assert heavy["psi_error"] > 0
    assert heavy["js_error"] > 0
    assert heavy["status"] == "undetermined"


def test_a_category_that_was_not_listed_and_grows_is_found():
    shares = np.full(1000, 1 / 1000)
    grown = np.r_[shares[:-1] * 0.9 / shares[:-1].sum(), 0.1]
    found = _many(shares, 5000, 1000, grown)
    assert found["status"] == "drifted"
    assert "'c0999' grew by +" in found["reason"]


def test_new_categories_between_the_bounds_are_undetermined():
    """0.9 % are listed and surely new, 0.9 % more are not listed, and the limit is 1 %."""
    rng = np.random.default_rng(9)
    names = [f"a{i}" for i in range(20)]
    known = frozen(categorical, [rng.choice(names, 2000).tolist() for _ in range(10)])
    items = [{"item": name, "count": 982} for name in names] + [{"item": "zz", "count": 180}]
    state = {"items": items, "offset": 60, "total": 20_000, "exact": False}
    row = {**categorical([], day=0), "row_count": 20_000, "status": "ok", "categories": state}
    assert verdict(known, row)["status"] == "undetermined"
