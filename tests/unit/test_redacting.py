"""What gives access is taken out of what is shown and stored."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import pytest

from sparkdrift.cli import screen
from sparkdrift.cli.commands.tables import _write_csv
from sparkdrift.errors import SourceError, SpecError, UsageError
from sparkdrift.redacting import names_a_password, without_secrets
from sparkdrift.references.life import Name
from sparkdrift.references.manifest import Manifest
from sparkdrift.spark.querying import Answer
from sparkdrift.spark.reference_life import Snapshot
from sparkdrift.spec.loading import parse_spec
from sparkdrift.steps.exchange import SnapshotError, _require_condition
from sparkdrift.steps.journal import first_line
from sparkdrift.steps.verifying import source_then
from sparkdrift.store import open_store

SECRETS = [
    "s3a://AKIA1:hunter2@bucket/log",
    "jdbc:postgresql://ada:hunter2@db:5432/x",
    "https://acc.blob.core.windows.net/c?sv=2022&sig=hunter2%3D&se=1",
    "spark.hadoop.fs.s3a.secret.key=hunter2, spark.x=1",
    "fs.azure.account.key.acc.dfs.core.windows.net=hunter2",
    "password='hunter2 hunter2' user=ada",
    'TOKEN="hunter2"',
    "Authorization: Bearer hunter2hunter2",
    "dapi" + "0123456789abcdef" * 2,
]
HARMLESS = [
    "s3://bucket/a=1/b",
    "abfss://container@account.dfs.core.windows.net/log",
    "the token 'x' at 10:20 == secret",
    "a/token == b and x@y.z",
    "spark.sql.shuffle.partitions=2",
]
BASE = "monitor: m\nowner: o\ntimestamp: {column: t, zone: UTC}\nfeatures: {auto: true}\n"


@pytest.mark.parametrize("text", SECRETS)
def test_secrets_are_hidden(text: str, capsys) -> None:
    assert "hunter2" not in without_secrets(text)
    assert "0123456789abcdef" not in without_secrets(text)
    assert "***" in first_line(RuntimeError(text))
    screen.complain(f"error: {text}")
    screen.remark(text)
    assert "hunter2" not in capsys.readouterr().err


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_secrets(text) == text
    assert not names_a_password(text)


def test_no_spec_and_no_store_holds_a_password() -> None:
    with pytest.raises(SpecError, match="with a password, key or signature") as caught:
        parse_spec(BASE + f"source: {{path: '{SECRETS[0]}'}}\n")
    assert "hunter2" not in str(caught.value)
    with pytest.raises(UsageError, match="holds a password") as said:
        open_store(SECRETS[0])
    assert "hunter2" not in str(said.value)


def test_json_holds_nothing_that_a_terminal_obeys(capsys) -> None:
    given = {"a\x9b31m": "\x1b[2J\x7f\u202e\ufeff\u2028\ud800\U000e0041", "ä": "é\n"}
    screen.print_json(given)
    text = capsys.readouterr().out
    assert text.replace("\n", "").isprintable()
    assert json.loads(text) == given


FORMULAS = ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-2+3", " =1", "\t=1", "＝1", "\rx"]


def test_csv_runs_nothing_in_a_spreadsheet() -> None:
    assert [screen.cell(one)[0] for one in FORMULAS] == ["'"] * len(FORMULAS)
    kept = ["-5", "+1.5e3", "a=b", "", "-Infinity", "2024-01-01", "*", "x"]
    assert [screen.cell(one) for one in kept] == kept
    assert screen.cell(-5) == "-5"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_csv_on_a_terminal_drives_nothing(monkeypatch) -> None:
    answer = Answer(("=a",), (("\x1b[2Jx",),))
    for stream, expected in ((io.StringIO(), "\x1b[2Jx"), (Terminal(), "?[2Jx")):
        monkeypatch.setattr("sys.stdout", stream)
        _write_csv(answer)
        assert stream.getvalue() == f"'=a\n{expected}\n"


SNAPSHOT = Snapshot(
    version=3,
    run_id="r",
    source="main.risk.log",
    source_filter="reflect('java.lang.System', 'getenv', 'HOME') = x",
    interval=None,
    windows=1,
    rows=1,
    digest="d",
)


def test_a_stored_condition_is_checked_before_it_is_run() -> None:
    with pytest.raises(SourceError, match="'reflect' is not one of those allowed"):
        source_then(None, parse_spec(BASE + "source: {table: a}\n"), SNAPSHOT)


def test_a_file_brings_no_condition_that_a_spec_could_not_hold(tmp_path) -> None:
    name = Name("m", "baseline", "baseline")
    whole = Manifest(name, 3, {}, [], "d", "f", 1, "main.drift", "bob", "0.1.0")
    hostile = replace(whole, snapshot={"source_filter": SNAPSHOT.source_filter})
    with pytest.raises(SnapshotError, match=r"'reflect' is not one .*Nothing was imported"):
        _require_condition(tmp_path / "a.parquet", hostile)
    _require_condition(tmp_path / "a.parquet", replace(whole, snapshot={"source_filter": "a"}))
    _require_condition(tmp_path / "a.parquet", whole)
