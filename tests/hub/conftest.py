"""A client on a clock that does not wait, and servers that remember what they were asked."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any, Self

import pytest
import trustme
from aiohttp import web

from s2fetch.config.values import HubConfig, HubKind
from s2fetch.config.values import authority as authority_of
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.events import EventBus
from s2fetch.hub.cdse import CdseHub
from s2fetch.hub.http import HttpClient
from tests.clock import FakeClock

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")

ClientFactory = Callable[..., Awaitable[HttpClient]]
CdseFactory = Callable[..., Awaitable[CdseHub]]


def trusting(*urls: str) -> Callable[[str], bool]:
    """What the configuration makes of these URLs: whether a token may be sent somewhere."""
    config = HubConfig(
        kind=HubKind.CDSE,
        catalogue_url="",
        download_url="",
        token_url="",
        trusted_hosts=tuple(authority_of(url) for url in urls),
        client_id="",
        give_up_after_seconds=0,
    )
    return config.trusts


class Server:
    """A server on loopback that answers as it is told and remembers all requests."""

    def __init__(self, ssl_context: ssl.SSLContext | None = None) -> None:
        self.requests: list[web.BaseRequest] = []
        self.answers: list[web.StreamResponse | Callable[[web.BaseRequest], Any]] = []
        self.url = ""
        self._ssl_context = ssl_context

    async def __aenter__(self) -> Self:
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.05)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._ssl_context)
        await site.start()
        scheme = "https" if self._ssl_context else "http"
        self.url = f"{scheme}://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def tokens(self) -> list[str | None]:
        """The Authorization of every request."""
        return [request.headers.get("Authorization") for request in self.requests]

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, web.StreamResponse):
            return web.Response(
                status=answer.status,
                headers=answer.headers,
                body=answer.body if isinstance(answer, web.Response) else None,
            )
        response: web.StreamResponse = await answer(request)
        return response


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's own proxies do not matter here."""
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    """A certificate authority nobody knows."""
    return trustme.CA()


@pytest.fixture
async def servers() -> AsyncIterator[Callable[..., Awaitable[Server]]]:
    """Starts servers: ``await servers(answer, …)``; the last answer is given for ever."""
    async with AsyncExitStack() as stack:

        async def start(*answers: Any, ssl_context: ssl.SSLContext | None = None) -> Server:
            server = await stack.enter_async_context(Server(ssl_context))
            server.answers.extend(answers)
            return server

        yield start


@pytest.fixture
async def client_factory(clock: FakeClock, bus: EventBus) -> AsyncIterator[ClientFactory]:
    """Opens clients: ``await client_factory(url, …)`` trusts the hosts of these URLs."""
    async with AsyncExitStack() as stack:

        async def start(*urls: str, **options: Any) -> HttpClient:
            settings: dict[str, Any] = {
                "trusts": trusting(*urls),
                "connect_timeout": 5.0,
                "first_byte_timeout": 10.0,
                "give_up_after": 900.0,
                "clock": clock,
                "events": bus,
            }
            return await stack.enter_async_context(HttpClient(**(settings | options)))

        yield start


@pytest.fixture
def cdse(client_factory: ClientFactory, clock: FakeClock, bus: EventBus) -> CdseFactory:
    """A client of an embedded hub: ``await cdse(hub, …)``."""

    async def start(hub: EmbeddedHub, **options: Any) -> CdseHub:
        client = await client_factory(hub.catalogue_url, hub.download_url, **options)
        return CdseHub(
            client,
            catalogue_url=hub.catalogue_url,
            download_url=hub.download_url,
            clock=clock,
            events=bus,
        )

    return start
