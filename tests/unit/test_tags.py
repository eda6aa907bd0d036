"""Tags are asked for where there is a catalog, and never in the way where it has none."""

from __future__ import annotations

from pyspark.errors import ParseException

from sparkdrift.spark.schemas import TABLES
from sparkdrift.spark.tags import tag_tables
from sparkdrift.store import Store

CATALOG = Store(schema=("main", "monitoring"))


class Session:
    """Keeps what it is asked; `taken`: so many statements before it refuses."""

    def __init__(self, taken: int) -> None:
        self.taken, self.asked = taken, []

    def sql(self, statement):
        if len(self.asked) == self.taken:
            raise ParseException("[PARSE_SYNTAX_ERROR] Syntax error at or near 'TAGS'.")
        self.asked.append(statement)


def test_every_table_of_a_catalog_gets_its_tag():
    session = Session(len(TABLES))
    assert tag_tables(session, CATALOG)
    assert len(session.asked) == len(TABLES)
    wanted = "ALTER TABLE `main`.`monitoring`.`drift` SET TAGS ('sparkdrift' = 'results')"
    assert wanted in session.asked
    assert sum("= 'log')" in one for one in session.asked) == sum(
        table.kind == "log" for table in TABLES
    )


def test_a_catalog_without_tags_is_asked_once():
    session = Session(0)
    assert not tag_tables(session, CATALOG)
    assert session.asked == []


def test_a_folder_is_not_asked():
    session = Session(0)
    assert not tag_tables(session, Store(directory="/stores/credit"))
