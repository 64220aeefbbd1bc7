"""Large bodies that go straight from the connection into memory, over TLS and without."""

from __future__ import annotations

import asyncio
import hashlib
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
import trustme

from s2fetch.errors import BodyCutError
from s2fetch.hub.body import HttpBody
from s2fetch.hub.direct import WORTHWHILE_BYTES, DirectReader

DATA = hashlib.shake_128(b"direct").digest(3 * WORTHWHILE_BYTES + 777)
ROOM_BYTES = 300_000
"""No divisor of anything else."""
SMALL_BYTES = 100_000
"""As much of a body as aiohttp holds without anybody who reads."""


class Peer:
    """A server of one body after the other, over as many connections as it is asked for.

    Args:
        tls: Its certificate's context, or None.
        cut: After how many bytes it ends the connection; None for never.
        reset: Whether it ends it in the hard way.
        chunked: Whether it uses the chunked coding.
        small: A body that the first request is answered with.
    """

    def __init__(
        self,
        tls: ssl.SSLContext | None,
        *,
        cut: int | None = None,
        reset: bool = False,
        chunked: bool = False,
        small: bytes = b"",
    ) -> None:
        self._tls = tls
        self._cut = cut
        self._reset = reset
        self._chunked = chunked
        self._small = small
        self.connections = 0
        self.gone = asyncio.Event()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        self.connections += 1
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\n")
                if self._chunked:
                    writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
                    for start in range(0, len(DATA), 500_000):
                        piece = DATA[start : start + 500_000]
                        writer.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                    writer.write(b"0\r\n\r\n")
                else:
                    data, self._small = self._small or DATA, b""
                    writer.write(b"Content-Length: %d\r\n\r\n" % len(data))
                    writer.write(data[: self._cut])
                await writer.drain()
                if self._cut is not None:
                    if self._reset:
                        writer.transport.abort()
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client has what it wanted
        finally:
            writer.close()
            self.gone.set()


@pytest.fixture(params=["plain", "tls"])
def tls(request: pytest.FixtureRequest, authority: trustme.CA) -> ssl.SSLContext | None:
    """The servers' side of TLS, or None."""
    if request.param == "plain":
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


@asynccontextmanager
async def session_with(
    peer: Peer, authority: trustme.CA, tls: ssl.SSLContext | None
) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that trusts the peer, which listens."""
    server = await asyncio.start_server(peer.serve, "127.0.0.1", 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    peer.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
    context = ssl.create_default_context()
    authority.configure_trust(context)
    connector = aiohttp.TCPConnector(ssl=context)
    async with server, aiohttp.ClientSession(connector=connector) as session:
        yield session


async def collect(body: HttpBody, data: bytearray) -> None:
    """Add all of it, in pieces of the room there is."""
    memory = bytearray(ROOM_BYTES)
    while count := await body.read_into(memoryview(memory)):
        data += memory[:count]


async def body_of(body: HttpBody) -> bytes:
    """All of it."""
    data = bytearray()
    await collect(body, data)
    return bytes(data)


async def test_a_body_arrives_whole_and_leaves_the_connection_to_the_next(
    authority: trustme.CA, tls: ssl.SSLContext | None
) -> None:
    """Three bodies, one connection; the first bytes may be read by themselves."""
    peer = Peer(tls)
    async with session_with(peer, authority, tls) as session:
        for number in range(3):
            async with session.get(peer.url) as answer:
                body = HttpBody(answer, "X")
                first = await body.read() if number else b""
                assert first + await body_of(body) == DATA
                assert answer.content.at_eof()
    assert peer.connections == 1


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("cut", [WORTHWHILE_BYTES // 2, len(DATA) - 1])
async def test_a_body_that_breaks_says_so_and_keeps_what_came(
    authority: trustme.CA, tls: ssl.SSLContext | None, cut: int, reset: bool
) -> None:
    """Never as the end, and never with the connection given to somebody else."""
    peer = Peer(tls, cut=cut, reset=reset)
    async with session_with(peer, authority, tls) as session:
        for number in range(2):
            got = bytearray()
            async with session.get(peer.url) as answer:
                body = HttpBody(answer, "X")
                with pytest.raises(BodyCutError):
                    await collect(body, got)
                answer.close()
            assert DATA.startswith(got)
            assert len(got) <= cut
            assert reset or len(got) == cut
            assert peer.connections == number + 1


async def test_who_gives_up_in_the_middle_closes_the_connection(
    authority: trustme.CA, tls: ssl.SSLContext | None
) -> None:
    """The rest is nobody's: neither received nor given to the next request."""
    peer = Peer(tls)
    async with session_with(peer, authority, tls) as session:
        async with session.get(peer.url) as answer:
            body = HttpBody(answer, "X")
            await body.read_into(memoryview(bytearray(1000)))
            answer.close()
        await asyncio.wait_for(peer.gone.wait(), 30)
        async with session.get(peer.url) as answer:
            assert await body_of(HttpBody(answer, "X")) == DATA
    assert peer.connections == 2


async def test_nothing_is_read_after_a_cancelled_read(
    authority: trustme.CA, tls: ssl.SSLContext | None
) -> None:
    """Bytes may have come with the cancellation, and a hole must never look like a body."""
    peer = Peer(tls)
    async with session_with(peer, authority, tls) as session, session.get(peer.url) as answer:
        body = HttpBody(answer, "X")
        memory = memoryview(bytearray(ROOM_BYTES))
        while True:
            reading = asyncio.create_task(body.read_into(memory))
            await asyncio.sleep(0)
            if reading.cancel():
                break
        with pytest.raises(asyncio.CancelledError):
            await reading
        with pytest.raises(BodyCutError):
            await body.read_into(memory)


@pytest.mark.parametrize("big_pieces", [1, 2, 50])
async def test_the_answer_before_may_be_read_while_the_next_one_arrives(
    authority: trustme.CA, tls: ssl.SSLContext | None, big_pieces: int
) -> None:
    """It has come, so its connection is the next one's; aiohttp resumes it all the same."""
    peer = Peer(tls, small=DATA[:SMALL_BYTES])
    memory = memoryview(bytearray(ROOM_BYTES))
    async with session_with(peer, authority, tls) as session, session.get(peer.url) as answer:
        small = HttpBody(answer, "small")
        while not answer.content.is_eof():
            await asyncio.sleep(0)
        async with session.get(peer.url) as next_answer:
            big = HttpBody(next_answer, "big")
            got = bytearray()
            for _ in range(big_pieces):
                got += memory[: await big.read_into(memory)]
            assert await body_of(small) == DATA[:SMALL_BYTES]
            connection = next_answer.connection
            while connection and connection.transport and connection.transport.is_reading():
                await asyncio.sleep(0)  # until what was not asked for has come
            await collect(big, got)
            assert got == DATA
        async with session.get(peer.url) as last:
            assert await body_of(HttpBody(last, "last")) == DATA
    assert peer.connections == 1


async def test_what_comes_unasked_is_as_long_as_it_is(
    authority: trustme.CA, tls: ssl.SSLContext | None
) -> None:
    """The room for it is larger."""
    peer = Peer(tls)
    memory = memoryview(bytearray(ROOM_BYTES))
    async with session_with(peer, authority, tls) as session, session.get(peer.url) as answer:
        reader = DirectReader.take_over(answer)
        assert reader is not None
        reader.get_buffer(-1)[:3] = b"abc"
        reader.buffer_updated(3)
        count = await reader.read_into(memory)
        assert bytes(memory[:count]).endswith(b"abc")


async def test_chunks_and_small_bodies_are_left_to_aiohttp(
    authority: trustme.CA, tls: ssl.SSLContext | None
) -> None:
    """Where the bytes of a body are not one after the other, or it is not worth it."""
    peer = Peer(tls, chunked=True)
    async with session_with(peer, authority, tls) as session, session.get(peer.url) as answer:
        assert DirectReader.take_over(answer) is None
        assert await body_of(HttpBody(answer, "X")) == DATA
