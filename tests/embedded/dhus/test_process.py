"""The hub in a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import Any

import msgspec

from s2fetch.embedded.dhus.hub import DEFAULT_USER
from s2fetch.embedded.identity import User
from tests.conftest import DhusFactory
from tests.embedded.dhus.conftest import Guest


class Named(msgspec.Struct):
    """A hub in another process."""

    url: str
    users: tuple[User, ...]


async def test_a_process_serves_made_up_products_until_it_is_stopped(guest: Guest) -> None:
    """It says where, and which software it is."""
    options = ["--kind", "dhus", "--generation", "old-B", "--base-path", "", "--synthetic", "120"]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "s2fetch.embedded", *options, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    ready: dict[str, Any] = msgspec.json.decode(await process.stdout.readline())
    assert ready["environment"]["DHUS_URL"] == ready["url"]
    hub = Named(ready["url"], (DEFAULT_USER,))
    feed = await guest.feed(hub, "platformname:Sentinel-2", rows="100")
    assert (feed["opensearch:totalResults"], len(feed["entry"])) == ("120", 100)
    version = await guest.get(hub, "/api/stub/version")
    assert version.json()["value"].startswith("0.13")
    assert (await guest.get(hub, ready["stats_url"])).json()["requests"]["search"] == 1
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_the_environment_names_hub_and_user(dhus_factory: DhusFactory) -> None:
    """As other clients of such hubs call them."""
    hub = await dhus_factory()
    assert hub.environment() == {
        "DHUS_URL": hub.url,
        "DHUS_USER": "demo@example.org",
        "DHUS_PASSWORD": "demo",
    }
