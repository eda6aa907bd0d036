"""An Airflow DAG that watches every monitor once a day: profile, then all else that is due.

Airflow 3 with the provider apache-spark, whose connection `spark_default` says where Spark is. The
folder HOME holds a checkout's `jobs/`, the wheel and the monitor specs; docs/schedulers.md says
how they come there. Set by environment variables of the scheduler: SPARKDRIFT_HOME,
SPARKDRIFT_STORE.
"""

from __future__ import annotations

import os
from datetime import datetime, timedelta, timezone
from pathlib import Path

from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.sdk import DAG

HOME = os.environ.get("SPARKDRIFT_HOME", "/opt/sparkdrift")
STORE = os.environ.get("SPARKDRIFT_STORE", "main.monitoring")
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}


def submit(task: str, job: str, *arguments: str, retries: int = 1) -> SparkSubmitOperator:
    """One job of jobs/ on all monitors; a retry is the next attempt of the same run id."""
    return SparkSubmitOperator(
        task_id=task,
        application=f"{HOME}/jobs/{job}",
        application_args=[
            f"{HOME}/monitors",
            "--store",
            STORE,
            "--run-id",
            "{{ run_id }}",
            *arguments,
        ],
        py_files=",".join(map(str, Path(HOME, "dist").glob("sparkdrift-*.whl"))) or None,
        packages="io.delta:delta-spark_4.2_2.13:4.4.0",
        conf=DELTA,
        retries=retries,
        execution_timeout=timedelta(hours=2),
    )


with DAG(
    dag_id="sparkdrift_watch",
    description="Profile closed windows, judge drift, and ask whether the evaluation still fits",
    schedule="30 5 * * *",
    start_date=datetime(2025, 1, 1, tzinfo=timezone.utc),
    # What was missed is still due at the next run: nothing has to be made up for.
    catchup=False,
    # Two runs would wait for each other, or for the same rows.
    max_active_runs=1,
    default_args={"retry_delay": timedelta(minutes=5)},
    tags=["monitoring"],
) as dag:
    profile = submit("profile", "profile_windows.py")
    run = submit("run", "run_monitors.py")
    # A blind dashboard fails this task, and would the next time: no retry.
    evaluate = submit("eval", "evaluate_staleness.py", "--fail-on", "blind", retries=0)
    profile >> run >> evaluate
