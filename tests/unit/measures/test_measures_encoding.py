"""What is recognised as the same values in another form, and what is not."""

from __future__ import annotations

import numpy as np
import pytest

from sparkdrift.measures.encoding import (
    CONVERSIONS,
    rank_noise,
    respelled,
    unseen_flip,
)
from sparkdrift.measures.encoding import rescaled as recognised

SEED = 3
GRID = np.linspace(0, 1, 101)


def quantiles(values):
    return np.quantile(values, GRID)


def rescaled(reference, window, rows=2000):
    return recognised(reference, window, rank_noise(rows, rows))


@pytest.mark.parametrize("one", CONVERSIONS, ids=lambda one: f"{one.factor:.4g} {one.offset:.4g}")
@pytest.mark.parametrize("shape", ["lognormal", "normal", "narrow"])
def test_every_conversion_is_found_as_itself(one, shape):
    rng = np.random.default_rng(SEED)
    draw = {
        "lognormal": lambda: rng.lognormal(3, 0.8, 3000),
        "normal": lambda: rng.normal(20, 5, 3000),
        "narrow": lambda: rng.normal(1000, 3, 3000),
    }[shape]
    found = rescaled(quantiles(draw()), quantiles(one.factor * draw() + one.offset))
    if shape != "narrow" and 1 / 3 < one.factor < 3:
        # Growth may reach that by itself, which on a wide distribution is near.
        assert found is None or found.conversion == one
        return
    assert found is not None
    assert (found.conversion.factor, found.conversion.offset) == (one.factor, one.offset)
    assert found.after < 0.15 < 0.5 < found.before


def test_a_factor_of_a_thousand_is_said():
    rng = np.random.default_rng(SEED)
    x = rng.gamma(2, 30, 2000)
    found = rescaled(quantiles(x), quantiles(x * 1000))
    assert found is not None
    assert found.conversion.words.startswith("looks like multiplied by 1,000 (")
    back = rescaled(quantiles(x * 1000), quantiles(x))
    assert back is not None
    assert back.conversion.words.startswith("looks like divided by 1,000 (")


def test_a_shift_is_no_other_unit():
    rng = np.random.default_rng(SEED)
    for shift in (0.1, 0.5, 1.0, 3.0):
        old, new = rng.normal(0.3, 1, 3000), rng.normal(0.3 + shift, 1, 3000)
        assert rescaled(quantiles(old), quantiles(new)) is None, (shift, SEED)
    for growth in (1.1, 1.3, 1.609344, 2.2046226, 4.0, 30.0):
        old = rng.lognormal(0, 1, 3000)
        assert rescaled(quantiles(old), quantiles(growth * old)) is None, growth


# A feature, and what ordinary drift makes of it: growth of a positive number, a shift of any.
DRIFTS = {
    "lognormal sd 0.2 grows": lambda rng, n, by: (1 + by) * rng.lognormal(3, 0.2, n),
    "lognormal sd 0.5 grows": lambda rng, n, by: (1 + by) * rng.lognormal(3, 0.5, n),
    "lognormal sd 1 grows": lambda rng, n, by: (1 + by) * rng.lognormal(6, 1.0, n),
    "gamma grows": lambda rng, n, by: (1 + by) * rng.gamma(4, 30, n),
    "normal, 10 sd from 0, grows": lambda rng, n, by: (1 + by) * rng.normal(100, 10, n),
    "normal of sd 455 shifts": lambda rng, n, by: rng.normal(455 * by, 455, n),
    "normal of sd 1 shifts": lambda rng, n, by: rng.normal(0.3 + by, 1, n),
    "normal of sd 5 shifts": lambda rng, n, by: rng.normal(20 + 5 * by, 5, n),
    "uniform grows": lambda rng, n, by: (1 + by) * rng.random(n),
}
AMOUNTS = np.round(np.arange(0.1, 2.01, 0.05), 2)


@pytest.mark.parametrize("n", [300, 3000])
def test_ordinary_drift_is_hardly_ever_called_another_unit_and_never_a_grave_one(n):
    rng = np.random.default_rng(SEED)
    print(f"seed={SEED} rows={n}: calls in {len(AMOUNTS)} amounts of drift, 0.1 to 2")
    for name, draw in DRIFTS.items():
        known = quantiles(draw(rng, n, 0.0))
        found = {by: rescaled(known, quantiles(draw(rng, n, by)), n) for by in AMOUNTS}
        called = {by: one.conversion for by, one in found.items() if one is not None}
        grave = [one.words for one in called.values() if one.grave]
        said = {float(by): one.words.split("(")[-1] for by, one in called.items()}
        print(f"    {name:28} {len(called)} called, {len(grave)} grave: {said}")
        assert not grave, (name, SEED)
        # 0.6 is 1.609 less one, 1.2 is nearly pounds: of narrow features these look like it.
        assert len(called) <= 3, (name, said, SEED)


def test_growth_near_a_factor_is_not_that_factor():
    """1.5 and 1.8 are no miles, 2.0 is no Fahrenheit; 1.609 of a narrow feature may be."""
    rng = np.random.default_rng(SEED)
    for growth in (1.5, 1.7, 1.8, 2.0):
        old, new = (times * rng.lognormal(3, 0.2, 20_000) for times in (1.0, growth))
        assert rescaled(quantiles(old), quantiles(new), 20_000) is None, (growth, SEED)
    miles = rescaled(quantiles(old), quantiles(1.609344 * old), 20_000)
    assert miles is not None
    assert "miles" in miles.conversion.words
    assert not miles.conversion.grave


def test_where_a_flip_would_hardly_move_anything_it_is_not_seen():
    rng = np.random.default_rng(SEED)
    assert unseen_flip(quantiles(rng.normal(0.2, 1, 5000))) == pytest.approx(0.4, abs=0.05)
    assert unseen_flip(quantiles(rng.normal(0.6, 1, 5000))) is None
    assert unseen_flip(quantiles(rng.gamma(2, 1, 3000))) is None
    assert unseen_flip(np.zeros(101)) is None
    assert unseen_flip(np.full(101, np.nan)) is None


def test_a_flipped_sign_shows_only_where_there_is_one():
    rng = np.random.default_rng(SEED)
    skewed = rng.gamma(2, 1, 3000)
    found = rescaled(quantiles(skewed), quantiles(-skewed))
    assert found is not None
    assert found.conversion.words == "the sign is flipped"
    even = rng.normal(0, 1, 3000)
    assert rescaled(quantiles(even), quantiles(-even)) is None


def test_what_says_nothing_is_none():
    flat, none = np.full(101, 3.0), np.full(101, np.nan)
    assert rescaled(flat, 1000 * flat) is None
    assert rescaled(none, flat) is None
    assert rescaled([], flat) is None


@pytest.mark.parametrize(
    ("known", "seen", "rows", "example", "words"),
    [
        (["Germany", "France"], {"GERMANY": 40, "France": 60}, 40, "Germany", "case"),
        (["card"], {" card ": 7, "card": 1}, 7, "card", "blanks around"),
        (["self employed"], {"self-employed": 5}, 5, "self employed", "punctuation"),
        (["Zürich"], {"Zurich": 5}, 5, "Zürich", "accents"),
        (["1", "2"], {"01": 3, "2.0": 2}, 5, "1", "form of numbers"),
        (["true", "false"], {"Y": 3, "N": 2}, 5, "true", "yes and no"),
    ],
)
def test_spellings(known, seen, rows, example, words):
    found = respelled(dict.fromkeys(known, 10), seen)
    assert found.rows == rows
    assert next(iter(found.examples.values())) == example
    assert words in found.words


def test_new_values_are_no_spellings():
    found = respelled({"card": 5, "loan": 5}, {"card": 3, "lease": 4})
    assert (found.rows, found.new_rows, found.words) == (0, 4, "")
    # Of two known ones neither is meant; and y stands for no number.
    assert respelled({"a b": 1, "ab": 1}, {"a-b": 9}).rows == 0
    assert respelled({"1": 5, "2": 5}, {"yes": 3}).rows == 0
