"""A headless Chromium that is told what to do through its debugging pipe: no driver is installed for it."""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_SECONDS = 30
_PHONE_LIMIT = 640
_OPTIONS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--remote-debugging-pipe", "--no-first-run",
    "--disable-background-networking", "--disable-component-update",
    # A page gets no further than this machine; its frames are in its own process, so that their requests are seen.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
    "--disable-features=IsolateSandboxedIframes",
)  # fmt: skip


def _inherited() -> list[int]:
    """Return the descriptors of this process that a program which it starts would have, too."""
    numbers = []
    for name in [path.name for path in Path("/dev/fd").iterdir()]:
        with contextlib.suppress(OSError):
            numbers += [int(name)] if os.get_inheritable(int(name)) else []
    return numbers


class Browser:
    """One page of a browser; `resize`, `colour` and `allow_scripts` hold until they are called again.

    Attributes:
        events: What the browser reported: requests, loads, complaints about policies.
    """

    def __init__(self, profile: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self._number, self._session, self._rest = 0, "", b""
        to_browser, self._write = os.pipe()
        self._read, from_browser = os.pipe()
        command = [str(CHROMIUM), *_OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        # The browser reads from descriptor 3 and writes to descriptor 4; those of a program that runs are higher.
        ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (to_browser, from_browser)]
        actions = [(os.POSIX_SPAWN_DUP2, end, number) for number, end in enumerate(ends, 3)]
        null = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in (0, 1, 2)]
        # A server that a test runs hands its socket on, and its port would stay taken as long as the browser lives.
        others = [(os.POSIX_SPAWN_CLOSE, number) for number in _inherited() if number > 4 and number not in ends]
        self._pid = os.posix_spawn(str(CHROMIUM), command, os.environ, file_actions=[*actions, *null, *others])
        for end in (to_browser, from_browser, *ends):
            os.close(end)

    def __enter__(self) -> Self:
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Log", "DOM", "Runtime"):
            self.ask(f"{domain}.enable")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._read)
        os.close(self._write)

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command, and return its result."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        command = {"id": self._number, "method": method, "params": parameters, **session}
        os.write(self._write, json.dumps(command).encode() + b"\0")
        while True:
            message = self._next()
            if message.get("id") == self._number:
                assert "error" not in message, (method, message)
                return dict(message["result"])

    def resize(self, width: int, height: int = 740) -> None:
        """Make the window this large; a narrow one is a phone's."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < _PHONE_LIMIT}
        self.ask("Emulation.setDeviceMetricsOverride", **size)

    def colour(self, scheme: str) -> None:
        """Have the reader prefer `light` or `dark`."""
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.ask("Emulation.setEmulatedMedia", features=[feature])

    def allow_scripts(self, *, are_allowed: bool) -> None:
        """Run the scripts of pages, or none; `evaluate` works in any case."""
        self.ask("Emulation.setScriptExecutionDisabled", value=not are_allowed)

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression in the page."""
        answer = self.ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def settle(self) -> None:
        """Wait until the page is drawn with its last size and colours."""
        frames = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done(1))))"
        self.ask("Runtime.evaluate", expression=frames, awaitPromise=True)

    def press_tab(self) -> None:
        """Press the key that leads from one field or link to the next."""
        key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
        for kind in ("rawKeyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, **key)

    def screenshot(self) -> bytes:
        """Return what is shown, as PNG."""
        return base64.b64decode(self.ask("Page.captureScreenshot", optimizeForSpeed=True)["data"])

    def open(self, url: str) -> None:
        """Open an address, and wait until it is shown."""
        self.events.clear()
        self.ask("Page.navigate", url=url)
        self.wait("Page.loadEventFired")

    def wait(self, event: str) -> None:
        """Wait until the browser reports an event since the last `open` or `click`."""
        while not any(one.get("method") == event for one in self.events):
            self._next()

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.ask("DOM.focus", nodeId=self._node(selector))
        self.ask("Input.insertText", text=text)

    def click(self, selector: str) -> None:
        """Click on an element, and wait until what it leads to is shown."""
        left, top, right, _, _, bottom, *_ = self.box(selector)
        self.events.clear()
        spot = {"x": (left + right) / 2, "y": (top + bottom) / 2, "button": "left", "clickCount": 1}
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, **spot)
        self.wait("Page.loadEventFired")

    def box(self, selector: str) -> list[float]:
        """Return the four corners of an element, clockwise from the left top, after scrolling to it."""
        node = self._node(selector)
        self.ask("DOM.scrollIntoViewIfNeeded", nodeId=node)
        return list(self.ask("DOM.getBoxModel", nodeId=node)["model"]["border"])

    def html(self) -> str:
        """Return the page as it is."""
        return str(self.ask("DOM.getOuterHTML", nodeId=self._node("html"))["outerHTML"])

    def content_size(self) -> tuple[int, int]:
        """Return how wide and high the page is: wider than the window means that one has to scroll sideways."""
        size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        return int(size["width"]), int(size["height"])

    def requests(self) -> list[dict[str, Any]]:
        """Return the requests since the last `open` or `click`."""
        return [one["params"]["request"] for one in self.events if one.get("method") == "Network.requestWillBeSent"]

    def complaints(self) -> list[str]:
        """Return what the browser refused to load, apply or run, and what a page wrote to the console."""
        console = ("Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown")
        return [json.dumps(one["params"])[:300] for one in self.events if one.get("method") in console]

    def _node(self, selector: str) -> int:
        root = self.ask("DOM.getDocument", depth=0)["root"]["nodeId"]
        node = int(self.ask("DOM.querySelector", nodeId=root, selector=selector)["nodeId"])
        assert node, f"there is no {selector}"
        return node

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + _SECONDS
        while b"\0" not in self._rest:
            assert select.select([self._read], [], [], max(0, end - time.monotonic()))[0], "the browser says nothing"
            self._rest += os.read(self._read, 1 << 16)
        line, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        if "method" in message:
            self.events.append(message)
        return message
