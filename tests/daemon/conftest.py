"""A daemon's site."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import aiohttp
import pytest

from tests.cli.conftest import Shell
from tests.conftest import HubFactory
from tests.daemon.http.browser import Page, browser, tab
from tests.daemon.server import Server
from tests.daemon.site import DaemonSite
from tests.sync.clock import JumpingClock
from tests.sync.site import body_of, catalogue_of


@pytest.fixture(scope="session")
def browser_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where a browser listens; every test has a tab of its own that shares nothing."""
    with browser(tmp_path_factory.mktemp("browser")) as address:
        yield address


@pytest.fixture
async def page(browser_address: str) -> AsyncIterator[Page]:
    """A tab of a browser that knows nothing."""
    async with tab(browser_address) as page:
        await page.look_like(width=1440)
        yield page


@pytest.fixture
async def jumping() -> AsyncIterator[JumpingClock]:
    """Time that jumps to the next waking of all who sleep."""
    async with JumpingClock() as clock:
        yield clock


@pytest.fixture
async def kept(hub_factory: HubFactory, jumping: JumpingClock, tmp_path: Path) -> DaemonSite:
    """A hub with four products, and no archive yet."""
    catalogue = catalogue_of(*(body_of(2000, number) for number in range(4)))
    return DaemonSite(await hub_factory(catalogue, clock=jumping), jumping, tmp_path)


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    """A folder and an environment to run commands in; no hub yet."""
    shell = Shell(tmp_path)
    yield shell
    await shell.clean_up()


@pytest.fixture
def server(shell: Shell) -> Server:
    """A machine for a daemon."""
    return Server(shell)


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client of a face."""
    async with aiohttp.ClientSession() as session:
        yield session
