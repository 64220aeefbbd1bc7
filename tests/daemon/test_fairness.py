"""One account for several archives: a backlog never starves a daily increment, end to end."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from s2fetch.events import Event, ProductCompleted, ProductPlanned, TransferStarted
from tests.conftest import HubFactory
from tests.daemon.site import DaemonSite
from tests.sync.clock import JumpingClock
from tests.sync.site import body_of, catalogue_of

BACKLOG = 240
SLOTS = 2
NEW = (1001, 1002, 1003)
"""Numbers of products that are sensed two weeks after those of the backlog."""


@pytest.fixture
async def busy(hub_factory: HubFactory, jumping: JumpingClock, tmp_path: Path) -> DaemonSite:
    """A hub with many old products and one new one."""
    catalogue = catalogue_of(*(body_of(2000, number) for number in range(BACKLOG)))
    # At a rate, so that the backlog is not done before the other archive's run has begun.
    hub = await hub_factory(catalogue, clock=jumping, bytes_per_second=200_000.0)
    site = DaemonSite(hub, jumping, tmp_path)
    site.publish(1000)
    return site


@pytest.mark.parametrize(("priority", "most_between"), [(0, 3), (4, 2)])
async def test_new_products_of_one_archive_come_before_the_backlog_of_another_is_done(
    busy: DaemonSite, priority: int, most_between: int
) -> None:
    """Of the backlog, no more products begin before each new one than the turns promise."""
    backlog = busy.plan("backlog", to="2024-06-06")
    daily = busy.plan("daily", every=365 * 86_400, priority=priority, **{"from": "2024-06-10"})
    began = False

    def publish_in_mid_backlog(event: Event) -> None:
        nonlocal began
        done = [e for e in busy.events if isinstance(e, ProductCompleted)]
        if began or len([e for e in done if e.archive == "backlog"]) < 10:
            return
        began = True
        for number in NEW:
            busy.publish(number)
        asyncio.get_running_loop().create_task(busy.daemon.sync("daily"))

    async with busy.running(daily) as daemon:
        await busy.until(lambda: busy.complete("daily") == 1)
        await busy.until(lambda: busy.state("daily").activity == "idle")
        daemon.events.subscribe(publish_in_mid_backlog)
        busy.plans = (daily, backlog)
        await daemon.reload()
        await busy.until(lambda: busy.complete("daily") == 1 + len(NEW))
        await busy.until(lambda: busy.complete("backlog") == BACKLOG)
    assert max(busy.hub.stats.most_open_bodies.values()) <= SLOTS

    planned = [e for e in busy.events if isinstance(e, ProductPlanned) and e.archive == "daily"][1:]
    assert len(planned) == len(NEW)
    since = busy.events.index(planned[0])
    starts = [e.archive for e in busy.events[since:] if isinstance(e, TransferStarted)]
    last = max(index for index, archive in enumerate(starts) if archive == "daily")
    between = starts[: last + 1].count("backlog")
    # Those that had their turn already when the first new one asked for its own are under way.
    assert between <= SLOTS + most_between * len(NEW)
    assert starts[last:].count("backlog") > SLOTS, "the backlog was done"
