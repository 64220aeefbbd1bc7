"""A raw client and a clock that tests move."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import msgspec
import pytest
import trustme
from multidict import CIMultiDictProxy

from s2fetch.embedded.entry import Entry
from s2fetch.embedded.hub import EmbeddedHub


class MovableClock:
    """Stands still until told otherwise."""

    def __init__(self) -> None:
        self._now = datetime(2024, 7, 1, 12, tzinfo=UTC)
        self._elapsed = 0.0

    def now(self) -> datetime:
        return self._now + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self._elapsed += seconds


class Reply(msgspec.Struct):
    """What came back, read to its end."""

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes

    def json(self) -> Any:
        return msgspec.json.decode(self.body)


class Visitor:
    """Talks to a hub over a plain session, following no redirects."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session

    async def request(self, method: str, url: str, **options: Any) -> Reply:
        async with self.session.request(method, url, allow_redirects=False, **options) as response:
            return Reply(response.status, response.headers, await response.read())

    async def get(self, url: str, token: str = "", **headers: str) -> Reply:
        if token:
            headers["Authorization"] = f"Bearer {token}"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request("GET", url, headers=named)

    async def grant(self, hub: EmbeddedHub, **form: str) -> Reply:
        defaults = {"client_id": "cdse-public", "grant_type": "password"}
        user = {"username": hub.users[0].name, "password": hub.users[0].password}
        return await self.request("POST", hub.token_url, data=defaults | user | form)

    async def login(self, hub: EmbeddedHub) -> str:
        token: str = (await self.grant(hub)).json()["access_token"]
        return token

    async def search(self, hub: EmbeddedHub, path: str = "Products", **options: str) -> Reply:
        query = {f"${name}": value for name, value in options.items()}
        return await self.request("GET", f"{hub.catalogue_url}/{path}", params=query)

    async def download(self, hub: EmbeddedHub, entry: Entry, **headers: str) -> Reply:
        return await self.get(value_url(hub, entry), await self.login(hub), **headers)


def value_url(hub: EmbeddedHub, entry: Entry) -> str:
    """Where a product's bytes are."""
    return f"{hub.download_url}/Products({entry.id})/$value"


@pytest.fixture
async def visitor() -> AsyncIterator[Visitor]:
    """A raw client."""
    async with aiohttp.ClientSession() as session:
        yield Visitor(session)


@pytest.fixture
def clock() -> MovableClock:
    """A clock that stands still until moved."""
    return MovableClock()


@pytest.fixture(scope="session")
def tls() -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Server and client contexts of a certificate for 127.0.0.1."""
    authority = trustme.CA()
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(server)
    client = ssl.create_default_context()
    authority.configure_trust(client)
    return server, client
