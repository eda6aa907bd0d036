"""Rows that Spark read from the files of a source, from the metrics of its plans."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql.utils import is_remote

# Every plan that reads a source table of these tests reads its time; no table of ours has it.
SCAN = "FileScan parquet"
TIME = re.compile(r"[\[,]ts#")


@contextmanager
def rows_read(spark) -> Iterator[list[int]]:
    """A list that is filled, at the end, with the rows of every scan of a source's files.

    It stays empty over Connect, whose client is told no metrics.
    """
    if is_remote():
        yield []
        return
    store = spark._jsparkSession.sharedState().statusStore()
    bus = spark.sparkContext._jsc.sc().listenerBus()
    found: list[int] = []
    bus.waitUntilEmpty()
    before = store.executionsCount()
    yield found
    bus.waitUntilEmpty()
    executions = store.executionsList()
    for index in range(executions.size()):
        execution = executions.apply(index).executionId()
        if execution >= before:
            found += _scans(store, execution)


def _scans(store, execution: int) -> list[int]:
    metrics = store.executionMetrics(execution)
    nodes = store.planGraph(execution).allNodes()
    found = []
    for index in range(nodes.size()):
        node = nodes.apply(index)
        if SCAN not in node.desc() or not TIME.search(node.desc()):
            continue
        for number in range(node.metrics().size()):
            metric = node.metrics().apply(number)
            value = metrics.get(metric.accumulatorId())
            if metric.name() == "number of output rows" and value.isDefined():
                found.append(int(value.get().replace(",", "")))
    return found
