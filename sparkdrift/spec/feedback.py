"""Feedback: which rows the model itself shaped, and what is counted of them.

A row is shaped where what the model said was acted on, so that what came of it (the outcome, or
that there is one at all) is no longer what it would have been without the model. Their share is
one more custom metric, of the name SHAPED: counted in the pass that counts the others, it rolls
up, slices, drifts and is frozen into references as they are.
Source: Perdomo et al., Performative Prediction, 2020; Lakkaraju et al., The Selective Labels
Problem, 2017.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sparkdrift.spec.location import Location
from sparkdrift.spec.metrics import Metric, Ratio, SqlTest
from sparkdrift.spec.values import ColumnName, Section, SliceKeys

SHAPED = "shaped"
"""The name of the metric that is the share of shaped rows."""

MostShaped = Annotated[float, Field(gt=0, le=1, description="a share above 0 and up to 1")]


class Decisions(Location):
    """A table of what was done with the predictions, joined by key.

    `key`: default `prediction.key`. `decided_at`: of several rows of a key the newest by this
    column counts; where such rows, or without it all rows of a key, differ, nothing is known.
    """

    key: SliceKeys | None = None
    decided_at: ColumnName | None = None


class Feedback(Section):
    """`shaped`: a condition that holds of rows that the model shaped; NULL: it is not known.

    `decisions`: another table whose columns the condition may read beside those of the row.
    `limit`: from which share of them on a reference is not put in force in passing. `compare`:
    whether the features of shaped rows are held against those of the others, window by window;
    it costs as much as a slice of two values.
    """

    shaped: SqlTest
    decisions: Decisions | None = None
    limit: MostShaped = 0.2
    compare: bool = Field(default=False, description="true or false")

    @property
    def metric(self) -> Metric:
        """The share of shaped rows among those of which it is known.

        CASE takes a condition alone, so that Spark refuses a number in its place.
        """
        known = f"CASE WHEN ({self.shaped}) THEN 1 WHEN NOT ({self.shaped}) THEN 0 END"
        return Metric(ratio=Ratio(of=known, over="1"))

    def meaning(self, key: tuple[str, ...] | None) -> str:
        """What says which rows are shaped, as text: the condition, and what is joined by `key`."""
        if self.decisions is None:
            return self.shaped
        return f"{self.shaped}|{self.decisions.model_dump_json()}|{key}"

    @property
    def side(self) -> str:
        """SQL for the slice that a row is in: 'true', 'false', or NULL where it is not known."""
        return f"CASE WHEN ({self.shaped}) THEN 'true' WHEN NOT ({self.shaped}) THEN 'false' END"
