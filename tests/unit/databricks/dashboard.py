"""The dashboard under conf/databricks, as its JSON tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from bundle import BUNDLE

FILE = BUNDLE / "sparkdrift.lvdash.json"
CONTENT: dict[str, Any] = json.loads(FILE.read_text("utf-8"))
DATASETS: dict[str, dict[str, Any]] = {one["name"]: one for one in CONTENT["datasets"]}
_AGGREGATE = re.compile(r"(COUNT|COUNT_IF|SUM|AVG|MAX|MIN)\(")


def query(name: str) -> str:
    return "".join(DATASETS[name]["queryLines"])


def parameters(name: str) -> list[str]:
    return [one["keyword"] for one in DATASETS[name].get("parameters", [])]


def widgets() -> Iterator[tuple[str, dict[str, Any], dict[str, int]]]:
    """The page, the widget and its place, of all of them."""
    for page in CONTENT["pages"]:
        for one in page["layout"]:
            yield page["name"], one["widget"], one["position"]


def asked_of(name: str) -> Iterator[tuple[list[str], list[str]]]:
    """For each widget that shows a dataset: what it aggregates, and what it groups by."""
    for _, widget, _ in widgets():
        for one in widget.get("queries", []):
            fields = [field["expression"] for field in one["query"].get("fields", [])]
            if one["query"]["datasetName"] == name and fields:
                aggregates = [field for field in fields if _AGGREGATE.match(field)]
                yield aggregates, [field for field in fields if field not in aggregates]
