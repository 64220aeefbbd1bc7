"""A catalogue that answers from memory: what a hub said once, it says again at once.

``python -m tests.benchmarks.page_server URL`` stands in front of the catalogue of a hub, so that a
benchmark of reading a long listing measures the reader and not the hub. It remembers what was asked
for, in order, and prints its address when it listens.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys

import aiohttp
import msgspec
from aiohttp import web

LOG_PATH = "/_pages/log"
FORGET_PATH = "/_pages/forget"
LATENCY_PATH = "/_pages/latency"


class PageServer:
    """Keeps every page it has fetched.

    Args:
        origin: Scheme and authority of the hub.
        session: With which it asks the hub.
    """

    def __init__(self, origin: str, session: aiohttp.ClientSession) -> None:
        self._origin = origin
        self._session = session
        self._pages: dict[str, bytes] = {}
        self._log: list[str] = []
        self._latency_seconds = 0.0

    async def page(self, request: web.Request) -> web.Response:
        """Answer a GET of the catalogue; what is not a page with rows is not kept."""
        path = request.raw_path
        self._log.append(path)
        await asyncio.sleep(self._latency_seconds)
        body = self._pages.get(path)
        if body is None:
            async with self._session.get(self._origin + path) as answer:
                body = await answer.read()
                if answer.status != 200:
                    return web.Response(status=answer.status, body=body)
            self._pages[path] = body
        return web.Response(body=body, content_type="application/json")

    async def log(self, _: web.Request) -> web.Response:
        """What was asked for since it last forgot, as a JSON list."""
        return web.Response(body=msgspec.json.encode(self._log), content_type="application/json")

    async def delay(self, request: web.Request) -> web.Response:
        """From now on, let so many seconds pass before each page."""
        self._latency_seconds = float(await request.text())
        return web.Response(status=204)

    async def forget(self, _: web.Request) -> web.Response:
        """Forget what was asked for, but keep the pages."""
        self._log.clear()
        return web.Response(status=204)


async def serve(origin: str) -> None:
    """Run until SIGTERM."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with aiohttp.ClientSession() as session:
        pages = PageServer(origin, session)
        application = web.Application()
        application.router.add_get(LOG_PATH, pages.log)
        application.router.add_post(FORGET_PATH, pages.forget)
        application.router.add_post(LATENCY_PATH, pages.delay)
        application.router.add_get("/{path:.*}", pages.page)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        sys.stdout.write(f"http://{host}:{port}\n")
        sys.stdout.flush()
        await stop.wait()
        await runner.cleanup()


if __name__ == "__main__":
    line = argparse.ArgumentParser(prog="python -m tests.benchmarks.page_server")
    line.add_argument("origin")
    asyncio.run(serve(line.parse_args().origin))
