"""All tests, on a machine that has nothing but Python and Java: `python3 -m tests`.

Makes a virtual environment, installs the package and what its tests need into it, each file by
its hash in requirements.lock, and runs the stages, fast ones first. Each stage is a process
of its own: a classic Spark session and a Connect one can't share a JVM. A stage keeps one
core busy, so two run at a time; what they print appears stage after stage.

    python3 -m tests                      every stage, in the environment .venv-tests
    python3 -m tests --here fast          one stage, with this interpreter, nothing installed
    python3 -m tests --slow               the slow tests as well, and all of them over Connect
    python3 -m tests --at-once 1          one stage at a time
    python3 -m tests --here fast -- -x -k kll   what stands behind -- goes to pytest
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 10)
LOCK = "requirements.lock"
VENV = ".venv-tests"
INTERRUPTED = 130

# Name: folders, and what the environment needs.
STAGES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "fast": (("tests/unit", "tests/laws", "tests/simulation", "tests/fuzz"), {}),
    "classic": (("tests/spark",), {}),
    "models": (("tests/spark/models",), {}),
    "connect": (("tests/spark",), {"SPARK_API_MODE": "connect"}),
    "faults": (("tests/faults",), {}),
    "cli": (("tests/cli",), {}),
    "browser": (("tests/browser",), {}),
    "cluster": (("tests/cluster",), {}),
}
# What is a stage of its own: one core would be busy with both for an hour.
APART = {"classic": "tests/spark/models"}
# What a stage selects unless --slow asks for everything; pyproject.toml has the usual selection.
SELECTED = {"connect": "not slow and not classic"}
# A stage decides these itself; a setting of the shell must not change what is tested.
UNSET = ("SPARK_API_MODE", "SPARK_REMOTE", "SPARKDRIFT_STORE", "SPARKDRIFT_MASTER")
COMMAND_LINE_ERROR = 2
# Each Spark session may take three gigabytes.
AT_ONCE = min(2, os.cpu_count() or 1)


def main(arguments: list[str]) -> int:
    """Run what is asked for; 0 when every test passed, else 1."""
    options, for_pytest = read(arguments)
    if sys.version_info < OLDEST:
        print(f"Python {sys.version.split()[0]} is too old: 3.10 or newer is needed")
        return COMMAND_LINE_ERROR
    python = Path(sys.executable) if options.here else environment(options.venv)
    stages = options.stage or present()
    prepare(python, stages)
    jobs = [Stage(python, name, options.slow, for_pytest) for name in stages]
    failed = [job.name for job in follow(jobs, options.at_once) if job.ended() != 0]
    if failed:
        print(f"\nfailed: {', '.join(failed)}")
    return 1 if failed else 0


def read(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    """The options, and what stands behind `--`."""
    place = arguments.index("--") if "--" in arguments else len(arguments)
    parser = argparse.ArgumentParser(prog="python3 -m tests", description="Run the tests.")
    parser.add_argument("stage", nargs="*", metavar="STAGE", help=f"of: {', '.join(STAGES)}")
    parser.add_argument("--here", action="store_true", help="use this interpreter as it is")
    parser.add_argument("--slow", action="store_true", help="run the slow tests as well")
    parser.add_argument(
        "--at-once", type=int, default=AT_ONCE, metavar="N", help=f"default: {AT_ONCE}"
    )
    # Not .venv: that is the reader's own, with a sparkdrift that is not to become editable.
    parser.add_argument("--venv", type=Path, default=ROOT / VENV, help=f"default: {VENV}")
    options = parser.parse_args(arguments[:place])
    unknown = [name for name in options.stage if name not in STAGES]
    if unknown:
        parser.error(f"no stage {', '.join(unknown)}; accepted: {', '.join(STAGES)}")
    return options, arguments[place + 1 :]


def present() -> list[str]:
    """The stages that have tests."""
    return [
        name
        for name, (folders, _) in STAGES.items()
        if any(next((ROOT / folder).rglob("test_*.py"), None) for folder in folders)
    ]


def environment(folder: Path) -> Path:
    """The Python of a virtual environment that holds the package and the tests' needs."""
    python = folder.absolute() / ("Scripts" if os.name == "nt" else "bin") / "python"
    print(f"setting up {folder}: the first time some minutes, about 2 GB", flush=True)
    # A set-up that was interrupted may have left a Python without pip.
    if not python.exists() or not _has_pip(python):
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    # Every file by its hash; then the package itself, built by what was installed.
    for wanted in (
        ["--require-hashes", "-r", LOCK],
        ["--no-deps", "--no-build-isolation", "-e", "."],
    ):
        subprocess.run([*pip, "install", "-q", *wanted], cwd=ROOT, check=True)
    return python


def _has_pip(python: Path) -> bool:
    found = subprocess.run([str(python), "-c", "import pip"], stderr=subprocess.DEVNULL)
    return found.returncode == 0


def prepare(python: Path, stages: list[str]) -> None:
    """Have Delta's jars on this machine, before two sessions ask for them at the same time."""
    if not {"fast", "browser"}.issuperset(stages):
        start = "from sparkdrift.spark.session import create_session; create_session().stop()"
        subprocess.run([str(python), "-c", start], cwd=ROOT, env=surroundings({}), check=True)


def surroundings(needed: dict[str, str]) -> dict[str, str]:
    """The environment of a stage."""
    return {key: value for key, value in os.environ.items() if key not in UNSET} | needed


class Stage:
    """One pytest process, whose output is kept in a file until its turn to be shown."""

    def __init__(self, python: Path, name: str, slow: bool, for_pytest: list[str]) -> None:
        folders, needed = STAGES[name]
        selected = "" if slow else SELECTED.get(name)
        chosen = [] if selected is None else ["-m", selected]
        if name in APART:
            chosen.append(f"--ignore={APART[name]}")
        self.name = name
        self.title = " ".join([*(f"{key}={value}" for key, value in needed.items()), *folders])
        self._command = [str(python), "-m", "pytest", *chosen, *for_pytest, *folders]
        self._environment = surroundings(needed)
        self._output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the process
        self._process: subprocess.Popen[bytes] | None = None
        self._shown = 0

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._output,
            stderr=subprocess.STDOUT,
        )

    @property
    def started(self) -> bool:
        return self._process is not None

    def ended(self) -> int | None:
        """pytest's exit code; None while it runs or waits."""
        return None if self._process is None else self._process.poll()

    def show(self) -> None:
        """Print what it has printed since the last call."""
        text = os.pread(self._output.fileno(), 1 << 30, self._shown)
        self._shown += len(text)
        sys.stdout.buffer.write(text)
        sys.stdout.flush()


def follow(jobs: list[Stage], at_once: int) -> Iterator[Stage]:
    """Run all, so many at once; show them one after the other, and yield each at its end."""
    for job in jobs:
        print(f"\n{job.name}: {job.title}", flush=True)
        ended = False
        while not ended:
            begin(jobs, at_once)
            ended = job.ended() is not None
            job.show()
            if not ended:
                time.sleep(0.5)
        yield job


def begin(jobs: list[Stage], at_once: int) -> None:
    """Start the next ones while fewer than so many are running."""
    running = sum(job.started and job.ended() is None for job in jobs)
    waiting = [job for job in jobs if not job.started]
    for job in waiting[: max(0, at_once - running)]:
        job.start()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"set-up failed: {' '.join(error.cmd)} ended with {error.returncode}")
    except KeyboardInterrupt:
        print("\ninterrupted; the same command goes on with its set-up", file=sys.stderr)
        sys.exit(INTERRUPTED)
