"""A daemon that is started again goes on where the one before has ended."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from typing import Any

import pytest

from s2fetch.daemon.memory import KEPT
from s2fetch.daemon.state import Activity
from s2fetch.daemon.values import ArchiveEntry, Intake
from s2fetch.events import IncrementPlanned, RunStarted
from tests.daemon.site import DaemonSite

DAY = 86_400.0
HOUR = timedelta(hours=1)


async def settled(kept: DaemonSite, plan: ArchiveEntry, count: int = 4) -> None:
    """One daemon that gets everything and ends."""
    async with kept.running(plan):
        await kept.until(lambda: kept.complete(plan.name) == count)
        await kept.until(lambda: kept.state(plan.name).last_success != "")
        await kept.until(lambda: kept.state(plan.name).activity == Activity.IDLE)
    kept.events.clear()


def runs(kept: DaemonSite) -> int:
    """How many runs have begun since."""
    return sum(isinstance(event, RunStarted) for event in kept.events)


def next_run(kept: DaemonSite) -> datetime:
    return datetime.fromisoformat(kept.state("alps").next_run)


async def test_what_was_known_is_known_again(kept: DaemonSite) -> None:
    """Last run, last success, watermark, newest product and next due moment are the same."""
    plan = kept.plan("alps", every=365 * DAY)
    kept.publish(7)
    async with kept.running(plan):
        await kept.until(lambda: kept.complete("alps") == 5)
        await kept.until(lambda: kept.state("alps").last_success != "")
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        await kept.until(lambda: kept.state("alps").watermark != "")
        before = kept.state("alps")
    async with kept.running(plan):
        await kept.until(lambda: kept.state("alps").watermark != "")
        after = kept.state("alps")
    assert before.last_run is not None
    assert after.last_run is not None
    begun = [datetime.fromisoformat(each.started) for each in (before.last_run, after.last_run)]
    assert abs(begun[1] - begun[0]) < HOUR
    kept_over = ("last_success", "watermark", "newest", "lag_seconds", "last_arrival", "products")
    for name in kept_over:
        assert getattr(after, name) == getattr(before, name), name
    assert after.newest != ""
    assert after.next_run[:19] == before.next_run[:19]


async def test_a_restart_waits_for_the_next_due_moment(kept: DaemonSite) -> None:
    plan = kept.plan("alps", every=2 * DAY)
    await settled(kept, plan)
    kept.publish(8)
    async with kept.running(plan):
        await kept.until(lambda: kept.state("alps").watermark != "")
        due = next_run(kept)
        await kept.until(lambda: kept.clock.now() > due - 6 * HOUR)
        assert kept.clock.now() > due or runs(kept) == 0
        await kept.until(lambda: kept.complete("alps") == 5)
    planned = [event for event in kept.events if isinstance(event, IncrementPlanned)]
    assert all(event.since for event in planned)


async def test_what_was_missed_while_no_daemon_ran_is_made_up_for_at_once(
    kept: DaemonSite,
) -> None:
    plan = kept.plan("alps", every=7 * DAY)
    await settled(kept, plan)
    await kept.pass_time(timedelta(days=8))
    kept.publish(8)
    async with kept.running(plan):
        begun = kept.clock.now()
        await kept.until(lambda: kept.complete("alps") == 5)
        assert kept.clock.now() - begun < timedelta(days=1)


async def test_a_run_that_was_cut_short_is_due_at_once(kept: DaemonSite) -> None:
    plan = kept.plan("alps", every=365 * DAY)
    async with kept.running(plan):
        await kept.until(lambda: runs(kept) == 1)
    async with kept.running(plan):
        await kept.until(lambda: kept.complete("alps") == 4)


async def test_another_selection_is_due_at_once(kept: DaemonSite) -> None:
    await settled(kept, kept.plan("alps", every=365 * DAY))
    async with kept.running(kept.plan("alps", every=365 * DAY, to="2030-01-01")):
        await kept.until(lambda: runs(kept) == 1)


async def test_damage_that_was_found_before_is_known_again(kept: DaemonSite) -> None:
    plan = kept.plan("alps", every=365 * DAY)
    await settled(kept, plan)
    (kept.folder / "alps" / next(iter(kept.records("alps").values())).path).unlink()
    async with kept.client("alps") as client:
        assert len((await client.verify()).damaged) == 1
    async with kept.running(plan):
        await kept.until(lambda: kept.state("alps").damaged == 1)
        await kept.daemon.sync("alps")
        await kept.until(lambda: kept.state("alps").damaged == 0)


@pytest.mark.parametrize("found", [{"last_success": 3}, "nonsense", [], None])
async def test_a_memory_that_cannot_be_read_is_none(kept: DaemonSite, found: Any) -> None:
    plan = kept.plan("alps", every=DAY)
    await settled(kept, plan)
    kept.note("alps", KEPT, found)
    kept.note("alps", "last_run", found)
    async with kept.running(plan):
        await kept.until(lambda: kept.state("alps").watermark != "")
        assert kept.state("alps").last_success == ""
        assert kept.state("alps").last_run is None


async def test_an_archive_whose_volume_is_gone_is_not_begun_anew(kept: DaemonSite) -> None:
    """Not by the daemon that has seen it, and not by the next one."""
    plan = kept.plan("alps", every=DAY)
    await settled(kept, plan)
    root, away = kept.folder / "alps", kept.folder / "unmounted"
    shutil.move(root, away)
    root.mkdir()
    for _ in range(2):
        async with kept.running(plan):
            await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
            assert "is not there any more" in kept.state("alps").why
            assert list(root.iterdir()) == []
    root.rmdir()
    shutil.move(away, root)
    async with kept.running(plan):
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        await kept.until(lambda: kept.complete("alps") == 4)


async def test_restarts_with_a_selection_that_moves_use_one_subscription(kept: DaemonSite) -> None:
    """The hub allows two of them; ``from = "-90d"`` is another moment every time."""
    for days in (90, 60, 30):
        begins = (kept.clock.now() - timedelta(days=days)).isoformat()
        options = {"from": begins, "intake": Intake.SUBSCRIPTION}
        async with kept.running(kept.plan("alps", every=DAY, **options)):
            await kept.until(lambda: kept.hub.stats.requests.get("subscriptions", 0) > 0)
            await kept.until(lambda: len(list(kept.hub.subscriptions.subscriptions)) > 0)
    assert len(list(kept.hub.subscriptions.subscriptions)) == 1
