"""Reading a store without Java: Delta tables by delta-rs, queries by DuckDB, translated by SQLGlot.

The only folder that imports these three; they are the extra `sql`. Whatever is not known to answer
as Spark does is left to Spark.
"""

from importlib.util import find_spec

NEEDS = ("deltalake", "duckdb", "sqlglot")


def missing() -> list[str]:
    """Which of the three are not installed; asked without loading them."""
    return [name for name in NEEDS if find_spec(name) is None]
