"""
A browser that tests drive: Chromium as Debian ships it, by Playwright, with axe-core to hold pages against WCAG.

Nothing is downloaded: the browser is the machine's own, axe-core comes with a package of the index.
"""

import contextlib
import importlib.resources
import shutil
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.peers import missing_peer

#: What WCAG 2.2 AA asks, as far as a machine can tell, and what axe's authors recommend beside it.
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, NARROW = (1360, 860), (320, 700)
_WAIT_S = 30


@contextlib.contextmanager
def chromium() -> Iterator[Browser]:
    """Start the browser; skips (or fails, see ``tests.peers``) where it is not on this machine."""
    binary = shutil.which("chromium") or shutil.which("chromium-browser")
    if binary is None:
        missing_peer("Chromium", "apt-get install chromium")
    with sync_playwright() as playwright:
        # Without its sandbox, because tests may run as root; the pages are ours.
        browser = playwright.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@contextlib.contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve an application on a free port of this machine; gives its address."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()  # who comes before the server is up waits for it
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(_WAIT_S)
        listener.close()


@dataclass(slots=True)
class Visitor:
    """
    A page in a browser, and everything that it complained about or asked of other machines.

    :ivar bytes_in: what came over the wire, as it was encoded.
    """

    page: Page
    home: str
    complaints: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    bytes_in: int = 0

    def go(self, path: str) -> None:
        """Open a page of ours."""
        self.page.goto(self.home + path)

    def press(self, *keys: str) -> None:
        """Press keys, one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def ask(self, script: str) -> Any:
        """Evaluate a script in the page."""
        return self.page.evaluate(script)

    def focus(self) -> str:
        """Say where the focus is: id or text."""
        return str(self.ask("document.activeElement.id || document.activeElement.textContent.trim().slice(0, 40)"))

    def until(self, script: str) -> None:
        """Wait until a script is true; by asking again, because the pages allow no evaluation of text."""
        for _ in range(400):
            if self.ask(script):
                return
            self.page.wait_for_timeout(25)
        message = f"expected {script} to become true at {self.page.url}"
        raise AssertionError(message)

    def violations(self) -> list[str]:
        """Hold the page against WCAG; one line for each violation."""
        axe = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
        self.ask(axe + ";null")
        run = "axe.run(document, {runOnly: {type: 'tag', values: %r}, resultTypes: ['violations']})"
        found = self.ask(f"({run % _RULES}).then(r => r.violations)")
        return [
            f"{v['id']}: {v['help']} | {n['html'][:160]} | {n['failureSummary'][:200]}"
            for v in found
            for n in v["nodes"]
        ]


def visitor(context: BrowserContext, home: str) -> Visitor:
    """Open an empty page that is watched."""
    page = context.new_page()
    made = Visitor(page, home)
    page.on("console", lambda said: made.complaints.append(said.text) if said.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: made.complaints.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(home) else made.strangers.append(asked.url))
    network = context.new_cdp_session(page)
    network.send("Network.enable")

    def count(event: dict[str, Any]) -> None:
        made.bytes_in += int(event["encodedDataLength"])

    network.on("Network.loadingFinished", count)
    return made
