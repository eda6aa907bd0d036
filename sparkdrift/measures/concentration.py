"""Where on a model's score the rows with an event are: a test, and the scores that hold them.

From counts per score bin, which merge by addition, as the states of scores do. Neighbouring bins
are joined into at most MOST_GROUPS groups of about as many rows, each large enough for the test.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from sparkdrift.measures.arrays import Floats, floats
from sparkdrift.measures.intervals import wilson
from sparkdrift.measures.series import NotMeasured

MOST_GROUPS = 10
LEAST_EXPECTED = 5.0
"""Below so many expected events, or rows without one, chi-square's distribution does not hold."""
LEVEL = 0.01
"""From which p-value down events are said to be concentrated."""


@dataclass(frozen=True)
class Concentration:
    """How events spread over scores, and the run of groups that holds most beyond its rows.

    chi2, p_value: of homogeneity, groups - 1 degrees of freedom. low, high: the scores [low, high)
    of the run, infinite at the ends. row_share, event_share: its parts of rows and events;
    event_low, event_high: the 95 % interval of the latter, wide enough for whichever run was
    chosen. groups: how many the scores were cut into.
    """

    chi2: float
    p_value: float
    groups: int
    low: float
    high: float
    row_share: float
    event_share: float
    event_low: float
    event_high: float

    @property
    def found(self) -> bool:
        """Whether events are concentrated anywhere, at LEVEL."""
        return self.p_value < LEVEL


def concentration(
    edges: ArrayLike, rows: ArrayLike, events: ArrayLike
) -> Concentration | NotMeasured:
    """Whether `events` are spread over scores as `rows` are.

    edges (B - 1,), ascending; rows, events (B,): counts per bin, of rows of which it is known
    whether they have an event, and of those that have. NotMeasured with the reason where there
    are too few of either for two groups. ValueError where the sizes do not fit.

    The chosen run maximises its part of the events less that of the rows. Since it was chosen
    among all runs of G groups, the interval of its part is Wilson's at 1 - 0.05 / (number of
    runs), so that it holds for each of them at once (Bonferroni).
    Source: Pearson 1900; Cochran 1954 (5 expected); Wilson 1927.
    """
    cuts, known, hits = floats(edges), floats(rows), floats(events)
    if known.shape != hits.shape or len(known) != len(cuts) + 1:
        raise ValueError(f"{len(cuts)} edges with {known.shape} rows and {hits.shape} events")
    n, seen = float(known.sum()), float(hits.sum())
    few = min(seen, n - seen)
    most = int(min(MOST_GROUPS, few // LEAST_EXPECTED))
    if most < 2:
        text = f"{seen:,.0f} events in {n:,.0f} rows with a score: too few to tell where they are"
        return NotMeasured(text)
    first = _groups(known, most, LEAST_EXPECTED * n / few)
    if len(first) < 2:
        return NotMeasured("nearly all rows have the same score")
    own, with_event = np.add.reduceat(known, first), np.add.reduceat(hits, first)
    expected = own * seen / n
    apart = (with_event - expected) ** 2
    chi2 = float((apart / expected + apart / (own - expected)).sum())
    begin, end = _run(with_event / seen - own / n)
    runs = len(first) * (len(first) + 1) // 2
    inside = with_event[begin:end].sum()
    share = wilson(inside, seen, float(-special.ndtri(0.025 / runs)))
    return Concentration(
        chi2,
        float(special.chdtrc(len(first) - 1, chi2)),
        len(first),
        float(cuts[first[begin] - 1]) if first[begin] else -np.inf,
        float(cuts[first[end] - 1]) if end < len(first) else np.inf,
        float(own[begin:end].sum() / n),
        float(share.value),
        float(share.low),
        float(share.high),
    )


def _groups(rows: Floats, most: int, least: float) -> list[int]:
    """The first bin of each of at most `most` groups, alike in rows, none with under `least`."""
    first, held = [0], 0.0
    left = float(rows.sum())
    wanted = left / most
    for b, own in enumerate(rows):
        # The bin goes where it brings the group nearer to its size.
        full = held >= least and held + own / 2 > wanted
        if full and left >= least and len(first) < most:
            first.append(b)
            held = 0.0
        held += float(own)
        left -= float(own)
    if held < least and len(first) > 1:
        first.pop()
    return first


def _run(excess: Floats) -> tuple[int, int]:
    """[begin, end) of the neighbours whose sum is the largest; the first of equal ones."""
    total = np.concatenate([[0.0], np.cumsum(excess)])
    sums = total[None, :] - total[:, None]
    sums[np.tril_indices(len(total))] = -np.inf
    begin, end = np.unravel_index(int(np.argmax(sums)), sums.shape)
    return int(begin), int(end)
