"""Certificates: whose are trusted, and what is said about others."""

from __future__ import annotations

import asyncio
import os
import ssl
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import trustme
from aiohttp import web

from s2fetch.errors import HubError
from s2fetch.hub.refusals import catalogue_refusal
from tests.clock import FakeClock
from tests.hub.conftest import ClientFactory, Server
from tests.hub.proxy import Proxy

ServerFactory = Callable[..., Awaitable[Server]]
PAGE = web.Response(body=b'{"value": []}')
READER = """
import asyncio, sys
from s2fetch.clock import SystemClock
from s2fetch.errors import HubError
from s2fetch.events import EventBus
from s2fetch.hub.http import HttpClient
from s2fetch.hub.refusals import catalogue_refusal

async def main(url):
    async with HttpClient(
        trusts=lambda url: True,
        connect_timeout=10,
        first_byte_timeout=10,
        give_up_after=5,
        clock=SystemClock(),
        events=EventBus(),
    ) as client:
        print(await client.read("GET", url, bytes, refusal=catalogue_refusal))

try:
    asyncio.run(main(sys.argv[1]))
except HubError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def server_context(authority: trustme.CA) -> ssl.SSLContext:
    """The server's side of a certificate by that authority."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    return context


async def read_elsewhere(url: str, **environment: str) -> str:
    """What a process with that environment says that reads the page."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", READER, url, env=os.environ | environment, stdout=-1
    )
    said, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    return said.decode()


async def test_an_unknown_certificate_is_refused_at_once(
    servers: ServerFactory,
    client_factory: ClientFactory,
    server_context: ssl.SSLContext,
    clock: FakeClock,
) -> None:
    """Waiting cannot help; the message says what can."""
    server = await servers(PAGE, ssl_context=server_context)
    client = await client_factory(server.url)
    with pytest.raises(HubError, match=r"certificate of 127\.0\.0\.1:\d+ is not trusted") as raised:
        await client.read("GET", server.url, bytes, refusal=catalogue_refusal)
    assert "SSL_CERT_FILE" in raised.value.advice
    with pytest.raises(HubError, match="is not trusted"):
        async with client.open(server.url, headers={}, authorization="Bearer secret"):
            pass
    assert server.requests == []
    assert clock.slept == []


async def test_a_certificate_of_the_sites_own_authority_is_accepted(
    servers: ServerFactory,
    server_context: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    """SSL_CERT_FILE names it, as for every program that uses OpenSSL."""
    server = await servers(PAGE, ssl_context=server_context)
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    assert "is not trusted" in await read_elsewhere(server.url)
    assert await read_elsewhere(server.url, SSL_CERT_FILE=str(bundle)) == f"{PAGE.body!r}\n"


async def test_a_certificate_for_another_host_is_refused(
    servers: ServerFactory, authority: trustme.CA, tmp_path: Path
) -> None:
    """Also by an authority that is trusted."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("download.example").configure_cert(context)
    server = await servers(PAGE, ssl_context=context)
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    assert "is not trusted" in await read_elsewhere(server.url, SSL_CERT_FILE=str(bundle))


async def test_a_proxy_sees_nothing_but_the_host(
    servers: ServerFactory,
    server_context: ssl.SSLContext,
    authority: trustme.CA,
    tmp_path: Path,
) -> None:
    """HTTPS goes through a tunnel, with the hub's certificate checked at its end."""
    server = await servers(PAGE, ssl_context=server_context)
    bundle = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(bundle)
    async with Proxy() as proxy:
        variables = {"https_proxy": f"http://127.0.0.1:{proxy.port}"}
        said = await read_elsewhere(server.url, SSL_CERT_FILE=str(bundle), **variables)
        assert said == f"{PAGE.body!r}\n"
        assert "is not trusted" in await read_elsewhere(server.url, **variables)
    assert proxy.lines == [f"CONNECT {server.url.removeprefix('https://')} HTTP/1.1"] * 2
