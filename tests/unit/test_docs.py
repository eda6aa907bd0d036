"""The pages tell the truth: generated ones are up to date, and examples name what exists."""

from __future__ import annotations

import ast
import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from sparkdrift.cli import main
from sparkdrift.spark.schemas import TABLES
from sparkdrift.spec.health_policy import VERDICTS
from sparkdrift.spec.loading import load_spec, parse_spec
from sparkdrift.spec.tokens import tokens

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
# Words of the examples' SQL that name no column: keywords, functions and types.
SQL_WORDS = {
    *("select", "from", "where", "and", "or", "not", "in", "is", "as", "by", "order", "group"),
    *("desc", "asc", "limit", "min", "max", "round", "count", "any_value", "item", "null"),
    *("having", "abs", "count_if", "max_by"),
}


def generator():
    return program("generate")


def program(name: str):
    """A program of docs/ as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / f"docs/{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def blocks(page: Path, language: str) -> list[str]:
    form = re.compile(rf"^```{language}\n(.*?)^```", re.MULTILINE | re.DOTALL)
    return form.findall(page.read_text("utf-8"))


def anchors(page: Path) -> list[str]:
    """The headings of a page as links name them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text("utf-8"), re.MULTILINE)
    return [re.sub(r"[^\w -]", "", text).strip().lower().replace(" ", "-") for text in headings]


def test_generated_pages_are_up_to_date():
    made = generator()
    for name, page in made.PAGES.items():
        assert (ROOT / "docs" / name).read_text("utf-8") == page(), "run: python docs/generate.py"


def test_the_views_of_the_docs_are_those_of_the_store():
    text = (ROOT / "sparkdrift/spark/views.py").read_text("utf-8")
    listed = re.search(r"^VIEWS = \{(.*?)\}", text, re.MULTILINE | re.DOTALL)
    assert listed is not None
    assert set(generator().views()) == set(re.findall(r'"(\w+)":', listed[1]))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_resolve(page):
    text = page.read_text("utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        found = page.parent / path if path else page
        assert found.exists(), f"{page.name}: {target}"
        assert not anchor or anchor in anchors(found)


def test_the_specs_of_the_pages_parse(tmp_path):
    for page in PAGES:
        for block in blocks(page, "yaml"):
            parse_spec(block, str(page))
    assert blocks(ROOT / "README.md", "yaml")
    load_spec(ROOT / "conf/monitors/example.yml")


@pytest.mark.parametrize(("page", "least"), [("README.md", 4), ("docs/sql.md", 15)])
def test_the_sql_of_a_page_names_real_tables_and_columns(page, least):
    columns = {table.name: set(table.names) for table in TABLES}
    columns |= {name: set(names) for name, names in generator().views().items()}
    queries = blocks(ROOT / page, "sql")
    assert len(queries) >= least
    for query in queries:
        words = [token.value.lower() for token in tokens(query) if token.kind == "word"]
        named = set(re.findall(r"\b(?:from|join)\s+(\w+)", query.lower()))
        assert named <= set(columns), query
        aliases = set(re.findall(r"\bas\s+(\w+)", query.lower()))
        known = set.union(*(columns[name] for name in named)) | named | aliases | SQL_WORDS
        assert set(words) <= known, set(words) - known


def said_by_the_package() -> list[str]:
    """Every text in the code, with a bar where a value is put in."""
    found = []
    for module in (ROOT / "sparkdrift").rglob("*.py"):
        for node in ast.walk(ast.parse(module.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                found.append(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [one.value if isinstance(one, ast.Constant) else "|" for one in node.values]
                found.append("".join(parts))
    return found


def test_the_messages_of_the_operations_page_are_said():
    section = (ROOT / "docs/operations.md").read_text("utf-8").split("## What is said")[1]
    messages = re.findall(r"^\| `([^`]+)` \|", section, re.MULTILINE)
    assert len(messages) >= 15
    said = said_by_the_package()
    for message in messages:
        parts = [part.strip() for part in message.split("...") if part.strip()]
        assert any(all(part in text for part in parts) for text in said), message


def test_the_readme_begins_with_what_a_first_reader_needs():
    found = anchors(ROOT / "README.md")
    wanted = ["see-it-work", "your-own-table", "the-tests", "questions-in-sql", "on-a-cluster"]
    assert [one for one in found if one in wanted] == wanted
    first = (ROOT / "README.md").read_text("utf-8").split("## Your own table")[0]
    extras = re.findall(r"pip install .*'\.\[([\w,]+)\]' && (\S.*)$", first, re.MULTILINE)
    assert extras == [
        ("local", ".venv/bin/sparkdrift demo"),
        ("local,examples", ".venv/bin/sparkdrift demo flights"),
    ]


def test_the_readme_knows_every_table_status_and_command():
    text = (ROOT / "README.md").read_text("utf-8")
    for name in (*(table.name for table in TABLES), *generator().views()):
        assert f"| `{name}`" in text
    described = {column.name for table in TABLES for column in table.columns}
    assert "status" in described
    for status in (
        *("ok", "warning", "drifted", "insufficient_data"),
        *("no_reference", "undetermined", "schema_changed", "source_unavailable"),
    ):
        assert f"| `{status}` |" in text
    for job in re.findall(r"jobs/(\w+\.py)", text):
        assert (ROOT / "jobs" / job).is_file()


def test_the_quiet_log_is_one_and_the_same():
    packaged = ROOT / "sparkdrift/spark/log4j2.properties"
    assert (ROOT / "conf/log4j2.properties").read_bytes() == packaged.read_bytes()


def test_the_command_for_a_cluster_names_files_that_are_there():
    (command,) = [text for text in blocks(ROOT / "README.md", "sh") if "spark-submit" in text]
    (log,) = re.findall(r"-Dlog4j2\.configurationFile=file:(\S+)", command)
    (job,) = re.findall(r"jobs/\S+\.py", command)
    assert (ROOT / log).is_file()
    assert (ROOT / job).is_file()


@pytest.mark.parametrize(("page", "least"), [("references.md", 10), ("lifecycle.md", 6)])
def test_the_commands_of_a_life_are_there(page, least, capsys):
    """Each with its options; what they print is from a run."""
    text = (ROOT / "docs" / page).read_text("utf-8")
    commands = [
        shlex.split(line) for line in re.findall(r"^\$ sparkdrift (.+)$", text, re.MULTILINE)
    ]
    assert len(commands) >= least
    for words in commands:
        named = words[: 2 if words[0] in ("reference", "health") else 1]
        assert main([*named, "--help"]) == 0
        told = capsys.readouterr().out
        for option in (one for one in words if one.startswith("--")):
            assert option in told, f"{' '.join(named)}: {option}"


def test_the_columns_that_are_named_to_newcomers_are_there():
    """`table.column` in docs/migration.md; what else has a dot is a key of the spec."""
    made = generator()
    columns = {table.name: set(table.names) for table in TABLES}
    text = (ROOT / "docs/migration.md").read_text("utf-8")
    named = re.findall(r"`([a-z_]+)\.([a-z0-9_]+)`", text)
    keys = {
        f"{place}.{key}"
        for place, section in made.sections(made.MonitorSpec)
        for key in section.by_key()
    }
    wrong = [
        f"{table}.{column}"
        for table, column in named
        if column not in columns.get(table, ()) and f"{table}.{column}" not in keys
    ]
    assert wrong == []
    assert len(named) >= 50


def test_the_concepts_are_one_page_with_one_picture():
    page = ROOT / "docs/concepts.md"
    text = page.read_text("utf-8")
    assert len(text.splitlines()) <= 120
    ((told, file),) = re.findall(r"!\[([^\]]*)\]\(([^)]+)\)", text)
    assert len(told) > 100, "the picture in words"
    made = program("concepts_picture")
    assert (page.parent / file).read_text("utf-8") == made.picture(), (
        "run: python docs/concepts_picture.py"
    )
    tables = {one[5] for one in made.BOXES if one[5] and one[5] != "your own"}
    known = {table.name for table in TABLES}
    assert {name for one in tables for name in one.split(", ")} <= known
    named = re.findall(r"^\*\*([A-Z][a-z]+)\.\*\*", text, re.MULTILINE)
    yours = {one[2] for one in made.BOXES if one[5] == "your own"}
    assert {one[2].rstrip("s") for one in made.BOXES if one[2] not in yours} <= set(named)
    assert all(one.lower().rstrip("s") in text.lower() for one in yours)


def test_the_concepts_know_every_verdict():
    text = (ROOT / "docs/concepts.md").read_text("utf-8")
    for verdict in VERDICTS:
        assert f"`{verdict}`" in text


def test_the_picture_fits_its_boxes_and_is_readable_in_light_and_dark():
    made = program("concepts_picture")
    # 12 pixels of a usual sans serif are about 6.4 wide, 10.5 of a monospaced one 6.4.
    for _, _, name, *lines in made.BOXES:
        for line in lines[:2]:
            assert 6.4 * len(line) <= made.WIDE - 12, f"{name}: {line}"
    for colours in re.findall(r":root \{(.*?)\}", made.STYLE, re.DOTALL):
        of = dict(re.findall(r"--(\w+): (#[0-9a-f]+)", colours))
        for ground in ("ground", "box", "you"):
            for ink, least in (("text", 7.0), ("soft", 4.5), ("line", 3.0)):
                found = contrast(of[ink], of[ground])
                assert found >= least, (ink, ground, found)


def contrast(one: str, other: str) -> float:
    """Of two colours, as WCAG 2 defines it: 1 to 21."""
    high, low = sorted(map(luminance, (one, other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * one for one in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
