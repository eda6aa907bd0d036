"""What the running Spark can do, asked once, before any work starts."""

from __future__ import annotations

from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, SparkSession

from sparkdrift.errors import SetupError
from sparkdrift.spark.failures import reason

REQUIRED = "Spark >= 4.1.2 or Databricks Runtime >= 18.1"

# One literal call each.
_PROBES = {
    "kll_sketch_agg_double": "kll_sketch_agg_double(1D, 8)",
    "kll_merge_agg_double": "kll_merge_agg_double(kll_sketch_merge_double(kll, kll))",
    "kll_sketch_get_quantile_double": "max(kll_sketch_get_quantile_double(kll, 0.5D))",
    "kll_sketch_get_n_double": "max(kll_sketch_get_n_double(kll))",
    "hll_sketch_agg": "hll_sketch_agg(1L)",
    "hll_union_agg": "hll_union_agg(hll)",
}


def check_functions(spark: SparkSession) -> None:
    """Raise SetupError naming each sketch function that this Spark lacks.

    Spark only resolves the calls here; running them, which takes seconds in a new JVM, is
    for `try_functions`.
    """
    if _resolves(spark, list(_PROBES.values())):
        return
    missing = [name for name, call in _PROBES.items() if not _resolves(spark, [call])]
    raise SetupError(
        f"this Spark ({spark.version}) lacks {', '.join(missing)}; sparkdrift needs {REQUIRED}"
    )


def try_functions(spark: SparkSession) -> None:
    """Run every sketch function once; raise SetupError where one is there and does not work."""
    check_functions(spark)
    try:
        _probe(spark, list(_PROBES.values())).collect()
    except PySparkException as error:
        raise SetupError(
            f"this Spark ({spark.version}) has the sketch functions, but they fail: "
            f"{reason(error)}; sparkdrift needs {REQUIRED}"
        ) from error


def check_delta(spark: SparkSession) -> None:
    """Raise SetupError when this session can't write Delta tables by SQL."""
    try:
        extensions = spark.conf.get("spark.sql.extensions", "") or ""
    except PySparkException:  # a managed runtime may refuse to tell; it brings Delta itself
        return
    if "DeltaSparkSessionExtension" in extensions or "databricks" in extensions.lower():
        return
    try:
        spark.sql("DESCRIBE HISTORY delta.`/nonexistent-sparkdrift-probe`")
    except PySparkException as error:
        if error.getCondition() in ("PARSE_SYNTAX_ERROR", "UNSUPPORTED_FEATURE.SQL_COMMAND"):
            raise SetupError(
                "this Spark session has no Delta support; start it with "
                "--packages io.delta:delta-spark_4.2_2.13:4.4.0 --conf "
                "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension --conf "
                "spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog"
            ) from None


def _resolves(spark: SparkSession, calls: list[str]) -> bool:
    try:
        _ = _probe(spark, calls).schema
    except PySparkException:
        return False
    return True


def _probe(spark: SparkSession, calls: list[str]) -> DataFrame:
    sketches = "SELECT kll_sketch_agg_double(1D, 8) AS kll, hll_sketch_agg(1L) AS hll"
    return spark.sql(f"SELECT {', '.join(calls)} FROM ({sketches})")
