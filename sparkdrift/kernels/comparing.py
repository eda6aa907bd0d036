"""Comparing windows with references and earlier windows: a row of figures and tests for each.

The rows that come out hold p-values, not verdicts: whether something alerts depends on
the whole family of a window's tests, which `judging` sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from sparkdrift.explain.signals import BETWEEN_WINDOWS, UNSHAPED, WHOLE
from sparkdrift.kernels.baselines import Bins
from sparkdrift.kernels.batches import categories, groups, joined, micros
from sparkdrift.kernels.category_distributions import categorical_figures
from sparkdrift.kernels.compared import ASKED, KEPT, KEYS, WINDOW
from sparkdrift.kernels.compared_rows import as_batch, where
from sparkdrift.kernels.distributions import numeric_figures
from sparkdrift.kernels.freezing import Kernel
from sparkdrift.kernels.metrics import metric_figures, metric_pairs
from sparkdrift.kernels.pair_evidence import Pairs
from sparkdrift.kernels.pairs import (
    categorical_pairs,
    label,
    numeric_pairs,
    positions_before,
)
from sparkdrift.kernels.policy import Policy
from sparkdrift.kernels.share_tests import OwnShares, share_figures, undetermined
from sparkdrift.kernels.states import States
from sparkdrift.kernels.unmeasured import against_reference, family, other_types, without_earlier
from sparkdrift.kernels.vectors import direction_figures

_OF_PAIRS = (*BETWEEN_WINDOWS, UNSHAPED)
# Comparisons with earlier windows that share a reference are one: a call costs more than a row.
_TOGETHER = "together"
_NOT_SHAPED = "the rows of this window that the model did not shape"
_OF_ASKED = ("comparison", "reference_version", "earlier_start", "input_digest")
# Columns that the kinds of rows don't share; a copy of some rows would copy their NULLs as well.
_ASKED_ONLY = ("comparison", "earlier_start", "input_digest")
_REFERENCES_ONLY = (
    *("role", "reference_version", "row_variance", "bins"),
    *("window_bins", "window_shares", "window_unseen", "window_strata", "window_places"),
)
# Of the batches that leave: some features with 90 windows and five comparisons.
_ROWS = 2_000
Reference = Mapping[str, Any]


def compare(policy: Policy) -> Kernel:
    """A kernel that makes the comparisons that are asked of each group's windows.

    Takes rows sorted by KEYS, `part` and `window_start`: the references' rows first, by role and
    version; then each stored window once, however many comparisons read it; then what is asked:
    comparison, role, reference_version, window_start, earlier_start and input_digest.
    """

    def run(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        features = (_Group(group, policy).compared() for group in groups(batches, KEYS))
        yield from joined((one for one in features if one.num_rows), _ROWS)

    return run


@dataclass(frozen=True)
class _Asked:
    """What is made at once with one reference: one comparison, or all with earlier windows.

    names: the comparison of each row (W,); at: positions of their windows (W,), before: those of
    the earlier windows, negative for none.
    """

    names: list[str]
    role: str
    version: int
    rows: pa.Table
    at: NDArray[np.intp]
    before: NDArray[np.intp]


class _Group:
    """All that is known of one slice and feature."""

    def __init__(self, group: pa.Table, policy: Policy) -> None:
        parts = group.column("part").to_numpy()
        first, last = np.searchsorted(parts, [WINDOW, ASKED])
        self._policy = policy
        self._references = group.slice(0, first)
        self._windows = group.slice(first, last - first).drop_columns(
            [name for name in (*_ASKED_ONLY, *_REFERENCES_ONLY) if name in group.column_names]
        )
        self._asked = group.slice(last).select([*_OF_ASKED, "role", "window_start"])
        # Origin and baseline are the same comparison while version 1 is in force.
        self._made: dict[tuple[str, int, bytes], dict[str, Any]] = {}

    @cached_property
    def _states(self) -> States:
        return States.read(self._windows)

    @cached_property
    def _known(self) -> dict[tuple[str, int], tuple[Reference, pa.Table]]:
        """References by role and version: as a row, and as a table of that row."""
        rows = self._references.to_pylist()
        return {
            (row["role"], row["reference_version"]): (row, self._references.slice(i, 1))
            for i, row in enumerate(rows)
        }

    def compared(self) -> pa.RecordBatch:
        """The rows of all comparisons."""
        made: list[tuple[dict[str, Any], int]] = []
        for asked in self._comparisons():
            windows = self._states.take(asked.at)
            size = windows.table.num_rows
            effect, warn = self._policy.thresholds(windows.table.column("column_name")[0].as_py())
            source = {name: asked.rows if name in _OF_ASKED else windows.table for name in KEPT}
            rows: dict[str, Any] = {
                name: table.column(name).combine_chunks() for name, table in source.items()
            }
            rows |= {"effect_size": np.full(size, effect), "warn_at": np.full(size, warn)}
            if asked.names[0] in _OF_PAIRS:
                rows |= self._between(asked, windows, effect)
            else:
                rows |= self._against(asked, windows, effect)
            _say_missing(rows)
            made.append((rows, size))
        return as_batch(made)

    def _comparisons(self) -> Iterator[_Asked]:
        names = ("comparison", "role", "reference_version")
        columns = [self._asked.column(name).to_pylist() for name in names]
        columns += [micros(self._asked, name) for name in ("window_start", "earlier_start")]
        place = {start: i for i, start in enumerate(micros(self._windows, "window_start"))}
        hashes = self._windows.column("definition_hash").to_pylist()
        types = [family(one) for one in self._windows.column("data_type").to_pylist()]
        kinds = self._windows.column("kind").to_pylist()
        found: dict[tuple[Any, ...], list[int]] = {}
        for i, (comparison, *of) in enumerate(zip(*columns[:3], strict=True)):
            # Bins serve windows of one meaning; a reference says itself where it doesn't fit.
            own = place[columns[3][i]]
            meaning = (hashes[own], types[own]) if comparison in _OF_PAIRS else ()
            joins = comparison in BETWEEN_WINDOWS and kinds[own] != "metric"
            way = _TOGETHER if joins else comparison
            found.setdefault((way, *of, *meaning), []).append(i)
        for (_, role, version, *_), chosen in found.items():
            at = [place[columns[3][i]] for i in chosen]
            before = [place.get(columns[4][i], -1) for i in chosen]
            rows = self._asked.take(pa.array(chosen))
            made = [columns[0][i] for i in chosen]
            yield _Asked(made, role, version, rows, np.array(at), np.array(before))

    def _against(self, asked: _Asked, windows: States, effect: float) -> dict[str, Any]:
        """Figures against a reference; a new dict, which may be changed."""
        key = (asked.role, asked.version, asked.at.tobytes())
        if key not in self._made:
            reference, row = self._known.get((asked.role, asked.version), (None, None))
            rows: dict[str, Any] = against_reference(
                windows.table, reference, asked.version, asked.names[0]
            )
            if reference is not None and reference["kind"] == "metric":
                rows |= metric_figures(reference, windows.table, effect)
            elif reference is not None and row is not None:
                rows |= _measured(reference, row, windows, effect, self._policy)
            self._made[key] = rows
        made = self._made[key]
        return made | {name: list(made[name]) for name in ("unmeasured", "unmeasured_reason")}

    def _between(self, asked: _Asked, windows: States, effect: float) -> dict[str, Any]:
        """Figures against earlier windows, or the other rows, for windows that have these."""
        rows = without_earlier(windows.table, asked.before, asked.names)
        has = np.flatnonzero(asked.before >= 0)
        if not len(has):
            return rows
        earlier = self._states.take(asked.before[has])
        own = windows.take(has)
        rows |= other_types(rows, has, earlier.table, own.table)
        found = self._pair_figures(asked, has, own, earlier, effect)
        if asked.names[0] == UNSHAPED:
            # Both sides had the same days and weather: only chance sets them apart anyway.
            found["caveat"] = [None] * len(has)
            names = [_NOT_SHAPED] * len(has)
        else:
            starts = micros(earlier.table, "window_start")
            names = [label(start) for start in starts if start is not None]
        return rows | _spread({**found, "season": names}, has, len(asked.at))

    def _pair_figures(
        self,
        asked: _Asked,
        has: NDArray[np.intp],
        windows: States,
        earlier: States,
        effect: float,
    ) -> dict[str, Any]:
        """Figures of the rows at `has`, whose windows and earlier ones are given."""
        reference = self._usable(asked, windows.table)
        cells = [] if reference is None else reference["window_bins"] or []
        places = [] if reference is None else reference["window_places"] or [None] * len(cells)
        ways = list(dict.fromkeys(asked.names))
        before = [positions_before(way, places, self._policy.season_steps) for way in ways]
        kind = windows.table.column("kind")[0].as_py()
        if kind == "metric":
            return metric_pairs(reference, before[0], earlier.table, windows.table, effect)
        way = np.array([ways.index(name) for name in asked.names])[has]
        limits = self._policy.out_of_range, self._policy.new_categories
        pairs = Pairs(windows, earlier, reference, before, way, self._policy.bins, limits)
        figures: dict[str, Any] = {}
        if kind == "numeric":
            figures = numeric_pairs(pairs, effect)
        elif kind == "categorical":
            figures = categorical_pairs(pairs, effect)
        if "new_category_low" in figures:
            figures["undetermined"] = undetermined(figures, self._policy.new_categories)
        own = OwnShares.read(reference)
        tests = share_figures(earlier.table, windows.table, figures, self._policy, own, sides=2)
        return figures | tests

    def _usable(self, asked: _Asked, windows: pa.Table) -> Reference | None:
        """The reference in force, if it is of the definition and type of these windows."""
        reference, _ = self._known.get((asked.role, asked.version), (None, None))
        if reference is None:
            return None
        # All of them agree in both, see `_comparisons`.
        meaning = windows.column("definition_hash")[0].as_py()
        kind = family(windows.column("data_type")[0].as_py())
        same = reference["definition_hash"] == meaning and family(reference["data_type"]) == kind
        return reference if same else None


def _spread(figures: Mapping[str, Any], at: NDArray[np.intp], size: int) -> dict[str, Any]:
    """Columns of the windows at these positions as columns of all; None or NaN elsewhere."""
    if len(at) == size:
        return dict(figures)
    found: dict[str, Any] = {}
    for name, values in figures.items():
        if isinstance(values, np.ndarray):
            found[name] = np.full(size, np.nan)
            found[name][at] = values
        elif isinstance(values, pa.Array):
            own = np.full(size, -1)
            own[at] = np.arange(len(at))
            found[name] = where(own >= 0, values, own)
        else:
            found[name] = [None] * size
            for i, value in zip(at.tolist(), values, strict=True):
                found[name][i] = value
    return found


def _say_missing(rows: dict[str, Any]) -> None:
    """Give windows that could be compared, but for what `missing` says, the status for that."""
    for i, reason in enumerate(rows.pop("missing", ())):
        if reason is not None and rows["unmeasured"][i] is None:
            rows["unmeasured"][i] = "insufficient_data"
            rows["unmeasured_reason"][i] = reason


def _measured(
    reference: Reference, row: pa.Table, windows: States, effect_size: float, policy: Policy
) -> dict[str, Any]:
    """Figures against a reference, given as a row and as a table of that row."""
    bins = Bins.read(reference["bins"])
    figures: dict[str, Any] = {}
    if bins is not None and bins.edges is not None:
        figures = numeric_figures(reference, windows, bins, policy, effect_size)
    elif bins is not None:
        known = categories(row)[0]
        if known is not None:
            figures = categorical_figures(reference, known, windows, bins, policy, effect_size)
    if bins is None:
        figures["lacking"] = ["nothing to compare: the reference has no values"] * len(
            windows.points
        )
    if "new_category_low" in figures:
        figures["undetermined"] = undetermined(figures, policy.new_categories)
    direction = reference["column_name"] in policy.projections
    if direction and bins is not None and reference["slice_key"] == WHOLE:
        figures |= direction_figures(reference, windows.points, bins)
    own = OwnShares.read(reference)
    return figures | share_figures(row, windows.table, figures, policy, own, sides=1)
