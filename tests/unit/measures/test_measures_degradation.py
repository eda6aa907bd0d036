"""Has a metric become worse: against drawing again, and by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures.degradation import DEGRADED, OK, UNDETERMINED, judge, lost, power
from sparkdrift.measures.intervals import (
    Figure,
    Z,
    logit_interval,
    plain_interval,
    widened,
    widened_share,
    wilson,
)

SEED = 73


def at(value, se=0.01):
    return plain_interval(value, se)


def test_worse_is_above_zero_whichever_way_is_better():
    assert lost(at(0.9), at(0.8), 1).value == pytest.approx(0.1)
    assert lost(at(0.1), at(0.2), -1).value == pytest.approx(0.1)
    assert lost(at(0.05), at(-0.2), 0).value == pytest.approx(0.15)
    assert lost(at(-0.2), at(0.05), 0).value == pytest.approx(-0.15)
    wide = lost(at(0.9, 0.03), at(0.8, 0.04), 1)
    assert (wide.high - wide.low) / 2 == pytest.approx(Z * 0.05)


@pytest.mark.parametrize(
    ("loss", "se", "status"),
    [
        (0.10, 0.01, DEGRADED),
        (0.04, 0.01, UNDETERMINED),
        (0.02, 0.01, OK),  # straddles the limit, but twice of it would be seen
        (0.02, 0.02, UNDETERMINED),  # too few rows to see it
        (-0.10, 0.06, OK),  # wholly within, however wide
        (0.0, 0.1, UNDETERMINED),
        (np.nan, 0.01, np.nan),
    ],
)
def test_verdicts(loss, se, status):
    found = judge(at(loss, se), 0.03)
    np.testing.assert_equal(float(found), float(status))


def test_how_often_a_loss_is_called_one():
    """No loss, the tolerated loss, twice of it: on drawn rows."""
    rng = np.random.default_rng(SEED)
    n_eval, n, runs, limit = 20_000, 4000, 4000, 0.03
    known = wilson(rng.binomial(n_eval, 0.9, runs), n_eval)
    rates = {}
    for true in (0.0, limit, 2 * limit):
        now = wilson(rng.binomial(n, 0.9 - true, runs), n)
        loss = lost(known, now, 1)
        rates[true] = float((judge(loss, limit) == DEGRADED).mean())
        if true == 2 * limit:
            assert rates[true] == pytest.approx(float(power(loss, limit).mean()), abs=0.02)
    print(f"seed={SEED}", rates)
    assert rates[0.0] == 0
    assert rates[limit] == pytest.approx(0.025, abs=0.01)
    assert rates[2 * limit] > 0.9


def test_wider_intervals_are_those_of_a_larger_z():
    factor = 3 / Z
    plain = widened(at(2.0, 0.5), factor)
    assert (plain.low, plain.high) == (pytest.approx(0.5), pytest.approx(3.5))
    for value, se in ((0.9, 0.02), (0.5, 0.1), (0.7, 0.05)):
        wide = widened_share(logit_interval(value, se), factor)
        one = se**2 / (value * (1 - value))
        skew = 8 / 6 * (1 - 2 * value) * one
        assert wide.low == pytest.approx(value + skew - 3 * se - one / 2, abs=0.1 * se)
        assert wide.high == pytest.approx(min(value + skew + 3 * se + one / 2, 1), abs=0.1 * se)
    edge = widened_share(Figure(*map(np.float64, (0.999, 0.99, 1.0))), factor)
    # As of 47 rows, of which 0.05 are expected to be wrong.
    assert 0.94 < edge.low < 0.96
    assert edge.high == 1.0
    sure = widened_share(Figure(*map(np.float64, (1.0, 1.0, 1.0))), factor)
    assert (sure.low, sure.high) == (1.0, 1.0)


@pytest.mark.parametrize(("share", "rows"), [(0.008, 50), (0.008, 1000), (0.5, 40), (0.97, 300)])
def test_a_wider_interval_of_a_share_holds_what_rows_show(share, rows):
    """Counts of few rows are skew: by the normal interval up to 6 % of them would lie outside."""
    z = 3.29
    wide = widened_share(logit_interval(share, np.sqrt(share * (1 - share) / rows)), z / Z)
    seen = np.arange(rows + 1)
    chance = stats.binom.pmf(seen, rows, share)
    outside = chance[(seen / rows < wide.low) | (seen / rows > wide.high)].sum()
    assert outside < 0.002, outside
    # Wide enough is no art: twelve rows and more apart are outside.
    assert not wide.low <= min(share + 0.5, 1) <= wide.high or rows < 50
