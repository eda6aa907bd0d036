"""Webhooks against a server on loopback: signed, tried again, and silent about secrets."""

from __future__ import annotations

import contextlib
import hmac
import importlib
import json
import socket
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from sparkdrift.spec.hooks import Webhook
from sparkdrift.triggers import webhook
from sparkdrift.triggers.webhook import DELIVERY, SIGNATURE, TIMESTAMP, send, signature

SECRET = "s3cr3t-of-the-hook"
ENVIRONMENT = {"HOOK_SECRET": SECRET}
DOCUMENT = {"delivery": "d1", "verdict": "retrain", "owner": "Zoë"}


@contextmanager
def receiving(*codes: int, wait: float = 0.0):
    """A server that answers with these codes, the last one for ever; yields (url, requests)."""
    requests: list[tuple[dict[str, str], bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            requests.append((dict(self.headers.items()), body))
            time.sleep(wait)
            code = codes[min(len(requests), len(codes)) - 1]
            try:
                self.send_response(code, "token=abc of the other side")
                if 300 <= code < 400:
                    self.send_header("Location", "http://127.0.0.1:1/elsewhere")
                self.send_header("Content-Length", "0")
                self.end_headers()
            except BrokenPipeError:
                pass

        def log_message(self, *_):
            pass

    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook/path-s3cr3t?token=abc", requests
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def hook(url: str, **more) -> Webhook:
    return Webhook.model_validate({"url": url, "secret_env": "HOOK_SECRET", **more})


def sent(url: str, **more):
    waits: list[float] = []
    found = send(hook(url, **more), DOCUMENT, environment=ENVIRONMENT, sleep=waits.append)
    for secret in (SECRET, "abc", "path-s3cr3t", "other side"):
        assert secret not in found.detail
    return found, waits


def test_the_receiver_can_check_who_signed_and_when() -> None:
    with receiving(204) as (url, requests):
        found, waits = sent(url)
    assert (found.status, waits) == ("sent", [])
    ((headers, body),) = requests
    assert json.loads(body) == DOCUMENT
    assert headers[DELIVERY] == "d1"
    assert abs(time.time() - int(headers[TIMESTAMP])) < 60
    expected = signature(SECRET, headers[TIMESTAMP], body)
    assert hmac.compare_digest(headers[SIGNATURE], expected)
    # Another time, another body or another secret is another signature.
    assert expected != signature(SECRET, "1", body)
    assert expected != signature(SECRET, headers[TIMESTAMP], body + b" ")
    assert expected != signature("other", headers[TIMESTAMP], body)
    assert SECRET not in str(headers) + body.decode()


def test_the_signature_is_hmac_sha256_of_timestamp_dot_body() -> None:
    """By `printf '1.{}' | openssl dgst -sha256 -hmac k`."""
    assert signature("k", "1", b"{}") == (
        "v1=3dd49b2593d0f9a349e9e71c4bde3e2b862c2be4003fe9b4ba81332029310158"
    )


def test_what_passes_is_tried_again_with_the_same_delivery_and_growing_waits() -> None:
    with receiving(503, 429, 200) as (url, requests):
        found, waits = sent(url)
    assert found.status == "sent"
    assert "3. attempt" in found.detail
    assert {headers[DELIVERY] for headers, _ in requests} == {"d1"}
    assert len(waits) == 2
    assert 0 <= waits[0] <= 1
    assert 0 <= waits[1] <= 2


@pytest.mark.parametrize(
    ("code", "tries", "told"),
    [
        (500, 3, "HTTP 500 (3 attempts)"),
        (404, 1, "HTTP 404 (1 attempt)"),
        (307, 1, "redirections are not followed"),
        (302, 1, "redirections are not followed"),
    ],
)
def test_a_refusal_is_a_failure_in_words(code: int, tries: int, told: str) -> None:
    with receiving(code) as (url, requests):
        found, _ = sent(url, attempts=3)
    assert found.status == "failed"
    assert len(requests) == tries
    assert told in found.detail


def test_nobody_there_and_nobody_answering() -> None:
    with receiving(200) as (url, _):
        pass
    found, waits = sent(url, attempts=2)
    assert (found.status, len(waits)) == ("failed", 1)
    assert "connection refused (2 attempts)" in found.detail
    with receiving(200, wait=0.5) as (url, _):
        found, _ = sent(url, attempts=1, timeout=0.1)
    assert found.detail.endswith("no answer in time (1 attempt)")


def test_a_server_that_dribbles_is_given_up_in_time() -> None:
    """A byte now and then: no single read waits for long, and the answer never ends."""
    done = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def dribble():
            connection, _ = server.accept()
            with connection, contextlib.suppress(OSError):
                connection.sendall(b"HTTP/1.1 200 OK\r\n")
                while not done.wait(0.02):
                    connection.sendall(b"X")

        thread = threading.Thread(target=dribble)
        thread.start()
        began = time.monotonic()
        try:
            url = f"http://127.0.0.1:{server.getsockname()[1]}/hook"
            found, _ = sent(url, attempts=1, timeout=0.3)
        finally:
            took = time.monotonic() - began
            done.set()
            thread.join()
    assert found.detail.endswith("no answer in time (1 attempt)")
    assert took < 5


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_what_is_for_this_machine_goes_through_no_proxy(monkeypatch, host) -> None:
    """Openers read the environment when they are made, which is when the module is imported."""
    with receiving(200) as (proxy, carried), receiving(204) as (url, requests):
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy"):
            monkeypatch.setenv(name, proxy.split("/hook", maxsplit=1)[0])
        monkeypatch.setenv("no_proxy", "")
        fresh = importlib.reload(webhook)
        try:
            hooked = hook(url.replace("127.0.0.1", host))
            found = fresh.send(hooked, DOCUMENT, environment=ENVIRONMENT)
        finally:
            monkeypatch.undo()
            importlib.reload(webhook)
    assert (found.status, len(requests), len(carried)) == ("sent", 1, 0)


def test_nothing_is_sent_unsigned() -> None:
    with receiving(200) as (url, requests):
        for environment in ({}, {"HOOK_SECRET": ""}):
            found = send(hook(url), DOCUMENT, environment=environment)
            assert found.status == "failed"
            assert "HOOK_SECRET is not set" in found.detail
    assert requests == []
