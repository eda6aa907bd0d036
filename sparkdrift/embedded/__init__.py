"""Reading a store without Java: Delta tables by delta-rs, queries by DuckDB, translated by SQLGlot.

The only folder that imports these three; they are the extra `sql`. Whatever is not known to answer
as Spark does is left to Spark.
"""
