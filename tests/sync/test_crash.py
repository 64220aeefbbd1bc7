"""SIGKILL at any moment: at most the bytes since the last write are lost, never a product."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
from pathlib import Path

import pytest

from s2fetch.clock import SystemClock
from s2fetch.errors import ExitCode
from tests.conftest import HubFactory
from tests.forked import Forked, fork_module
from tests.sync.site import Site, body_of, catalogue_of

KILLS = 15
LOST_PER_KILL = 2 * (1 << 20) * 1.25
"""Of two transfers: what is in sockets and buffers, and the bytes before the cut."""


class Child:
    """A sync in a process of its own."""

    def __init__(self, site: Site, process: Forked) -> None:
        self.process = process

    @classmethod
    async def start(cls, site: Site) -> Child:
        process = await fork_module(
            "tests.sync.child",
            [str(site.root)],
            cwd=site.root.parent,
            env={
                **site.hub.environment(),
                "S2FETCH_STATE_DIR": str(site.state),
                "HOME": str(site.root.parent),
            },
            stdout=asyncio.subprocess.PIPE,
        )
        return cls(site, process)

    async def receives(self) -> bool:
        """Return when bytes arrive; False if it has ended before."""
        assert self.process.stdout is not None
        return await asyncio.wait_for(self.process.stdout.readline(), 30) == b"bytes\n"

    async def kill(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
        await self.process.communicate()


def assert_sound(site: Site) -> None:
    """What can be seen is whole, and the progress file is valid JSON."""
    wanted = {f"{entry.name}.zip": entry.md5 for entry in site.entries}
    for name in site.visible():
        assert hashlib.md5((site.root / name).read_bytes()).hexdigest() == wanted[name]
    document = site.root / ".s2fetch" / "progress.json"
    if document.exists():
        assert "products" in json.loads(document.read_bytes())


@pytest.fixture
async def site(hub_factory: HubFactory, tmp_path: Path) -> Site:
    """Products that take a while, from a hub in this process."""
    bodies = [body_of(4_000_000, number) for number in range(8)]
    hub = await hub_factory(catalogue_of(*bodies), bytes_per_second=4_000_000.0)
    return Site(hub, tmp_path, SystemClock())


@pytest.mark.long
async def test_killed_again_and_again_it_still_gets_everything_once(site: Site) -> None:
    """After every kill all is sound; in the end all is verified, and little was fetched twice."""
    choice = random.Random(4)
    kills = 0
    for _ in range(KILLS):
        child = await Child.start(site)
        if not await child.receives():
            await child.kill()
            break
        await asyncio.sleep(choice.uniform(0, 0.35))
        await child.kill()
        kills += 1
        assert_sound(site)
    payload = sum(entry.content_length for entry in site.entries)
    child = await Child.start(site)
    await child.process.communicate()
    assert child.process.returncode == ExitCode.OK
    assert_sound(site)
    site.assert_whole()
    assert site.leftovers() == []
    assert kills >= KILLS // 2
    assert site.stats.all_bytes_served - payload <= kills * LOST_PER_KILL


async def test_two_processes_share_the_slots_of_one_account(site: Site) -> None:
    """Each works on its own archive; together they never have more bodies than one may have."""
    site.hub.settings = type(site.hub.settings)(most_transfers=2, bytes_per_second=40_000_000.0)
    other = Site(site.hub, site.root.parent, SystemClock(), name="other")
    children = [await Child.start(each) for each in (site, other)]
    for child in children:
        await child.process.communicate()
        assert child.process.returncode == ExitCode.OK
    assert site.stats.most_open_bodies == {"demo@example.org": 2}
    assert "429" not in site.stats.statuses
    site.assert_whole()
    other.assert_whole()
