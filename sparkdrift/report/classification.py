"""What a classifier made of a window and its reference, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite
from typing import TYPE_CHECKING

from sparkdrift.measures.domain_classifier import best_auc
from sparkdrift.measures.mutual_information import LEAST_ROWS, LIMIT
from sparkdrift.report.plain import day, named, plain

if TYPE_CHECKING:
    from sparkdrift.spec.models import MonitorSpec
    from sparkdrift.steps.classify import Classified, PairTold

_WORDS = {
    "drifted": "the rows are told apart",
    "warning": "the rows are told apart a little",
    "ok": "the rows are not told apart",
    "insufficient_data": "too few rows to say",
}


def classified(spec: MonitorSpec, found: Classified) -> Iterator[str]:
    """The verdict, the AUC behind it, and the features that the classifier went by."""
    told, size = found.told, found.effect_size
    name = spec.reference.name if spec.reference else ""
    yield (
        f"{spec.monitor}, {day(found.window.start, spec.timestamp.zone)}: {found.status}, "
        f"{_WORDS[found.status]}"
    )
    yield (
        f"  AUC {told.auc:.3f} (95 %: {told.low:.3f} to {told.high:.3f}); 0.5 is alike, "
        f"{best_auc(size):.2f} the most that a shift by {size:g} sd allows"
    )
    yield (
        f"  at least a shift by {found.effect:.2f} sd (95 %: {found.effect_low:.2f} to "
        f"{found.effect_high:.2f}); one by {size:g} would be found {100 * told.power:.0f} % of the "
        "time"
    )
    yield (
        f"  learned from {told.rows[0]:,} rows of the reference ({name} version "
        f"{found.reference.version}) and {told.rows[1]:,} of the window, "
        f"{named(found.features, 'feature')}"
    )
    if told.features and found.status in ("drifted", "warning"):
        yield "  told apart by (loss of AUC when its values are shuffled)"
        width = max(len(plain(name, lines=False)) for name, _ in told.features)
        for feature, loss in told.features:
            yield f"    {plain(feature, lines=False):<{width}}  {loss:.3f}"
    yield from _pairs(found)
    yield "  this knows chance alone, not what usual windows differ by"


def _pairs(found: Classified) -> Iterator[str]:
    """What each declared pair tells of itself now, and did before."""
    if not found.pairs:
        return
    yield f"  declared pairs, by mutual information (nats; a change of {LIMIT:g} matters)"
    names = [plain(f"{one.one} with {one.other}", lines=False) for one in found.pairs]
    width = max(map(len, names))
    for name, one in zip(names, found.pairs, strict=True):
        yield f"    {name:<{width}}  {one.status}: {_change(one)}"


def _change(one: PairTold) -> str:
    """What a pair tells now and told before, or why there is no figure; what few rows can't say."""
    told = one.told
    rows = min(told.before.rows, told.now.rows)
    if rows < LEAST_ROWS:
        return f"{rows:,} rows have both values, {LEAST_ROWS} are needed"
    if not isfinite(told.low):
        return "one of them has a single value on both sides, which tells nothing of the other"
    text = (
        f"{told.now.value:.3f}, {told.before.value:.3f} in the reference, "
        f"{told.change:+.3f} ({told.low:+.3f} to {told.high:+.3f})"
    )
    if one.status != "insufficient_data":
        return text
    # Two digits: it is by a variance that is itself of a sample.
    needed = float(f"{told.rows_needed:.2g}")
    return (
        f"{text}; a change by {2 * LIMIT:g} would be found {100 * told.power:.0f} % of the time, "
        f"about {needed:,.0f} rows with both values are needed on each side"
    )
