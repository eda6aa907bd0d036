"""All tests, on a machine that has nothing but Python and Java: `python3 -m tests`.

Makes a virtual environment, installs the package and what its tests need into it at the
versions of constraints.txt, and runs the stages, fast ones first. Each stage is a process
of its own: a classic Spark session and a Connect one can't share a JVM.

    python3 -m tests                      every stage, in the environment .venv
    python3 -m tests --here fast          one stage, with this interpreter, nothing installed
    python3 -m tests --slow               the slow tests as well, and all of them over Connect
    python3 -m tests --here fast -- -x -k kll   what stands behind -- goes to pytest
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 10)
EXTRAS = ".[local,examples,dev]"

# Name: folders, and what the environment needs.
STAGES: dict[str, tuple[tuple[str, ...], dict[str, str]]] = {
    "fast": (("tests/unit", "tests/laws", "tests/simulation"), {}),
    "classic": (("tests/spark",), {}),
    "connect": (("tests/spark",), {"SPARK_API_MODE": "connect"}),
    "faults": (("tests/faults",), {}),
    "cli": (("tests/cli",), {}),
    "cluster": (("tests/cluster",), {}),
}
# What a stage selects unless --slow asks for everything; pyproject.toml has the usual selection.
SELECTED = {"connect": "not slow and not classic"}
# A stage decides these itself; a setting of the shell must not change what is tested.
UNSET = ("SPARK_API_MODE", "SPARK_REMOTE", "SPARKDRIFT_STORE", "SPARKDRIFT_MASTER")
COMMAND_LINE_ERROR = 2


def main(arguments: list[str]) -> int:
    """Run what is asked for; 0 when every test passed, else 1."""
    options, for_pytest = read(arguments)
    if sys.version_info < OLDEST:
        print(f"Python {sys.version.split()[0]} is too old: 3.10 or newer is needed")
        return COMMAND_LINE_ERROR
    python = Path(sys.executable) if options.here else environment(options.venv)
    stages = options.stage or present()
    failed = [name for name in stages if run(python, name, options.slow, for_pytest) != 0]
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
    parser.add_argument("--venv", type=Path, default=ROOT / ".venv", help="default: .venv")
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
    print(f"setting up {folder}", flush=True)
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    wanted = ["-q", "-c", "constraints.txt", "-e", EXTRAS]
    subprocess.run([*pip, "install", *wanted], cwd=ROOT, check=True)
    return python


def run(python: Path, stage: str, slow: bool, for_pytest: list[str]) -> int:
    """One stage; pytest's exit code."""
    folders, needed = STAGES[stage]
    kept = {key: value for key, value in os.environ.items() if key not in UNSET}
    selected = "" if slow else SELECTED.get(stage)
    chosen = [] if selected is None else ["-m", selected]
    settings = [f"{key}={value}" for key, value in needed.items()]
    print(f"\n{stage}: {' '.join([*settings, *folders])}", flush=True)
    command = [str(python), "-m", "pytest", *chosen, *for_pytest, *folders]
    return subprocess.run(
        command, cwd=ROOT, env={**kept, **needed}, stdin=subprocess.DEVNULL, check=False
    ).returncode


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as error:
        sys.exit(f"set-up failed: {' '.join(error.cmd)} ended with {error.returncode}")
