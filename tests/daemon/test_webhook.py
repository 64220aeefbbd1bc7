"""Webhooks against a real server: signed, retried, and led nowhere else."""

from __future__ import annotations

import hashlib
import hmac
import ssl
from collections.abc import AsyncIterator

import aiohttp
import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

from s2fetch.daemon.alert_delivery import DeliveryError
from s2fetch.daemon.alerts import Alert, Rule
from s2fetch.daemon.webhook import Webhook
from s2fetch.network import find_proxy
from tests.clock import START, FakeClock

SECRET = b"0123456789abcdef0123456789abcdef"
ALERT = Alert(
    id="f00",
    event="began",
    rule=Rule.DISK_FLOOR,
    subject="alps",
    message="the disk is full",
    since="2024-07-01T12:00:00Z",
    at="2024-07-01T12:00:00Z",
    host="server",
)


class Receiver:
    """A server that remembers what came and answers as told.

    Attributes:
        came: Headers and body of each request.
        answers: What to answer with, in turn; 204 when there is none left.
    """

    def __init__(self) -> None:
        self.came: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[web.Response | None] = []
        self.elsewhere = 0

    async def handle(self, request: web.Request) -> web.Response:
        self.came.append((dict(request.headers), await request.read()))
        answer = self.answers.pop(0) if self.answers else web.Response(status=204)
        if answer is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        return answer

    async def other(self, _: web.Request) -> web.Response:
        self.elsewhere += 1
        return web.Response()


@pytest.fixture
def receiver() -> Receiver:
    return Receiver()


@pytest.fixture
async def server(receiver: Receiver) -> AsyncIterator[TestServer]:
    application = web.Application()
    application.router.add_post("/hook", receiver.handle)
    application.router.add_route("*", "/elsewhere", receiver.other)
    server = TestServer(application)
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
def webhook(server: TestServer, session: aiohttp.ClientSession, clock: FakeClock) -> Webhook:
    url = f"{server.make_url('/hook')}?token=hidden"
    return Webhook(url, SECRET, session=session, clock=clock, attempts=4)


async def test_a_delivery_is_signed_with_its_time(webhook: Webhook, receiver: Receiver) -> None:
    """As a receiver would check it, from the documentation alone."""
    await webhook.send(ALERT)
    ((headers, body),) = receiver.came
    sent_at = headers["S2fetch-Timestamp"]
    assert int(sent_at) == int(START.timestamp())
    digest = hmac.new(SECRET, f"{sent_at}.".encode() + body, hashlib.sha256).hexdigest()
    assert headers["S2fetch-Signature"] == f"sha256={digest}"
    assert headers["Content-Type"] == "application/json"
    assert headers["S2fetch-Delivery"] == "f00"
    assert b'"message":"the disk is full"' in body


async def test_without_a_secret_nothing_is_signed(
    server: TestServer, session: aiohttp.ClientSession, clock: FakeClock, receiver: Receiver
) -> None:
    url = str(server.make_url("/hook"))
    await Webhook(url, None, session=session, clock=clock).send(ALERT)
    assert "S2fetch-Signature" not in receiver.came[0][0]


async def test_what_may_pass_is_tried_again_with_growing_pauses(
    webhook: Webhook, receiver: Receiver, clock: FakeClock
) -> None:
    """The delivery keeps its number, and gets a signature of its time."""
    receiver.answers = [web.Response(status=503), None, web.Response(status=429)]
    await webhook.send(ALERT)
    assert len(receiver.came) == 4
    assert {headers["S2fetch-Delivery"] for headers, _ in receiver.came} == {"f00"}
    assert len(clock.slept) == 3
    times = [int(headers["S2fetch-Timestamp"]) for headers, _ in receiver.came]
    assert times[-1] == int(clock.now().timestamp())


async def test_the_time_a_receiver_asks_for_is_waited(
    webhook: Webhook, receiver: Receiver, clock: FakeClock
) -> None:
    receiver.answers = [web.Response(status=503, headers={"Retry-After": "90"})]
    await webhook.send(ALERT)
    assert clock.slept == [90]


async def test_an_attempt_for_ever_in_vain_is_given_up(
    webhook: Webhook, receiver: Receiver
) -> None:
    """And the address, which may hold a secret, is not told."""
    receiver.answers = [web.Response(status=500) for _ in range(9)]
    with pytest.raises(DeliveryError, match=r"answered 500 .*; it was tried 4 times") as caught:
        await webhook.send(ALERT)
    assert "hidden" not in f"{caught.value} {webhook.name}"
    assert webhook.name == "webhook at 127.0.0.1"


@pytest.mark.parametrize("status", [400, 401, 404, 410])
async def test_a_refusal_is_not_repeated(webhook: Webhook, receiver: Receiver, status: int) -> None:
    receiver.answers = [web.Response(status=status)]
    with pytest.raises(DeliveryError, match=f"it answered {status}"):
        await webhook.send(ALERT)
    assert len(receiver.came) == 1


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_redirect_is_not_followed(
    webhook: Webhook, receiver: Receiver, status: int
) -> None:
    receiver.answers = [web.Response(status=status, headers={"Location": "/elsewhere"})]
    with pytest.raises(DeliveryError, match="redirects are not followed"):
        await webhook.send(ALERT)
    assert receiver.elsewhere == 0


async def test_nobody_at_home_is_told_in_words(
    session: aiohttp.ClientSession, clock: FakeClock, unused_tcp_port: int
) -> None:
    url = f"http://127.0.0.1:{unused_tcp_port}/?token=hidden"
    with pytest.raises(DeliveryError, match="tried 2 times") as caught:
        await Webhook(url, None, session=session, clock=clock, attempts=2).send(ALERT)
    assert "hidden" not in str(caught.value)


async def test_a_certificate_of_nobody_is_not_accepted(
    receiver: Receiver, session: aiohttp.ClientSession, clock: FakeClock
) -> None:
    """At once: trying again does not help."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    application = web.Application()
    application.router.add_post("/hook", receiver.handle)
    server = TestServer(application, scheme="https")
    await server.start_server(ssl=context)
    url = f"https://localhost:{server.port}/hook"
    with pytest.raises(DeliveryError, match="certificate is not trusted"):
        await Webhook(url, None, session=session, clock=clock).send(ALERT)
    await server.close()
    assert receiver.came == []
    assert clock.slept == []


async def test_a_proxy_that_cannot_be_used_is_no_defect(
    session: aiohttp.ClientSession, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as what it is, and trying again does not help."""
    monkeypatch.setenv("https_proxy", "socks5://127.0.0.1:1080")
    url = "https://hooks.example.org/hook"
    hook = Webhook(url, None, session=session, clock=clock, proxy_for=find_proxy)
    with pytest.raises(DeliveryError, match="a proxy of the kind socks5"):
        await hook.send(ALERT)
    assert clock.slept == []
