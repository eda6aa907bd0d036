"""What was done with rows of the watched table, told by another table and joined by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from sparkdrift.spark.sql import quote

if TYPE_CHECKING:
    from sparkdrift.spark.source import Source

_NEVER = "-9223372036854775807L"


@dataclass(frozen=True)
class Decided:
    """A table of decisions at one version.

    keys: (column of the watched table, column of this one). columns: read of it, with their
    types; none where the tables do not fit. at: its column with the time of a decision.
    """

    table: Source
    keys: tuple[tuple[str, str], ...]
    columns: Mapping[str, str]
    at: str | None = None

    @property
    def token(self) -> str:
        """Which version of which table it is."""
        return f"{self.table.table_id}:{self.table.version}"

    def beside(self, spark: SparkSession, rows: DataFrame) -> DataFrame:
        """`rows` of the watched table, as many, with `columns` of their decisions.

        Of several decisions of a key the newest counts, one without a time as the oldest. All
        columns are NULL where there is none, where the newest differ, or where the key is NULL.
        Decisions of other rows are left out first, by their keys alone.
        """
        if not self.columns:
            return rows
        cells = ", ".join(map(quote, self.columns))
        at = "0L" if self.at is None else f"unix_micros(CAST({quote(self.at)} AS TIMESTAMP))"
        names = [f":k{i}" for i in range(len(self.keys))]
        told = self.table.select(
            spark,
            *(f"{quote(theirs)} AS `{k}`" for k, (_, theirs) in zip(names, self.keys, strict=True)),
            f"struct({cells}) AS told",
            f"to_json(struct({cells})) AS says",
            f"coalesce({at}, {_NEVER}) AS at",
        )
        own = rows.selectExpr(*(f"{quote(own)} AS p{i}" for i, (own, _) in enumerate(self.keys)))
        same = " AND ".join(f"`{k}` = p{i}" for i, k in enumerate(names))
        newest = (
            told.join(own, F.expr(same), "left_semi")
            .groupBy(*names)
            .agg(
                F.expr("max_by(told, struct(at, says)) AS told"),
                F.expr("max_by(says, struct(at, says)) AS top"),
                F.expr("min_by(says, struct(-at, says)) AS tied"),
            )
            .selectExpr(
                *(quote(k) for k in names),
                *(
                    f"CASE WHEN top <=> tied THEN told.{quote(one)} END AS {quote(one)}"
                    for one in self.columns
                ),
            )
        )
        pairs = zip(names, self.keys, strict=True)
        same = " AND ".join(f"{quote(own)} = `{k}`" for k, (own, _) in pairs)
        return rows.join(newest, F.expr(same), "left").drop(*names)
