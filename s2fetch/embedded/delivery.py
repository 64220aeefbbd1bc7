"""Sends bodies: at a rate, in pieces, with the faults that were asked for."""

from __future__ import annotations

import asyncio
import fcntl
import os
import socket
import struct
import termios
from collections.abc import Callable, Mapping

import msgspec
from aiohttp import web

from s2fetch.embedded.content import BytesContent, Content, DamagedContent, FileContent
from s2fetch.embedded.faults import (
    Answer,
    Chunked,
    Cut,
    Effects,
    Redirect,
    Reset,
    Slow,
    Stall,
    WrongLength,
)

_LARGEST_PIECE = 1 << 20
_SMALLEST_PIECE = 1 << 14
_PIECES_PER_SECOND = 25
_SENDFILE_PIECE = 8 << 20
_ABORT_LINGER = struct.pack("ii", 1, 0)
_DRAIN_SECONDS = 2.0


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """An answer with a body.

    Attributes:
        status: HTTP status.
        headers: All but Content-Length.
        content: Where the bytes come from.
        start: Position of the first byte.
        stop: Position after the last byte.
        bytes_per_second: Rate; None for as fast as it goes.
        sent: Told how many bytes were handed to the network, piece by piece.
    """

    status: int
    headers: Mapping[str, str]
    content: Content
    start: int
    stop: int
    bytes_per_second: float | None = None
    sent: Callable[[int], None] = lambda _: None


def plain(answer: Answer) -> web.Response:
    """An answer as it is."""
    if not answer.body:
        return web.Response(status=answer.status, headers=answer.headers)
    return web.Response(
        status=answer.status,
        body=answer.body.encode(),
        content_type=answer.content_type,
        headers=answer.headers,
    )


def redirect(to: Redirect) -> web.Response:
    """A redirect as it is."""
    return web.Response(status=to.status, headers={"Location": to.location})


async def deliver_bytes(
    request: web.Request, data: bytes, effects: Effects, content_type: str = "application/json"
) -> web.StreamResponse:
    """Send a body that is in memory, with status 200."""
    if not effects:
        return web.Response(body=data, content_type=content_type)
    outgoing = Outgoing(
        status=200,
        headers={"Content-Type": content_type},
        content=BytesContent(data),
        start=0,
        stop=len(data),
    )
    return await deliver(request, outgoing, effects)


async def deliver(request: web.Request, outgoing: Outgoing, effects: Effects) -> web.StreamResponse:
    """Send a body. Returns when the last byte is handed over or the connection is gone."""
    response = _response(outgoing, effects)
    reset = effects.one(Reset)
    if reset is not None and reset.after < 0:
        await _reset(request)
        return response
    try:
        await response.prepare(request)
        if request.method != "HEAD":
            await _send(request, response, outgoing, effects)
    except ConnectionError:
        _close(request)
    return response


def _response(outgoing: Outgoing, effects: Effects) -> web.StreamResponse:
    response = web.StreamResponse(status=outgoing.status, headers=dict(outgoing.headers))
    cut = effects.one(Cut)
    if effects.one(Chunked) or (cut and cut.chunked):
        response.enable_chunked_encoding()
        return response
    wrong = effects.one(WrongLength)
    length = outgoing.stop - outgoing.start + (wrong.by if wrong else 0)
    response.content_length = max(0, length)
    if wrong:
        response.force_close()
    return response


async def _send(
    request: web.Request, response: web.StreamResponse, outgoing: Outgoing, effects: Effects
) -> None:
    file = _for_sendfile(request, outgoing, effects)
    if file is not None:
        await _sendfile(request, response, outgoing, file)
        await response.write_eof()
        return
    cut, reset = effects.one(Cut), effects.one(Reset)
    stop = outgoing.stop
    for early in (cut, reset):
        if early is not None:
            stop = min(stop, outgoing.start + early.after)
    await _pieces(response, outgoing, effects, stop)
    if reset is not None:
        await _reset(request)
    elif (cut is not None and not cut.chunked) or effects.one(WrongLength) is not None:
        _close(request)
    else:
        await response.write_eof()


async def _pieces(
    response: web.StreamResponse, outgoing: Outgoing, effects: Effects, stop: int
) -> None:
    """Send up to ``stop``, never ahead of the rate."""
    slow, stall = effects.one(Slow), effects.one(Stall)
    rate = slow.bytes_per_second if slow else outgoing.bytes_per_second
    piece = _LARGEST_PIECE if not rate else _piece_size(rate)
    now = asyncio.get_running_loop().time
    begin = now()
    position = outgoing.start
    while position < stop:
        if stall and position - outgoing.start >= stall.after:
            await asyncio.sleep(stall.seconds)
            begin += stall.seconds
            stall = None
        end = min(stop, position + piece)
        if stall:
            end = min(end, outgoing.start + stall.after) if stall.after else end
        data = await outgoing.content.read(position, end - position)
        if not data:
            break
        if rate:
            await asyncio.sleep(begin + (end - outgoing.start) / rate - now())
        await response.write(data)
        outgoing.sent(len(data))
        position += len(data)


def _piece_size(rate: float) -> int:
    return int(min(_LARGEST_PIECE, max(_SMALLEST_PIECE, rate / _PIECES_PER_SECOND)))


def _for_sendfile(request: web.Request, outgoing: Outgoing, effects: Effects) -> FileContent | None:
    """The file the kernel may copy by itself; None if bytes have to go through this process."""
    content, transport = outgoing.content, request.transport
    if effects or outgoing.bytes_per_second is not None or not isinstance(content, FileContent):
        return None
    if transport is None or transport.get_extra_info("sslcontext") is not None:
        return None
    return content if outgoing.stop - outgoing.start > _LARGEST_PIECE else None


async def _sendfile(
    request: web.Request, response: web.StreamResponse, outgoing: Outgoing, content: FileContent
) -> None:
    """Let the kernel copy; the first piece goes the usual way and takes the headers with it."""
    loop = asyncio.get_running_loop()
    first = await content.read(outgoing.start, _SMALLEST_PIECE)
    await response.write(first)
    outgoing.sent(len(first))
    position = outgoing.start + len(first)
    with os.fdopen(content.descriptor, "rb", buffering=0, closefd=False) as file:
        while position < outgoing.stop:
            count = min(_SENDFILE_PIECE, outgoing.stop - position)
            transport = request.transport
            if transport is None or transport.is_closing():
                raise ConnectionResetError
            sent = await loop.sendfile(transport, file, content.start + position, count)
            if not sent:
                break
            outgoing.sent(sent)
            position += sent


async def _reset(request: web.Request) -> None:
    """Reset the connection once everything written so far has arrived (RFC 9293 3.10.7)."""
    transport = request.transport
    if transport is None:
        return
    connection: socket.socket = transport.get_extra_info("socket")
    limit = asyncio.get_running_loop().time() + _DRAIN_SECONDS
    while asyncio.get_running_loop().time() < limit:
        if not _unsent(connection):
            break
        await asyncio.sleep(0.005)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _ABORT_LINGER)
    transport.abort()


def _unsent(connection: socket.socket) -> int:
    """Bytes in the kernel the other side has not acknowledged."""
    answer = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, b"\0\0\0\0")
    return int(struct.unpack("i", answer)[0])


def _close(request: web.Request) -> None:
    """End the connection in an orderly way after what was written."""
    if request.transport is not None:
        request.transport.close()


def damaged(content: Content, effects: Effects) -> Content:
    """The content as the effects want it."""
    return DamagedContent(content, effects) if effects else content
