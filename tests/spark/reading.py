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
    # By number, not by how many there are: the store forgets the oldest.
    before = max(_executions(store), default=-1)
    yield found
    bus.waitUntilEmpty()
    for execution in _executions(store):
        if execution > before:
            found += _scans(store, execution)


def _executions(store) -> list[int]:
    found = store.executionsList()
    return [found.apply(index).executionId() for index in range(found.size())]


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
