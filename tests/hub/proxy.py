"""A small HTTP proxy on loopback: forwards requests and tunnels (RFC 9110 7.6, 9.3.6)."""

from __future__ import annotations

import asyncio
from typing import Self
from urllib.parse import urlsplit


class Proxy:
    """Notes the request line of everything that goes through it.

    Args:
        refuse: Status to answer instead, e.g. 407.
    """

    def __init__(self, refuse: int | None = None) -> None:
        self.lines: list[str] = []
        self.port = 0
        self._refuse = refuse

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, _, rest = head.partition("\r\n")
            self.lines.append(line)
            method, target, _ = line.split(" ")
            if self._refuse:
                writer.write(f"HTTP/1.1 {self._refuse} No\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
            elif method == "CONNECT":
                host, _, port = target.rpartition(":")
                await self._tunnel(reader, writer, host, int(port), b"")
            else:
                parts = urlsplit(target)
                path = target[target.index("/", len("http://")) :]
                request = f"{method} {path} HTTP/1.1\r\nConnection: close\r\n{rest}"
                await self._tunnel(
                    reader, writer, parts.hostname or "", parts.port or 80, request.encode()
                )
        except (OSError, asyncio.IncompleteReadError):
            pass  # either side has gone
        finally:
            writer.close()

    async def _tunnel(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        host: str,
        port: int,
        first: bytes,
    ) -> None:
        there, back = await asyncio.open_connection(host, port)
        if first:
            back.write(first)
        else:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    finally:
        writer.close()
