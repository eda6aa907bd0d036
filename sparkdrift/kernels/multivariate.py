"""The row ':inputs': what all inputs of a window show together, from their own compared rows.

What the reference's own windows show is computed once per reference (`inputs_known`) and travels
to each window as a few numbers per reference window. Neither reads a row of the source, nor a
sketch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparkdrift.explain.signals import INPUTS
from sparkdrift.kernels.baselines import Bins, baselines
from sparkdrift.kernels.distributions import CARRIERS
from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.strata import Baseline
from sparkdrift.measures import multivariate
from sparkdrift.measures.arrays import Floats, divide, floats
from sparkdrift.measures.bins import pool
from sparkdrift.measures.evidence import MATERIAL_LEVEL
from sparkdrift.measures.multivariate import Terms, Usual
from sparkdrift.measures.sketch_error import noise_scale

NAMED = 3
MOST_LISTED = 10
LEAST_INPUTS = 2
"""Of fewer there is nothing together: the one input has a row of its own."""
MOST_UNMEASURED = 0.2
"""Part of the inputs that may be without a distance: of more, what the others show is not that of
all. Inputs of nearly one value are none of them: they are judged by the share of all others."""

_TOO_FEW_ROWS = "too few rows to judge all inputs together: most of them fill no two bins"
_TERMS = ("d_statistic", "n_eff", "degrees", "p_unusual")


@dataclass(frozen=True, eq=False)
class Known:
    """What a reference's own windows show of several columns together, as it travels.

    columns: which they are; values: float64, as the writer and its reader agree;
    reason: why nothing can be judged by them, else None.
    """

    name: str
    columns: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    reason: str | None = None


def inputs_known(references: Sequence[Mapping[str, Any]], policy: Policy) -> Known:
    """Of the inputs of one reference and slice; values: `Usual` of V windows, (4, V).

    references: the reference's row of each input, with column_name, bins, window_bins and
    window_strata. A window is held against the others of its stratum where new ones are.
    """
    held = [one for one in references if Bins.read(one["bins"]) is not None]
    starts = sorted({cell["window_start"] for one in held for cell in one["window_bins"] or []})
    if not starts:
        return Known(INPUTS, reason="no input has bins and windows in the reference")
    own = multivariate.together([_own(one, starts, policy) for one in held])
    usual = multivariate.usual_joint(own)
    names = [one["column_name"] for one, whole in zip(held, usual.held, strict=True) if whole]
    values = np.stack([usual.average, usual.total, usual.noise, usual.free])
    return Known(INPUTS, tuple(names), tuple(values.ravel().tolist()))


def inputs_row(
    known: Known,
    rows: Sequence[Mapping[str, Any]],
    effect_size: float,
    level: float = MATERIAL_LEVEL,
) -> dict[str, Any]:
    """The row ':inputs' of one window; keys of `comparing.FIGURES` and TESTS, as they apply.
    Its carriers are the features that moved most, each with its part of the shift as `share`.

    level: at which the window's family asks the only test that is unusual.

    rows: the window's compared rows of all inputs, with column_name, d_statistic, n_eff, degrees,
    p_unusual and alone; those that the reference does not hold, and a missing or unmeasured one
    (NULL), count as not measured: they are named, and of more than MOST_UNMEASURED there is no
    figure.
    """
    if known.reason is not None:
        return unmeasured(INPUTS, known.reason)
    values = floats(known.values).reshape(4, -1)
    usual = Usual(values[0], np.ones(len(known.columns), dtype=bool), *values[1:])
    terms = _seen(known.columns, rows)
    found = multivariate.judge_joint(usual, terms, effect_size, level)
    if found.own.reason:
        return unmeasured(INPUTS, found.own.reason)
    lost, inputs = _lost(known.columns, rows)
    if len(lost) > MOST_UNMEASURED * inputs:
        return unmeasured(INPUTS, _too_few(lost, inputs))
    if not np.isfinite(found.joint[0]):
        # Every input has values, and not enough of them for two bins.
        return unmeasured(INPUTS, _TOO_FEW_ROWS)
    return {
        "column_name": INPUTS,
        "d_statistic": float(found.distance[0]),
        "effect": float(found.effect[0]),
        "effect_low": float(found.low[0]),
        "effect_high": float(found.high[0]),
        "n_eff": float(1 / found.noise[0]),
        "p_unusual": float(found.p_unusual[0]),
        "p_material": float(found.p_material[0]),
        "power": float(found.power[0]),
        "joint": float(found.joint[0]),
        "unmeasured": None,
        "unmeasured_reason": None,
        "moved": _largest(terms, known.columns),
        "carriers": _carriers(terms, known.columns),
        "scarce": "reference windows, or rows",
        "caveat": f"without {_listed(lost)}, not measured" if lost else None,
    }


def unmeasured(name: str, reason: str, status: str = "insufficient_data") -> dict[str, Any]:
    """A row of a column that was not measured."""
    return {"column_name": name, "unmeasured": status, "unmeasured_reason": reason}


def _own(reference: Mapping[str, Any], starts: Sequence[Any], policy: Policy) -> Terms:
    """One feature of the reference's windows, each against the others, at `starts`: (V, 1)."""
    bins = Bins.read(reference["bins"])
    size = len(bins.counts) if bins is not None else 0
    counts, ks = np.zeros((len(starts), size)), np.full(len(starts), np.inf)
    strata: list[int | None] = [None] * len(starts)
    place = {start: i for i, start in enumerate(starts)}
    cells = reference["window_bins"] or []
    given = reference.get("window_strata") or [None] * len(cells)
    for cell, stratum in zip(cells, given, strict=True):
        i = place[cell["window_start"]]
        counts[i], strata[i] = cell["counts"], stratum
        ks[i] = np.inf if cell["k"] is None else cell["k"]
    rows = counts.sum(axis=1)
    if bins is None or not rows.any():
        return multivariate.marginal_terms(counts)
    effect, _ = policy.thresholds(reference["column_name"])
    compared = baselines(reference, bins.counts, np.inf, policy, effect)
    found = np.full((4, len(starts), 1), np.nan)
    own = [stratum if stratum in compared else None for stratum in strata]
    for stratum in dict.fromkeys(own):
        chosen = np.array([one == stratum for one in own])
        # Without a stratum of its own a window is held against all, as a new one would be.
        among = chosen if stratum is not None else np.ones(len(starts), dtype=bool)
        terms = _against_others(compared[stratum], counts[among], ks[among])
        found[:, chosen] = np.stack([terms.d, terms.s, terms.free, terms.p])[:, chosen[among]]
    return Terms(*found)


def _against_others(known: Baseline, counts: Floats, ks: Floats) -> Terms:
    rows = counts.sum(axis=1)
    if not rows.any():
        return multivariate.marginal_terms(counts)
    # Joined alike, as the smallest needs it, so that they stay comparable.
    least = np.full(len(rows), rows[rows > 0].min())
    joined = pool(known.counts, counts, least, order=known.order)
    return multivariate.marginal_terms(joined.window, noise_scale(rows, np.inf, joined.bins, ks))


def _seen(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> Terms:
    """The compared rows of one window, (1, F)."""
    values = np.full((4, 1, len(names)), np.nan)
    place = {name: j for j, name in enumerate(names)}
    for row in rows:
        j = place.get(row["column_name"])
        if j is not None and all(row[name] is not None for name in _TERMS):
            values[:, 0, j] = [row[name] for name in _TERMS]
    d, rows_worth, free, p = values
    return Terms(d, divide(1.0, rows_worth), free, p)


def _lost(names: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> tuple[list[str], int]:
    """The inputs that have no part in what all show together, and how many inputs there are."""
    by_name = {row["column_name"]: row for row in rows}
    inputs = sorted({*names, *by_name})
    held = frozenset(names)
    lost = [one for one in inputs if not _takes_part(by_name.get(one), one in held)]
    return lost, len(inputs)


def _takes_part(row: Mapping[str, Any] | None, held: bool) -> bool:
    if row is None or row.get("unmeasured") is not None:
        return False
    alone = row.get("alone")
    if alone is not None and np.isfinite(alone):
        return True
    return held and all(row[name] is not None and np.isfinite(row[name]) for name in _TERMS)


def _too_few(lost: Sequence[str], inputs: int) -> str:
    part = f"{inputs - len(lost)} of {inputs} were measured"
    limit = f"at most {100 * MOST_UNMEASURED:.0f} % may be missing"
    return f"too few inputs to judge them together: {part}, not {_listed(lost)}; {limit}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - MOST_LISTED
    return ", ".join(names[:MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _largest(terms: Terms, names: Sequence[str]) -> str:
    """The features that moved most, with the root of D without its noise."""
    excess = _excess(terms)
    largest = [j for j in np.argsort(-excess, kind="stable")[:NAMED] if excess[j] > 0]
    listed = ", ".join(f"{names[j]} ({np.sqrt(excess[j]):.2f})" for j in largest)
    return f"all inputs together, most of it {listed}" if listed else "all inputs together"


def _carriers(terms: Terms, names: Sequence[str]) -> list[dict[str, Any]]:
    """The features that moved most and their parts of what all together moved by (D less noise)."""
    excess = np.maximum(_excess(terms), 0.0)
    order = [j for j in np.argsort(-excess, kind="stable")[:CARRIERS] if excess[j] > 0]
    parts = divide(excess, excess.sum())
    return [{"item": names[j], "reference": None, "share": float(parts[j])} for j in order]


def _excess(terms: Terms) -> Floats:
    """D of each feature less its noise, (F,); 0 where it was not measured."""
    return floats(np.nan_to_num(terms.d[0] - terms.free[0] * terms.s[0]))
