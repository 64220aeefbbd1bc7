"""Reading catalogue answers, and following redirects with a token."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import msgspec
import pytest
from aiohttp import web

from s2fetch.errors import (
    CatalogueError,
    ConnectionLostError,
    HubDownError,
    QueryError,
    RedirectError,
    S2FetchError,
    UsageError,
)
from s2fetch.events import Event, HubPaused, HubResumed
from s2fetch.hub.base import Validator
from s2fetch.hub.body import HttpBody
from s2fetch.hub.refusals import catalogue_refusal
from s2fetch.network import find_proxy
from tests.clock import FakeClock
from tests.hub.conftest import ClientFactory, Server, trusting
from tests.hub.proxy import Proxy

ServerFactory = Callable[..., Awaitable[Server]]
PAGE = web.Response(body=b'{"value": 42}', content_type="application/json")


class Value(msgspec.Struct):
    value: int


def parse(body: bytes) -> int:
    return msgspec.json.decode(body, type=Value).value


async def read(client_factory: ClientFactory, url: str, **options: float) -> int:
    client = await client_factory(url, **options)
    return await client.read("GET", f"{url}/page?a=b%20c", parse, refusal=catalogue_refusal)


async def broken(request: web.BaseRequest) -> web.StreamResponse:
    """An answer that ends before its length."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b'{"value": 4')
    if request.transport is not None:
        request.transport.close()
    return response


async def stalled(request: web.BaseRequest) -> web.StreamResponse:
    """An answer that stops in the middle and keeps the connection."""
    response = web.StreamResponse(headers={"Content-Length": "13"})
    await response.prepare(request)
    await response.write(b'{"value"')
    await asyncio.sleep(60)
    return response


def answering(said: bytes) -> Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]:
    """An answer with bytes that the server library would not send."""

    async def odd(request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.write(said)
        request.transport.close()
        return web.Response()

    return odd


async def silent(_: web.BaseRequest) -> web.StreamResponse:
    """No answer at all."""
    await asyncio.sleep(60)
    return web.Response()


TRANSIENT = {
    **{str(status): web.Response(status=status) for status in (404, 408, 500, 502, 504)},
    "deep JSON": web.Response(body=b'{"value":' + b"[" * 5000),
    "cut JSON": web.Response(body=b'{"value": 4'),
    "an error page": web.Response(body=b"<html>Maintenance</html>"),
    "nothing": web.Response(body=b""),
    "a body that ends early": broken,
}


@pytest.mark.parametrize("what", TRANSIENT)
async def test_what_may_be_better_next_time_is_asked_for_again(
    servers: ServerFactory, client_factory: ClientFactory, clock: FakeClock, what: str
) -> None:
    """The catalogue answers good requests with errors and broken pages now and then."""
    server = await servers(TRANSIENT[what], TRANSIENT[what], PAGE)
    assert await read(client_factory, server.url) == 42
    assert len(server.requests) == 3
    assert len(clock.slept) == 2


@pytest.mark.parametrize("what", ["500", "404", "cut JSON"])
async def test_giving_up_a_page_is_an_error(
    servers: ServerFactory, client_factory: ClientFactory, what: str
) -> None:
    """After seven attempts; it never looks like an empty page, but may be at another address."""
    server = await servers(TRANSIENT[what])
    with pytest.raises(CatalogueError, match=r"could not be read.*Asked 7 times") as raised:
        await read(client_factory, server.url)
    assert len(server.requests) == 7
    assert ("catalogue-url" in str(raised.value)) is (what == "404")


@pytest.mark.parametrize("handler", [stalled, silent])
async def test_an_answer_that_stops_is_given_up_and_asked_for_again(
    servers: ServerFactory, client_factory: ClientFactory, handler: Callable[..., object]
) -> None:
    """Silence has a limit, before the answer and within it."""
    server = await servers(handler, PAGE)
    limits = {"read_idle_timeout": 0.1, "first_byte_timeout": 0.1}
    assert await read(client_factory, server.url, **limits) == 42
    assert len(server.requests) == 2


async def test_a_host_that_is_down_is_waited_for(
    client_factory: ClientFactory, clock: FakeClock, events: list[Event], servers: ServerFactory
) -> None:
    """Refused connections cost pauses and no attempt; when the host is back, the page is read."""
    server = await servers(PAGE)
    port = int(server.url.rpartition(":")[2])
    await server.__aexit__()
    reading = asyncio.create_task(read(client_factory, server.url))
    while clock.monotonic() < 120:
        await asyncio.sleep(0)
    runner = web.ServerRunner(web.Server(server._answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    assert await reading == 42
    await runner.cleanup()
    assert any(isinstance(event, HubPaused) for event in events)
    assert isinstance(events[-1], HubResumed)


async def test_a_host_that_stays_down_ends_with_an_error(
    client_factory: ClientFactory, clock: FakeClock, servers: ServerFactory
) -> None:
    """After as long as the user wants to wait."""
    server = await servers(PAGE)
    await server.__aexit__()
    with pytest.raises(HubDownError, match=r"no answer from 127\.0\.0\.1"):
        await read(client_factory, server.url, give_up_after=300.0)
    assert clock.monotonic() == 300


@pytest.mark.parametrize("status", [429, 503])
async def test_a_catalogue_that_asks_to_wait_is_not_asked_meanwhile(
    servers: ServerFactory, client_factory: ClientFactory, clock: FakeClock, status: int
) -> None:
    """As often as it likes, for as long as it says."""
    wait = web.Response(status=status, headers={"Retry-After": "40"})
    server = await servers(*[wait] * 10, PAGE)
    assert await read(client_factory, server.url) == 42
    assert clock.monotonic() == 400


async def test_a_date_to_wait_for_is_measured_by_the_hosts_own_clock(
    servers: ServerFactory, client_factory: ClientFactory, clock: FakeClock
) -> None:
    """This machine may be hours off."""
    headers = {
        "Retry-After": "Wed, 01 May 2024 08:00:45 GMT",
        "Date": "Wed, 01 May 2024 08:00:00 GMT",
    }
    server = await servers(web.Response(status=429, headers=headers), PAGE)
    await read(client_factory, server.url)
    assert clock.monotonic() == 45


async def test_a_firewall_is_asked_less_often(
    servers: ServerFactory, client_factory: ClientFactory, clock: FakeClock
) -> None:
    """Its 403 is about the rate of requests and not about this one."""
    message = "Request rejected due to a policy violation. Your reference ID: 12"
    body = json.dumps({"status": "error", "data": {"message": message}}).encode()
    server = await servers(web.Response(status=403, body=body), PAGE)
    assert await read(client_factory, server.url) == 42
    assert clock.monotonic() > 3


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (400, {"detail": "Invalid field: Nam"}, QueryError, "400 Invalid field: Nam"),
        (400, {"detail": {"message": "Invalid value", "request_id": "1"}}, QueryError, "Invalid v"),
        (422, {"detail": [{"msg": "less than 10000", "loc": []}]}, QueryError, "less than 10000"),
        (414, {}, QueryError, "too long"),
        (401, {"detail": "Unauthorised"}, CatalogueError, "401 Unauthorised"),
        (403, {"detail": "Forbidden"}, CatalogueError, "403 Forbidden"),
    ],
)
async def test_a_refusal_is_told_in_the_hubs_own_words(
    servers: ServerFactory,
    client_factory: ClientFactory,
    status: int,
    body: object,
    kind: type[S2FetchError],
    text: str,
) -> None:
    """Asking again cannot help, so it is asked once."""
    server = await servers(web.Response(status=status, body=json.dumps(body).encode()))
    with pytest.raises(kind, match=text):
        await read(client_factory, server.url)
    assert len(server.requests) == 1


async def test_a_catalogue_that_has_moved_is_an_error_that_says_where(
    servers: ServerFactory, client_factory: ClientFactory
) -> None:
    """Redirects of the catalogue are not followed: the configuration names its place."""
    moved = web.Response(status=301, headers={"Location": "https://new.example/odata/v1"})
    server = await servers(moved)
    with pytest.raises(CatalogueError, match=r"has moved \(301 to https://new.example/odata/v1\)"):
        await read(client_factory, server.url)


async def test_catalogue_requests_carry_no_credentials(
    servers: ServerFactory,
    client_factory: ClientFactory,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither a token nor what a netrc file has for the host."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login user password secret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    server = await servers(PAGE)
    await read(client_factory, server.url)
    (request,) = server.requests
    assert "Authorization" not in request.headers
    assert "Cookie" not in request.headers
    assert request.raw_path == "/page?a=b%20c"
    assert request.headers["User-Agent"].startswith("s2fetch/")


# Redirects


async def fetch(client_factory: ClientFactory, url: str, *trusted: str) -> tuple[int, bytes]:
    client = await client_factory(url, *trusted)
    async with client.open(
        f"{url}/value", headers={"X-Own": "kept"}, authorization="Bearer secret"
    ) as answer:
        return answer.status, await answer.read()


def redirect(location: str, status: int = 302) -> web.Response:
    return web.Response(status=status, headers={"Location": location})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_a_trusted_host_takes_the_token_along(
    servers: ServerFactory, client_factory: ClientFactory, status: int
) -> None:
    """The catalogue sends downloads to another host, which wants the token too."""
    target = await servers(PAGE)
    server = await servers(redirect(f"{target.url}/Products(1)/$value?x=%2B", status))
    assert await fetch(client_factory, server.url, target.url) == (200, PAGE.body)
    assert server.tokens == target.tokens == ["Bearer secret"]
    (request,) = target.requests
    assert request.raw_path == "/Products(1)/$value?x=%2B"
    assert request.headers["X-Own"] == "kept"


async def test_a_redirect_within_the_host_may_be_relative(
    servers: ServerFactory, client_factory: ClientFactory
) -> None:
    """RFC 9110 10.2.2."""
    server = await servers(redirect("../other?x=1"), PAGE)
    assert await fetch(client_factory, server.url) == (200, PAGE.body)
    assert [request.raw_path for request in server.requests] == ["/value", "/other?x=1"]


async def test_another_host_never_gets_the_token(
    servers: ServerFactory, client_factory: ClientFactory
) -> None:
    """It is not even asked."""
    target = await servers(PAGE)
    server = await servers(redirect(f"{target.url}/value"))
    with pytest.raises(
        RedirectError, match=r"127\.0\.0\.1, which is not one of the configured hosts"
    ):
        await fetch(client_factory, server.url)
    assert target.requests == []


@pytest.mark.parametrize(
    "location",
    [
        "http://download.example/value",
        "https://user@download.example/value",
        "https://download.example:8443/value",
        "https://download.example.evil.example/value",
        "https://evil.example\\@download.example/value",
        "https://evil.example#@download.example/value",
        "//evil.example/value",
        "ftp://download.example/value",
        "file:///etc/passwd",
        "http://[::1",
        "http://a:port/",
        "https://" + "a" * 300 + "/",
    ],
)
async def test_no_redirect_gets_around_the_trusted_hosts(
    servers: ServerFactory, client_factory: ClientFactory, location: str
) -> None:
    """Neither to plain HTTP, nor to another port, nor by what URL parsers disagree about."""
    server = await servers(redirect(location))
    with pytest.raises(RedirectError):
        await fetch(client_factory, server.url, "https://download.example/")
    assert len(server.requests) == 1


async def test_redirects_in_a_circle_end(
    servers: ServerFactory, client_factory: ClientFactory
) -> None:
    """Five are followed at most."""
    server = await servers(redirect("/value"))
    with pytest.raises(RedirectError, match="more than 5 redirects"):
        await fetch(client_factory, server.url)
    assert len(server.requests) == 6


async def test_a_validator_that_is_no_text_counts_as_none(
    servers: ServerFactory, client_factory: ClientFactory
) -> None:
    """It could neither be kept in a sidecar nor be sent back."""
    head = b'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nETag: "\xff"\r\nLast-Modified: now\r\n\r\n'
    server = await servers(answering(head + b"x"))
    client = await client_factory(server.url)
    async with client.open(f"{server.url}/x", headers={}, authorization="Bearer t") as answer:
        assert HttpBody(answer, "x").validator == Validator("", "now")


async def test_what_a_header_says_can_be_written_down(
    servers: ServerFactory, client_factory: ClientFactory
) -> None:
    """Also when its bytes are no text: errors go to logs, reports and progress files."""
    head = b"HTTP/1.1 301 Moved\r\nContent-Length: 0\r\nLocation: /\xff\r\n\r\n"
    server = await servers(answering(head))
    with pytest.raises(CatalogueError, match="301 to") as caught:
        await read(client_factory, server.url)
    assert b"udcff" in str(caught.value).encode()


async def test_a_redirect_without_a_place_is_an_answer(
    servers: ServerFactory, client_factory: ClientFactory
) -> None:
    """The caller judges the status."""
    server = await servers(web.Response(status=302))
    assert (await fetch(client_factory, server.url))[0] == 302


async def test_no_answer_to_a_download_is_a_lost_connection(
    servers: ServerFactory, client_factory: ClientFactory
) -> None:
    """It is for the caller to close the gate."""
    server = await servers(PAGE)
    await server.__aexit__()
    with pytest.raises(ConnectionLostError, match=r"no answer from 127\.0\.0\.1"):
        await fetch(client_factory, server.url)


async def test_tls_is_required_away_from_loopback() -> None:
    """A token goes over plain HTTP to this machine only."""
    trusts = trusting("https://download.example", "http://download.example")
    assert trusts("https://download.example/value")
    assert not trusts("http://download.example/value")


# Proxies


@pytest.fixture
def through(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the proxy of the environment."""
    return lambda proxy: monkeypatch.setenv("http_proxy", proxy)


async def test_the_proxy_of_the_environment_is_used(
    servers: ServerFactory, client_factory: ClientFactory, through: Callable[[str], None]
) -> None:
    """For the catalogue and for downloads, also when its scheme is left out."""
    server = await servers(PAGE)
    async with Proxy() as proxy:
        through(f"127.0.0.1:{proxy.port}")
        assert await read(client_factory, server.url) == 42
        assert await fetch(client_factory, server.url) == (200, PAGE.body)
    assert proxy.lines == [
        f"GET {server.url}/page?a=b%20c HTTP/1.1",
        f"GET {server.url}/value HTTP/1.1",
    ]
    assert server.tokens == [None, "Bearer secret"]


@pytest.mark.parametrize("pattern", ["127.0.0.1", "localhost,127.0.0.1:{port}", "*"])
async def test_hosts_that_need_no_proxy_are_asked_directly(
    servers: ServerFactory,
    client_factory: ClientFactory,
    through: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    pattern: str,
) -> None:
    """``no_proxy`` names them, with or without the port."""
    server = await servers(PAGE)
    monkeypatch.setenv("no_proxy", pattern.format(port=server.url.rpartition(":")[2]))
    async with Proxy() as proxy:
        through(f"http://127.0.0.1:{proxy.port}")
        assert await read(client_factory, server.url) == 42
    assert proxy.lines == []


async def test_a_proxy_that_cannot_be_used_is_named(
    client_factory: ClientFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SOCKS is not spoken, so this has to be said instead of going around the proxy."""
    monkeypatch.setenv("all_proxy", "socks5://user:secret@127.0.0.1:1080")
    with pytest.raises(UsageError, match="a proxy of the kind socks5") as raised:
        await read(client_factory, "http://127.0.0.1:1")
    assert "secret" not in str(raised.value)


@pytest.mark.parametrize("place", ["[::1", "proxy:99999", "proxy:80x", ":3128"])
def test_a_proxy_without_an_address_is_a_mistake(
    monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    """To wait for it, as for one that is down, would not help; it may come with a password."""
    monkeypatch.setenv("https_proxy", f"http://user:secret@{place}")
    with pytest.raises(UsageError, match="address makes no sense") as raised:
        find_proxy("https://hub.example.org")
    assert "secret" not in str(raised.value)


async def test_a_proxy_that_refuses_shows_no_password(
    servers: ServerFactory,
    client_factory: ClientFactory,
    through: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
    events: list[Event],
) -> None:
    """Messages about it go into logs."""
    server = await servers(PAGE)
    url = server.url.replace("http:", "https:")
    async with Proxy(refuse=407) as proxy:
        monkeypatch.setenv("https_proxy", f"http://user:secret@127.0.0.1:{proxy.port}")
        with pytest.raises(HubDownError, match="407") as raised:
            await read(client_factory, url, give_up_after=5.0)
    assert "secret" not in str(raised.value)
    assert "secret" not in repr(events)
    through("http://user:secret@127.0.0.1:1")
    with pytest.raises(HubDownError) as raised:
        await read(client_factory, server.url, give_up_after=5.0)
    assert "secret" not in str(raised.value)
    assert server.requests == []


async def test_a_closed_client_cannot_be_used(client_factory: ClientFactory) -> None:
    """Outside its context there is no session."""
    client = await client_factory("http://127.0.0.1:1")
    await client.__aexit__(None, None, None)
    with pytest.raises((RuntimeError, aiohttp.ClientError)):
        await client.session.get("http://127.0.0.1:1")
