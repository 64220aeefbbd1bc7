"""How hubs of this package listen, and how they vanish."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Self

from aiohttp import web

_SHUTDOWN_SECONDS = 0.05
"""How long a hub that goes down waits for its handlers to notice."""
_LONGEST_LINE = 8190
"""aiohttp's own limit."""
_ACCEPTING_PASSES = 5
"""Passes of the event loop after which what a socket has accepted is a connection."""


class Listener:
    """One application on one port. Use `start`."""

    def __init__(self, runner: web.AppRunner, listening: socket.socket) -> None:
        self._runner = runner
        self._listening = listening
        self.port: int = listening.getsockname()[1]

    @classmethod
    async def start(
        cls,
        application: web.Application,
        address: tuple[str, int],
        *,
        ssl_context: ssl.SSLContext | None = None,
        longest_line: int = _LONGEST_LINE,
    ) -> Self:
        """Listen, also on a port used a moment ago.

        Args:
            application: Who answers.
            address: Host and port to listen on; port 0 for any.
            ssl_context: Serve HTTPS with this certificate.
            longest_line: Most bytes of a request line or a header field.

        Raises:
            OSError: The port is taken.
        """
        listening = _listening_socket(*address)
        runner = web.AppRunner(
            application,
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            max_line_size=longest_line,
        )
        try:
            await runner.setup()
            await web.SockSite(runner, listening, ssl_context=ssl_context).start()
        except BaseException:
            await runner.cleanup()
            listening.close()
            raise
        return cls(runner, listening)

    async def vanish(self) -> None:
        """Refuse new connections and break those there are, at once, also in mid-answer.

        A clean-up alone would let answers go on for a while, in real time.
        """
        # asyncio loses a connection that it has accepted but not made when its server closes.
        asyncio.get_running_loop().remove_reader(self._listening)
        for _ in range(_ACCEPTING_PASSES):
            await asyncio.sleep(0)
        server = self._runner.server
        for connection in server.connections if server is not None else ():
            if connection.transport is not None:
                connection.transport.abort()
        await self._runner.cleanup()


def origin(host: str, port: int, *, encrypted: bool) -> str:
    """Scheme, host and port as URLs have them: IPv6 in brackets (RFC 3986 3.2.2)."""
    scheme = "https" if encrypted else "http"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _listening_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(256)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening
