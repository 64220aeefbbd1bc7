"""Sites to sync from and to, and a watch over the event loop."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from s2fetch.embedded.folder import FolderCatalogue
from tests.conftest import HubFactory
from tests.sync.clock import JumpingClock
from tests.sync.site import Site, catalogue_of

SiteFactory = Callable[..., Awaitable[Site]]


@pytest.fixture(autouse=True)
def never_blocking() -> Iterator[None]:
    """Makes a blocking call of s2fetch on the event loop an error; the embedded hub may."""
    with blockbuster_ctx("s2fetch", excluded_modules=["s2fetch.embedded"]):
        yield


@pytest.fixture
async def clock() -> AsyncIterator[JumpingClock]:
    """A clock on which nobody waits."""
    async with JumpingClock() as clock:
        yield clock


@pytest.fixture
def site_factory(hub_factory: HubFactory, clock: JumpingClock, tmp_path: Path) -> SiteFactory:
    """Starts a hub over a catalogue, a folder or the folder `products`, with an archive."""

    async def start(source: Path | FolderCatalogue | None = None, **options: Any) -> Site:
        hub = await hub_factory(source, clock=clock, **options)
        return Site(hub, tmp_path, clock)

    return start


@pytest.fixture
async def site(site_factory: SiteFactory) -> Site:
    """An empty archive and a hub with six small products."""
    return await site_factory()


async def on_disk(site_factory: SiteFactory, disk: Path, *bodies: bytes) -> Site:
    """A hub with these products, and an archive on another disk."""
    site = await site_factory(catalogue_of(*bodies))
    site.root = disk / "archive"
    return site
