"""Archives that keep themselves current, on a real hub."""

from __future__ import annotations

from datetime import timedelta

import anyio
import msgspec
import pytest

from s2fetch.daemon.state import Activity
from s2fetch.daemon.values import Intake
from s2fetch.embedded.faults import Answer, Delay, Fault, Kind
from s2fetch.errors import UsageError
from s2fetch.events import IncrementPlanned, ProductWithdrawn, RunStarted
from s2fetch.sync.withdrawals import WithdrawalSettings, WithdrawnPolicy
from tests.daemon.site import DaemonSite


def runs_of(site: DaemonSite) -> int:
    return sum(isinstance(event, RunStarted) for event in site.events)


async def test_an_archive_is_filled_at_once_and_kept_current(kept: DaemonSite) -> None:
    """The first run begins at the start; what is published later comes with a later run."""
    async with kept.running(kept.plan("alps")):
        await kept.until(lambda: kept.complete("alps") == 4)
        kept.publish(10)
        await kept.until(lambda: kept.complete("alps") == 5)
    kept.assert_whole("alps")


async def test_only_the_first_run_lists_everything(kept: DaemonSite) -> None:
    async with kept.running(kept.plan("alps")):
        await kept.until(lambda: len(kept.state("alps").watermark) > 0)
        await kept.until(
            lambda: len([e for e in kept.events if isinstance(e, IncrementPlanned)]) >= 3
        )
    first, *later = [event for event in kept.events if isinstance(event, IncrementPlanned)]
    assert first.since == ""
    assert all(event.since for event in later)


async def test_what_the_hub_withdraws_is_marked(kept: DaemonSite) -> None:
    async with kept.running(kept.plan("alps")):
        await kept.until(lambda: kept.complete("alps") == 4)
        entry = kept.hub.folder.entries[0]
        kept.withdraw(entry)
        await kept.until(lambda: any(isinstance(e, ProductWithdrawn) for e in kept.events))
        await kept.until(lambda: kept.state("alps").activity != Activity.SYNCING)
    assert kept.records("alps")[entry.id].withdrawn is not None
    async with kept.running(kept.plan("alps")) as daemon:
        (row,) = await daemon.products("alps", "withdrawn", limit=10)
    assert "Corrupted product" in row.reason


async def test_withdrawn_products_that_are_too_many_to_move_are_told_with_the_state(
    kept: DaemonSite,
) -> None:
    """It takes somebody to look at them, and to raise the limits."""
    trash = WithdrawalSettings(policy=WithdrawnPolicy.TRASH, most_products=1)
    async with kept.running(kept.plan("alps", withdrawals=trash)):
        await kept.until(lambda: kept.complete("alps") == 4)
        for entry in kept.listed[:2]:
            kept.withdraw(entry)
        await kept.until(lambda: "2 withdrawn products stay" in kept.state("alps").why)


async def test_archives_share_one_login_and_the_slots(kept: DaemonSite) -> None:
    plans = [kept.plan("alps"), kept.plan("plain", priority=5)]
    async with kept.running(*plans):
        await kept.until(lambda: kept.complete("alps") == kept.complete("plain") == 4)
    assert kept.hub.stats.logins == 1
    assert max(kept.hub.stats.most_open_bodies.values()) <= 2


async def test_a_paused_archive_fetches_nothing_until_it_is_resumed(kept: DaemonSite) -> None:
    async with kept.running(kept.plan("alps")) as daemon:
        await kept.until(lambda: kept.complete("alps") == 4)
        await daemon.pause("alps")
        assert kept.state("alps").activity == Activity.PAUSED
        kept.publish(11)
        await kept.clock.sleep(100_000)
        assert kept.complete("alps") == 4
        await daemon.resume("alps")
        await kept.until(lambda: kept.complete("alps") == 5)


async def test_pausing_the_daemon_pauses_every_archive(kept: DaemonSite) -> None:
    async with kept.running(kept.plan("alps"), kept.plan("plain")) as daemon:
        await kept.until(lambda: kept.complete("alps") == kept.complete("plain") == 4)
        await daemon.pause()
        assert daemon.state().paused
        assert {each.activity for each in daemon.state().archives} == {Activity.PAUSED}
        await daemon.resume()
        kept.publish(12)
        await kept.until(lambda: kept.complete("alps") == kept.complete("plain") == 5)


async def test_an_archive_that_waits_for_its_quota_says_so_and_until_when(kept: DaemonSite) -> None:
    plan = kept.plan("alps", every=365 * 86_400, quota="60 kB")
    async with kept.running(plan):
        await kept.until(lambda: "leaves nothing until 2024-07-" in kept.state("alps").why)
        await kept.until(lambda: kept.complete("alps") == 4)


async def test_a_quota_that_is_raised_lets_those_go_on_that_wait_for_it(kept: DaemonSite) -> None:
    """The run under way does, which would wait for weeks; nobody has to restart anything."""
    year = 365 * 86_400
    async with kept.running(kept.plan("alps", every=year, quota="4 kB")) as daemon:
        await kept.until(lambda: kept.state("alps").activity == Activity.QUEUED)
        begun = kept.clock.now()
        kept.plans = (kept.plan("alps", every=year, quota="1 GB"),)
        await daemon.reload()
        await kept.until(lambda: kept.complete("alps") == 4)
        assert kept.clock.now() - begun < timedelta(days=10)
        await kept.until(lambda: daemon.state().accounts[0].quota == 10**9)
    assert runs_of(kept) == 1


async def test_a_reload_that_comes_before_the_archives_are_begun_waits_for_them(
    kept: DaemonSite,
) -> None:
    """The HTTP face and the control socket answer already then."""
    kept.plans = (kept.plan("alps", every=365 * 86_400),)
    kept.daemon = kept.made()
    async with anyio.create_task_group() as group:
        group.start_soon(kept.daemon.reload)
        await anyio.wait_all_tasks_blocked()
        group.start_soon(kept.daemon.run)
        await kept.until(lambda: bool(kept.daemon.state().archives))
        await kept.until(lambda: kept.complete("alps") == 4)
        kept.daemon.stop()


async def test_an_archive_that_waits_for_slots_says_so(
    kept: DaemonSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("s2fetch.daemon.pool.Pool.waits", lambda _self, _name: True)
    async with kept.running(kept.plan("alps", every=365 * 86_400)):
        await kept.until(lambda: "all slots are in use" in kept.state("alps").why)


async def test_a_run_can_be_ordered(kept: DaemonSite) -> None:
    """An archive that is due in a year is synced at once."""
    async with kept.running(kept.plan("alps", every=365 * 86_400)) as daemon:
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        kept.publish(13)
        await daemon.sync("alps")
        await kept.until(lambda: kept.complete("alps") == 5)


async def test_reloading_begins_ends_and_changes_archives(kept: DaemonSite) -> None:
    async with kept.running(kept.plan("alps"), kept.plan("plain")) as daemon:
        await kept.until(lambda: kept.complete("alps") == kept.complete("plain") == 4)
        kept.plans = (kept.plan("coast"), kept.plan("alps", every=60.0))
        await daemon.reload()
        assert [each.name for each in daemon.state().archives] == ["coast", "alps"]
        await kept.until(lambda: kept.complete("coast") == 4)


@pytest.fixture
def never_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that is found in use is not tried again."""
    monkeypatch.setattr("s2fetch.daemon.keeper.IN_USE_SECONDS", 365 * 86_400.0)


@pytest.mark.usefixtures("never_twice")
async def test_an_archive_that_is_given_another_name_goes_on_at_once(kept: DaemonSite) -> None:
    """It does not meet its former self, and is not told to wait for the daemon that it is of."""
    kept.hub.faults.add(Fault(Delay(1e9), on=Kind.BODY, times=2))
    plan = kept.plan("alps", every=365 * 86_400, first_byte_timeout="1d")
    async with kept.running(plan) as daemon:
        await kept.until(lambda: kept.hub.stats.requests.get(Kind.BODY, 0) == 2)
        kept.plans = (msgspec.structs.replace(plan, name="ALPS"),)
        await daemon.reload()
        await kept.until(lambda: kept.complete("ALPS") == 4)
        assert daemon._ending == {}


@pytest.mark.usefixtures("never_twice")
async def test_archives_that_change_places_go_on_at_once(kept: DaemonSite) -> None:
    kept.hub.faults.add(Fault(Delay(1e9), on=Kind.BODY, times=2))
    one = kept.plan("one", every=365 * 86_400, first_byte_timeout="1d")
    two = kept.plan("two", every=365 * 86_400, first_byte_timeout="1d")
    async with kept.running(one, two) as daemon:
        await kept.until(lambda: kept.hub.stats.requests.get(Kind.BODY, 0) == 2)
        replaced = msgspec.structs.replace
        kept.plans = (replaced(one, config=two.config), replaced(two, config=one.config))
        await daemon.reload()
        await kept.until(lambda: kept.complete("one") == kept.complete("two") == 4)


async def test_a_selection_that_is_changed_is_fetched_at_once(kept: DaemonSite) -> None:
    """One that only begins later, as relative periods do with every day, has nothing new."""
    year = 365 * 86_400.0
    narrow = kept.plan("alps", every=year, to="2024-06-01T10:10")
    async with kept.running(narrow) as daemon:
        await kept.until(lambda: kept.complete("alps") == 1)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        kept.plans = (kept.plan("alps", every=year, **{"from": "2020-01-01"}),)
        await daemon.reload()
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        before = runs_of(kept)
        kept.plans = (kept.plan("alps", every=year, **{"from": "2021-01-01"}),)
        await daemon.reload()
        await kept.clock.sleep(86_400)
        assert runs_of(kept) == before


async def test_a_bad_configuration_leaves_the_old_one_in_force(kept: DaemonSite) -> None:
    def refuse() -> tuple[()]:
        raise UsageError("daemon.toml, line 3: no such key")

    async with kept.running(kept.plan("alps")) as daemon:
        await kept.until(lambda: kept.complete("alps") == 4)
        daemon._reread = refuse
        with pytest.raises(UsageError, match="line 3"):
            await daemon.reload()
        kept.publish(14)
        await kept.until(lambda: kept.complete("alps") == 5)


async def test_a_hub_that_is_down_fails_the_run_and_not_the_daemon(kept: DaemonSite) -> None:
    broken = Fault(Answer(400, '{"detail":"no"}'), on=Kind.SEARCH, times=None)
    kept.hub.faults.add(broken)
    async with kept.running(kept.plan("alps")):
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        assert "does not accept the query" in kept.state("alps").why
        kept.hub.faults.remove(broken)
        await kept.until(lambda: kept.complete("alps") == 4)


async def test_an_unknown_archive_is_refused_with_the_known_ones(kept: DaemonSite) -> None:
    async with kept.running(kept.plan("alps")) as daemon:
        with pytest.raises(UsageError, match="no archive 'elps'") as refused:
            await daemon.sync("elps")
        assert "alps" in refused.value.advice


async def test_notifications_wake_an_archive_before_it_is_due(kept: DaemonSite) -> None:
    plan = kept.plan("alps", every=365 * 86_400, intake=Intake.SUBSCRIPTION)
    async with kept.running(plan):
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: len(list(kept.hub.subscriptions.subscriptions)) == 1)
        kept.publish(15)
        await kept.until(lambda: kept.complete("alps") == 5)
        await kept.until(
            lambda: all(not each.queue for each in kept.hub.subscriptions.subscriptions)
        )


async def test_notifications_follow_a_selection_that_is_changed(kept: DaemonSite) -> None:
    plan = kept.plan("alps", every=365 * 86_400, intake=Intake.SUBSCRIPTION)
    async with kept.running(plan) as daemon:
        await kept.until(lambda: len(list(kept.hub.subscriptions.subscriptions)) == 1)
        await kept.until(lambda: kept.complete("alps") == 4)
        changed = kept.plan(
            "alps", every=365 * 86_400, intake=Intake.SUBSCRIPTION, tile=["32TQM", "32TQN"]
        )
        kept.plans = (changed,)
        await daemon.reload()
        await kept.until(
            lambda: ["32TQN" in s.filter for s in kept.hub.subscriptions.subscriptions] == [True]
        )


async def test_notifications_do_not_hurry_a_run_that_failed(kept: DaemonSite) -> None:
    """It is tried again after growing pauses; a full queue would have it begin every minute."""
    plan = kept.plan("alps", every=365 * 86_400, intake=Intake.SUBSCRIPTION)
    async with kept.running(plan):
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        kept.hub.faults.add(Fault(Answer(400, '{"detail":"no"}'), on=Kind.SEARCH, times=None))
        kept.publish(15)
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        begun, runs = kept.clock.now(), runs_of(kept)
        await kept.until(lambda: runs_of(kept) == runs + 4)
        assert kept.clock.now() - begun > timedelta(minutes=60)


async def test_coverage_and_footprints_are_there_to_be_shown(kept: DaemonSite) -> None:
    async with kept.running(kept.plan("alps")) as daemon:
        await kept.until(lambda: kept.complete("alps") == 4)
        (day,) = await daemon.coverage("alps")
        assert (day.day, day.complete, day.missing) == ("2024-06-01", 4, 0)
        assert await daemon.footprints("alps", limit=10) == []
        assert 1 <= daemon.throughput()[-1].seconds <= 300
        assert sum(each.completed for each in daemon.throughput()) == 4
        assert sum(each.received for each in daemon.throughput()) == 4 * 2000
