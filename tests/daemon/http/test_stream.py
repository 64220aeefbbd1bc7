"""The event stream: order, ids, coming back, and those who do not read."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import aiohttp
import msgspec
import pytest

from s2fetch.daemon.http import HttpFace, messages, stream
from s2fetch.daemon.http.messages import LEVELS, message_of
from s2fetch.daemon.state import DaemonState
from s2fetch.events import (
    Event,
    HubResumed,
    ProductFailed,
    ProductOnline,
    SpaceLow,
    TransferProgressed,
)
from s2fetch.product import Product
from tests.daemon.controls import StillDaemon
from tests.daemon.http.conftest import FaceFactory
from tests.daemon.http.happenings import ACCOUNT, happen

Message = tuple[str, str, Any]


class Follower:
    """A client of the stream that reads message by message."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.comments = 0

    async def next(self) -> Message:
        """Name, id and data of the next message; comments are counted and passed over."""
        while True:
            lines = (await self.answer.content.readuntil(b"\n\n")).decode().split("\n")
            fields = dict(line.split(": ", 1) for line in lines if line and line[0] != ":")
            self.comments += sum(line.startswith(":") for line in lines)
            if "data" in fields:
                name, data = fields["event"], msgspec.json.decode(fields["data"])
                return name, fields.get("id", ""), data

    async def events(self, number: int) -> list[Message]:
        """The next so many events, states left out."""
        found: list[Message] = []
        while len(found) < number:
            message = await self.next()
            if message[0] == "event":
                found.append(message)
        return found

    async def until_hello(self) -> bool:
        name, _, data = await self.next()
        assert name == "hello"
        return bool(data["resumed"])


Follow = Callable[..., Awaitable[Follower]]


@pytest.fixture
async def follow(http: aiohttp.ClientSession) -> AsyncIterator[Follow]:
    """Begins to follow: ``await follow(face, last_id)``."""
    answers: list[aiohttp.ClientResponse] = []

    async def begin(face: HttpFace, last_id: str = "") -> Follower:
        headers = {"Last-Event-ID": last_id} if last_id else {}
        answers.append(await http.get(f"{face.url}/api/v1/events", headers=headers))
        assert answers[-1].status == 200, await answers[-1].text()
        assert answers[-1].content_type == "text/event-stream"
        return Follower(answers[-1])

    yield begin
    for answer in answers:
        answer.close()


def resumed(number: int) -> Event:
    return HubResumed(host=f"host-{number}")


async def test_a_stream_begins_with_the_state(
    face: HttpFace, daemon: StillDaemon, follow: Follow
) -> None:
    follower = await follow(face)
    assert await follower.until_hello() is False
    name, identifier, data = await follower.next()
    assert (name, identifier) == ("state", "")
    assert msgspec.convert(data, DaemonState) == daemon.now


async def test_events_come_in_their_order_with_growing_ids(
    face: HttpFace, daemon: StillDaemon, follow: Follow
) -> None:
    follower = await follow(face)
    await follower.next()
    for number in range(100):
        daemon.events.emit(resumed(number))
    found = await follower.events(100)
    assert [data["text"] for *_, data in found] == [f"host-{n} answers again" for n in range(100)]
    numbers = [int(identifier.rpartition("-")[2]) for _, identifier, _ in found]
    assert numbers == list(range(1, 101))
    assert all(identifier == data["id"] for _, identifier, data in found)


async def test_what_comes_too_often_to_be_read_is_not_told(
    face: HttpFace, daemon: StillDaemon, follow: Follow
) -> None:
    follower = await follow(face)
    await follower.next()
    one = Product(id="1", name="one")
    daemon.events.emit(
        TransferProgressed(product=one, account=ACCOUNT, slot=1, position=1, size=None)
    )
    daemon.events.emit(ProductOnline(product=one))
    ((_, _, data),) = await follower.events(1)
    assert (data["name"], data["product"]) == ("product-online", "one")


async def test_every_kind_of_event_is_told_in_words(
    face: HttpFace, daemon: StillDaemon, follow: Follow
) -> None:
    follower = await follow(face)
    await follower.next()
    happen(daemon.events)
    found = {data["name"]: data for *_, data in await follower.events(11)}
    assert found["attempt-failed"]["text"] == (
        "attempt 2: the body ended after 311 MB of 812 MB; again in 32 s"
    )
    assert found["attempt-failed"]["level"] == "warning"
    assert found["run-finished"]["text"] == (
        "waiting: 2 fetched (1.61 GB), 231 waiting, 1 failed in 1 h 10 min"
    )
    assert found["run-finished"]["time"] == "2026-06-18T14:32:00Z"


def test_every_event_that_is_told_has_words_of_its_own() -> None:
    """Not the names of its fields and bytes to the last digit."""
    below = list(Event.__subclasses__())
    for kind in below:
        below += kind.__subclasses__()
    told = {
        kind for kind in below if kind.level in LEVELS and kind.__module__.startswith("s2fetch")
    }
    assert told <= messages._TEXTS.keys()
    low = SpaceLow(folder="/data", free=74_133_282_816, floor=10**12, needed=1)
    found = message_of(low, id="", time="").text
    assert found == "/data has 74.1 GB free, and 1.00 TB is to be left: the queue rests"
    failed = ProductFailed(
        product=Product(id="1", name="one"), code="", error="one: no access", next_step="it waits"
    )
    assert message_of(failed, id="", time="").text == "no access. It waits"


async def test_a_client_that_comes_back_goes_on_where_it_was(
    face: HttpFace, daemon: StillDaemon, follow: Follow
) -> None:
    first = await follow(face)
    await first.next()
    for number in range(5):
        daemon.events.emit(resumed(number))
    last = (await first.events(3))[-1][1]
    first.answer.close()
    daemon.events.emit(resumed(5))
    second = await follow(face, last)
    assert await second.until_hello() is True
    found = [data["text"].split(" ")[0] for *_, data in await second.events(3)]
    assert found == ["host-3", "host-4", "host-5"]


@pytest.mark.parametrize(
    "last_id", ["0-3", "nonsense", "-", "6a35-", "x-99999999999999999999999999"]
)
async def test_an_id_of_another_daemon_begins_anew(
    face: HttpFace, daemon: StillDaemon, follow: Follow, last_id: str
) -> None:
    daemon.events.emit(resumed(0))
    follower = await follow(face, last_id)
    assert await follower.until_hello() is False
    assert (await follower.events(1))[0][2]["text"] == "host-0 answers again"


async def test_a_gap_is_not_passed_off_as_resumed(
    face: HttpFace, daemon: StillDaemon, follow: Follow
) -> None:
    first = await follow(face)
    await first.next()
    daemon.events.emit(resumed(0))
    ((_, last, _),) = await first.events(1)
    first.answer.close()
    for number in range(stream.MOST_REMEMBERED + 1):
        daemon.events.emit(resumed(number))
    second = await follow(face, last)
    assert await second.until_hello() is False


async def test_whoever_comes_is_told_of_warnings_that_others_have_pushed_out(
    face: HttpFace, daemon: StillDaemon, follow: Follow
) -> None:
    """In their order; who goes on where it left off is not told again."""
    happen(daemon.events)
    for number in range(stream.MOST_REMEMBERED):
        daemon.events.emit(resumed(number))
    follower = await follow(face)
    assert await follower.until_hello() is False
    found = await follower.events(3 + stream.MOST_REMEMBERED)
    assert [data["name"] for *_, data in found[:4]] == [
        *("attempt-failed", "hub-paused", "product-failed"),
        "hub-resumed",
    ]
    again = await follow(face, found[-2][1])
    assert await again.until_hello() is True
    assert [identifier for _, identifier, _ in await again.events(1)] == [found[-1][1]]


async def test_a_change_of_the_state_is_told_and_no_change_is_not(
    faces: FaceFactory, daemon: StillDaemon, follow: Follow
) -> None:
    face = await faces(tick=0.01, heartbeat=0.05)
    follower = await follow(face)
    await follower.next()
    assert (await follower.next())[0] == "state"
    daemon.change(now="2026-06-18T14:33:00Z", loop_delay_seconds=0.5)
    while follower.comments < 3:
        # Only heartbeats come: a passing minute alone is no news.
        assert b"state" not in await follower.answer.content.readuntil(b"\n\n")
        follower.comments += 1
    daemon.change(paused=True)
    name, _, data = await follower.next()
    assert (name, data["paused"], data["now"]) == ("state", True, "2026-06-18T14:33:00Z")


async def test_what_a_hub_says_cannot_forge_a_message(
    face: HttpFace, daemon: StillDaemon, follow: Follow
) -> None:
    follower = await follow(face)
    await follower.next()
    evil = 'S2A\n\nevent: state\ndata: {"paused": true}\n\n\r\u2028'
    daemon.events.emit(ProductOnline(product=Product(id="1", name=evil)))
    daemon.events.emit(resumed(1))
    first, second = await follower.events(2)
    assert first[2]["product"] == evil
    assert second[2]["text"] == "host-1 answers again"


async def test_a_client_that_does_not_read_is_dropped_and_hurts_nobody(
    faces: FaceFactory, daemon: StillDaemon, follow: Follow
) -> None:
    face = await faces(streams=2)
    slow = await _who_never_reads(face)
    quick = await follow(face)
    await quick.next()
    name = "x" * 60_000
    told = 0
    # The system's buffers between the two take some megabytes before anything waits here.
    while not _broken(slow):
        assert told < 2000, "nobody was dropped"
        daemon.events.emit(ProductOnline(product=Product(id="1", name=name)))
        told += 1
        await quick.events(1)
    slow.close()
    # Its place is free again.
    another = await follow(face)
    await another.until_hello()
    daemon.events.emit(resumed(1))
    assert (await quick.events(1))[0][2]["text"] == "host-1 answers again"


async def test_events_that_wait_for_one_client_are_bounded(
    face: HttpFace, daemon: StillDaemon, follow: Follow
) -> None:
    """All at once, so that no client can read in between."""
    follower = await follow(face)
    await follower.next()
    for number in range(stream.MOST_QUEUED + 1):
        daemon.events.emit(resumed(number))
    with pytest.raises((aiohttp.ClientError, asyncio.IncompleteReadError, ConnectionError)):
        await follower.events(stream.MOST_QUEUED + 1)


async def test_no_more_clients_than_set_may_follow(
    faces: FaceFactory, http: aiohttp.ClientSession, follow: Follow
) -> None:
    face = await faces(streams=1)
    await follow(face)
    async with http.get(f"{face.url}/api/v1/events") as answer:
        assert answer.status == 503
        assert answer.headers["Retry-After"] == "30"
        assert (await answer.json())["code"] == "too-many-streams"


async def test_streams_end_with_the_face(
    daemon: StillDaemon, faces: FaceFactory, follow: Follow
) -> None:
    face = await faces()
    answer = (await follow(face)).answer
    await face.__aexit__(None, None, None)
    assert b"hello" in await answer.content.read()
    assert daemon.events._listeners == []


async def test_streams_end_when_the_token_changes(
    face: HttpFace, token_file: Any, follow: Follow
) -> None:
    answer = (await follow(face)).answer
    await face.reload()
    assert not answer.content.at_eof()
    token_file.write_text("another-token-of-sufficient-length")
    await face.reload()
    await answer.content.read()


async def _who_never_reads(face: HttpFace) -> socket.socket:
    host, port = face.url.removeprefix("http://").split(":")
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    loop = asyncio.get_running_loop()
    await loop.sock_connect(client, (host, int(port)))
    await loop.sock_sendall(client, b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await loop.sock_recv(client, 16)
    return client


def _broken(client: socket.socket) -> bool:
    """Whether the other side has reset the connection; does not read from it."""
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0
