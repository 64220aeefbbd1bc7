"""A real Chromium, driven through the DevTools protocol.

The protocol is JSON over one WebSocket (Chrome DevTools Protocol, "flat" sessions); aiohttp speaks
it, so that no browser driver has to be installed.
"""

from __future__ import annotations

import asyncio
import base64
import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--renderer-process-limit=1",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)
PATIENCE = 30.0


def chromium() -> str | None:
    """The browser's path, or None when there is none on this machine."""
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next(filter(None, map(shutil.which, names)), None)


class Page:
    """One tab.

    Attributes:
        requests: URLs it asked for, the document's own included.
        complaints: What the console said as an error or a warning, exceptions and refusals.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self._socket = socket
        self._session = ""
        self._target = ""
        self._numbers = count(1)
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._loaded = asyncio.Event()

    async def call(self, method: str, **parameters: Any) -> Any:
        """Ask the browser for something and wait for its answer."""
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._answers[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_str(msgspec.json.encode(message).decode())
        async with asyncio.timeout(PATIENCE):
            return await self._answers[number]

    async def open(self, url: str) -> None:
        """Go to an address and wait until its files are loaded."""
        self._loaded.clear()
        await self.call("Page.navigate", url=url)
        async with asyncio.timeout(PATIENCE):
            await self._loaded.wait()

    async def get(self, expression: str) -> Any:
        """The value of a JavaScript expression; promises are waited for."""
        answer = await self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise AssertionError(answer["exceptionDetails"])
        return answer["result"].get("value")

    async def until(self, expression: str) -> None:
        """Wait until a JavaScript expression is true; it is looked at with every frame."""
        await self.get(
            "new Promise((resolve, reject) => {"
            f"  const look = () => ({expression}) ? resolve(true) : setTimeout(look, 20);"
            f"  setTimeout(() => reject(new Error({msgspec.json.encode(expression).decode()})),"
            f"    {PATIENCE * 900:.0f});"
            "  look();"
            "})"
        )

    async def press(self, key: str) -> None:
        """Press one key."""
        codes = {"Tab": 9, "Enter": 13, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "End": 35}
        text = {"text": "\r"} if key == "Enter" else {}
        common = {"key": key, "code": key, "windowsVirtualKeyCode": codes[key]}
        await self.call("Input.dispatchKeyEvent", type="keyDown", **common, **text)
        await self.call("Input.dispatchKeyEvent", type="keyUp", **common)

    async def look_like(self, *, width: int, height: int = 900, dark: bool = False) -> None:
        """Be a screen of that size, in light or dark mode."""
        await self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        await self.call("Emulation.setEmulatedMedia", features=[scheme, still])

    async def picture(self, path: Path) -> None:
        """Take a picture of the whole page."""
        answer = await self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    async def start(self) -> None:
        """Attach to a new tab, in a browser that knows nothing."""
        target = await self.call("Target.createTarget", url="about:blank")
        self._target = target["targetId"]
        attached = await self.call("Target.attachToTarget", targetId=self._target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            await self.call(f"{domain}.enable")
        await self.call("Network.clearBrowserCache")

    async def end(self) -> None:
        """Have the browser forget what it has learnt, and close the tab.

        A tab is not given a browser context of its own, which costs as much as a page. What was
        kept for the tab alone goes with it; all else is kept by origin.
        """
        for origin in {"/".join(url.split("/")[:3]) for url in self.requests}:
            await self.call("Storage.clearDataForOrigin", origin=origin, storageTypes="all")
        self._session = ""
        await self.call("Target.closeTarget", targetId=self._target)

    async def listen(self) -> None:
        """Take in what the browser says until it is gone."""
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._take(msgspec.json.decode(message.data))

    def _take(self, message: dict[str, Any]) -> None:
        if "id" in message:
            answer = self._answers.pop(message["id"])
            if "error" in message:
                answer.set_exception(AssertionError(message["error"]))
            elif not answer.done():
                answer.set_result(message["result"])
            return
        parameters = message.get("params", {})
        match message["method"]:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Runtime.exceptionThrown":
                self.complaints.append(str(parameters["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if parameters["type"] in ("error", "warning"):
                self.complaints.append(str(parameters["args"]))
            case "Log.entryAdded" if parameters["entry"]["level"] in ("error", "warning"):
                self.complaints.append(str(parameters["entry"]))


@contextmanager
def browser(profile: Path) -> Iterator[str]:
    """A new browser with its profile in that folder; yields where it listens."""
    program = chromium()
    if program is None:
        raise FileNotFoundError("there is no Chromium")
    command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet) as process:
        try:
            yield _address(process, profile / "DevToolsActivePort")
        finally:
            process.terminate()


@asynccontextmanager
async def tab(address: str) -> AsyncIterator[Page]:
    """A tab of a browser that listens there, which shares nothing with any other tab."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, max_msg_size=0) as socket,
    ):
        page = Page(socket)
        listening = asyncio.create_task(page.listen())
        try:
            await page.start()
            yield page
            await page.end()
        finally:
            listening.cancel()
            await asyncio.wait([listening])


def _address(process: subprocess.Popen[bytes], file: Path) -> str:
    """Where the browser listens; it writes port and path into a file."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        said = file.read_text().split() if file.exists() else []
        if len(said) == 2:
            return f"ws://127.0.0.1:{said[0]}{said[1]}"
        time.sleep(0.01)
    raise AssertionError("the browser did not start")
