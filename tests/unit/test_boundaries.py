"""Who may import what, read from the syntax tree of every module of the package."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparkdrift

PACKAGE = Path(sparkdrift.__file__).parent
MODULES = sorted(PACKAGE.rglob("*.py"))
ENGINE = {"pyspark", "delta", "py4j"}
# Reading or writing anything, or asking what time it is.
IO = {"os", "io", "shutil", "socket", "subprocess", "tempfile", "urllib", "http", "sqlite3"}
CLOCK = {"time", "calendar", "sched"}
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
NOT_CONNECT = (
    *(r"\bsparkContext\b", r"\b_jvm\b", r"\b_jdf\b", r"\b_jsparkSession\b", r"\b_sc\b"),
    *(r"\.rdd\b", r"\.cache\(", r"\.persist\(", r"\.foreachPartition\("),
    *(r"GlobalTempView", r"\bDeltaTable\b", r"\bspark\.catalog\.cacheTable\b"),
)


def name(module: Path) -> str:
    return module.relative_to(PACKAGE.parent).as_posix()


def inside(folder: str) -> list[Path]:
    found = [module for module in MODULES if module.is_relative_to(PACKAGE / folder)]
    assert found, f"no module under sparkdrift/{folder}: has it moved?"
    return found


def imported(module: Path, *, typing_too: bool = False) -> Iterator[str]:
    """Every module that is imported, anywhere in the file; not those for type checkers only."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    skipped = set()
    if not typing_too:
        for node in ast.walk(tree):
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
                skipped |= {id(inner) for one in node.body for inner in ast.walk(one)}
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name(module)}: relative import"
            yield str(node.module)
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def roots(module: Path, *, typing_too: bool = False) -> set[str]:
    return {one.split(".")[0] for one in imported(module, typing_too=typing_too)}


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_only_spark_imports_the_engine(module: Path) -> None:
    if not module.is_relative_to(PACKAGE / "spark"):
        assert roots(module).isdisjoint(ENGINE)


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_only_one_folder_reads_tables_without_the_engine(module: Path) -> None:
    if module.is_relative_to(PACKAGE / "embedded"):
        assert roots(module, typing_too=True).isdisjoint(ENGINE)
    else:
        assert roots(module).isdisjoint({"deltalake", "duckdb", "sqlglot"})


@pytest.mark.parametrize("module", [*inside("measures"), *inside("kernels")], ids=name)
def test_pure_folders_know_no_engine_at_all(module: Path) -> None:
    assert roots(module, typing_too=True).isdisjoint(ENGINE)


@pytest.mark.parametrize("module", [*inside("measures"), *inside("spec")], ids=name)
def test_measures_and_spec_do_no_io_and_read_no_clock(module: Path) -> None:
    found = roots(module, typing_too=True)
    assert found.isdisjoint(ENGINE)
    # spec/loading.py opens the one file that it is handed, and the registry that this names;
    # nothing else opens anything.
    assert found.isdisjoint(IO | CLOCK)
    tree = ast.parse(module.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {one for one in called if re.search(r"\b(now|utcnow|today|monotonic)$", one)}
    if name(module) != "sparkdrift/spec/loading.py":
        assert not {one for one in called if one == "open" or one.endswith((".open", ".write"))}


@pytest.mark.parametrize("module", inside("spec"), ids=name)
def test_one_module_of_spec_reads_the_variable_that_it_names(module: Path) -> None:
    found = set(imported(module, typing_too=True))
    assert "sparkdrift.environment" not in found or module.name == "loading.py"


@pytest.mark.parametrize("module", inside("measures"), ids=name)
def test_measures_import_numbers_only(module: Path) -> None:
    ours = {one for one in imported(module) if one.startswith("sparkdrift")}
    assert all(one.startswith("sparkdrift.measures") for one in ours), ours
    assert roots(module) <= {"sparkdrift", "numpy", "scipy", *sys.stdlib_module_names}


@pytest.mark.parametrize("module", inside("kernels"), ids=name)
def test_kernels_import_what_executors_have(module: Path) -> None:
    ours = {one for one in imported(module) if one.startswith("sparkdrift")}
    # Explanations are made of rows and measures, see below: the whole package is shipped.
    allowed = ("sparkdrift.measures", "sparkdrift.kernels", "sparkdrift.explain")
    assert all(one.startswith(allowed) for one in ours), ours
    assert roots(module) <= {"sparkdrift", "numpy", "scipy", "pyarrow", *sys.stdlib_module_names}


@pytest.mark.parametrize("module", inside("explain"), ids=name)
def test_explanations_are_made_of_rows_and_measures(module: Path) -> None:
    ours = {one for one in imported(module) if one.startswith("sparkdrift")}
    allowed = ("sparkdrift.explain", "sparkdrift.measures", "sparkdrift.report.plain")
    assert all(one.startswith(allowed) for one in ours), ours
    assert roots(module, typing_too=True).isdisjoint(ENGINE | IO | CLOCK)


@pytest.mark.parametrize("module", inside("report/page"), ids=name)
def test_pages_are_made_of_rows_alone(module: Path) -> None:
    """Whoever asks for a page says what time it is; saving.py alone writes a file."""
    ours = {one for one in imported(module) if one.startswith("sparkdrift")}
    assert not [one for one in ours if one.startswith(("sparkdrift.spark", "sparkdrift.cli"))]
    refused = ENGINE | CLOCK if module.name == "saving.py" else ENGINE | CLOCK | IO
    assert roots(module, typing_too=True).isdisjoint(refused)
    tree = ast.parse(module.read_text(encoding="utf-8"))
    called = {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    assert not {one for one in called if re.search(r"\b(now|utcnow|today)$", one)}


@pytest.mark.parametrize("module", inside("references"), ids=name)
def test_what_references_mean_is_pure(module: Path) -> None:
    ours = {one for one in imported(module) if one.startswith("sparkdrift")}
    allowed = ("sparkdrift.references", "sparkdrift.measures", "sparkdrift.errors")
    allowed += ("sparkdrift.windows",)
    assert all(one.startswith(allowed) for one in ours), ours
    assert roots(module, typing_too=True).isdisjoint(ENGINE | IO | CLOCK)


@pytest.mark.parametrize("module", inside("health"), ids=name)
def test_what_a_verdict_follows_from_is_pure(module: Path) -> None:
    ours = {one for one in imported(module) if one.startswith("sparkdrift")}
    allowed = ("sparkdrift.health", "sparkdrift.spec", "sparkdrift.windows", "sparkdrift.errors")
    assert all(one.startswith(allowed) for one in ours), ours
    assert roots(module, typing_too=True).isdisjoint(ENGINE | IO | CLOCK)


@pytest.mark.parametrize("module", inside("spark"), ids=name)
def test_the_engine_folder_is_below_the_steps(module: Path) -> None:
    above = ("sparkdrift.steps", "sparkdrift.cli", "sparkdrift.report", "sparkdrift.demo")
    assert not [one for one in imported(module, typing_too=True) if one.startswith(above)]


@pytest.mark.parametrize("module", MODULES, ids=name)
def test_nothing_that_spark_connect_lacks(module: Path) -> None:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    # Docstrings may name what is not used.
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body[0] = ast.Pass()
    code = ast.unparse(ast.fix_missing_locations(tree))
    if module.is_relative_to(PACKAGE / "embedded"):
        code = code.replace("DeltaTable", "")  # delta-rs has a class of this name as well
    assert not [pattern for pattern in NOT_CONNECT if re.search(pattern, code)]


# What does not pass `spark/commits.py` is not tried again, and no test ends a driver there.
COMMITS = re.compile(
    r"\.save\(|\.saveAsTable\(|MERGE INTO|INSERT INTO|DELETE FROM|OPTIMIZE \{|VACUUM \{"
    r"|ALTER TABLE \{|CREATE TABLE"
)
# Tables that a check makes and drops; what errors say.
OTHERS = {f"sparkdrift/{one}.py" for one in ("spark/checking", "spark/source", "cli/forbidden")}


def test_every_commit_passes_one_point() -> None:
    written = [
        module
        for module in MODULES
        if COMMITS.search(module.read_text(encoding="utf-8"))
        and not module.is_relative_to(PACKAGE / "demo")
        and name(module) not in OTHERS
    ]
    assert len(written) >= 4
    for module in written:
        assert "sparkdrift.spark.commits" in set(imported(module)), name(module)
