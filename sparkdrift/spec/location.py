"""Where a table is: by name or by folder, with a condition on its rows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from sparkdrift.spec.names import parse_table
from sparkdrift.spec.values import Section, SourcePath, TableName

SqlCondition = Annotated[str, Field(description="an SQL condition on the columns of the table")]


class Location(Section):
    """A Delta table by name or by folder; exactly one of both (see `checks.py`)."""

    table: TableName | None = None
    path: SourcePath | None = None
    filter: SqlCondition | None = None

    @property
    def parts(self) -> tuple[str, ...] | None:
        """The 1 to 3 parts of the table name, or None for a folder."""
        return None if self.table is None else parse_table(self.table)
