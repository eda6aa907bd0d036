"""A real browser without a window, spoken to over two pipes in the words of its own protocol.

Chromium reads commands from file descriptor 3 and writes answers and events to 4, each a JSON
document that ends with a zero byte (`--remote-debugging-pipe`), so nothing has to be installed
beside the browser itself.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome", "chromium-headless-shell")
MISSING = (
    f"no browser: none of {', '.join(NAMES)} is on PATH, nor does SPARKDRIFT_BROWSER name one; "
    "on Debian: apt-get install chromium"
)
_SECONDS = 60.0
# A descriptor above those that the browser reads from.
_HIGH = 10


def found() -> str | None:
    """The browser's program; None where there is none."""
    given = os.environ.get("SPARKDRIFT_BROWSER")
    return given or next((path for name in NAMES if (path := shutil.which(name))), None)


class Browser:
    """A running browser; `events` are those of all pages since they were opened."""

    def __init__(self, process: subprocess.Popen[bytes], commands: int, answers: int) -> None:
        self._process, self._commands, self._answers = process, commands, answers
        self._last, self._rest = 0, b""
        self.events: list[dict[str, Any]] = []

    def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """The answer to a command; raises RuntimeError with the browser's words."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        for one in self._messages(f"the answer to {method}"):
            if one.get("id") == self._last:
                if "error" in one:
                    raise RuntimeError(f"{method}: {one['error']['message']}")
                answer: dict[str, Any] = one["result"]
                return answer
        raise AssertionError("unreachable: _messages ends by raising")

    def wait(self, event: str, session: str) -> None:
        """Until the page has sent the event."""
        if any(one["method"] == event and one["sessionId"] == session for one in self.events):
            return
        for one in self._messages(event):
            if one.get("method") == event and one.get("sessionId") == session:
                return

    def _messages(self, wanted: str) -> Iterator[dict[str, Any]]:
        until = time.monotonic() + _SECONDS
        while True:
            while b"\0" in self._rest:
                text, self._rest = self._rest.split(b"\0", 1)
                message = json.loads(text)
                if "method" in message:
                    self.events.append(message)
                yield message
            ready, _, _ = select.select([self._answers], [], [], max(0, until - time.monotonic()))
            part = os.read(self._answers, 1 << 20) if ready else b""
            if not part:
                raise RuntimeError(f"the browser ended, or took over {_SECONDS:.0f} s: {wanted}")
            self._rest += part

    def open(self, page: Path, width: int = 1100, height: int = 900, *, dark: bool = False) -> Page:
        """A page in a window of so many pixels, light or dark, once it is loaded."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        opened = Page(self, attached["sessionId"])
        for domain in ("Page", "Runtime", "Log", "Network"):
            opened.send(f"{domain}.enable")
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        opened.send("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        opened.send("Emulation.setEmulatedMedia", features=[scheme])
        begun = time.monotonic()
        opened.send("Page.navigate", url=page.resolve().as_uri())
        self.wait("Page.loadEventFired", opened.session)
        opened.seconds = time.monotonic() - begun
        return opened


class Page:
    """One page. `seconds`: from asking for it to its load event."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser, self.session, self.seconds = browser, session, 0.0

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.send(method, self.session, **parameters)

    def value(self, script: str) -> Any:
        """What an expression of JavaScript is worth in the page."""
        answer = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{script}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def press(self, key: str, code: int) -> None:
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code)

    def complaints(self) -> list[str]:
        """What a developer would see in the console: errors, warnings, refused resources."""
        told = []
        for one in self._browser.events:
            if one.get("sessionId") != self.session:
                continue
            if one["method"] == "Log.entryAdded":
                told.append(one["params"]["entry"]["text"])
            elif one["method"] in ("Runtime.consoleAPICalled", "Runtime.exceptionThrown"):
                told.append(json.dumps(one["params"])[:500])
        return told

    def requests(self) -> list[str]:
        """The addresses that the page asked for, itself included."""
        return [
            one["params"]["request"]["url"]
            for one in self._browser.events
            if one["method"] == "Network.requestWillBeSent" and one["sessionId"] == self.session
        ]

    def screenshot(self, file: Path, *, scale: float = 1.0) -> None:
        """What is in the window as a PNG, `scale` times as large."""
        size = self.value("[innerWidth, innerHeight]")
        clip = {"x": 0, "y": 0, "width": size[0], "height": size[1], "scale": scale}
        answer = self.send("Page.captureScreenshot", format="png", clip=clip)
        file.write_bytes(base64.b64decode(answer["data"]))

    def pdf(self, file: Path) -> None:
        """As it would be printed on A4."""
        paper = {"paperWidth": 8.27, "paperHeight": 11.69, "printBackground": False}
        file.write_bytes(base64.b64decode(self.send("Page.printToPDF", **paper)["data"]))


@contextmanager
def running(program: str) -> Iterator[Browser]:
    """The browser, with a profile of its own that is thrown away."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        command = [
            *(program, "--headless=new", "--remote-debugging-pipe", f"--user-data-dir={profile}"),
            *("--no-first-run", "--disable-gpu", "--disable-background-networking"),
            *("--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars"),
            *(["--no-sandbox"] if os.geteuid() == 0 else []),  # root has no sandbox in Chromium
            "about:blank",
        ]
        theirs_in, commands = os.pipe()
        answers, theirs_out = os.pipe()
        low = (fcntl.fcntl(theirs_in, fcntl.F_DUPFD, _HIGH), fcntl.fcntl(theirs_out, 0, _HIGH))

        def place() -> None:
            os.dup2(low[0], 3)
            os.dup2(low[1], 4)

        process = subprocess.Popen(
            command,
            preexec_fn=place,
            pass_fds=(3, 4),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for one in (theirs_in, theirs_out, *low):
            os.close(one)
        browser = Browser(process, commands, answers)
        try:
            yield browser
            browser.send("Browser.close")
        finally:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(commands)
            os.close(answers)
