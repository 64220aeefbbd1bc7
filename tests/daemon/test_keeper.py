"""What goes wrong with one archive: told, tried again, and nobody else's business."""

from __future__ import annotations

import pytest

from s2fetch.archive.records import State
from s2fetch.client import Client
from s2fetch.daemon.events import IntakeChanged, KeeperFailed
from s2fetch.daemon.state import Activity
from s2fetch.daemon.values import Intake
from s2fetch.embedded.faults import Answer, Fault, Kind
from s2fetch.errors import DiskFullError
from s2fetch.events import DeletionsUnread, FileDamaged, RunFinished, RunStarted
from s2fetch.sync.report import Report
from tests.daemon.site import DaemonSite
from tests.sync.site import off_loop

YEAR = 365 * 86_400.0


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Names of archives whose runs meet a defect."""
    names: set[str] = set()
    whole = Client.sync

    async def sync(client: Client, *, renew: bool = False) -> Report:
        if client.into.name in names:
            raise TypeError("unsupported operand")
        return await whole(client, renew=renew)

    monkeypatch.setattr(Client, "sync", sync)
    return names


async def test_a_defect_in_one_archive_is_told_and_the_others_go_on(
    kept: DaemonSite, broken: set[str]
) -> None:
    broken.add("alps")
    async with kept.running(kept.plan("alps", every=YEAR), kept.plan("plain")):
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        assert "a defect of s2fetch: TypeError('unsupported operand')" in kept.state("alps").why
        run = kept.state("alps").last_run
        assert run is not None
        assert run.outcome == "bug"
        await kept.until(lambda: kept.complete("plain") == 4)
        kept.publish(10)
        await kept.until(lambda: kept.complete("plain") == 5)
    told = next(event for event in kept.events if isinstance(event, KeeperFailed))
    assert told.archive == "alps"
    assert "Traceback" in told.traceback


async def test_what_a_defect_has_ended_begins_again_by_itself_or_when_called(
    kept: DaemonSite, broken: set[str]
) -> None:
    """The schedule would have it wait for a year."""
    broken.add("alps")
    async with kept.running(kept.plan("alps", every=YEAR)) as daemon:
        await kept.until(lambda: sum(isinstance(e, KeeperFailed) for e in kept.events) == 3)
        broken.clear()
        await kept.until(lambda: kept.complete("alps") == 4)
        broken.add("alps")
        await daemon.sync("alps")
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        broken.clear()
        await daemon.sync("alps")
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)


async def test_a_defect_in_hashing_again_is_nothing_to_the_runs(
    kept: DaemonSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def scrub(client: Client, _: object) -> None:
        raise KeyError(client.into.name)

    monkeypatch.setattr(Client, "scrub", scrub)
    async with kept.running(kept.plan("alps", scrub_budget="1 GB"), kept.plan("plain")):
        await kept.until(lambda: any(isinstance(e, KeeperFailed) for e in kept.events))
        await kept.until(lambda: kept.complete("alps") == kept.complete("plain") == 4)


async def test_missing_credentials_are_told_and_found_when_they_are_there(
    kept: DaemonSite,
) -> None:
    """The dashboard shows the account as one that cannot be used, by the name it would have."""
    environ = {k: v for k, v in kept.hub.environment().items() if not k.endswith("PASSWORD")}
    kept.environ = environ
    plan = kept.plan("alps", every=YEAR, intake=Intake.SUBSCRIPTION)
    async with kept.running(plan) as daemon:
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        assert "password" in kept.state("alps").why
        run = kept.state("alps").last_run
        assert run is not None
        assert run.outcome == "account"
        (account,) = daemon.state().accounts
        assert "password" in account.refused
        assert account.slots == 0
        intake = [event.works for event in kept.events if isinstance(event, IntakeChanged)]
        assert intake in ([], [False])
        environ.update(kept.hub.environment())
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: [each.refused for each in daemon.state().accounts] == [""])
        await kept.until(lambda: len(list(kept.hub.subscriptions.subscriptions)) == 1)


async def test_a_refused_account_is_tried_again_but_not_often(kept: DaemonSite) -> None:
    """Services lock accounts for too many attempts."""
    kept.environ = kept.hub.environment() | {"S2FETCH_PASSWORD": "wrong"}
    async with kept.running(kept.plan("alps", every=YEAR)) as daemon:
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        begun = kept.clock.now()
        await kept.until(lambda: any(each.refused for each in daemon.state().accounts))
        await kept.until(lambda: sum(isinstance(e, RunStarted) for e in kept.events) == 3)
        assert (kept.clock.now() - begun).total_seconds() >= 2 * 3600


async def test_a_run_that_failed_is_tried_again_before_it_is_due(kept: DaemonSite) -> None:
    broken = Fault(Answer(400, '{"detail":"no"}'), on=Kind.SEARCH, times=None)
    kept.hub.faults.add(broken)
    async with kept.running(kept.plan("alps", every=YEAR)):
        await kept.until(lambda: sum(isinstance(e, RunStarted) for e in kept.events) == 3)
        kept.hub.faults.remove(broken)
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)


async def test_a_hub_that_is_down_is_tried_every_hour(kept: DaemonSite) -> None:
    """Whoever is told nothing of the end of an outage must not sleep through half a day of it."""
    await kept.hub.go_down()
    began = kept.clock.monotonic()
    async with kept.running(kept.plan("alps", every=YEAR, give_up_after="30s")):
        await kept.until(lambda: sum(isinstance(e, RunFinished) for e in kept.events) == 9)
        assert kept.clock.monotonic() - began < 6 * 3600
        await kept.hub.come_up()
        await kept.until(lambda: kept.complete("alps") == 4)


async def test_what_failed_without_its_hub_is_tried_as_soon_as_that_answers(
    kept: DaemonSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody else may notice: another archive of the hub."""
    monkeypatch.setattr("s2fetch.daemon.keeper.RETRY_SECONDS", YEAR)
    monkeypatch.setattr("s2fetch.daemon.keeper.HUB_LONGEST_SECONDS", YEAR)
    await kept.hub.go_down()
    names = "alps", "plain"
    async with kept.running(*(kept.plan(name, every=YEAR) for name in names)) as daemon:
        await kept.until(lambda: {kept.state(name).activity for name in names} == {Activity.FAILED})
        await kept.hub.come_up()
        began = kept.clock.monotonic()
        await daemon.sync("plain")
        await kept.until(lambda: kept.complete("alps") == 4)
        assert kept.clock.monotonic() - began < YEAR


async def test_reloading_tries_a_failed_archive_at_once(kept: DaemonSite) -> None:
    broken = Fault(Answer(400, '{"detail":"no"}'), on=Kind.SEARCH, times=None)
    kept.hub.faults.add(broken)
    async with kept.running(kept.plan("alps", every=YEAR)) as daemon:
        await kept.until(lambda: sum(isinstance(e, RunStarted) for e in kept.events) == 8)
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        kept.hub.faults.remove(broken)
        before = kept.clock.now()
        await daemon.reload()
        await kept.until(lambda: kept.complete("alps") == 4)
        assert (kept.clock.now() - before).total_seconds() < 6 * 3600


async def test_an_archive_that_somebody_else_works_on_is_waited_for(kept: DaemonSite) -> None:
    """It says who, runs soon after that one has ended, and no run counts as failed."""
    plan = kept.plan("alps", every=YEAR)
    async with kept.client("alps") as other, other.archive(), kept.running(plan):
        await kept.until(lambda: kept.state("alps").activity == Activity.QUEUED)
        assert "in use by process" in kept.state("alps").why
        assert kept.state("alps").last_run is None
    async with kept.client("alps") as other, kept.running(kept.plan("alps", every=YEAR)):
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        async with other.archive():
            await kept.daemon.sync("alps")
            await kept.until(lambda: kept.state("alps").activity == Activity.QUEUED)
            kept.publish(10)
        await kept.until(lambda: kept.complete("alps") == 5)


async def test_what_waits_for_somebody_else_is_not_forgotten_with_another_schedule(
    kept: DaemonSite,
) -> None:
    async with kept.client("alps") as other, kept.running(kept.plan("alps", every=YEAR)) as daemon:
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        async with other.archive():
            kept.publish(10)
            await daemon.sync("alps")
            await kept.until(lambda: kept.state("alps").activity == Activity.QUEUED)
            kept.plans = (kept.plan("alps", every=2 * YEAR),)
            await daemon.reload()
        await kept.until(lambda: kept.complete("alps") == 5)


async def test_two_daemons_on_one_archive_do_not_hurt_it(kept: DaemonSite) -> None:
    """Nothing is fetched twice, and both know what is there."""
    other = DaemonSite(kept.hub, kept.clock, kept.folder)
    plans = kept.plan("alps", every=600.0), other.plan("alps", every=660.0)
    async with kept.running(plans[0]), other.running(plans[1]):
        for number in range(10, 16):
            kept.publish(number)
            await kept.until(
                lambda: kept.complete("alps") == other.complete("alps") == len(kept.listed)
            )
    kept.assert_whole("alps")
    assert list(kept.hub.stats.bodies.values()) == [1] * len(kept.listed)


async def test_a_disk_that_others_fill_is_seen_between_runs(
    kept: DaemonSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept.running(kept.plan("alps", every=YEAR)):
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        assert kept.state("alps").free_bytes > 5
        monkeypatch.setattr("s2fetch.daemon.daemon.free_bytes", lambda _: 5)
        await kept.until(lambda: kept.state("alps").free_bytes == 5)


async def test_a_hub_that_does_not_list_its_deletions_fails_no_run(kept: DaemonSite) -> None:
    """Hubs need not have the list; whoever keeps an archive is told so once, and fetches."""
    broken = Fault(Answer(400, "no such set"), on=Kind.DELETED, times=None)
    kept.hub.faults.add(broken)
    plan = kept.plan("alps", intake=Intake.SUBSCRIPTION)
    async with kept.running(plan):
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: sum(isinstance(e, RunStarted) for e in kept.events) == 3)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        run, state = kept.state("alps").last_run, kept.state("alps")
        assert run is not None
        assert (run.outcome, run.error) == ("ok", "")
        assert state.last_success
        assert "does not list what it has deleted" in state.why
        kept.hub.faults.remove(broken)
        await kept.until(lambda: not kept.state("alps").why)
    assert sum(isinstance(event, DeletionsUnread) for event in kept.events) == 1


async def test_a_run_that_cannot_be_remembered_failed_but_fetched(
    kept: DaemonSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What came of it is told with its numbers, to the hook as well."""

    def full(*_: object) -> None:
        raise DiskFullError("no space", needed_bytes=1)

    monkeypatch.setattr("s2fetch.daemon.memory.keep", full)
    monkeypatch.setattr("s2fetch.daemon.keeper.RETRY_SECONDS", YEAR)
    monkeypatch.setattr("s2fetch.daemon.agenda.LONGEST_RETRY_SECONDS", YEAR)
    async with kept.running(kept.plan("alps", every=YEAR)):
        await kept.until(lambda: kept.state("alps").activity == Activity.FAILED)
        run = kept.state("alps").last_run
        assert run is not None
        assert (run.outcome, run.fetched) == ("archive", 4)
        assert "no space" in run.error


@pytest.mark.long
async def test_files_are_hashed_again_while_a_run_is_under_way(kept: DaemonSite) -> None:
    """A backlog may take weeks, and so may a product that is brought back from tape.

    What is found damaged is written down beside the run, and fetched by the next one.
    """
    options = {
        "scrub_budget": "1 GB",
        "scrub_period": "6h",
        "wait_offline": "300d",
        "offline": "wait",
    }
    async with kept.running(kept.plan("alps", every=YEAR, **options)) as daemon:
        await kept.until(lambda: kept.complete("alps") == 4)
        await kept.until(lambda: kept.state("alps").activity == Activity.IDLE)
        file = kept.folder / "alps" / kept.records("alps")[kept.listed[0].id].path
        whole = file.read_bytes()
        offline = kept.publish(10, online=False)
        await daemon.sync("alps")
        await kept.until(lambda: kept.state("alps").activity == Activity.SYNCING)
        off_loop(lambda: file.write_bytes(bytes(len(whole))))
        await kept.until(lambda: any(isinstance(e, FileDamaged) for e in kept.events))
        assert kept.state("alps").activity == Activity.SYNCING
        await kept.until(lambda: kept.records("alps")[kept.listed[0].id].state is State.FAILED)
        assert kept.state("alps").activity == Activity.SYNCING
        kept.hub.folder.relist(offline.id, online=True)
        await kept.until(lambda: kept.complete("alps") == 5)
        await kept.until(lambda: file.read_bytes() == whole)
    assert not [event for event in kept.events if isinstance(event, KeeperFailed)]
