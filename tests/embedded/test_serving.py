"""Hubs that vanish: at once, and with every connection they have."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import socket

import pytest
from aiohttp import web

from s2fetch.embedded import serving
from s2fetch.embedded.serving import Listener, origin

HOST = "127.0.0.1"


async def _never_ends(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    await answer.write(b"so far")
    await asyncio.Event().wait()
    return answer


async def _listener() -> Listener:
    application = web.Application()
    application.router.add_get("/", _never_ends)
    return await Listener.start(application, (HOST, 0))


async def _broken(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionResetError):
        assert (await reader.read()).strip() == b""


async def test_answers_break_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever vanishes does not wait for its answers to come to an end."""
    monkeypatch.setattr(serving, "_SHUTDOWN_SECONDS", 3600.0)
    listener = await _listener()
    reader, writer = await asyncio.open_connection(HOST, listener.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: here\r\n\r\n")
    await reader.readuntil(b"so far")
    async with asyncio.timeout(60):
        await listener.vanish()
        await _broken(reader)
    writer.close()


async def test_no_connection_is_lost_on_the_way() -> None:
    """Also not one that was about to be made: what is dropped unclosed is an error of the test."""
    listener = await _listener()
    callers: list[socket.socket] = []

    async def call() -> None:
        while True:
            await asyncio.sleep(0)
            callers.append(caller := socket.socket())
            caller.setblocking(False)
            caller.connect_ex((HOST, listener.port))

    calling = asyncio.create_task(call())
    await asyncio.sleep(0.01)
    await listener.vanish()
    calling.cancel()
    gc.collect()
    for caller in callers:
        caller.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(HOST, listener.port)


async def test_what_could_not_be_started_does_not_go_on_listening(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nobody would answer those who connect."""
    made: list[socket.socket] = []

    class Noted(socket.socket):
        def listen(self, backlog: int = 0, /) -> None:
            super().listen(backlog)
            made.append(self)

    async def failing(_: web.Application) -> None:
        raise ZeroDivisionError

    application = web.Application()
    application.on_startup.append(failing)
    monkeypatch.setattr(socket, "socket", Noted)
    with pytest.raises(ZeroDivisionError):
        await Listener.start(application, (HOST, 0))
    assert [each.fileno() for each in made] == [-1]


@pytest.mark.parametrize(
    ("host", "encrypted", "url"),
    [
        ("127.0.0.1", False, "http://127.0.0.1:8080"),
        ("::1", False, "http://[::1]:8080"),
        ("hub.example.org", True, "https://hub.example.org:8080"),
    ],
)
def test_a_hub_is_reached_by_the_url_it_tells(host: str, encrypted: bool, url: str) -> None:
    """Also one that listens on an address of IPv6."""
    assert origin(host, 8080, encrypted=encrypted) == url
