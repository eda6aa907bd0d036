"""What is installed is pinned, hashed and of a known licence, and the package calls nobody."""

from __future__ import annotations

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import sparkdrift

ROOT = Path(__file__).resolve().parents[2]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
CONSTRAINTS = (ROOT / "constraints.txt").read_text(encoding="utf-8")
PINS = re.findall(r"^([a-z0-9][a-z0-9._-]*)==(\S+)(.*?)(?=^[a-z]|\Z)", LOCK, re.M | re.S)
PACKAGE = Path(sparkdrift.__file__).parent
# Whatever can open a connection, of the standard library or of what is installed beside us.
NETWORK = {
    *("socket", "ssl", "http", "urllib", "ftplib", "smtplib", "poplib", "imaplib", "xmlrpc"),
    *("asyncio", "socketserver", "telnetlib", "nntplib", "webbrowser", "requests", "httpx"),
    *("aiohttp", "urllib3", "grpc", "boto3", "mlflow"),
}
CALLERS = {"triggers/webhook.py", "triggers/mlflow_tags.py"}

spec = importlib.util.spec_from_file_location("licences", ROOT / "docs" / "licences.py")
licences = importlib.util.module_from_spec(spec)
spec.loader.exec_module(licences)


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_every_pin_has_hashes_and_no_host():
    assert len(PINS) > 80
    for name, version, rest in PINS:
        assert re.findall(r"--hash=sha256:[0-9a-f]{64}\b", rest), (name, version)
    for text in (LOCK, CONSTRAINTS):
        assert not re.search(r"https?://|--(extra-)?index-url|--trusted-host|git\+", text)


def test_the_lock_has_what_the_constraints_say():
    known = {
        (normal(name), version)
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^\s;]+)", CONSTRAINTS, re.M)
    }
    names = {name for name, _ in known}
    others = [(n, v) for n, v, _ in PINS if normal(n) in names and (normal(n), v) not in known]
    assert others == []


def test_the_lock_has_all_that_the_project_names():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    named = set()
    for key in ("dependencies", "local", "sql", "examples", "dev"):
        (block,) = re.findall(rf"^{key} = \[(.*?)\]$", text, re.M | re.S)
        named |= {normal(one) for one in re.findall(r'"([A-Za-z0-9._-]+)', block)}
    named.remove("sparkdrift")  # its own extra `sql`, within `local`
    assert len(named) > 20
    assert named <= {normal(name) for name, _, _ in PINS}


@pytest.mark.parametrize("name", licences.locked())
def test_licences_are_allowed_and_listed(name):
    text = licences.licence(name)
    if text is None:
        pytest.skip("not installed here: for another system or Python")
    assert licences.is_allowed(text), f"{name}: {text!r} is no licence of docs/licences.py"
    page = licences.PAGE.read_text(encoding="utf-8")
    assert f"| {name} |" in page, "python docs/licences.py"


@pytest.mark.parametrize("text", ["GPL-3.0", "MIT AND GPL-3.0", "Proprietary", "not said", ""])
def test_other_licences_are_not_allowed(text):
    assert not licences.is_allowed(text)


def test_nothing_but_the_hooks_imports_what_can_call_somebody():
    callers = set()
    for file in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names = [one.name for one in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [str(node.module)]
            elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
                names = [getattr(node.args[0], "value", "")]
            else:
                continue
            # Taking a URL apart calls nobody.
            names = [one for one in names if one != "urllib.parse"]
            if {str(name).split(".")[0] for name in names} & NETWORK:
                callers.add(file.relative_to(PACKAGE).as_posix())
    assert callers <= CALLERS


def test_importing_and_reading_a_spec_opens_no_connection():
    """In a process of its own, whose audit hook ends it at the first connection or look-up."""
    code = """
import sys
def stop(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.sendto", "urllib.Request"):
        raise SystemExit(f"{event} {arguments}")
sys.addaudithook(stop)
import sparkdrift, sparkdrift.cli, sparkdrift.api, sparkdrift.triggers.webhook
from sparkdrift.spec.loading import load_spec
load_spec(sys.argv[1])
import socket
try:
    socket.create_connection(("127.0.0.1", 1), timeout=1)
except SystemExit as seen:
    print("the hook works:", seen)
"""
    example = ROOT / "conf" / "monitors" / "example.yml"
    done = subprocess.run(
        [sys.executable, "-c", code, str(example)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("the hook works: socket.")
