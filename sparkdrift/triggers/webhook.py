"""A signed POST: HMAC-SHA256 over timestamp and body, tried again where that may help.

    X-Sparkdrift-Timestamp: 1767225600
    X-Sparkdrift-Delivery: the same for each attempt at one delivery
    X-Sparkdrift-Signature: v1=HEX of HMAC-SHA256(secret, timestamp + "." + body)

Source of the scheme: what Stripe and Slack sign their webhooks by; the timestamp keeps a recorded
request from being sent again later. What is said of a failure names the host and the kind of
failure: neither path nor query of the URL, nor what the other side answered.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import socket
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.message import Message
from http.client import HTTPException
from typing import IO, Any

from sparkdrift import __version__
from sparkdrift.spec.hooks import Webhook, is_loopback, shown_url

SIGNATURE, TIMESTAMP = "X-Sparkdrift-Signature", "X-Sparkdrift-Timestamp"
DELIVERY = "X-Sparkdrift-Delivery"
# Too many requests and timeouts pass; what else a client did wrong stays wrong.
_AGAIN = frozenset([408, 425, 429])
_FIRST_WAIT, _LONGEST_WAIT = 0.5, 10.0


@dataclass(frozen=True)
class Delivered:
    """How a hook ended. status: sent or failed; detail: in words, without secrets."""

    status: str
    detail: str


def send(
    webhook: Webhook,
    document: Mapping[str, Any],
    *,
    environment: Mapping[str, str] = os.environ,
    sleep: Callable[[float], object] = time.sleep,
) -> Delivered:
    """POST `document` to `webhook`; never raises for what the other side does or does not."""
    secret = environment.get(webhook.secret_env, "")
    if not secret:
        return Delivered(
            "failed",
            f"the variable {webhook.secret_env} is not set: nothing was sent unsigned; set it to "
            "the secret that the receiver checks signatures with",
        )
    body = json.dumps(document, ensure_ascii=False, allow_nan=False, sort_keys=True).encode()
    where, told = shown_url(webhook.url), ""
    for attempt in range(1, webhook.attempts + 1):
        told, again = _in_time(webhook, body, str(document.get("delivery", "")), secret)
        if not told:
            count = "" if attempt == 1 else f" at the {attempt}. attempt"
            return Delivered("sent", f"{where} accepted it{count}")
        if not again:
            break
        if attempt < webhook.attempts:
            # Full jitter: many monitors that failed together do not come back together.
            longest = min(_LONGEST_WAIT, _FIRST_WAIT * 2**attempt)
            sleep(random.uniform(0, longest))  # noqa: S311 - not a secret
    attempts = f"{attempt} attempt{'' if attempt == 1 else 's'}"
    return Delivered("failed", f"{where}: {told} ({attempts})")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """What a receiver computes and compares, by `hmac.compare_digest`."""
    signed = timestamp.encode() + b"." + body
    return "v1=" + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """What is signed for one place is not carried to another."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: Message[str, str],
        newurl: str,
    ) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirect)
# A proxy would carry what is for this machine, and is let be in the clear, over a network.
_DIRECT = urllib.request.build_opener(_NoRedirect, urllib.request.ProxyHandler({}))


def _opener(url: str) -> urllib.request.OpenerDirector:
    return _DIRECT if is_loopback(urllib.parse.urlsplit(url).hostname or "") else _OPENER


def _in_time(webhook: Webhook, body: bytes, delivery: str, secret: str) -> tuple[str, bool]:
    """`_attempt`, given up after `timeout` seconds in all.

    A socket's own timeout begins anew with each byte, and there is none for looking up a name. An
    attempt that is given up may still arrive: the receiver knows it by its delivery id.
    """
    found: list[tuple[str, bool] | BaseException] = []

    def work() -> None:
        try:
            found.append(_attempt(webhook, body, delivery, secret))
        except BaseException as error:
            found.append(error)

    thread = threading.Thread(target=work, name="sparkdrift-webhook", daemon=True)
    thread.start()
    thread.join(webhook.timeout)
    ended = found[0] if found else (_unreachable(TimeoutError()), True)
    if isinstance(ended, BaseException):
        raise ended
    return ended


def _attempt(webhook: Webhook, body: bytes, delivery: str, secret: str) -> tuple[str, bool]:
    """(what went wrong, "" for nothing; whether to try again)."""
    timestamp = str(int(time.time()))
    request = urllib.request.Request(  # noqa: S310 - the spec accepts http and https only
        webhook.url,
        data=body,
        method="POST",
        headers={
            "Content-Type": "application/json",
            "User-Agent": f"sparkdrift/{__version__}",
            TIMESTAMP: timestamp,
            DELIVERY: delivery,
            SIGNATURE: signature(secret, timestamp, body),
        },
    )
    try:
        with _opener(webhook.url).open(request, timeout=webhook.timeout) as answer:
            code = int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return _refusal(error.code), error.code in _AGAIN or error.code >= 500
    except urllib.error.URLError as error:
        return _unreachable(error.reason), True
    except (OSError, HTTPException) as error:
        return _unreachable(error), True
    return ("", False) if 200 <= code < 300 else (_refusal(code), False)


def _refusal(code: int) -> str:
    if 300 <= code < 400:
        return f"it answered HTTP {code}: redirections are not followed, name the final URL"
    return f"it answered HTTP {code}"


def _unreachable(reason: object) -> str:
    """The kind of failure; a text of the other side may hold anything."""
    if isinstance(reason, TimeoutError | socket.timeout):
        return "no answer in time"
    if isinstance(reason, OSError) and reason.strerror:
        return reason.strerror.lower()
    return type(reason).__name__
