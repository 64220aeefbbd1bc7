"""What archives share: accounts of several hubs, accounts that are refused, what is waited for."""

from __future__ import annotations

import msgspec
import pytest

from s2fetch.account.slots import slot_path
from s2fetch.daemon.pause import Pause
from s2fetch.daemon.pool import REFUSED_REST_SECONDS
from s2fetch.daemon.state import Activity, ProductRow
from s2fetch.embedded.faults import Answer, Cut, Delay, Fault, Kind
from s2fetch.embedded.hub import EmbeddedHub
from s2fetch.events import AttemptFailed, Event, QuotaUsedUp, RunFinished, TransferStarted
from s2fetch.lockfile import FileLock
from tests.conftest import HubFactory
from tests.daemon.site import DaemonSite
from tests.sync.clock import JumpingClock
from tests.sync.site import Site, body_of, catalogue_of

WRONG = Answer(401, '{"error":"invalid_grant","error_description":"Invalid user credentials"}')


@pytest.fixture
async def second(hub_factory: HubFactory, jumping: JumpingClock) -> EmbeddedHub:
    """Another hub, on which the same person has an account of the same name."""
    catalogue = catalogue_of(*(body_of(1500, number) for number in range(50, 53)))
    return await hub_factory(catalogue, clock=jumping)


async def test_accounts_of_the_same_name_on_two_hubs_are_told_apart(
    kept: DaemonSite, second: EmbeddedHub
) -> None:
    """By the hub's host in the name of the later one: slots, logs and metrics go by names."""
    there = Site(second, kept.folder, kept.clock, "there").config()
    plan = msgspec.structs.replace(kept.plan("there"), config=there)
    async with kept.running(kept.plan("here"), plan) as daemon:
        await kept.until(lambda: (kept.complete("here"), kept.complete("there")) == (4, 3))
        state = daemon.state()
    names = [account.name for account in state.accounts]
    assert len(set(names)) == 2
    user = kept.hub.users[0].name
    assert min(names) == user
    assert max(names).startswith(f"{user} at 127.0.0.1:")
    assert {(slot.account, slot.slot) for slot in state.slots} == {
        (name, number) for name in names for number in (1, 2)
    }
    began = [event for event in kept.events if isinstance(event, TransferStarted)]
    assert len({(event.archive, event.account) for event in began}) == 2


async def test_an_account_that_was_refused_is_shown_and_tried_again_after_a_rest(
    kept: DaemonSite,
) -> None:
    """A year is long: one wrong answer of the identity service must not end all downloads."""
    kept.hub.faults.add(Fault(WRONG, on=Kind.TOKEN))
    began = kept.clock.monotonic()
    async with kept.running(kept.plan("alps", every=3600.0)) as daemon:
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        (account,) = daemon.state().accounts
        assert "was refused" in account.refused
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        (account,) = daemon.state().accounts
        assert account.refused == ""
    assert kept.clock.monotonic() - began >= REFUSED_REST_SECONDS
    failed = [e for e in kept.events if isinstance(e, RunFinished) and e.exit_code == 3]
    assert len(failed) > 3, "the runs in between ended at once"
    assert kept.hub.stats.requests[Kind.TOKEN] == 2, "and asked nothing"


async def test_after_a_reload_a_refused_account_is_tried_at_once(kept: DaemonSite) -> None:
    kept.hub.faults.add(Fault(WRONG, on=Kind.TOKEN))
    async with kept.running(kept.plan("alps", every=365 * 86_400)) as daemon:
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        await daemon.reload()
        await daemon.sync("alps")
        await kept.until(lambda: kept.complete("alps") == 4)


async def test_an_account_that_no_archive_uses_any_more_is_given_up_after_a_reload(
    kept: DaemonSite, second: EmbeddedHub
) -> None:
    """With what was wrong with it: an alert of that would never end."""
    second.faults.add(Fault(WRONG, on=Kind.TOKEN, times=None))
    there = Site(second, kept.folder, kept.clock, "there").config()
    plan = msgspec.structs.replace(kept.plan("there"), config=there)
    async with kept.running(kept.plan("here"), plan) as daemon:
        await kept.until(lambda: kept.complete("here") == 4)
        await kept.until(lambda: any(each.refused for each in daemon.state().accounts))
        kept.plans = kept.plans[:1]
        await daemon.reload()
        await kept.until(lambda: len(daemon.state().accounts) == 1)
        (account,) = daemon.state().accounts
        assert (account.name, account.refused) == (kept.hub.users[0].name, "")
        assert {slot.account for slot in daemon.state().slots} == {account.name}
        kept.plans = (*kept.plans, plan)
        second.faults.clear()
        await daemon.reload()
        await kept.until(lambda: kept.complete("there") == 3)
        assert len(daemon.state().accounts) == 2


async def test_an_account_is_given_up_when_its_last_download_has_ended(
    kept: DaemonSite, second: EmbeddedHub
) -> None:
    """The hub is told; a slot of it stays with whoever has it until then."""
    second.faults.add(Fault(Delay(1e9), on=Kind.BODY, times=None))
    there = Site(second, kept.folder, kept.clock, "there").config(first_byte_timeout="1d")
    plan = msgspec.structs.replace(kept.plan("there"), config=there)
    async with kept.running(kept.plan("here"), plan) as daemon:
        await kept.until(lambda: second.stats.requests.get(Kind.BODY, 0) == 2)
        kept.plans = kept.plans[:1]
        await daemon.reload()
        await kept.until(lambda: second.stats.logouts == 1)
        await kept.until(lambda: len(daemon.state().accounts) == 1)
        assert kept.hub.stats.logouts == 0


async def test_an_archive_that_was_looking_its_accounts_up_when_it_ended_keeps_none(
    kept: DaemonSite, second: EmbeddedHub
) -> None:
    there = Site(second, kept.folder, kept.clock, "there").config()
    async with kept.running(kept.plan("here")) as daemon:
        await kept.until(lambda: len(daemon.state().accounts) == 1)
        await daemon._pool.shared(there, "there", 0, Pause())
        assert len(daemon._pool._accounts) == 2
        await kept.until(lambda: len(daemon._pool._accounts) == 1)
        assert len(daemon.state().accounts) == 1


async def test_credentials_that_are_not_asked_for_any_more_are_not_missing(
    kept: DaemonSite,
) -> None:
    plan = kept.plan("lost")
    (account,) = plan.config.accounts
    unknown = msgspec.structs.replace(account, name="nobody", user="nobody")
    config = msgspec.structs.replace(plan.config, accounts=(unknown,))
    lost = msgspec.structs.replace(plan, config=config)
    async with kept.running(kept.plan("here"), lost) as daemon:
        await kept.until(lambda: any(each.refused for each in daemon.state().accounts))
        kept.plans = kept.plans[:1]
        await daemon.reload()
        assert [each.refused for each in daemon.state().accounts] == [""]


async def test_a_hub_that_no_archive_is_of_any_more_is_not_waited_for(
    kept: DaemonSite, second: EmbeddedHub
) -> None:
    """Nobody would ever find out that it is back, and the daemon would never be ready again."""
    await second.go_down()
    there = Site(second, kept.folder, kept.clock, "there").config()
    plan = msgspec.structs.replace(kept.plan("there"), config=there)
    async with kept.running(kept.plan("here"), plan) as daemon:
        await kept.until(lambda: not daemon.state().hub_reachable)
        kept.plans = kept.plans[:1]
        await daemon.reload()
        assert daemon.state().hub_reachable
        assert daemon.state().hub_trouble == ""


async def test_slots_and_quota_of_a_new_configuration_are_taken_when_nobody_has_one(
    kept: DaemonSite,
) -> None:
    async with kept.running(kept.plan("alps", every=365 * 86_400)) as daemon:
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        kept.plans = (kept.plan("alps", every=365 * 86_400, slots=1, quota="5 GB"),)
        await daemon.reload()
        kept.publish(20)
        await daemon.sync("alps")
        await kept.until(lambda: kept.complete("alps") == 5)
        (account,) = daemon.state().accounts
    assert (account.slots, account.quota) == (1, 5_000_000_000)


async def test_what_waits_for_its_turn_is_queued_and_has_not_to_move(
    kept: DaemonSite, second: EmbeddedHub
) -> None:
    """While the hub keeps all slots busy for one archive, the other says that it waits."""
    kept.hub.faults.add(Fault(Delay(1e9), on=Kind.BODY, times=2))
    plain = kept.plan("plain", first_byte_timeout="1d", priority=9)
    async with kept.running(plain) as daemon:
        await kept.until(lambda: kept.hub.stats.requests.get(Kind.BODY, 0) == 2)
        kept.plans = (plain, kept.plan("alps"))
        await daemon.reload()
        await kept.until(lambda: kept.state("alps").activity == Activity.QUEUED)
        keeper = daemon._keepers["alps"]
        assert keeper.is_busy
        assert not keeper.has_to_move
        assert daemon._keepers["plain"].has_to_move


async def test_what_waits_for_its_quota_has_not_to_move(kept: DaemonSite) -> None:
    """It may take days, and no service manager is to end the daemon for that."""
    async with kept.running(kept.plan("alps", quota="60 kB")) as daemon:
        keeper = daemon._keepers["alps"]
        await kept.until(lambda: keeper.is_busy and not keeper.has_to_move)
        assert daemon.is_idle
        await kept.until(lambda: kept.complete("alps") == 4)
    assert any(isinstance(event, QuotaUsedUp) for event in kept.events)


async def test_what_waits_for_slots_of_another_process_has_not_to_move(kept: DaemonSite) -> None:
    """Such as a sync by hand, which may take hours."""
    plan = kept.plan("alps")
    async with kept.running(plan) as daemon:
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        (account,) = daemon._pool.accounts
        locks: list[FileLock] = []

        def taken() -> bool:
            lock = FileLock.try_acquire(slot_path(account.slots.folder, len(locks) + 1))
            locks.extend([lock] if lock is not None else [])
            return len(locks) == account.slots.count

        await kept.until(taken)
        kept.publish(21)
        await daemon.sync("alps")
        await kept.until(lambda: kept.state("alps").activity == Activity.QUEUED)
        assert daemon.is_idle
        for lock in locks:
            lock.release()
        await kept.until(lambda: kept.complete("alps") == 5)


async def test_what_is_queued_is_listed_in_the_order_of_work(kept: DaemonSite) -> None:
    """One product is on its way and one is next in line; the others follow, as many as wanted."""
    kept.hub.faults.add(Fault(Delay(1e9), on=Kind.BODY, times=None))
    names = [kept.publish(number).name for number in range(30, 40)]
    plan = kept.plan(
        "alps", 3600.0, slots=1, first_byte_timeout="1d", **{"from": "2024-06-01T15:00"}
    )
    async with kept.running(plan) as daemon:
        await kept.until(lambda: kept.state("alps").queued == 10)
        await kept.until(lambda: len(daemon._keepers["alps"].queued(100)) == 8)
        rows = await daemon.products("alps", "queued", limit=5)
        assert [row.name for row in rows] == names[2:7]
        assert {(row.archive, row.state, row.size) for row in rows} == {("alps", "queued", 3000)}


async def test_what_has_failed_once_is_queued_with_the_reason(kept: DaemonSite) -> None:
    entry = kept.hub.folder.entries[2]
    kept.hub.faults.add(Fault(Cut(100), product=entry.id))
    rows: list[ProductRow] = []

    def look(event: Event) -> None:
        if isinstance(event, AttemptFailed):
            rows.extend(kept.daemon._keepers["alps"].queued(9))

    async with kept.running() as daemon:
        daemon.events.subscribe(look)
        kept.plans = (kept.plan("alps"),)
        await daemon.reload()
        await kept.until(lambda: kept.complete("alps") == 4)
    (row,) = (row for row in rows if row.reason)
    assert (row.name, row.attempts) == (entry.name, 1)
    assert row.next == "tried again"
    assert row.next_at > "2024-07-01"
