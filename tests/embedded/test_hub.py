"""The hub as a whole: starting, stopping, its own process, its control endpoint."""

from __future__ import annotations

import asyncio
import os
import signal
import ssl
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from s2fetch.embedded.answers import server_error
from s2fetch.embedded.faults import Fault, Kind
from s2fetch.embedded.hub import EmbeddedHub
from tests.conftest import HubFactory
from tests.embedded.conftest import Reply, Visitor, value_url
from tests.forked import Forked, fork_module


async def test_the_environment_leads_a_client_to_the_hub(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """The variables of the command line, with URLs that answer."""
    hub = await hub_factory()
    environment = hub.environment()
    assert set(environment) == {
        "S2FETCH_CATALOGUE_URL", "S2FETCH_DOWNLOAD_URL", "S2FETCH_TOKEN_URL", "S2FETCH_USER",
        "S2FETCH_PASSWORD",
    }  # fmt: skip
    assert (await visitor.get(environment["S2FETCH_CATALOGUE_URL"] + "/Products")).status == 200
    assert environment["S2FETCH_CATALOGUE_URL"] != environment["S2FETCH_DOWNLOAD_URL"]
    assert environment["S2FETCH_TOKEN_URL"].endswith("/protocol/openid-connect/token")


async def test_a_hub_that_is_down_refuses_connections_and_comes_back(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """Same ports, same sessions, same catalogue; running downloads break."""
    hub = await hub_factory(bytes_per_second=10_000)
    token = await visitor.login(hub)
    urls = (hub.catalogue_url, hub.download_url)
    entry = hub.folder.entries[0]
    headers = {"Authorization": f"Bearer {token}"}
    async with visitor.session.get(value_url(hub, entry), headers=headers) as running:
        await hub.go_down()
        with pytest.raises(aiohttp.ClientError):
            await running.read()
    for url in urls:
        with pytest.raises(aiohttp.ClientConnectorError):
            await visitor.get(f"{url}/Products")
    await hub.come_up()
    assert (hub.catalogue_url, hub.download_url) == urls
    hub.settings = msgspec.structs.replace(hub.settings, bytes_per_second=None)
    assert (await visitor.get(value_url(hub, entry), token)).status == 200


async def test_https_is_served(
    hub_factory: HubFactory, tls: tuple[ssl.SSLContext, ssl.SSLContext]
) -> None:
    """Both origins, with a certificate a client can check."""
    hub = await hub_factory(ssl_context=tls[0])
    assert hub.download_url.startswith("https://")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls[1])) as session:
        visitor = Visitor(session)
        entry = hub.folder.entries[0]
        assert len((await visitor.download(hub, entry)).body) == entry.content_length


async def test_the_counters_can_be_read_over_http(
    hub_factory: HubFactory, visitor: Visitor
) -> None:
    """A benchmark in another process sees requests, bytes and sessions."""
    hub = await hub_factory()
    entry = hub.folder.entries[0]
    await visitor.search(hub)
    await visitor.download(hub, entry)
    stats = (await visitor.get(hub.stats_url)).json()
    assert stats["requests"] == {"search": 1, "token": 1, "body": 1}
    assert stats["statuses"] == {"200": 3}
    assert stats["bytes_served"] == {entry.id: entry.content_length}
    assert (stats["logins"], stats["open_sessions"]) == (1, 1)


async def test_faults_can_be_set_over_http(hub_factory: HubFactory, visitor: Visitor) -> None:
    """A posted list replaces the plan; nonsense is refused."""
    hub = await hub_factory()
    url = hub.stats_url.replace("stats", "faults")
    faults = msgspec.json.encode([Fault(server_error(500), on=Kind.SEARCH)])
    assert (await visitor.request("POST", url, data=faults)).status == 204
    assert [(await visitor.search(hub)).status for _ in range(2)] == [500, 200]
    assert (await visitor.request("POST", url, data=b"[5]")).status == 422


async def test_a_folder_that_is_missing_is_an_error(tmp_path: Path) -> None:
    """Before anything listens."""
    with pytest.raises(FileNotFoundError):
        async with EmbeddedHub(tmp_path / "nowhere"):
            pass


async def test_a_taken_port_is_an_error(hub_factory: HubFactory) -> None:
    """A hub says so instead of listening elsewhere."""
    hub = await hub_factory()
    port = int(hub.catalogue_url.split("/")[2].split(":")[1])
    with pytest.raises(OSError, match="in use"):
        await hub_factory(catalogue_port=port)


def test_a_hub_that_was_not_started_has_no_urls(tmp_path: Path) -> None:
    """Asking is a mistake of the program."""
    with pytest.raises(RuntimeError, match="not started"):
        _ = EmbeddedHub(tmp_path).catalogue_url


@asynccontextmanager
async def hub_process(*arguments: str) -> AsyncIterator[tuple[Any, Forked]]:
    """A hub in its own process, and what it printed."""
    process = await fork_module(
        "s2fetch.embedded", arguments, cwd=Path.cwd(), env=os.environ, stdout=PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            yield msgspec.json.decode(await process.stdout.readline()), process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_hub_runs_in_its_own_process(products: Path, visitor: Visitor) -> None:
    """It tells its URLs, serves, counts, and stops on SIGTERM with exit code 0."""
    async with hub_process(str(products), "--cap", "1", "--password", "p") as (ready, process):
        environment = ready["environment"]
        form = {"grant_type": "password", "client_id": "cdse-public", "password": "p"}
        user = {"username": environment["S2FETCH_USER"]}
        reply = await visitor.request("POST", ready["token_url"], data=form | user)
        row = (await visitor.get(f"{ready['catalogue_url']}/Products?$top=1")).json()["value"][0]
        url = f"{ready['download_url']}/Products({row['Id']})/$value"
        body: Reply = await visitor.get(url, reply.json()["access_token"])
        assert len(body.body) == row["ContentLength"]
        stats = (await visitor.get(ready["stats_url"])).json()
        assert stats["bytes_served"] == {row["Id"]: row["ContentLength"]}
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0


async def test_a_process_can_serve_a_synthetic_catalogue(visitor: Visitor) -> None:
    """A million rows are there at once."""
    async with hub_process("--synthetic", "1000000") as (ready, _):
        query = "$top=0&$count=true"
        page = (await visitor.get(f"{ready['catalogue_url']}/Products?{query}")).json()
        assert page["@odata.count"] == 1_000_000
        assert page["value"] == []
