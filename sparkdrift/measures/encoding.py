"""Whether the same values arrive written differently: other units, signs, spellings.

A factor, an offset or a sign is recognised from quantiles: the window's quantiles lie on those of
the reference once it is taken back, and far from them before. A spelling is recognised from
categories: what is new becomes what is known once case, blanks, punctuation, accents, the form of
a number or the words for yes and no are made the same. Both are guesses, and named as such.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from sparkdrift.measures.arrays import Floats, floats


class Conversion(NamedTuple):
    """new = factor old + offset, and what that may be. grave: hardly anything else makes a feature
    that many times what it was, so that a model fed with it is surely fed with something else."""

    factor: float
    offset: float
    words: str
    grave: bool = False


SIGN = Conversion(-1.0, 0.0, "the sign is flipped", grave=True)
_GRAVE = frozenset((10.0, 100.0, 1000.0, 1_000_000.0, 60.0, 3600.0))


def _factors() -> tuple[Conversion, ...]:
    units = (
        (1000.0, "units such as seconds and milliseconds, or kilo"),
        (1_000_000.0, "units such as micro and mega"),
        (100.0, "a share as percent, or currency in cents"),
        (10.0, "a decimal place"),
        (60.0, "minutes and seconds, or hours and minutes"),
        (3600.0, "hours and seconds"),
        (24.0, "days and hours"),
        (86_400.0, "days and seconds"),
        (7.0, "weeks and days"),
        (12.0, "years and months"),
        (2.54, "inches and centimetres"),
        (3.28084, "metres and feet"),
        (1.609344, "miles and kilometres"),
        (2.2046226, "kilograms and pounds"),
    )
    found = [SIGN]
    for factor, words in units:
        shown = f"{factor:,.7g}"
        grave = factor in _GRAVE
        times = f"looks like multiplied by {shown} ({words}?)"
        found.append(Conversion(factor, 0.0, times, grave))
        over = f"looks like divided by {shown} ({words}?)"
        found.append(Conversion(1 / factor, 0.0, over, grave))
    return (
        *found,
        Conversion(1.8, 32.0, "looks like degrees Celsius become Fahrenheit"),
        Conversion(1 / 1.8, -32 / 1.8, "looks like degrees Fahrenheit become Celsius"),
        Conversion(1.0, 273.15, "looks like degrees Celsius become Kelvin"),
        Conversion(1.0, -273.15, "looks like Kelvin become degrees Celsius"),
    )


CONVERSIONS = _factors()
# How near the quantiles must come, in sd of the reference, and by how much nearer than before.
_NEAR, _NEARER = 0.15, 5.0
_APART = 0.5
# A factor that growth reaches by itself is told from it only where the two are far apart.
_NATURAL, _FAR = 3.0, 2.0
_PARTS = slice(5, 96)
# How far any quantile may be from its counterpart, as a part of what the conversion changes there.
_SAME = 0.02
# Kolmogorov's limit at 1 %, and what two sketches may add to a rank.
_KOLMOGOROV, _SKETCHES = 1.628, 0.01


@dataclass(frozen=True)
class Rescaled:
    """The conversion that brings a window back onto its reference; distances in the reference's
    sd, before and after it is taken back."""

    conversion: Conversion
    before: float
    after: float


def rank_noise(reference_rows: float, window_rows: float) -> float:
    """How far the ranks of a value may lie apart by chance in 99 of 100 windows, as a share.

    Source: Kolmogorov 1933, two samples; and 0.01 for two sketches.
    """
    return float(_KOLMOGOROV * np.sqrt(1 / reference_rows + 1 / window_rows)) + _SKETCHES


def rescaled(reference: ArrayLike, window: ArrayLike, noise: float) -> Rescaled | None:
    """The conversion that explains what became of a number, or None where none does.

    reference, window: quantiles at 0, 0.01, ... 1, (101,). noise: how far ranks lie apart by chance
    (`rank_noise`). Every quantile has to be within 2 % of what the conversion makes of the
    reference's at that rank, 2 % of the change: from 5 % to 95 % for a factor that growth reaches
    as well (between 1/3 and 3), give or take the noise for others. A distance is the mean gap of
    the quantiles from 5 % to 95 %, over the reference's sd (their width / 3.29, that of a normal
    distribution). A conversion explains where that is at least 0.5 before, at most 0.15 and a
    fifth of that afterwards; by a factor between 1/3 and 3, which growth may reach as well, at
    least 2 before. None also where the reference is constant there, or a side has no finite values.
    """
    old, new = floats(reference), floats(window)
    if old.shape != (101,) or new.shape != (101,) or not np.isfinite([*old, *new]).all():
        return None
    whole = old, new
    old, new = old[_PARTS], new[_PARTS]
    sd = float(old[-1] - old[0]) / 3.29
    if sd <= 0:
        return None
    before = float(np.abs(new - old).mean()) / sd
    if before < _APART:
        return None
    after = [float(np.abs(_back(new, one) - old).mean()) / sd for one in CONVERSIONS]
    best = int(np.argmin(after))
    if after[best] > _NEAR or after[best] * _NEARER > before:
        return None
    natural = 1 / _NATURAL < CONVERSIONS[best].factor < _NATURAL
    if natural and before < _FAR:
        return None
    pair = (old, new, 0.0) if natural else (*whole, noise)
    if not _matches(CONVERSIONS[best], *pair):
        return None
    return Rescaled(CONVERSIONS[best], before, after[best])


def unseen_flip(reference: ArrayLike) -> float | None:
    """How far a flipped sign would move the quantiles, in sd, where that is too little to be told
    from nothing: below 0.5. None where it would show, or nothing is known."""
    old = floats(reference)
    if old.shape != (101,) or not np.isfinite(old).all():
        return None
    old = old[_PARTS]
    sd = float(old[-1] - old[0]) / 3.29
    moved = float(np.abs(_back(old, SIGN) - old).mean()) / sd if sd > 0 else _APART
    return moved if moved < _APART else None


def _matches(one: Conversion, old: Floats, new: Floats, noise: float) -> bool:
    """Whether each quantile lies within what the reference has at its rank, give or take."""
    ranks = np.linspace(0, 1, len(old))
    low, high = (np.interp(ranks + way * noise, ranks, old) for way in (-1, 1))
    # Beyond the ends of the grid anything may be.
    low, high = np.where(ranks < noise, -np.inf, low), np.where(ranks > 1 - noise, np.inf, high)
    more = _SAME * np.abs(one.factor * old + one.offset - old) / abs(one.factor)
    back = _back(new, one)
    return bool(((back >= low - more) & (back <= high + more)).all())


def _back(values: Floats, one: Conversion) -> Floats:
    found = (values - one.offset) / one.factor
    return floats(found[::-1] if one.factor < 0 else found)


@dataclass(frozen=True)
class Respelled:
    """Values of a window that are new only in how they are written.

    rows: how many rows have one. new_rows: rows in any category that the reference lacks.
    examples: new value -> the known one it is written for, the most frequent first. words: what
    differs.
    """

    rows: int
    new_rows: int
    examples: Mapping[str, str] = field(default_factory=dict)
    words: str = ""


_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1", "on"), "true"),
    **dict.fromkeys(("false", "f", "no", "n", "0", "off"), "false"),
}
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)")
_BLANKS = re.compile(r"[\s_\-./]+")


def respelled(known: Mapping[str, int], seen: Mapping[str, int]) -> Respelled:
    """Which categories of a window are new, and which of these are known ones written otherwise.

    known, seen: rows by category of reference and window, without NULL. A new value counts as
    another spelling where exactly one known value becomes the same, by the first of: blanks around
    it and case; besides, blanks, hyphens, underscores, dots and slashes within; accents; the form
    of a number (01, 1.0); the words for yes and no, where the reference knows no others.
    """
    new = {one: rows for one, rows in seen.items() if one not in known}
    left = dict(new)
    found: dict[str, str] = {}
    words: list[str] = []
    for name, plain in _FORMS:
        if name == "the words for yes and no" and not all(_boolean(one) for one in known):
            continue
        targets: dict[str, set[str]] = {}
        for one in known:
            form = plain(one)
            if form is not None:
                targets.setdefault(form, set()).add(one)
        matched = {
            one: next(iter(targets[form]))
            for one in left
            if (form := plain(one)) is not None and len(targets.get(form, ())) == 1
        }
        if matched:
            words.append(name)
            found |= matched
            left = {one: rows for one, rows in left.items() if one not in matched}
    ordered = sorted(found, key=lambda one: (-new[one], one))
    return Respelled(
        sum(new[one] for one in found),
        sum(new.values()),
        {one: found[one] for one in ordered[:5]},
        " and ".join(words),
    )


def _cased(text: str) -> str | None:
    return text.strip().casefold()


def _joined(text: str) -> str | None:
    return _BLANKS.sub("", text.casefold())


def _bare(text: str) -> str | None:
    parts = unicodedata.normalize("NFKD", _BLANKS.sub("", text.casefold()))
    return "".join(one for one in parts if not unicodedata.combining(one))


def _number(text: str) -> str | None:
    given = text.strip()
    return repr(float(given)) if _NUMBER.fullmatch(given) else None


def _boolean(text: str) -> str | None:
    return _BOOLEANS.get(text.strip().casefold())


_FORMS = (
    ("case or blanks around", _cased),
    ("blanks or punctuation within", _joined),
    ("accents", _bare),
    ("the form of numbers", _number),
    ("the words for yes and no", _boolean),
)
