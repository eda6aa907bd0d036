from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from sparkdrift.measures import evidence, ncchi2, variation
from sparkdrift.measures.binned import d_statistic
from sparkdrift.measures.share_evidence import (
    beyond_range,
    change_power,
    noticing_power,
    share_test,
)

B = 10


@pytest.mark.parametrize("df", [1, 9, 200])
def test_ncchi2_against_scipy_on_both_sides_of_the_switch(df):
    for nc in (0.0, 1.5, 50.0, 3e3, 9.9e3, 1.1e4, 5e4):
        x = nc + df + np.linspace(-3, 4, 15) * np.sqrt(2 * (df + 2 * nc))
        x = x[x > 0]
        exact = stats.ncx2.cdf(x, df, nc) if nc else stats.chi2.cdf(x, df)
        np.testing.assert_allclose(ncchi2.distribution(x, df, nc), exact, atol=3e-7)
    for nc in (1.5, 50.0, 3e3, 8e3, 5e4):
        for q in (0.01, 0.5, 0.99):
            x = ncchi2.quantile(q, df, nc)
            assert ncchi2.distribution(x, df, nc) == pytest.approx(q, abs=1e-6)


def test_ncchi2_far_out():
    x = ncchi2.distribution([1e7, 1e9, 1e12], 9, [1e7, 2e9, 1e3])
    np.testing.assert_allclose(x, [0.4993, 0, 1], atol=1e-3)
    assert np.isnan(ncchi2.distribution([np.nan, 1, 1, -1], [9, 0, 9, 9], [1, 1, -1, 1])).all()
    assert ncchi2.noncentrality(1e7, 9, 0.5) == pytest.approx(1e7, rel=1e-4)


@pytest.mark.parametrize("df", [1, 4, 9, 199])
@pytest.mark.parametrize("level", [0.025, 0.975])
def test_noncentrality_inverts_the_distribution(df, level):
    x = np.geomspace(0.01, 1e7, 400)
    found = ncchi2.noncentrality(x, df, level)
    reachable = stats.chi2.cdf(x, df) > level
    assert (found[~reachable] == 0).all()
    at = ncchi2.distribution(x[reachable], df, found[reachable])
    np.testing.assert_allclose(at, level, atol=1e-8)
    assert np.isnan(ncchi2.noncentrality([np.nan, -1.0], df, level)).all()


@pytest.mark.parametrize(
    ("n", "critical"), [(30, 0.83), (100, 0.32), (1e3, 0.098), (1e4, 0.062), (1e6, 0.051)]
)
def test_critical_d_of_section_4(n, critical):
    at = ncchi2.quantile(0.99, B - 1, 0.05 * n) / n
    assert at == pytest.approx(critical, rel=0.012)
    assert evidence.p_material(at, 1 / n, B, 0.05) == pytest.approx(0.01, abs=1e-6)
    assert evidence.critical_d(1 / n, B, 0.05) >= at


def test_power_of_section_4():
    chance = evidence.power(1 / np.array([30, 1000, 3000, 1e6]), B)
    np.testing.assert_allclose(chance[1:3], [0.71, 0.997], atol=0.01)
    assert chance[0] < 0.1
    assert chance[3] == 1
    assert evidence.power(1e-4, B, tau2=0.05, w_eff=8, square=0.05**2) < 0.8
    assert np.isnan(evidence.power(np.nan, B))


def test_power_is_that_of_a_window_that_wanders_as_well():
    """All variation one way, the shift along it: D = s chi2(8) + (sqrt(s + tau2) z + delta)^2."""
    rng = np.random.default_rng(12)
    s, size = 1 / 3000, 200_000
    for tau2, level in ((0.0025, 0.01), (0.005, 0.01), (0.0025, 1e-3), (0.01, 1e-4)):
        usual = (tau2, 1e6, tau2**2)
        along = np.sqrt(s + tau2) * rng.normal(size=size) + 0.32
        d = s * rng.chisquare(B - 2, size) + along**2
        needed = evidence.critical_d(s, B, evidence.DELTA0, *usual, level)
        stated = evidence.power(s, B, 0.32, evidence.DELTA0, *usual, level)
        assert stated == pytest.approx((d > needed).mean(), abs=0.015), (tau2, level)


def test_a_larger_family_asks_more():
    assert evidence.family_level(1) == evidence.family_level(10) == pytest.approx(0.01)
    assert evidence.family_level(1000) == pytest.approx(1e-4)
    usual = (evidence.DELTA0, 0.005, 30, 0.005**2)
    power = [evidence.power(1e-4, B, 0.32, *usual, evidence.family_level(k)) for k in (10, 10_000)]
    assert power[1] < power[0] - 0.1
    # what is material does not depend on the family
    assert evidence.critical_d(1e-4, B, level=1e-3) == evidence.critical_d(1e-4, B)


def test_material_limit():
    assert evidence.material_limit() == pytest.approx(0.0512)


def test_p_unusual_is_chi_square_without_reference_windows():
    d = np.array([0.005, 0.02, 0.03])
    np.testing.assert_allclose(evidence.p_unusual(d, 1e-3, B), stats.chi2.sf(d * 1e3, 9))


def test_p_unusual_is_f_with_evenly_spread_variation():
    d, tau2, w = 0.05, 0.01, 12.0
    expected = stats.f.sf(d / 0.019, 9, 9 * w)
    assert evidence.p_unusual(d, 1e-3, B, tau2, w) == pytest.approx(expected)
    assert evidence.p_unusual(d, 1e-9, B, tau2, w, tau2**2) == pytest.approx(
        stats.f.sf(d / tau2, 1, w), rel=1e-4
    )


def test_figures_that_cannot_be_measured_are_nan():
    for d, s, bins in ((np.nan, 1e-3, B), (0.1, np.nan, B), (0.1, 1e-3, 1), (0.1, 1e-3, np.nan)):
        assert np.isnan(evidence.p_unusual(d, s, bins))
        assert np.isnan(evidence.p_unusual(d, s, bins, 0.01, 8, 1e-4))
        assert np.isnan(evidence.p_material(d, s, bins))
        assert all(np.isnan(part) for part in evidence.effect(d, s, bins))


def test_effect_inverts_the_distribution():
    d, s = np.array([0.08, 0.2, 0.5]), 1e-3
    value, low, high = evidence.effect(d, s, B)
    np.testing.assert_allclose(value, np.sqrt(d - 9 * s))
    np.testing.assert_allclose(stats.ncx2.cdf(d / s, 9, low**2 / s), 0.975, atol=1e-6)
    np.testing.assert_allclose(stats.ncx2.cdf(d / s, 9, high**2 / s), 0.025, atol=1e-6)


def test_effect_over_the_whole_range():
    d = np.array([0.0, 1e-9, 1e-4, 0.01, 1.0, 4.0])
    for s in (0.1, 1e-3, 1e-5, 1e-7, 1e-9):
        value, low, high = evidence.effect(d, s, B)
        assert (low <= value).all()
        assert (value <= high).all()
        assert (np.diff(high) >= 0).all()
    value, low, high = evidence.effect(1.0, 1e-7, B)  # D / s = 1e7
    assert high - low == pytest.approx(4 * np.sqrt(1e-7), rel=0.05)
    assert value == pytest.approx(1.0, rel=1e-5)


def test_benign_variation_measures_the_excess():
    rng = np.random.default_rng(2)
    shares = rng.dirichlet(np.full(B, 0.1) * (9 / 0.02 - 1), size=200)
    benign = variation.benign_variation(rng.multinomial(10**5, shares))
    assert benign.tau2 == pytest.approx(0.02, rel=0.15)
    assert benign.rho < 0.3
    assert benign.reason == ""
    still = variation.benign_variation(rng.multinomial(1000, np.full(B, 0.1), size=200))
    assert still.tau2 < 5e-4


def test_benign_variation_by_hand():
    counts = np.array([[60.0, 40], [50, 50], [40, 60], [55, 45]])
    excess = []
    for w in range(4):
        rest = np.delete(counts, w, axis=0).sum(axis=0)
        excess.append(d_statistic(rest, counts[w]) - (1 / 100 + 1 / 300))
    assert variation.benign_variation(counts).tau2 == pytest.approx(max(0, np.mean(excess)))


def test_neighbours_are_left_out():
    counts = np.array([[60.0, 40], [50, 50], [40, 60], [55, 45], [30, 70]])
    kept = [[2, 3, 4], [3, 4], [0, 4], [0, 1], [0, 1, 2]]
    rows = [100 * len(k) for k in kept]
    excess = [
        d_statistic(counts[k].sum(axis=0), counts[w]) - (1 / 100 + 1 / m)
        for w, (k, m) in enumerate(zip(kept, rows, strict=True))
    ]
    benign = variation.benign_variation(counts, h=1)
    assert benign.tau2 == pytest.approx(max(0, np.mean(excess)))


def test_one_direction_is_told_from_all():
    rng = np.random.default_rng(6)
    edges = stats.norm.ppf(np.arange(1, B) / B)
    means = 0.1 * rng.normal(size=60)
    moving = np.diff(stats.norm.cdf(edges - means[:, None]), axis=1, prepend=0, append=1)
    even = rng.dirichlet(np.full(B, 0.1) * (9 / 0.01 - 1), size=60)
    one = variation.benign_variation(rng.multinomial(10**6, moving))
    all_ = variation.benign_variation(rng.multinomial(10**6, even))
    assert one.square > 0.6 * one.tau2**2
    assert all_.square < 0.4 * all_.tau2**2


def test_autocorrelation_costs_windows():
    up = np.linspace(0.3, 0.7, 20)
    counts = np.round(10**5 * np.stack([up, 1 - up], axis=1))
    benign = variation.benign_variation(counts)
    assert benign.rho > 0.5
    assert 2 <= benign.w_eff < 8


def test_too_few_windows_say_so():
    for counts in (np.zeros((0, B)), np.ones((2, B)), np.zeros((9, B))):
        benign = variation.benign_variation(counts)
        assert (benign.tau2, benign.w_eff) == (0.0, np.inf)
        assert benign.reason
    assert "in one bin" in variation.benign_variation(np.array([[0.0, 9]] * 5)).reason
    assert variation.benign_variation(np.ones((4, B)) * 50, h=3).reason


def test_empty_windows_and_sketch_noise():
    rng = np.random.default_rng(3)
    counts = rng.multinomial(500, np.full(B, 0.1), size=8).astype(float)
    plain = variation.benign_variation(counts)
    gap = variation.benign_variation(np.insert(counts, 4, 0, axis=0))
    assert gap == plain
    assert variation.benign_variation(counts * 2, noise=np.full(8, 1 / 500)).tau2 <= (
        variation.benign_variation(counts * 2).tau2
    )
    identical = variation.benign_variation(np.full((5, B), 100.0))
    assert identical.tau2 == 0


def test_benjamini_hochberg_against_scipy():
    p = np.random.default_rng(7).uniform(size=50) ** 3
    np.testing.assert_allclose(evidence.benjamini_hochberg(p), stats.false_discovery_control(p))
    grid = np.insert(p, 7, np.nan)[:50].reshape(5, 10)
    q = evidence.benjamini_hochberg(grid)
    assert np.isnan(q[0, 7])
    known = grid[np.isfinite(grid)]
    np.testing.assert_allclose(q[np.isfinite(grid)], stats.false_discovery_control(known))
    assert np.isnan(evidence.benjamini_hochberg([np.nan])).all()
    assert evidence.benjamini_hochberg([]).shape == (0,)
    padded = stats.false_discovery_control([0.004, 0.02, *[1.0] * 8])[:2]
    np.testing.assert_allclose(evidence.benjamini_hochberg([0.004, 0.02], least=10), padded)
    np.testing.assert_allclose(
        evidence.benjamini_hochberg(p, least=10), stats.false_discovery_control(p)
    )


def test_decide():
    nan = np.nan
    rows = [
        # q, p_material, effect, power, expected
        (0.001, 0.001, 0.5, 0.99, "drifted"),
        (0.001, 0.001, 0.9, 0.05, "drifted"),  # a large shift alerts in a small window
        (0.001, 0.2, 0.25, 0.99, "warning"),
        (0.001, 0.2, 0.1, 0.99, "ok"),  # unusual, immaterial
        (0.5, 0.001, 0.3, 0.99, "ok"),  # material, but no more than usual
        (0.5, 0.001, 0.5, 0.99, "insufficient_data"),  # beyond what is to be found
        (0.5, 0.5, 0.0, 0.5, "insufficient_data"),  # a small window is never green
        (0.5, 0.5, 0.0, nan, "insufficient_data"),
        (nan, 0.001, 0.5, 0.99, "insufficient_data"),
        (0.001, nan, 0.5, 0.99, "insufficient_data"),
        (0.001, 0.001, nan, 0.99, "insufficient_data"),
    ]
    q, p, effect, power, expected = zip(*rows, strict=True)
    assert evidence.decide(q, p, effect, power).tolist() == list(expected)
    assert evidence.decide(0.01, 0.2, 0.25, 0.9, warn=0.3) == "ok"
    assert evidence.decide(0.5, 0.001, 0.5, 0.99, limit=0.6) == "ok"


def test_ok_is_within_the_limit_and_would_have_been_seen_beyond_it():
    """Every combination of unusual, material, size and power, and what is not known of any."""
    nan = np.nan
    q, p, effect, power = (
        one.ravel()
        for one in np.meshgrid(
            [0.0, 0.1, 0.11, 1.0, nan],
            [0.0, 0.0099, 0.01, 1.0, nan],
            [0.0, 0.19, 0.2, 0.31, 0.32, 0.5, 1000.0, nan],
            [0.0, 0.79, 0.8, 1.0, nan],
        )
    )
    status = evidence.decide(q, p, effect, power)
    known = ~np.isnan(q + p + effect)
    unusual, material = q <= 0.1, p < 0.01
    expected = np.full(status.shape, "insufficient_data")
    expected[known & ~(unusual & (effect >= 0.2)) & (effect < 0.32) & (power >= 0.8)] = "ok"
    expected[known & unusual & (effect >= 0.2)] = "warning"
    expected[known & unusual & material] = "drifted"
    assert (status == expected).all()
    green = status == "ok"
    assert not (green & ((effect >= 0.32) | ~(power >= 0.8) | ~known)).any()


def test_share_test_by_hand():
    delta, unusual, material = share_test([30, 3, 0], 30, [0, 10, 10], 1000)
    np.testing.assert_allclose(delta, [1.0, 0.09, -0.01])
    assert unusual[0] < 1e-30
    assert material[0] < 1e-30
    pooled = stats.binom(30, 13 / 1030)  # few rows: by mid-p; the likelihood ratio gives 0.0046
    assert unusual[1] == pytest.approx(2 * (pooled.sf(3) + pooled.pmf(3) / 2), rel=1e-9)
    assert material[1] > 0.01
    assert unusual[2] > 0.3
    assert material[2] > 0.5


@pytest.mark.parametrize("n", [1, 2, 3, 5, 10, 30, 100, 300])
def test_share_test_of_few_rows_keeps_its_level(n):
    """Over every outcome, exactly. The likelihood ratio alone rejects up to 3.9 times too often
    (0 of 10 where the share is 0.3), and calls 4 % of single rows drifted (a share of 0.04)."""
    m, x = 20_000, np.arange(n + 1)
    for share in (0.0001, 0.001, 0.01, 0.02, 0.04, 0.1, 0.3, 0.97):
        _, unusual, material = share_test(x, n, share * m, m, 0.02)
        chance = stats.binom.pmf(x, n, share)
        for level in (0.1, 0.01, 0.001):
            assert chance[unusual < level].sum() <= 1.2 * level, (share, level)
        assert chance[(unusual < 0.1) & (material < 0.01)].sum() <= 0.005
        at_limit = stats.binom.pmf(x, n, min(1.0, share + 0.02))
        assert at_limit[material < 0.01].sum() <= 0.011, share


def test_share_test_is_near_the_g_test():
    for x, n, y, m in ((60, 1000, 400, 10_000), (5, 200, 100, 9000), (999, 1000, 9000, 10_000)):
        _, unusual, _ = share_test(x, n, y, m)
        table = [[x, n - x], [y, m - y]]
        g = stats.chi2_contingency(table, correction=False, lambda_="log-likelihood")
        assert unusual == pytest.approx(g.pvalue, rel=1e-6)


def test_share_test_never_explodes():
    n = np.array([1, 30, 10**9])
    for x in (np.zeros(3), n):
        for y in (0, 10**6):
            delta, unusual, material = share_test(x, n, y, 10**6)
            for figure in (delta, unusual, material):
                assert np.isfinite(figure).all()
            assert (unusual[delta == 0] == 1).all()
            assert (material[delta == 0] > 0.5).all()


def test_share_test_at_the_limit_is_undecided():
    _, _, material = share_test([70, 30], 1000, 5000, 100_000, 0.02)
    np.testing.assert_allclose(material, 0.5, atol=1e-6)
    _, _, shallow = share_test(4 * 10**7, 10**9, 3 * 10**8, 10**10, 0.02)
    assert shallow > 0.99


def test_share_test_refuses_nonsense_with_nan():
    figures = share_test([5, -1, 1, 1], [0, 5, 5, 5], [1, 1, 1, 9], [5, 5, 0, 5])
    assert np.isnan(figures).all()


def test_pair_variation_is_the_mean_excess_of_pairs():
    """Against the formula written out, with a window missing and one without rows."""
    rng = np.random.default_rng(71)
    shares = rng.dirichlet([10, 20, 30, 40], 6)
    rows = (900, 500, 0, 700, 800, 650)
    counts = np.array([rng.multinomial(n, p) for n, p in zip(rows, shares, strict=True)])
    before = np.array([-1, 0, 1, 1, 3, 4])
    noise = np.array([1 / max(n, 1) + 0.001 for n in counts.sum(axis=1)])
    found = variation.pair_variation(counts, before, noise)
    excess = []
    for later, earlier in ((1, 0), (3, 1), (4, 3), (5, 4)):
        p, q = (counts[i] / counts[i].sum() for i in (earlier, later))
        pooled = (counts[earlier] + counts[later]) / (counts[earlier] + counts[later]).sum()
        excess.append(((p - q) ** 2 / pooled).sum() - 3 * (noise[earlier] + noise[later]))
    assert found.windows == 4
    assert np.mean(excess) > 0.01
    assert found.tau2 == pytest.approx(np.mean(excess))
    assert found.rho >= 0.25
    few = variation.pair_variation(counts[:3], before[:3], noise[:3])
    assert (few.tau2, few.w_eff) == (0, np.inf)
    assert few.reason == "the reference has 1 pairs of windows like this, 3 needed"


def test_windows_that_vary_independently_differ_by_twice_their_variation():
    rng = np.random.default_rng(72)
    shares = rng.dirichlet(np.full(10, 200), 4000)
    counts = np.array([rng.multinomial(5000, one) for one in shares])
    noise = np.full(4000, 1 / 5000)
    alone = variation.benign_variation(counts, noise)
    pairs = variation.pair_variation(counts, np.arange(4000) - 1, noise)
    assert pairs.tau2 == pytest.approx(2 * alone.tau2, rel=0.05)
    assert pairs.rho == pytest.approx(0.25, abs=0.06)


def test_noticing_a_share_is_the_binomial_tail():
    n = np.arange(0, 600)
    for limit in (0.01, 0.02, 0.29, 0.5, 0.8):
        found = noticing_power(n, limit)
        most = [sum(k / rows <= limit for k in range(1, rows + 1)) for rows in n]
        expected = stats.binom.sf(most, n, min(2 * limit, 1))
        np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-12)
    assert noticing_power(300, 0.0) == pytest.approx(1 - 0.99**300)
    assert np.isnan(noticing_power(10, -0.1))


def test_noticing_a_change_of_a_share():
    n, m = 400, 10**9
    # a share of nothing: as for a rule that no row should break, less what chance makes of it
    assert change_power(n, 0, m, 0.02) <= noticing_power(n, 0.02)
    assert change_power(n, 0, m, 0.02) == pytest.approx(noticing_power(n, 0.02), abs=0.03)
    up = stats.binom.sf(np.floor(n * 0.42), n, 0.44)
    down = stats.binom.cdf(np.ceil(n * 0.38) - 1, n, 0.36)
    assert change_power(n, 0.4 * m, m, 0.02) == pytest.approx(min(up, down), abs=0.03)
    # what can't move that far up is asked about its fall
    assert change_power(10**6, m, m, 0.02) == pytest.approx(1.0)
    assert change_power(10**6, 0.4 * m, m, 0.02, wander=0.05) == pytest.approx(
        stats.norm.cdf(0.02 / 0.05), abs=0.01
    )
    assert np.isnan(change_power([0, 10, 10], [0, 0, 20], [10, 0, 10], 0.02)).all()


@pytest.mark.parametrize(("n", "m"), [(3, 5), (40, 200), (7, 2)])
def test_rows_outside_a_range_of_m_others(n, m):
    """Of all orders of n + m rows: k are outside if the ends up to the second of the m hold k."""
    found = beyond_range(np.arange(n + 1), n, m)
    exact = [1.0] + [
        # at most one of the first k + 1 is one of the m
        stats.hypergeom.cdf(1, n + m, m, k + 1)
        for k in range(1, n + 1)
    ]
    np.testing.assert_allclose(found, exact, rtol=1e-9)
    rng = np.random.default_rng(4)
    values = rng.random((20_000, n + m))
    known = values[:, :m]
    lie = (values[:, m:] > known.max(axis=1)[:, None]) | (
        values[:, m:] < known.min(axis=1)[:, None]
    )
    seen = lie.sum(axis=1)
    for k in (1, 2):
        assert (seen >= k).mean() == pytest.approx(found[k], abs=0.015)
    assert np.isnan(beyond_range([1, 1, 2], [0, 1, 1], [5, 1, 5])).all()
