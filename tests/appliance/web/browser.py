"""Debian's Chromium without a window, steered by its debugging pipe: JSON messages that end with a zero byte."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.end_to_end.running import wait_for


class Browser:
    """One tab. Scripts of pages do not run in it; what `look` evaluates does."""

    def __init__(self, write_to: int, read_from: int) -> None:
        self._to = os.fdopen(write_to, "wb", buffering=0)
        self._from = os.fdopen(read_from, "rb", buffering=0)
        self._number = 0
        self._rest = b""
        self.session = ""
        self.complaints: list[str] = []  # of the content policy and of the console

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command; events that come meanwhile are looked through for complaints."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self._to.write(json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                self._rest += self._from.read(65536)
            line, _, self._rest = self._rest.partition(b"\0")
            answer = json.loads(line)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                result: dict[str, Any] = answer["result"]
                return result
            if answer.get("method") == "Log.entryAdded":
                self.complaints.append(answer["params"]["entry"]["text"])

    def look(self, expression: str) -> Any:
        """Value of an expression on the page."""
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True)["result"].get("value")

    def go(self, url: str) -> None:
        """Loads a page."""
        self.call("Page.navigate", url=url)
        self.wait_for_page(url)

    def wait_for_page(self, url: str) -> None:
        """Waits until a page is there, with its style."""
        wait_for(lambda: self.look("location.href") == url and self.look("document.readyState") == "complete", what=url)

    def click(self, selector: str) -> None:
        """Clicks in the middle of an element."""
        x, y = self.look(
            f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.scrollIntoView(); "
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def resize(self, width: int, height: int, *, is_phone: bool = False) -> None:
        """Size of the window in CSS pixels."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if is_phone else 1,
            mobile=is_phone,
        )

    def picture(self, path: Path) -> None:
        """The whole page as PNG."""
        data = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        path.write_bytes(base64.b64decode(data))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Chromium with an empty profile."""
    to_browser, from_browser = os.pipe(), os.pipe()
    for fd in (to_browser[0], from_browser[1]):
        os.set_inheritable(fd, True)
    command = (
        f"exec chromium --headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run "
        f"--user-data-dir={folder / 'profile'} --remote-debugging-pipe about:blank "
        f"3<&{to_browser[0]} 4>&{from_browser[1]}"
    )
    process = subprocess.Popen(
        ["bash", "-c", command],
        pass_fds=(to_browser[0], from_browser[1]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "HOME": str(folder)},
    )
    os.close(to_browser[0])
    os.close(from_browser[1])
    tab = Browser(to_browser[1], from_browser[0])
    try:
        target = tab.call("Target.createTarget", url="about:blank")["targetId"]
        tab.session = tab.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        tab.call("Page.enable")
        tab.call("Log.enable")
        tab.call("Emulation.setScriptExecutionDisabled", value=True)
        yield tab
    finally:
        process.terminate()
        process.wait(timeout=30)
        tab._to.close()
        tab._from.close()
