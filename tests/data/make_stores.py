"""Makes the stores of earlier versions: `python tests/data/make_stores.py [N ...]`, in a clone.

Of each version of the store the last commit that wrote it is checked out beside, and its own
command line runs on one small seeded source. README.md says what is in the files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
import tempfile
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

COMMITS = {
    1: "fdc103678adbcd6813c7e63355fff1173adb44b3",
    2: "cfcb9702b0dc9b4ebfaf693f2269dd8cbaf0631f",
    3: "04eb9a0772a5ee7f1e62e2397349f495d1567564",
    4: "8db55d780dbc9fae0277f81d23d23cd574049b03",
    5: "66eee5df67b7162c21caaf8dfe9658ff49d2feb4",
    6: "8734574cd5f3bb5a39f543a2a9af2b534a65570c",
    7: "d2c49c3ad9742bb2ab62ba6c474d8167277b5ca6",
    8: "e325b15b47a728eb5116e754bd2e40f2493b1f96",
    9: "a5b7e4630af157e8ae95edfaf175829874884b25",
}
"""The last commit of each version of the store, in the order of the main branch."""

SCHEMA = "kept"
SEED, ROWS, DAYS, SHIFTED = 57, 60, 7, 5
"""Rows a day; days of the source, which one more row closes; the first of other values."""
START = datetime(2024, 1, 1, tzinfo=timezone.utc)

# By its name in a catalog, so that what is stored does not depend on where the folder is.
SPEC: dict[str, Any] = {
    "monitor": "scored",
    "owner": "tests",
    "source": {"table": f"{SCHEMA}.scored"},
    "timestamp": {"column": "ts", "zone": "UTC"},
    "windows": {"grain": "day"},
    "features": {"numeric": ["amount"], "categorical": ["product"]},
    "slices": ["region"],
    "prediction": {"score": "score", "label": "label", "label_delay": "1 day"},
    "reference": {"begin": "2024-01-01", "end": "2024-01-04"},
}
SINCE: dict[int, dict[str, Any]] = {
    2: {"metrics": {"volume": {"sum": "amount"}}},
    3: {"alerts": {"importance": {"amount": 2}}},
    4: {
        "dependence": "auto",
        "assumptions": {},
        "drift": {"comparisons": ["baseline", "consecutive"]},
    },
    7: {
        "evaluation": {
            "sets": {"holdout": {"table": f"{SCHEMA}.holdout"}},
            "thresholds": {"approve": {"value": 0.5, "target": {"capacity": 0.2}}},
        }
    },
    8: {
        "operations": {"small": {"expression": "amount < 90"}},
        "importance": {"estimate": "linear", "rows": 200},
        "on_verdict": [{"verdicts": ["watch", "blind", "retrain"], "table": True}],
    },
}
"""What each version was the first to have in a spec."""

COMMANDS: dict[int, list[list[str]]] = {
    1: [["run", "SPEC"]],
    5: [
        ["snapshot", "SPEC", "--begin", "2024-01-06", "--end", "2024-01-08", "--candidate"],
        ["reference", "promote", "SPEC", "2", "--by", "tests", "--reason", "kept", "--force"],
    ],
}
"""What each version was the first to be asked for, in this order."""


def spec_of(version: int) -> dict[str, Any]:
    """The spec that a store of this version was written by."""
    parts = [own for since, own in SINCE.items() if since <= version]
    return {**SPEC, **{key: value for part in parts for key, value in part.items()}}


def rows(days: range, count: int, seed: int) -> Any:
    """A log: instant, number, category, slice, score, and a label that is 1 as often as it says."""
    import numpy as np
    import pyarrow as pa

    rng = np.random.default_rng(seed)
    at, day = [], []
    for number in days:
        seconds = sorted(rng.integers(0, 86_400, count).tolist())
        at += [START + timedelta(days=number, seconds=one) for one in seconds]
        day += [number] * count
    score = rng.random(len(at))
    amount = rng.normal(100, 20, len(at)) + np.where(np.array(day) >= SHIFTED, 40, 0)
    return pa.table(
        {
            "ts": pa.array(at, pa.timestamp("us", tz="UTC")),
            "amount": pa.array(amount, mask=rng.random(len(at)) < 0.05),
            "product": pa.array(rng.choice(["card", "loan", "lease"], len(at), p=[0.5, 0.3, 0.2])),
            "region": pa.array(rng.choice(["north", "south"], len(at))),
            "score": pa.array(score),
            "label": pa.array((rng.random(len(at)) < score).astype(np.int32)),
        }
    )


def write_source(folder: Path) -> None:
    """The tables `scored` and `holdout` in a folder, one file each."""
    from sparkdrift.spark.session import create_session

    spark = create_session()
    log = {"scored": rows(range(DAYS), ROWS, SEED), "holdout": rows(range(-9, 0), 40, SEED + 1)}
    # A row on the day after them closes the windows.
    closing = rows(range(DAYS, DAYS + 1), 1, SEED + 2)
    for name, table in log.items():
        frame = spark.createDataFrame(table.combine_chunks()).coalesce(1)
        frame.write.format("delta").save(str(folder / name))
    frame = spark.createDataFrame(closing)
    frame.write.format("delta").mode("append").save(str(folder / "scored"))


def write_store(version: int, source: Path, folder: Path) -> None:
    """The spec and a store in a folder, by the package that this process imports."""
    from sparkdrift.cli.app import main
    from sparkdrift.spark.schemas import STORE_VERSION
    from sparkdrift.spark.session import create_session

    if version != STORE_VERSION:
        raise SystemExit(f"this package writes version {STORE_VERSION}, and not {version}")
    spark = create_session()
    spark.sql(f"CREATE SCHEMA {SCHEMA} LOCATION '{folder.parent / 'schema'}'")
    for name in ("scored", "holdout"):
        spark.sql(f"CREATE TABLE {SCHEMA}.{name} USING delta LOCATION '{source / name}'")
    spec = folder / "monitor.yml"
    spec.write_text(json.dumps(spec_of(version), indent=1) + "\n", "utf-8")
    asked = [one for since, own in COMMANDS.items() if since <= version for one in own]
    for number, command in enumerate(asked):
        given = [str(spec) if word == "SPEC" else word for word in command]
        place = ["--store", str(folder / "store"), "--run-id", f"kept-{number}"]
        code = main([*given, *place, "--log-file", os.devnull])
        if code:
            raise SystemExit(f"{' '.join(command)} ended with {code}")


def pack(folder: Path, file: Path) -> None:
    """A folder as an archive, without checksums and locks, which nobody needs."""

    def neutral(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if entry.name.endswith((".crc", ".lock", ".log")):
            return None
        entry.uid = entry.gid = entry.mtime = 0
        entry.uname = entry.gname = ""
        return entry

    with tarfile.open(file, "w:xz", preset=9) as archive:
        for one in sorted(folder.iterdir()):
            archive.add(one, one.name, filter=neutral)


def inside(code: Path, *arguments: str) -> None:
    """This file again, with the package in the folder `code`."""
    who = dict.fromkeys(("USER", "LOGNAME", "USERNAME"), "tests")
    environment = {**os.environ, **who, "PYTHONPATH": str(code)}
    command = [sys.executable, __file__, "--inside", *arguments]
    subprocess.run(command, check=True, env=environment, cwd=code)


def main(wanted: list[int]) -> None:
    here = Path(__file__).resolve().parent
    root, kept = here.parents[1], here / "stores"
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        source = work / "source"
        source.mkdir()
        if (kept / "source.tar.xz").exists():
            with tarfile.open(kept / "source.tar.xz") as archive:
                archive.extractall(source, filter="data")
        else:
            inside(root, "source", str(source))
            pack(source, kept / "source.tar.xz")
        for version in wanted:
            code, folder = work / f"code-{version}", work / f"v{version}"
            folder.mkdir()
            git = ["git", "-C", str(root), "worktree"]
            subprocess.run([*git, "add", "--detach", str(code), COMMITS[version]], check=True)
            try:
                inside(code, "store", str(version), str(source), str(folder))
            finally:
                subprocess.run([*git, "remove", "--force", str(code)], check=True)
            pack(folder, kept / f"v{version}.tar.xz")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--inside", "source", folder]:
            write_source(Path(folder))
        case ["--inside", "store", version, source, folder]:
            write_store(int(version), Path(source), Path(folder))
        case versions:
            main([int(one) for one in versions] or list(COMMITS))
